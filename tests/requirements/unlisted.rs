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
