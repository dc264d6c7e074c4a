//! What operations require, from flags.

use axum::http::Method;
use clap::Args;
use tower_resource_server::{
    ResourceServerBuilder,
    middleware::RequirementTable,
    policy::{Requirement, RequirementError, all},
};

#[derive(Args, Debug)]
pub(crate) struct RequirementFlags {
    /// What every request needs, such as `scope(orders:read) and acr(gold) or role(clerk)`
    #[arg(long, value_name = "TEXT", requires = "trusted", value_parser = requirement)]
    require: Option<Requirement>,

    /// What one operation needs, beside --require; repeatable
    ///
    /// A PATTERN has {id} for one segment and {*rest} for what follows. An operation that is in no --route
    /// needs what all of them say.
    #[arg(long = "route", value_name = "METHOD PATTERN = TEXT", requires = "trusted", value_parser = route)]
    routes: Vec<Route>,

    /// The scopes that a scope implies; repeatable
    #[arg(long, value_name = "admin = a b", requires = "trusted", value_parser = implication)]
    scope_implies: Vec<Implication>,

    /// Let requests without credentials pass
    #[arg(long, requires = "trusted")]
    optional: bool,
}

#[derive(Clone, Debug)]
struct Route {
    method: Method,
    pattern: String,
    requirement: Requirement,
}

#[derive(Clone, Debug)]
struct Implication {
    scope: String,
    implied: Vec<String>,
}

impl RequirementFlags {
    pub(crate) fn is_optional(&self) -> bool {
        self.optional
    }

    /// A server that requires of every request these scopes, and what --require says.
    pub(crate) fn on(
        &self,
        mut server: ResourceServerBuilder,
        scopes: Option<Requirement>,
    ) -> ResourceServerBuilder {
        let routes = self.routes.iter().map(|route| route.requirement.clone());
        let always = scopes.into_iter().chain(self.require.clone());
        server = server.scopes_supported(all(always.clone().chain(routes)));
        server = always.fold(server, ResourceServerBuilder::require);
        for Implication { scope, implied } in &self.scope_implies {
            server = server.scope_implies(scope.as_str(), implied.iter().map(String::as_str));
        }
        server
    }

    /// What single operations need, where something was said of one.
    pub(crate) fn table(&self) -> Result<Option<RequirementTable>, String> {
        if self.routes.is_empty() {
            return Ok(None);
        }
        let mut table = RequirementTable::new();
        for Route { method, pattern, requirement } in self.routes.iter().cloned() {
            table = table.route(method, pattern, requirement);
        }
        table.check_patterns().map_err(|error| format!("--route: {error}"))?;
        Ok(Some(table.otherwise(all(self.routes.iter().map(|route| route.requirement.clone())))))
    }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    text.parse().map_err(|error: RequirementError| error.to_string())
}

/// Reads `METHOD PATTERN = TEXT`.
fn route(whole: &str) -> Result<Route, String> {
    let (method, rest) = word(whole);
    let (pattern, rest) = word(rest);
    let (sign, text) = word(rest);
    if sign != "=" || !pattern.starts_with('/') {
        return Err("write METHOD PATTERN = TEXT, such as `GET /orders/{id} = scope(orders:read)`".to_owned());
    }
    let known = method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = method.parse().ok().filter(|_| known).ok_or_else(|| format!("{method:?} is no method"))?;
    // The place of a mistake, in the whole.
    let before = whole.chars().count() - text.chars().count();
    let requirement = text.parse().map_err(|error: RequirementError| {
        format!("at character {}: {}", before + error.position() + 1, error.problem())
    })?;
    Ok(Route { method, pattern: pattern.to_owned(), requirement })
}

/// Reads `admin = orders:read orders:write`.
fn implication(text: &str) -> Result<Implication, String> {
    let (scope, rest) = word(text);
    let (sign, rest) = word(rest);
    let implied: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
    let are_scopes =
        [scope].into_iter().chain(rest.split_whitespace()).all(|one| Requirement::scopes(one).is_ok());
    if sign != "=" || implied.is_empty() || !are_scopes {
        return Err("write SCOPE = SCOPES, such as `admin = orders:read orders:write`".to_owned());
    }
    Ok(Implication { scope: scope.to_owned(), implied })
}

/// The first word of a text, and what follows.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}
