//! What each tool, prompt, resource and method requires.

use std::collections::BTreeMap;

use super::{
    message::{Operation, Subject},
    uri::is_normal,
};
use crate::policy::{Compiled, Requirement, all};

/// The requirements of an MCP server's tools, prompts, resources and methods.
///
/// What is not listed gets the strictest requirement: everything that any row asks for, so that a forgotten
/// row refuses instead of admitting; [`otherwise`](Self::otherwise) says something else. Any token is
/// enough for `initialize`, `server/discover`, `ping`, notifications and the four list methods, whose
/// answers are filtered, unless [`method`](Self::method) says otherwise. Where a row of a method and one
/// of a tool, prompt or resource apply, both hold.
///
/// | method | the row |
/// |---|---|
/// | `tools/call` | the tool of `params.name` |
/// | `prompts/get` | the prompt of `params.name` |
/// | `resources/read`, `resources/subscribe`, `resources/unsubscribe` | the resource of `params.uri` |
/// | `completion/complete` | the prompt or the resource of `params.ref` |
/// | `subscriptions/listen` | each resource of `params.notifications.resourceSubscriptions` |
/// | any other | its row as a method |
///
/// Names are compared exactly, after their escapes in JSON are decoded: without regard to white space,
/// case or Unicode normal forms they are different, and have no row.
///
/// ```
/// use tower_resource_server::{mcp::McpRequirements, policy::{Requirement, scope}};
///
/// let requirements = McpRequirements::new()
///     .tool("list_orders", scope("orders:read"))
///     .tool("cancel_order", scope("orders:write"))
///     .prompt("summary", scope("orders:read"))
///     .resource("orders://schema", Requirement::any_token())
///     .resources_under("orders://archive/", scope("orders:read archive"))
///     .method("logging/setLevel", scope("admin"));
/// # let _ = requirements;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct McpRequirements {
    tools: BTreeMap<Box<str>, Requirement>,
    prompts: BTreeMap<Box<str>, Requirement>,
    resources: BTreeMap<Box<str>, Requirement>,
    /// By the beginning of their URIs.
    under: BTreeMap<Box<str>, Requirement>,
    methods: BTreeMap<Box<str>, Requirement>,
    otherwise: Option<Requirement>,
}

/// What a client may see in a list, or ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Tool(&'a str),
    Prompt(&'a str),
    /// By its URI, or the text of its template.
    Resource(&'a str),
}

impl McpRequirements {
    /// No row: with none added, any token is enough for everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires `requirement` for calls of a tool.
    pub fn tool(mut self, name: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.tools.insert(name.into(), requirement);
        self
    }

    /// Requires `requirement` for getting a prompt, and for completing its arguments.
    pub fn prompt(mut self, name: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.prompts.insert(name.into(), requirement);
        self
    }

    /// Requires `requirement` for a resource, by its exact URI, or for a resource template, by its exact
    /// text. A template's row is for showing the template and completing its arguments; the URIs that it
    /// expands to have rows of their own.
    pub fn resource(mut self, uri: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.resources.insert(uri.into(), requirement);
        self
    }

    /// Requires `requirement` for the resources whose URIs begin with this text, and which have no exact row;
    /// of several such rows the longest counts. End it with a separator: `file:///public` is also the
    /// beginning of `file:///public-not`.
    ///
    /// A URI that normalization (RFC 3986 section 6.2.2) would change has no row here, since the server may
    /// take it for another: one with a dot segment, an empty segment, a fragment, a character beyond ASCII, or an
    /// escaped character that needs no escape or is a separator. Nor has one that is an exact row but for its query,
    /// its parameters or a slash at its end.
    pub fn resources_under(mut self, prefix: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.under.insert(prefix.into(), requirement);
        self
    }

    /// Requires `requirement` for every message of a method, by its exact name, beside what the tool, prompt
    /// or resource of the message requires.
    pub fn method(mut self, name: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.methods.insert(name.into(), requirement);
        self
    }

    /// Requires `requirement` of everything without a row.
    pub fn otherwise(mut self, requirement: Requirement) -> Self {
        self.otherwise = Some(requirement);
        self
    }

    /// The rows made ready, and worked out once what everything without a row needs.
    pub(super) fn compiled(self, mut ready: impl FnMut(Requirement) -> Compiled) -> Rows {
        let rows = [&self.tools, &self.prompts, &self.resources, &self.under, &self.methods];
        let strictest = || {
            let rows = rows.into_iter().flat_map(BTreeMap::values).cloned();
            all([Requirement::any_token()].into_iter().chain(rows))
        };
        let otherwise = ready(self.otherwise.clone().unwrap_or_else(strictest));
        let mut each = |rows: BTreeMap<Box<str>, Requirement>| {
            rows.into_iter().map(|(name, requirement)| (name, ready(requirement))).collect()
        };
        Rows {
            tools: each(self.tools),
            prompts: each(self.prompts),
            resources: each(self.resources),
            under: each(self.under),
            methods: each(self.methods),
            otherwise,
        }
    }
}

/// Requirements, and what everything without a row needs.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    tools: BTreeMap<Box<str>, Compiled>,
    prompts: BTreeMap<Box<str>, Compiled>,
    resources: BTreeMap<Box<str>, Compiled>,
    under: BTreeMap<Box<str>, Compiled>,
    methods: BTreeMap<Box<str>, Compiled>,
    otherwise: Compiled,
}

