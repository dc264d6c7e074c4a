//! Environment variables laid over the settings of a file.
//!
//! A variable is called as its key: `PREFIX_CACHE_MAX_BYTES` is `cache.max_bytes`, and
//! `PREFIX_ISSUERS_0_JWKS_URI` is `issuers[0].jwks_uri`. The tables of keys say where one name ends and the
//! next begins.

use std::sync::Arc;

use super::{
    keys::{ROOT, WHOLE},
    near::nearest,
    schema::{Kind, Object},
    tree::{Node, Value},
};
use crate::error::ConfigProblem;

/// A segment of the path to a setting: a key of a table, or a number in a list. Lists are in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Key(&'static str),
    Index(usize),
}

/// Lays the variables that begin with `prefix` over `root`.
pub(super) fn overlay(
    root: &mut Node,
    prefix: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<ConfigProblem>,
) {
    let mut found = Vec::new();
    for (variable, value) in variables {
        let Some(rest) = variable.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        match path(&WHOLE, rest) {
            Some(path) => found.push((path, variable, value)),
            None => problems.push(unknown(&variable, prefix)),
        }
    }
    // What is shorter is first: a list, and then one item of it.
    found.sort();
    for (path, variable, value) in found {
        let at = Variable { prefix: prefix.to_owned(), name: variable.into() };
        if let Err((code, text)) = set(root, &path, &ROOT, &at, value) {
            problems.push(ConfigProblem::new(&*at.name, code, format!("{}: {text}", at.name)));
        }
    }
}

struct Variable {
    /// The variable of what contains the node.
    prefix: String,
    name: Arc<str>,
}

fn unknown(variable: &str, prefix: &str) -> ConfigProblem {
    let known = names(&ROOT, prefix);
    // A number is as good as any other.
    let with_zeros: Vec<String> = variable
        .split('_')
        .map(|part| if is_number(part) { "0".to_owned() } else { part.to_owned() })
        .collect();
    let near = nearest(&with_zeros.join("_"), known.iter().map(String::as_str));
    let near = near.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    ConfigProblem::new(variable, "unknown_key", format!("{variable}: there is no such key{near}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every variable that there can be, with the first item of each list.
pub(super) fn names(object: &'static Object, prefix: &str) -> Vec<String> {
    let of_kind = |kind: &'static Kind, name: String| match kind {
        Kind::Object(inner) => names(inner, &name),
        Kind::List(Kind::Object(inner)) => names(inner, &format!("{name}_0")),
        _ => vec![name],
    };
    let keys = object.keys.iter();
    keys.flat_map(|key| of_kind(&key.kind, format!("{prefix}_{}", key.name.to_uppercase()))).collect()
}

/// The path that the rest of a name stands for.
fn path(kind: &'static Kind, rest: &str) -> Option<Vec<Segment>> {
    match kind {
        Kind::Object(object) => object.keys.iter().find_map(|key| {
            let behind = rest.strip_prefix(&key.name.to_uppercase())?;
            let further = match behind.strip_prefix('_') {
                Some(behind) => path(&key.kind, behind)?,
                None if behind.is_empty() && !matches!(key.kind, Kind::Object(_) | Kind::Any) => Vec::new(),
                None => return None,
            };
            Some([Segment::Key(key.name)].into_iter().chain(further).collect())
        }),
        Kind::List(item) => {
            let (number, behind) = rest.split_once('_').map_or((rest, None), |(n, rest)| (n, Some(rest)));
            let index = Some(number).filter(|number| is_number(number))?.parse().ok()?;
            let further = match (behind, item) {
                (Some(behind), item) => path(item, behind)?,
                (None, Kind::Object(_)) => return None,
                (None, _) => Vec::new(),
            };
            Some([Segment::Index(index)].into_iter().chain(further).collect())
        }
        _ => None,
    }
}

type Refused = (&'static str, String);

/// Puts a value where the path leads.
fn set(
    node: &mut Node,
    path: &[Segment],
    object: &'static Object,
    at: &Variable,
    value: String,
) -> Result<(), Refused> {
    let Some((segment, further)) = path.split_first() else {
        *node = Node { value: Value::Text(value), variable: Some(Arc::clone(&at.name)) };
        return Ok(());
    };
    let whole = |node: &Node| {
        node.variable.as_deref().filter(|_| matches!(node.value, Value::Text(_))).map(str::to_owned)
    };
    let inside = |name: String| Variable {
        prefix: format!("{}_{}", at.prefix, name.to_uppercase()),
        name: Arc::clone(&at.name),
    };
    if let Some(other) = whole(node) {
        return Err(("both", format!("it and {other} are both set; unset one")));
    }
    match segment {
        Segment::Key(name) => {
            if matches!(node.value, Value::Null) {
                *node = Node { value: Value::Table(Vec::new()), variable: Some(at.prefix.as_str().into()) };
            }
            let Value::Table(entries) = &mut node.value else {
                return Err((
                    "both",
                    "the file has no table there; correct it, or unset the variable".to_owned(),
                ));
            };
            if let Some(twin) = object.twin(name) {
                // The environment says where the secret is, in place of the file.
                entries.retain(|(name, node)| name != twin || node.variable.is_some());
            }
            let inner = match object.key(name).map(|key| &key.kind) {
                Some(Kind::Object(inner) | Kind::List(Kind::Object(inner))) => inner,
                _ => object,
            };
            let place = match entries.iter().position(|(known, _)| known == name) {
                Some(place) => place,
                None => {
                    entries.push(((*name).to_owned(), Node::default()));
                    entries.len() - 1
                }
            };
            match entries.get_mut(place) {
                Some((_, node)) => set(node, further, inner, &inside((*name).to_owned()), value),
                None => Ok(()),
            }
        }
        Segment::Index(index) => {
            if matches!(node.value, Value::Null) {
                *node = Node { value: Value::List(Vec::new()), variable: Some(at.prefix.as_str().into()) };
            }
            let Value::List(items) = &mut node.value else {
                return Err((
                    "both",
                    "the file has no list there; correct it, or unset the variable".to_owned(),
                ));
            };
            if *index > items.len() {
                return Err((
                    "gap",
                    format!("there is no {}_{}; number them from 0 on", at.prefix, items.len()),
                ));
            }
            if *index == items.len() {
                items.push(Node::default());
            }
            match items.get_mut(*index) {
                Some(item) => set(item, further, object, &inside(index.to_string()), value),
                None => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_has_a_variable_of_its_own() {
        let all = names(&ROOT, "API");
        assert!(all.len() > 100, "{}", all.len());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a name is there twice");
        let mut ways = BTreeSet::new();
        for name in &all {
            let rest = name.strip_prefix("API_").unwrap();
            let path = path(&WHOLE, rest);
            let path = path.unwrap_or_else(|| panic!("{name} leads nowhere"));
            let back: Vec<_> = path
                .iter()
                .map(|segment| match segment {
                    Segment::Key(key) => key.to_uppercase(),
                    Segment::Index(n) => n.to_string(),
                })
                .collect();
            assert_eq!(back.join("_"), rest);
            assert!(ways.insert(format!("{path:?}")), "{name} leads where another does");
        }
    }
}
