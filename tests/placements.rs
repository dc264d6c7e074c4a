//! Which scopes a 401 and a 403 name, wherever the door stands.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]

mod door;

use axum::{Router, routing};
use door::{Answer, ask, get, request};
use http::{Method, Request, header::CONTENT_TYPE, request::Parts};
use tower_resource_server::{
    Authentication, Identity, ResourceServer,
    http::{Json, Reason, Rejection},
    middleware::RequirementTable,
    policy::{Requirement, scope},
    test_util::{Defect, TestIssuer},
};

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Nobody,
    /// With a token that has expired, and had every scope.
    Late,
    /// With a good token of these scopes.
    Granted(&'static str),
}
use Caller::{Granted, Late, Nobody};

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
            Nobody => None,
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
        let by_method = |request: &Parts| {
            if request.method == Method::GET { scope("read") } else { scope("read write") }
        };
        let table = RequirementTable::new()
            .route(Method::GET, "/orders/{id}", scope("read"))
            .route(Method::POST, "/orders/{id}", scope("write"))
            .route(Method::GET, "/open", Requirement::none())
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
            "guard under optional layer" => guarded.layer(api.layer().optional()),
            "optional guard" => bare.layer(api.guard(Requirement::none()).optional()),
            "optional layer with scopes" => bare.layer(api.layer().optional().requirements(scope("read"))),
            "function" => bare.layer(api.layer().requirements(by_method)),
            "table" => orders.layer(api.layer().requirements(table.by_matched_path())),
            "nested table" => {
                let table = RequirementTable::new().route(Method::GET, "/v1/orders/{id}", scope("read"));
                let nested = Router::new().nest("/v1", orders);
                nested.layer(api.layer().requirements(table.otherwise(scope("admin")).by_matched_path()))
            }
            "paths" => Router::new().fallback(handler).layer(api.layer().requirements(table.by_path())),
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
    Some(format!(r#"Bearer realm="shop", {error}{scope}resource_metadata="{metadata}""#))
}

#[tokio::test]
async fn every_placement_names_its_scopes() {
    let get = || Method::GET;
    let stage = Stage::new();
    for row in [
        row("layer", get(), "/", Nobody, unauthorized("")),
        row("layer", get(), "/", Late, unauthorized("")),
        row("layer", get(), "/", Granted(""), OK),
        row("layer", get(), "/missing", Nobody, unauthorized("")),
        row("layer with scopes", get(), "/", Nobody, unauthorized("read write")),
        row("layer with scopes", get(), "/", Late, unauthorized("read write")),
        row("layer with scopes", get(), "/", Granted(""), forbidden("read write")),
        row("layer with scopes", get(), "/", Granted("read"), forbidden("read write")),
        row("layer with scopes", get(), "/", Granted("READ WRITE"), forbidden("read write")),
        row("layer with scopes", get(), "/", Granted("readwrite"), forbidden("read write")),
        row("layer with scopes", get(), "/", Granted("x write  read"), OK),
        row("guard", get(), "/", Nobody, unauthorized("write")),
        row("guard", get(), "/", Late, unauthorized("write")),
        row("guard", get(), "/", Granted("read"), forbidden("write")),
        row("guard", get(), "/", Granted("write"), OK),
        // The layer refuses first, with what it knows; only the guard knows the route.
        row("guard under layer", get(), "/", Nobody, unauthorized("")),
        row("guard under layer", get(), "/", Late, unauthorized("")),
        row("guard under layer", get(), "/", Granted(""), forbidden("write")),
        row("guard under layer", get(), "/", Granted("write"), OK),
        row("guard under layer with scopes", get(), "/", Nobody, unauthorized("read")),
        row("guard under layer with scopes", get(), "/", Late, unauthorized("read")),
        row("guard under layer with scopes", get(), "/", Granted("write"), forbidden("read")),
        row("guard under layer with scopes", get(), "/", Granted("read"), forbidden("write")),
        row("guard under layer with scopes", get(), "/", Granted("read write"), OK),
        // The layer lets nobody pass, so that the guard refuses, with all that the route needs.
        row("guard under optional layer", get(), "/", Nobody, unauthorized("write")),
        row("guard under optional layer", get(), "/", Late, unauthorized("")),
        row("guard under optional layer", get(), "/", Granted(""), forbidden("write")),
        row("guard under optional layer", get(), "/", Granted("write"), OK),
        row("optional guard", get(), "/", Nobody, OK),
        row("optional guard", get(), "/", Late, unauthorized("")),
        row("optional layer with scopes", get(), "/", Nobody, unauthorized("read")),
        row("optional layer with scopes", get(), "/", Late, unauthorized("read")),
        row("optional layer with scopes", get(), "/", Granted(""), forbidden("read")),
        row("function", get(), "/", Nobody, unauthorized("read")),
        row("function", get(), "/", Granted(""), forbidden("read")),
        row("function", get(), "/", Granted("read"), OK),
        row("function", Method::POST, "/", Nobody, unauthorized("read write")),
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
        row("table", Method::GET, "/orders/7", Nobody, unauthorized("read")),
        row("table", Method::GET, "/orders/7", Granted("write"), forbidden("read")),
        row("table", Method::GET, "/orders/7", Granted("read"), OK),
        row("table", Method::HEAD, "/orders/7", Nobody, unauthorized("read")),
        row("table", Method::HEAD, "/orders/7", Granted(""), forbidden("read")),
        row("table", Method::HEAD, "/orders/7", Granted("read"), OK),
        row("table", Method::POST, "/orders/7", Granted("read"), forbidden("write")),
        row("table", Method::POST, "/orders/7", Granted("write"), OK),
        row("table", Method::GET, "/open", Nobody, unauthorized("")),
        row("table", Method::GET, "/open", Granted(""), OK),
        // The route exists, the method has no row.
        row("table", Method::PUT, "/orders/7", Granted("read write"), forbidden("admin read write")),
        row("table", Method::PUT, "/orders/7", Granted("read write admin"), OK),
        row("table", Method::DELETE, "/orders/7", Nobody, unauthorized("admin read write")),
        row("table", Method::GET, "/unknown", Nobody, unauthorized("admin read write")),
        row("table", Method::GET, "/unknown", Granted("read"), forbidden("admin read write")),
        row("table", Method::GET, "/unknown", Granted("read write admin"), (404, None)),
        row("table", Method::GET, "/orders/7/", Granted("read"), forbidden("admin read write")),
        row("table", Method::GET, "//orders/7", Granted("read"), forbidden("admin read write")),
        row("table", Method::GET, "/orders/%2e%2e", Granted("read"), OK),
        row("nested table", Method::GET, "/v1/orders/7", Granted("read"), OK),
        row("nested table", Method::GET, "/v1/orders/7", Nobody, unauthorized("read")),
        row("nested table", Method::POST, "/v1/orders/7", Granted("read"), forbidden("admin")),
        row("nested table", Method::GET, "/v1/other", Granted("read"), forbidden("admin")),
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

fn call(path: &str, content_type: &str, token: Option<&str>) -> Request<axum::body::Body> {
    let mut call = request(Method::POST, path, token);
    call.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
    call
}

#[tokio::test]
async fn grpc_methods_are_refused_trailers_only() {
    let stage = Stage::new();
    let app = stage.app("paths");
    let metadata = "https://api.test/.well-known/oauth-protected-resource";
    for (name, path, caller, status, challenge) in [
        ("nobody", "/shop.Orders/List", Nobody, "16", r#"scope="read", "#),
        (
            "late",
            "/shop.Orders/List",
            Late,
            "16",
            r#"error="invalid_token", error_description="the token has expired", scope="read", "#,
        ),
        (
            "narrow",
            "/shop.Orders/Drop",
            Granted("read"),
            "7",
            r#"error="insufficient_scope", scope="admin", "#,
        ),
        (
            "unknown method",
            "/shop.Orders/Other",
            Granted("read"),
            "7",
            r#"error="insufficient_scope", scope="admin read write", "#,
        ),
        (
            "unknown service",
            "/else.Orders/List",
            Granted("read"),
            "7",
            r#"error="insufficient_scope", scope="admin read write", "#,
        ),
    ] {
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            let token = stage.token(caller);
            let answer = ask(&app, call(path, content_type, token.as_deref())).await;
            assert_eq!((answer.status().as_u16(), &*answer.body), (200, ""), "{name}");
            assert_eq!(answer.header("content-type"), Some("application/grpc"), "{name}");
            assert_eq!(answer.header("grpc-status"), Some(status), "{name}");
            let message = answer.rejection().unwrap().reason().to_string();
            assert_eq!(answer.header("grpc-message"), Some(&*message), "{name}");
            let expected = format!(r#"Bearer realm="shop", {challenge}resource_metadata="{metadata}""#);
            assert_eq!(answer.challenge(), Some(&*expected), "{name}");
        }
        // The same operation, asked for in plain HTTP.
        let token = stage.token(caller);
        let plain = ask(&app, request(Method::POST, path, token.as_deref())).await;
        let expected = if status == "7" { 403 } else { 401 };
        assert_eq!((plain.status().as_u16(), plain.header("grpc-status")), (expected, None), "{name}");
    }
    let good = stage.token(Granted("read"));
    let answer = ask(&app, call("/shop.Orders/List", "application/grpc", good.as_deref())).await;
    assert_eq!((answer.header("grpc-status"), &*answer.body), (None, "ok"));
}

#[cfg(feature = "remote")]
#[tokio::test]
async fn promise_11_keys_that_cannot_be_had_are_503_and_never_401() {
    use tower_resource_server::{Issuer, profile::TokenProfile};

    let issuer = TestIssuer::new();
    let fetcher = door::Scripted::new();
    fetcher.fail();
    let remote = Issuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks")
        .profile(TokenProfile::rfc9068())
        .fetcher(fetcher.clone());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(remote)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let app = Router::new().route("/", routing::any(|| async { "ok" })).layer(api.layer().reject_with(Json));
    let token = issuer.access_token("alice").mint().unwrap();

    let answer = ask(&app, get("/", Some(&token))).await;
    assert_eq!((answer.status().as_u16(), answer.challenge()), (503, None));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(
        answer.body,
        r#"{"status":503,"error_description":"the issuer's keys are not available right now"}"#
    );

    let answer = ask(&app, call("/", "application/grpc", Some(&token))).await;
    assert_eq!((answer.status().as_u16(), answer.header("grpc-status")), (200, Some("14")));
    assert_eq!((answer.challenge(), &*answer.body, answer.header("retry-after")), (None, "", None));
    assert!(answer.header("grpc-retry-pushback-ms").unwrap().parse::<u64>().unwrap() >= 1000);

    // What needs no key to be judged is judged all the same, and fetches nothing.
    for (name, token, status) in [
        ("nobody", None, 401),
        ("expired", Some(issuer.broken(Defect::Expired)), 401),
        ("untrusted", Some(issuer.broken(Defect::WrongIssuer)), 401),
        ("two words", Some("a b".to_owned()), 400),
    ] {
        assert_eq!(ask(&app, get("/", token.as_deref())).await.status().as_u16(), status, "{name}");
    }
    assert_eq!(fetcher.fetches(), 1);
}

#[tokio::test]
async fn realm_and_metadata_stand_in_challenges_only_where_configured() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").audience("orders").mint().unwrap();
    let server = |resource: &str, realm: Option<&str>| {
        let builder = ResourceServer::builder(resource)
            .audience("orders")
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone());
        match realm {
            Some(realm) => builder.realm(realm),
            None => builder,
        }
        .build()
        .unwrap()
    };
    let bare = server("orders", None);
    let realm = server("urn:orders", Some(r#"a "quoted" \ realm"#));
    let path = server("https://api.test/v1/orders", None);
    let quoted = r#"realm="a \"quoted\" \\ realm""#;
    let metadata = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1/orders""#;
    let insufficient = r#"error="insufficient_scope", scope="x""#;
    let malformed = r#"error="invalid_request", error_description="the Authorization field is malformed""#;
    for (name, server, token, expected) in [
        ("neither, 401", &bare, None, r#"Bearer scope="x""#.to_owned()),
        ("neither, 403", &bare, Some(&*token), format!("Bearer {insufficient}")),
        ("neither, 400", &bare, Some("a b"), format!("Bearer {malformed}")),
        ("realm, 401", &realm, None, format!(r#"Bearer {quoted}, scope="x""#)),
        ("realm, 403", &realm, Some(&*token), format!("Bearer {quoted}, {insufficient}")),
        ("realm, 400", &realm, Some("a b"), format!("Bearer {quoted}, {malformed}")),
        ("metadata, 401", &path, None, format!(r#"Bearer scope="x", {metadata}"#)),
        ("metadata, 403", &path, Some(&*token), format!("Bearer {insufficient}, {metadata}")),
        ("metadata, 400", &path, Some("a b"), format!("Bearer {malformed}")),
    ] {
        let app = Router::new().route("/", routing::get(|| async {}).layer(server.guard(scope("x"))));
        assert_eq!(ask(&app, get("/", token)).await.challenge(), Some(&*expected), "{name}");
    }
}

#[tokio::test]
async fn promise_12_a_guard_refuses_the_identity_of_another_server_and_names_both() {
    let issuer = TestIssuer::new();
    let server = |resource: &str| {
        ResourceServer::builder(resource)
            .audience("https://both.test")
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .build()
            .unwrap()
    };
    let (one, other, twin) =
        (server("https://one.test"), server("https://two.test"), server("https://one.test"));
    let token = issuer.access_token("alice").audience("https://both.test").scope("x").mint().unwrap();
    let app = |layer: &ResourceServer, guard: &ResourceServer| {
        let route =
            routing::any(|_: Identity| async { "ok" }).layer(guard.guard(scope("x")).reject_with(Json));
        Router::new().route("/", route).layer(layer.layer())
    };
    let named = |one: &str, other: &str| {
        format!(
            "the identity was verified by the resource server \"{one}\" and the guard belongs to \"{other}\""
        )
    };
    for (name, app, expected) in [
        ("its own", app(&one, &one), None),
        ("its own, by another handle", app(&one, &one.clone()), None),
        ("another's", app(&one, &other), Some(named("https://one.test", "https://two.test"))),
        ("a twin's", app(&one, &twin), Some(named("https://one.test", "https://one.test"))),
    ] {
        let answer = ask(&app, get("/", Some(&token))).await;
        let reason = answer.rejection().map(Rejection::reason);
        assert_eq!(reason.map(ToString::to_string), expected, "{name}");
        let Some(text) = expected else {
            assert_eq!((answer.status().as_u16(), &*answer.body), (200, "ok"), "{name}");
            continue;
        };
        assert!(matches!(reason, Some(Reason::ForeignIdentity { .. })), "{name}");
        assert_eq!((answer.status().as_u16(), answer.challenge()), (500, None), "{name}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error_description"], text, "{name}");
        let answer = ask(&app, call("/", "application/grpc", Some(&token))).await;
        assert_eq!(
            (answer.header("grpc-status"), answer.header("grpc-message")),
            (Some("13"), Some(&*text)),
            "{name}"
        );
    }
    // A second layer judges the token for itself, and its identity is the one that counts.
    let app = Router::new()
        .route(
            "/",
            routing::get(|who: Authentication| async move { who.identity().is_some().to_string() })
                .layer(other.guard(scope("x"))),
        )
        .layer(other.layer())
        .layer(one.layer());
    assert_eq!(ask(&app, get("/", Some(&token))).await.body, "true");
    let narrow = issuer.access_token("alice").audience("https://one.test").scope("x").mint().unwrap();
    assert_eq!(ask(&app, get("/", Some(&narrow))).await.status().as_u16(), 401);
}
