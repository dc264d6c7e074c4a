//! Refusals of the guard look as those of a layer.

use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use tower_resource_server::{ResourceServer, http::Rejection, test_util::Defect};

use super::{Server, Site, post, requirements};

const CALL: &str = r#"{"method":"tools/call","params":{"name":"both"}}"#;

#[tokio::test]
async fn bad_tokens_are_refused_before_the_message_is_read() {
    let site = Site::new();
    let expired = site.issuer.broken(Defect::Expired);
    for (name, token, status, challenge) in [
        ("none", None, 401, "Bearer resource_metadata="),
        ("expired", Some(&*expired), 401, "Bearer error=\"invalid_token\""),
    ] {
        let mut request = post(token.unwrap_or_default(), "no JSON", &[]);
        if token.is_none() {
            request.headers_mut().remove("authorization");
        }
        let answer = site.send(request).await;
        assert_eq!(answer.status, status, "{name}");
        let given = answer.header("www-authenticate").unwrap();
        assert!(given.starts_with(challenge), "{name}: {given}");
        assert!(
            given.contains("https://mcp.example/.well-known/oauth-protected-resource"),
            "{name}: {given}"
        );
        assert!(site.seen().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn what_the_server_requires_of_every_request_is_named_too() {
    let site = Site::new();
    let api = ResourceServer::builder(site.issuer.audience())
        .issuer(site.issuer.trusted())
        .clock(site.issuer.clock().clone())
        .require(tower_resource_server::policy::scope("mcp"))
        .build()
        .unwrap();
    let guard = api.mcp_guard(requirements());
    for (name, scopes, expected) in [
        ("without it", "read write", "Bearer error=\"insufficient_scope\", scope=\"mcp\""),
        ("without the tool's", "mcp read", "Bearer error=\"insufficient_scope\", scope=\"mcp read write\""),
    ] {
        let service = guard.layer(site.server.clone());
        let answer = service.oneshot(post(&site.token(scopes), CALL, &[])).await.unwrap();
        assert_eq!(answer.status(), 403, "{name}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with(expected), "{name}: {challenge}");
    }
    let service = guard.layer(site.server.clone());
    let answer = service.oneshot(post(&site.token("mcp read write"), CALL, &[])).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_guard_behind_a_layer_takes_its_identity_and_has_its_own_bodies() {
    let site = Site::new();
    let api = ResourceServer::builder(site.issuer.audience())
        .issuer(site.issuer.trusted())
        .clock(site.issuer.clock().clone())
        .build()
        .unwrap();
    let guard = api
        .mcp_guard(requirements())
        .expose_rejection(true)
        .refusal_body(|why, _| serde_json::json!({ "code": why.reason().code() }));
    let server: Server = site.server.clone();
    let bodies = |response: http::Response<_>| response.map(axum::body::Body::new);
    let service =
        tower::ServiceBuilder::new().layer(api.layer()).map_response(bodies).layer(guard).service(server);
    let answer = service.clone().oneshot(post(&site.token("read"), CALL, &[])).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.extensions().get::<Rejection>().unwrap().reason().code(), "insufficient_scope");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"code":"insufficient_scope"}"#);
    let answer = service.oneshot(post(&site.token("read write"), CALL, &[])).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(site.seen().len(), 1);
}
