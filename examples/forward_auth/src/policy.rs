//! What each operation requires, by the address that clients use, and the one service that decides.

use std::{convert::Infallible, str::FromStr};

use axum::{
    body::Body,
    http::{Method, Request, Response},
};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_resource_server::{
    Identity, ResourceServer,
    error::ConfigError,
    http::is_plain_path,
    middleware::{ForwardedIdentity, RequirementTable, Requirements},
    policy::{Requirement, all},
};

/// One row of the table: `GET /orders/{id} = scope(orders:read) or role(clerk)`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    method: Method,
    pattern: Box<str>,
    requirement: Requirement,
}

impl FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write METHOD PATTERN = REQUIREMENT, such as `GET /orders = scope(orders:read)`";
        let mut words = text.trim_start().splitn(2, char::is_whitespace);
        let (method, rest) = words.next().zip(words.next()).ok_or(FORM)?;
        let mut words = rest.trim_start().splitn(2, char::is_whitespace);
        let (pattern, rest) = words.next().zip(words.next()).ok_or(FORM)?;
        let requirement = rest.trim_start().strip_prefix('=').ok_or(FORM)?;
        let requirement = requirement.parse().map_err(|error| format!("{requirement:?}: {error}"))?;
        let method = method.parse().map_err(|_| format!("{method:?} is no method"))?;
        Ok(Self { method, pattern: pattern.into(), requirement })
    }
}

type Decider = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What a proxy is told: 200 with the identity, or the refusal as the client is to see it.
#[derive(Clone)]
pub(crate) struct Policy {
    by_path: Decider,
    /// What everything needs at once.
    strictest: Decider,
    pub(crate) forwarded: ForwardedIdentity,
}

impl Policy {
    /// # Errors
    /// A pattern that cannot be one, or contradicts another.
    pub(crate) fn new(api: &ResourceServer, rows: &[Row]) -> Result<Self, String> {
        let mut table = RequirementTable::new();
        for Row { method, pattern, requirement } in rows.iter().cloned() {
            table = table.route(method, pattern, requirement);
        }
        table.check_patterns().map_err(|error| error.to_string())?;
        let forwarded = identity_fields().map_err(|error| error.to_string())?;
        let decider = |requirements: Requirements| {
            let fields = forwarded.clone();
            let allowed = service_fn(move |request: Request<Body>| {
                let mut response = Response::new(Body::empty());
                fields.set(request.extensions().get::<Identity>(), response.headers_mut());
                async { Ok(response) }
            });
            BoxCloneSyncService::new(api.layer().requirements(requirements).layer(allowed))
        };
        let each = rows.iter().map(|row| row.requirement.clone());
        let strictest = decider(Requirement::any_token().and(all(each)).into());
        Ok(Self { by_path: decider(table.by_path()), strictest, forwarded })
    }

    /// Decides on the request that a client made of the proxy.
    pub(crate) async fn decide(&self, original: Request<Body>) -> Response<Body> {
        // A path that the back end may read as another one has no row of its own.
        let decider = if is_plain_path(original.uri().path()) { &self.by_path } else { &self.strictest };
        match decider.clone().oneshot(original).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// What the back end is told about an identity.
fn identity_fields() -> Result<ForwardedIdentity, ConfigError> {
    ForwardedIdentity::builder()
        .subject("x-auth-subject")
        .issuer("x-auth-issuer")
        .client("x-auth-client")
        .scopes("x-auth-scopes")
        .claim("/realm_access/roles", "x-auth-roles")
        .build()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tower_resource_server::test_util::TestIssuer;

    use super::*;

    fn policy(rows: &[&str]) -> Result<Policy, String> {
        let issuer = TestIssuer::new();
        let api = ResourceServer::builder(issuer.audience()).issuer(issuer.trusted()).build().unwrap();
        Policy::new(&api, &rows.iter().map(|row| row.parse()).collect::<Result<Vec<Row>, _>>()?)
    }

    #[tokio::test]
    async fn a_row_is_found_by_method_and_pattern_and_everything_else_needs_all_scopes() {
        let policy = policy(&[
            "GET /a/{id} = scope(read)",
            "POST /a/{id} = scope(write)",
            "GET /a/{id}/{*rest} = scope(list)",
            "GET /open/{*rest} = anonymous or any_token",
        ]);
        let policy = policy.unwrap();
        let everything = Some("read write list");
        for (method, target, expected) in [
            (Method::GET, "/a/1", Some("read")),
            (Method::GET, "/a/1?b=../c", Some("read")),
            (Method::HEAD, "/a/1", Some("read")),
            (Method::POST, "/a/1", Some("write")),
            (Method::GET, "/a/1/2", Some("list")),
            (Method::GET, "/open/b/c", None),
            (Method::POST, "/open/b/c", everything),
            (Method::DELETE, "/a/1", everything),
            (Method::GET, "/", everything),
            (Method::GET, "/open/../a/1", everything),
            (Method::GET, "/open/%2e%2e/a/1", everything),
            (Method::GET, "/open//a", everything),
            (Method::GET, "/%6fpen/a", everything),
        ] {
            let request = Request::builder().method(method.clone()).uri(target).body(Body::empty()).unwrap();
            let answer = policy.decide(request).await;
            let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
            let scope = challenge.and_then(|it| it.split("scope=\"").nth(1)?.split('"').next());
            assert_eq!(scope, expected, "{method} {target}");
        }
    }

    #[test]
    fn a_row_that_says_nothing_is_refused() {
        for (row, good) in [
            ("GET /a = scope(read)", true),
            ("  GET  /a  =  scope(read) or role(clerk) ", true),
            ("GET /a =any_token", true),
            ("", false),
            ("GET", false),
            ("GET /a", false),
            ("GET /a =", false),
            ("GET /a scope(read)", false),
            ("GET /a = read", false),
            ("G(T /a = scope(read)", false),
            ("GET /{a = scope(read)", false),
        ] {
            assert_eq!(policy(&[row]).is_ok(), good, "{row}");
        }
    }
}