impl Rows {
    /// What an item requires by itself, whatever method asks for it.
    pub(super) fn of_item(&self, item: Item<'_>) -> &Compiled {
        let found = match item {
            Item::Tool(name) => self.tools.get(name),
            Item::Prompt(name) => self.prompts.get(name),
            Item::Resource(uri) => self.resources.get(uri).or_else(|| self.under(uri)),
        };
        found.unwrap_or(&self.otherwise)
    }

    /// The row of the longest beginning.
    fn under(&self, uri: &str) -> Option<&Compiled> {
        // Where a message names no resource it is below none.
        if uri.is_empty() {
            return None;
        }
        let rows = || self.under.iter().filter(|(prefix, _)| uri.starts_with(&***prefix));
        let (_, requirement) = rows().max_by_key(|(prefix, _)| prefix.len())?;
        // A server that goes by the path alone would serve a resource that has a row of its own.
        let path = uri.split(['?', ';']).next().unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        let has_row = path != uri && self.resources.contains_key(path);
        (is_normal(uri) && !has_row).then_some(requirement)
    }

    pub(super) fn of_method(&self, method: &str) -> Option<&Compiled> {
        self.methods.get(method)
    }

    /// Everything that an operation requires; nothing where any token is enough.
    pub(super) fn of<'r>(&'r self, operation: &'r Operation<'_>) -> impl Iterator<Item = &'r Compiled> {
        let by_method = self.of_method(&operation.method);
        let unlisted = by_method.is_none() && operation.subject == Subject::Unknown;
        let items = operation.subject.items().map(|item| self.of_item(item));
        by_method.into_iter().chain(unlisted.then_some(&self.otherwise)).chain(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Compiled, scope};

    #[test]
    fn an_item_has_the_row_of_its_exact_name_or_of_the_longest_beginning() {
        let rows = McpRequirements::new()
            .tool("read", scope("t"))
            .prompt("read", scope("p"))
            .resource("file:///pub/secret", scope("secret"))
            .resources_under("file:///pub/", scope("pub"))
            .resources_under("file:///pub/deep/", scope("deep"))
            .method("logging/setLevel", scope("log"))
            .compiled(Compiled::once);
        let all = "t p secret pub deep log";
        for (item, expected) in [
            (Item::Tool("read"), "t"),
            (Item::Tool("Read"), all),
            (Item::Tool("read "), all),
            (Item::Tool("ｒead"), all),
            (Item::Tool(""), all),
            (Item::Prompt("read"), "p"),
            (Item::Prompt("write"), all),
            (Item::Resource("file:///pub/secret"), "secret"),
            (Item::Resource("file:///pub/a"), "pub"),
            (Item::Resource("file:///pub/a%20b"), "pub"),
            (Item::Resource("file:///pub/{path}"), "pub"),
            (Item::Resource("file:///pub/deep/a"), "deep"),
            (Item::Resource("file:///pub/a?x=1"), "pub"),
            (Item::Resource("file:///pub/secret?x=1"), all),
            (Item::Resource("file:///pub/secret?"), all),
            (Item::Resource("file:///pub/secret;a"), all),
            (Item::Resource("file:///pub/secret/"), all),
            (Item::Resource("file:///pub/secret#x"), all),
            (Item::Resource("file:///pub/./secret"), all),
            (Item::Resource("file:///pub//secret"), all),
            (Item::Resource("file:///pub/%73ecret"), all),
            (Item::Resource("file:///pub/../etc/passwd"), all),
            (Item::Resource("file:///public"), all),
            (Item::Resource("FILE:///pub/a"), all),
        ] {
            assert_eq!(rows.of_item(item).first_scopes(), Some(expected), "{item:?}");
        }
        let open = McpRequirements::new().tool("a", scope("a")).otherwise(Requirement::any_token());
        let open = open.compiled(Compiled::once);
        assert!(open.of_item(Item::Tool("b")).is_any_token());
        let below = McpRequirements::new().resources_under("", scope("a")).tool("b", scope("b"));
        let below = below.compiled(Compiled::once);
        for (uri, expected) in [("file:///pub/a", "a"), ("", "b a")] {
            let found = below.of_item(Item::Resource(uri)).first_scopes();
            assert_eq!(found, Some(expected), "{uri:?}");
        }
    }
}
