//! Which scopes a 401 and a 403 name, wherever the layer is put.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]

mod grpc;
mod servers;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "remote")]
mod unavailable;

use axum::{Router, routing};
use http::Method;
use support::{Answer, ask, request};
use tower_resource_server::{
    ResourceServer,
    middleware::RequirementTable,
    policy::{Requirement, scope},
    test_util::{Defect, TestIssuer},
};

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Caller {
    NoToken,
    /// With a token that has expired, and had every scope.
    Late,
    /// With a good token of these scopes.
    Granted(&'static str),
}
use Caller::{Granted, Late, NoToken};

/// One request, and the status and the scopes of the answer's challenge.
struct Row {
    placement: &'static str,
    method: Method,
    path: &'static str,
    caller: Caller,
    status: u16,
    /// `Some("")`: a challenge that names no scope.
    scope: Option<&'static str>,
}

const fn row(
    placement: &'static str,
    method: Method,
    path: &'static str,
    caller: Caller,
    (status, scope): (u16, Option<&'static str>),
) -> Row {
    Row { placement, method, path, caller, status, scope }
}

const OK: (u16, Option<&str>) = (200, None);

const fn unauthorized(scope: &'static str) -> (u16, Option<&'static str>) {
    (401, Some(scope))
}

const fn forbidden(scope: &'static str) -> (u16, Option<&'static str>) {
    (403, Some(scope))
}

struct Stage {
    issuer: TestIssuer,
    api: ResourceServer,
}

impl Stage {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let api = ResourceServer::builder(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .realm("shop")
            .build()
            .unwrap();
        Self { issuer, api }
    }

    fn token(&self, caller: Caller) -> Option<String> {
        match caller {
            NoToken => None,
            Late => Some(
                self.issuer
                    .broken_from(&self.issuer.access_token("a").scope("read write admin"), Defect::Expired),
            ),
            Granted(scopes) => Some(self.issuer.access_token("a").scope(scopes).mint().unwrap()),
        }
    }

    fn app(&self, placement: &str) -> Router {
        let api = &self.api;
        let handler = || async { "ok" };
        let bare = Router::new().route("/", routing::get(handler).post(handler));
        let guarded = Router::new().route("/", routing::get(handler).layer(api.guard(scope("write"))));
        let table = RequirementTable::new()
            .route(Method::GET, "/orders/{id}", scope("read"))
            .route(Method::POST, "/orders/{id}", scope("write"))
            .route(Method::GET, "/open", Requirement::any_token())
            .grpc("/shop.Orders/List", scope("read"))
            .grpc("/shop.Orders/Drop", scope("admin"));
        let orders = Router::new()
            .route("/orders/{id}", routing::get(handler).post(handler).put(handler))
            .route("/open", routing::get(handler));
        match placement {
            "layer" => bare.layer(api.layer()),
            "layer with scopes" => bare.layer(api.layer().requirements(scope("write read"))),
            "guard" => guarded,
            "guard under layer" => guarded.layer(api.layer()),
            "guard under layer with scopes" => guarded.layer(api.layer().requirements(scope("read"))),
            "guard under optional layer" => guarded.layer(api.layer().optional(true)),
            "optional guard" => bare.layer(api.guard(Requirement::any_token()).optional(true)),
            "optional layer with scopes" => {
                bare.layer(api.layer().optional(true).requirements(scope("read")))
            }
            "function" => bare.layer(api.layer().requirements_by(|request| match *request.method {
                Method::GET => scope("read"),
                _ => scope("read write"),
            })),
            "table" => orders.layer(api.layer().requirements(table)),
            "matched table" => orders.layer(api.layer().requirements(table.by_matched_path())),
            "nested table" => {
                let table = RequirementTable::new().route(Method::GET, "/v1/orders/{id}", scope("read"));
                let nested = Router::new().nest("/v1", orders);
                nested.layer(api.layer().requirements(table.otherwise(scope("admin")).by_matched_path()))
            }
            "paths" => {
                let layer = api.layer().requirements(table.by_path()).expose_rejection(true);
                Router::new().fallback(handler).layer(layer)
            }
            "table behind a wildcard" => Router::new()
                .route("/shop.Orders/{*rest}", routing::any(handler))
                .layer(api.layer().requirements(table)),
            "table of paths" => Router::new().fallback(handler).layer(api.layer().requirements(table)),
            other => panic!("no placement {other}"),
        }
    }

    async fn ask(&self, row: &Row) -> Answer {
        let token = self.token(row.caller);
        ask(&self.app(row.placement), request(row.method.clone(), row.path, token.as_deref())).await
    }
}

/// The challenge in full.
fn challenge(row: &Row) -> Option<String> {
    let error = match (row.caller, row.status) {
        (Late, _) => r#"error="invalid_token", error_description="the token has expired", "#,
        (_, 403) => r#"error="insufficient_scope", "#,
        _ => "",
    };
    let scope = match row.scope? {
        "" => String::new(),
        scope => format!("scope=\"{scope}\", "),
    };
    let metadata = "https://api.test/.well-known/oauth-protected-resource";
    Some(format!(r#"Bearer {error}{scope}resource_metadata="{metadata}", realm="shop""#))
}

#[tokio::test]
async fn every_placement_names_its_scopes() {
    let get = || Method::GET;
    let stage = Stage::new();
    for row in [
        row("layer", get(), "/", NoToken, unauthorized("")),
        row("layer", get(), "/", Late, unauthorized("")),
        row("layer", get(), "/", Granted(""), OK),
        row("layer", get(), "/missing", NoToken, unauthorized("")),
        row("layer with scopes", get(), "/", NoToken, unauthorized("write read")),
        row("layer with scopes", get(), "/", Late, unauthorized("write read")),
        row("layer with scopes", get(), "/", Granted(""), forbidden("write read")),
        row("layer with scopes", get(), "/", Granted("read"), forbidden("write read")),
        row("layer with scopes", get(), "/", Granted("READ WRITE"), forbidden("write read")),
        row("layer with scopes", get(), "/", Granted("readwrite"), forbidden("write read")),
        row("layer with scopes", get(), "/", Granted("x write  read"), OK),
        row("guard", get(), "/", NoToken, unauthorized("write")),
        row("guard", get(), "/", Late, unauthorized("write")),
        row("guard", get(), "/", Granted("read"), forbidden("write")),
        row("guard", get(), "/", Granted("write"), OK),
        // The layer refuses first, with what it knows; only the guard knows the route.
        row("guard under layer", get(), "/", NoToken, unauthorized("")),
        row("guard under layer", get(), "/", Late, unauthorized("")),
        row("guard under layer", get(), "/", Granted(""), forbidden("write")),
        row("guard under layer", get(), "/", Granted("write"), OK),
        row("guard under layer with scopes", get(), "/", NoToken, unauthorized("read")),
        row("guard under layer with scopes", get(), "/", Late, unauthorized("read")),
        row("guard under layer with scopes", get(), "/", Granted("write"), forbidden("read")),
        row("guard under layer with scopes", get(), "/", Granted("read"), forbidden("write")),
        row("guard under layer with scopes", get(), "/", Granted("read write"), OK),
        // The layer lets a request without a token pass, so that the guard refuses, with all that the route needs.
        row("guard under optional layer", get(), "/", NoToken, unauthorized("write")),
        row("guard under optional layer", get(), "/", Late, unauthorized("")),
        row("guard under optional layer", get(), "/", Granted(""), forbidden("write")),
        row("guard under optional layer", get(), "/", Granted("write"), OK),
        row("optional guard", get(), "/", NoToken, OK),
        row("optional guard", get(), "/", Late, unauthorized("")),
        row("optional layer with scopes", get(), "/", NoToken, OK),
        row("optional layer with scopes", get(), "/", Late, unauthorized("read")),
        row("optional layer with scopes", get(), "/", Granted(""), forbidden("read")),
        row("function", get(), "/", NoToken, unauthorized("read")),
        row("function", get(), "/", Granted(""), forbidden("read")),
        row("function", get(), "/", Granted("read"), OK),
        row("function", Method::POST, "/", NoToken, unauthorized("read write")),
        row("function", Method::POST, "/", Late, unauthorized("read write")),
        row("function", Method::POST, "/", Granted("read"), forbidden("read write")),
        row("function", Method::POST, "/", Granted("read write"), OK),
    ] {
        check(&stage, &row).await;
    }
}

#[tokio::test]
async fn a_table_goes_by_the_matched_route_and_an_unknown_one_needs_all() {
    let stage = Stage::new();
    for row in [
        row("table", Method::GET, "/orders/7", NoToken, unauthorized("read")),
        row("table", Method::GET, "/orders/7", Granted("write"), forbidden("read")),
        row("table", Method::GET, "/orders/7", Granted("read"), OK),
        row("table", Method::HEAD, "/orders/7", NoToken, unauthorized("read")),
        row("table", Method::HEAD, "/orders/7", Granted(""), forbidden("read")),
        row("table", Method::HEAD, "/orders/7", Granted("read"), OK),
        row("table", Method::POST, "/orders/7", Granted("read"), forbidden("write")),
        row("table", Method::POST, "/orders/7", Granted("write"), OK),
        row("table", Method::GET, "/open", NoToken, unauthorized("")),
        row("table", Method::GET, "/open", Granted(""), OK),
        // The route exists, the method has no row.
        row("table", Method::PUT, "/orders/7", Granted("read write"), forbidden("read write admin")),
        row("table", Method::PUT, "/orders/7", Granted("read write admin"), OK),
        row("table", Method::DELETE, "/orders/7", NoToken, unauthorized("read write admin")),
        row("table", Method::GET, "/unknown", NoToken, unauthorized("read write admin")),
        row("table", Method::GET, "/unknown", Granted("read"), forbidden("read write admin")),
        row("table", Method::GET, "/unknown", Granted("read write admin"), (404, None)),
        row("table", Method::GET, "/orders/7/", Granted("read"), forbidden("read write admin")),
        row("table", Method::GET, "//orders/7", Granted("read"), forbidden("read write admin")),
        row("table", Method::GET, "/orders/%2e%2e", Granted("read"), OK),
        row("nested table", Method::GET, "/v1/orders/7", Granted("read"), OK),
        row("nested table", Method::GET, "/v1/orders/7", NoToken, unauthorized("read")),
        row("nested table", Method::POST, "/v1/orders/7", Granted("read"), forbidden("admin")),
        row("nested table", Method::GET, "/v1/other", Granted("read"), forbidden("admin")),
    ] {
        check(&stage, &row).await;
    }
}

#[tokio::test]
async fn a_table_goes_by_the_path_where_no_route_matched_unless_told_otherwise() {
    let (get, post) = (|| Method::GET, || Method::POST);
    let stage = Stage::new();
    for row in [
        row("table of paths", post(), "/shop.Orders/List", NoToken, unauthorized("read")),
        row("table of paths", post(), "/shop.Orders/List", Granted("read"), OK),
        row("table of paths", post(), "/shop.Orders/Drop", Granted("read"), forbidden("admin")),
        row("table of paths", get(), "/open", Granted(""), OK),
        // A path is none of a pattern, so that the strictest holds.
        row("table of paths", get(), "/orders/7", Granted("read"), OK),
        row("table of paths", get(), "/orders/7/", Granted("read"), forbidden("read write admin")),
        row("table of paths", post(), "/shop.Orders/Other", Granted("read"), forbidden("read write admin")),
        // tonic routes so: the matched route names the service, and the row its method.
        row("table behind a wildcard", post(), "/shop.Orders/List", Granted("read"), OK),
        row("table behind a wildcard", post(), "/shop.Orders/Drop", Granted("read"), forbidden("admin")),
        row("table behind a wildcard", get(), "/shop.Orders/List", Granted("read"), OK),
        row("table behind a wildcard", get(), "/shop.Orders/Drop", Granted("read"), forbidden("admin")),
        row("matched table", get(), "/orders/7", Granted("read"), OK),
        row("matched table", get(), "/open", Granted(""), OK),
        // A row of a path that no route has is none of this table.
        row("matched table", post(), "/shop.Orders/List", Granted("read"), forbidden("read write admin")),
    ] {
        check(&stage, &row).await;
    }
}

async fn check(stage: &Stage, row: &Row) {
    let Row { placement, method, path, caller, .. } = row;
    let name = format!("{placement}: {method} {path} by {caller:?}");
    let answer = stage.ask(row).await;
    assert_eq!(answer.status().as_u16(), row.status, "{name}");
    assert_eq!(answer.challenge(), challenge(row).as_deref(), "{name}");
}
