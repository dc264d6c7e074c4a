//! Requirements in the signature of a handler: when they are known, and to whom.

use axum::{Router, body::Body, routing};
use http::{Method, Request};
use tower_resource_server::{
    axum::Allowed,
    operations,
    policy::{Requirement, anonymous_or, role, scope},
    test_util::{TestIssuer, insert_identity},
};

use crate::{
    stage::Stage,
    support::{ask, get, request},
};

operations! {
    ReadOrders = scope("read");
    CancelOrder = scope("write").or(role("clerk"));
    Browse = anonymous_or(scope("browse"));
    /// A predicate sees the request.
    OwnFolder = Requirement::predicate("own folder", |who, request| {
        request.uri.path().strip_prefix("/home/").is_some_and(|folder| folder == who.subject())
    });
}

async fn orders(who: Allowed<ReadOrders>) -> String {
    let subject = who.subject().to_owned();
    format!("{subject} {}", who.into_identity().scopes().count())
}

fn app() -> Router {
    Router::new()
        .route("/orders", routing::get(orders))
        .route("/both", routing::get(async |_: Allowed<(ReadOrders, CancelOrder)>| "both"))
        .route("/browse", routing::get(async |who: Option<Allowed<Browse>>| who.is_some().to_string()))
        .route("/strict", routing::get(async |_: Allowed<Browse>| "someone"))
        .route("/home/{of}", routing::get(async |_: Allowed<OwnFolder>| "home"))
}

#[tokio::test]
async fn promise_14_a_handler_is_called_by_those_alone_whom_its_signature_allows() {
    const NONE: Option<&str> = None;
    let stage = Stage::new();
    let api = stage.builder().require(scope("api")).build().unwrap();
    let strict = app().layer(api.layer());
    let open = app().layer(stage.builder().build().unwrap().layer().optional(true));
    let metadata = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    for (name, app, path, claims, status, named) in [
        ("allowed", &strict, "/orders", Some(r#"{"scope":"api read"}"#), 200, NONE),
        ("the server's is named, too", &strict, "/orders", Some(r#"{"scope":"api"}"#), 403, Some("api read")),
        ("the layer is first", &strict, "/orders", Some(r#"{"scope":"read"}"#), 403, Some("api")),
        ("no credentials, the layer", &strict, "/orders", None, 401, Some("api")),
        ("both", &strict, "/both", Some(r#"{"scope":"api read write"}"#), 200, NONE),
        ("both, by a role", &strict, "/both", Some(r#"{"scope":"api read","roles":["clerk"]}"#), 200, NONE),
        ("one of both", &strict, "/both", Some(r#"{"scope":"api write"}"#), 403, Some("api read write")),
        ("own", &strict, "/home/alice", Some(r#"{"scope":"api"}"#), 200, NONE),
        ("another's", &strict, "/home/bob", Some(r#"{"scope":"api"}"#), 403, NONE),
        ("optional, allowed", &open, "/orders", Some(r#"{"scope":"read"}"#), 200, NONE),
        ("optional, not allowed", &open, "/orders", Some("{}"), 403, Some("read")),
        ("optional, no credentials", &open, "/orders", None, 401, Some("read")),
        ("open to all", &open, "/browse", None, 200, NONE),
        ("open to all, allowed", &open, "/browse", Some(r#"{"scope":"browse"}"#), 200, NONE),
        ("open to all, not to this token", &open, "/browse", Some("{}"), 403, Some("browse")),
        ("open, and the handler is not", &open, "/strict", None, 401, NONE),
    ] {
        let token = claims.map(|claims| stage.token(claims));
        let answer = ask(app, get(path, token.as_deref())).await;
        assert_eq!(answer.status().as_u16(), status, "{name}: {}", answer.body);
        let challenge = answer.challenge().unwrap_or_default();
        assert_eq!(challenge.split("scope=\"").nth(1).and_then(|it| it.split('"').next()), named, "{name}");
        assert_eq!(challenge.ends_with(metadata), status > 400, "{name}: {challenge}");
    }
}

#[tokio::test]
async fn its_scopes_are_published_when_it_is_declared_or_from_its_first_request_on() {
    let stage = Stage::new();
    let listed = async |declared: bool, path: &str| {
        let api = stage.builder().build().unwrap();
        if declared {
            api.declare::<(ReadOrders, CancelOrder)>().declare::<Browse>();
        }
        let app = app().layer(api.layer()).merge(api.metadata_routes());
        ask(&app, get(path, Some(&stage.token("{}")))).await;
        let document = ask(&app, get(api.metadata_path().unwrap(), None)).await.body;
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        document["scopes_supported"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(listed(false, "/elsewhere").await, 0);
    assert_eq!(listed(false, "/orders").await, 1);
    assert_eq!(listed(true, "/elsewhere").await, 3);
}

#[tokio::test]
async fn a_handler_is_tested_with_an_identity_made_by_hand() {
    let issuer = TestIssuer::new();
    for (scopes, status, body) in [("read other", 200, "alice 2"), ("other", 403, "")] {
        let token = issuer.access_token("alice").scope(scopes).mint().unwrap();
        let mut request: Request<Body> = request(Method::GET, "/orders", None);
        insert_identity(request.extensions_mut(), issuer.identity(&token).unwrap());
        let answer = ask(&app(), request).await;
        assert_eq!((answer.status().as_u16(), &*answer.body), (status, body), "{scopes}");
    }
    let no_layer = ask(&app(), get("/orders", None)).await;
    assert_eq!(no_layer.status(), 500, "{}", no_layer.body);
}
