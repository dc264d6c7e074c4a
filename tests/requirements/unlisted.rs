//! Operations that no row of a table lists get the strictest requirement, and are told once.

use axum::{Router, body::Body, routing};
use http::Method;
use tower_resource_server::{middleware::RequirementTable, policy::scope};

use crate::{
    stage::Stage,
    support::{ask, get, request},
};

#[tokio::test]
async fn promise_14_what_is_not_listed_gets_the_strictest_and_is_told_by_its_pattern() {
    let stage = Stage::new();
    let api = stage.builder().build().unwrap();
    let table = RequirementTable::new()
        .route(Method::GET, "/orders", scope("read"))
        .route(Method::DELETE, "/orders", scope("admin"))
        .open("/open");
    let handler = || async { "ok" };
    let app = Router::new()
        .route("/orders", routing::any(handler))
        .route("/open", routing::get(handler))
        .route("/bills/{id}", routing::any(handler))
        .layer(api.layer().requirements(table))
        .route_service("/health", api.health_service::<Body>());
    let token = stage.token(r#"{"scope":"read"}"#);
    let strictest = Some("read admin");
    for (method, path, status, scope) in [
        (Method::GET, "/orders", 200, None),
        (Method::HEAD, "/orders", 200, None),
        (Method::GET, "/open", 200, None),
        (Method::POST, "/orders", 403, strictest),
        (Method::POST, "/orders", 403, strictest),
        (Method::GET, "/bills/1", 403, strictest),
        (Method::GET, "/bills/2", 403, strictest),
        (Method::from_bytes(b"X-1").unwrap(), "/bills/2", 403, strictest),
        (Method::from_bytes(b"X-2").unwrap(), "/bills/3", 403, strictest),
        (Method::GET, "/nowhere", 403, strictest),
    ] {
        let answer = ask(&app, request(method.clone(), path, Some(&token))).await;
        let named = answer.challenge().and_then(|it| it.split("scope=\"").nth(1)?.split('"').next());
        assert_eq!((answer.status().as_u16(), named), (status, scope), "{method} {path}");
    }
    let told = ["* /bills/{id}", "GET /bills/{id}", "POST /orders"];
    assert_eq!(api.unlisted_operations(), told);
    let health: serde_json::Value =
        serde_json::from_str(&ask(&app, get("/health", None)).await.body).unwrap();
    assert_eq!(health["unlisted_operations"], serde_json::json!(told));
}

/// By the route, a row and the router may spell one operation in two ways.
#[tokio::test]
async fn promise_14_a_prefix_does_not_open_what_a_row_lists_by_another_spelling() {
    let stage = Stage::new();
    let api = stage.builder().build().unwrap();
    let table = RequirementTable::new()
        .route(Method::GET, "/public/{id}/edit", scope("edit"))
        .route(Method::GET, "/public/secret", scope("edit"))
        .open("/health")
        .open_under("/public/");
    let handler = || async { "ok" };
    let rest = Router::new().route("/public/{*rest}", routing::get(handler));
    let named = Router::new()
        .route("/public/{document}/edit", routing::get(handler))
        .route("/public/{document}", routing::get(handler));
    let nested =
        Router::new().route("/health", routing::get(handler)).layer(api.layer().requirements(table.clone()));
    let layered = |app: Router, table| app.layer(api.layer().requirements(table));
    for (name, app, path, status) in [
        ("another name", layered(named.clone(), table.clone()), "/public/1/edit", 401),
        ("listed alone", layered(named.clone(), table.clone()), "/public/secret", 401),
        ("in no row", layered(named, table.clone()), "/public/1", 200),
        ("the rest", layered(rest.clone(), table.clone()), "/public/1/edit", 401),
        ("the rest, in no row", layered(rest.clone(), table.clone()), "/public/1/view", 200),
        ("two readings", layered(rest.clone(), table.clone()), "/public/../admin", 401),
        ("two readings, encoded", layered(rest.clone(), table.clone()), "/public/%2e%2e/admin", 401),
        (
            "the rest, by the route alone",
            rest.layer(api.layer().requirements(table.by_matched_path())),
            "/public/1/edit",
            401,
        ),
        ("an open path of another router", Router::new().nest("/admin", nested), "/admin/health", 401),
    ] {
        assert_eq!(ask(&app, get(path, None)).await.status(), status, "{name}: {path}");
    }
}

/// The path of a gRPC method that there is, is no text of the request.
#[cfg(feature = "tonic")]
#[tokio::test]
async fn promise_14_a_grpc_method_that_is_not_listed_is_told_once() {
    use tower::{Layer, service_fn};
    use tower_resource_server::middleware::GrpcMethods;

    use crate::log::Log;

    const GREETER: &[u8] =
        b"\x0a'\x12\x05hello2\x1e\x0a\x07Greeter\x12\x0a\x0a\x08SayHello\x12\x07\x0a\x05Reset";
    let stage = Stage::new();
    let table = RequirementTable::new()
        .grpc("/hello.Greeter/SayHello", scope("hello"))
        .grpc_methods(&GrpcMethods::of([GREETER]).unwrap());
    let served = async |_| Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()));
    let log = Log::default();
    for (name, routes) in [("by path", false), ("behind routes", true)] {
        let api = stage.builder().build().unwrap();
        let layer = api.layer().requirements(table.clone());
        let app = if routes {
            Router::new().route_service("/hello.Greeter/{*rest}", service_fn(served)).layer(layer)
        } else {
            Router::new().fallback_service(layer.layer(service_fn(served)))
        };
        log.clear();
        {
            let _guard = tracing::subscriber::set_default(log.clone());
            for method in ["SayHello", "Reset", "Reset", "Made.Up"] {
                ask(&app, request(Method::POST, &format!("/hello.Greeter/{method}"), None)).await;
            }
        }
        let mut told = vec!["POST /hello.Greeter/Reset"];
        told.extend(routes.then_some("POST /hello.Greeter/{*rest}"));
        assert_eq!(api.unlisted_operations(), told, "{name}");
        assert_eq!(log.text().matches("/hello.Greeter/Reset").count(), 1, "{name}");
    }
}
