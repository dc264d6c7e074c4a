//! Several servers: what each writes into its challenges, and whose identity counts.

use axum::{Router, routing};
use tower_resource_server::{
    Authentication, Identity, ResourceServer,
    http::{Json, Reason, Rejection},
    policy::scope,
    test_util::TestIssuer,
};

use crate::{
    grpc::call,
    support::{ask, get},
};

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
        ("realm, 401", &realm, None, format!(r#"Bearer scope="x", {quoted}"#)),
        ("realm, 403", &realm, Some(&*token), format!("Bearer {insufficient}, {quoted}")),
        ("realm, 400", &realm, Some("a b"), format!("Bearer {malformed}, {quoted}")),
        ("metadata, 401", &path, None, format!(r#"Bearer scope="x", {metadata}"#)),
        ("metadata, 403", &path, Some(&*token), format!("Bearer {insufficient}, {metadata}")),
        ("metadata, 400", &path, Some("a b"), format!("Bearer {malformed}")),
    ] {
        let app = Router::new().route("/", routing::get(|| async {}).layer(server.guard(scope("x"))));
        assert_eq!(ask(&app, get("/", token)).await.challenge(), Some(&*expected), "{name}");
    }
}

#[test]
fn a_text_that_clients_would_take_for_a_parameter_does_not_build() {
    let issuer = TestIssuer::new();
    for (name, resource, realm, problem) in [
        ("a scope in the realm", "orders", "orders, scope=\"admin\"", "realm: "),
        ("in capitals, with spaces", "orders", "orders SCOPE = admin", "realm: "),
        ("an error in the realm", "orders", "error=invalid_token", "realm: "),
        ("an address in the realm", "orders", "resource_metadata=\"https://evil.test\"", "realm: "),
        ("a line in the realm", "orders", "a\r\nb", "realm: "),
        ("a scope in the resource", "https://api.test/v1?scope=a", "orders", "resource: "),
        ("a description", "https://api.test/v1?error_description=a", "the scope of orders", "resource: "),
        ("words alone", "https://api.test/v1?description=a", "the scope of orders", ""),
    ] {
        let built = ResourceServer::builder(resource).issuer(issuer.trusted()).realm(realm).build();
        let problems = built.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            problems.starts_with(problem) && problems.is_empty() == problem.is_empty(),
            "{name}: {problems}"
        );
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
        let route = routing::any(|_: Identity| async { "ok" })
            .layer(guard.guard(scope("x")).reject_with(Json).expose_rejection(true));
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
