//! The entrance for tonic: who makes a request, behind layers of all kinds and behind none.
#![cfg(all(feature = "tonic", feature = "test-util"))]

mod descriptors;

use std::{convert::Infallible, sync::mpsc};

use http::{Method, Request, Version, header::AUTHORIZATION, header::CONTENT_TYPE};
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{ResourceServer, policy::scope, test_util::TestIssuer, tonic::IdentityExt};

/// What a handler behind an optional layer gets.
async fn behind(api: &ResourceServer, token: Option<&str>) -> tonic::Request<()> {
    let (seen, requests) = mpsc::channel();
    let handler = service_fn(move |request: Request<()>| {
        seen.send(request).unwrap();
        async { Ok::<_, Infallible>(http::Response::new(())) }
    });
    let mut request = Request::new(());
    (*request.method_mut(), *request.version_mut()) = (Method::POST, Version::HTTP_2);
    request.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    api.layer().optional(true).layer(handler).oneshot(request).await.unwrap();
    tonic::Request::from_http(requests.recv().unwrap())
}

#[tokio::test]
async fn an_anonymous_request_is_refused_with_the_challenge_of_the_layer() {
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .realm("greetings")
        .build()
        .unwrap();
    let request = behind(&api, None).await;
    assert!(request.optional_identity().unwrap().is_none());
    let refused = request.identity().unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "authentication is required"));
    assert_eq!(
        refused.metadata().get("www-authenticate").unwrap(),
        r#"Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource", realm="greetings""#
    );

    let token = issuer.access_token("alice").scope("greet").mint().unwrap();
    let request = behind(&api, Some(&token)).await;
    assert_eq!(request.identity().unwrap().subject(), "alice");
    assert!(request.optional_identity().unwrap().is_some_and(|who| who.has_scope("greet")));
    let refused = Status::from(request.identity().unwrap().require(&scope("other")).unwrap_err());
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        refused.metadata().get("www-authenticate").unwrap(),
        r#"Bearer error="insufficient_scope", scope="other", resource_metadata="https://api.test/.well-known/oauth-protected-resource", realm="greetings""#
    );
}

#[test]
fn without_a_layer_it_is_the_programs_mistake() {
    let request = tonic::Request::new(());
    let internal = |status: Status| (status.code(), status.metadata().is_empty());
    assert_eq!(internal(request.identity().unwrap_err()), (Code::Internal, true));
    assert_eq!(internal(request.optional_identity().unwrap_err()), (Code::Internal, true));
}
