//! The entrance for tonic: who makes a request, behind layers of all kinds and behind none.
#![cfg(all(feature = "tonic", feature = "test-util"))]

mod descriptors;

use std::{convert::Infallible, sync::mpsc};

use http::{Method, Request, Version, header::AUTHORIZATION, header::CONTENT_TYPE};
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    Identity, ResourceServer, operations,
    policy::{Operation, Requirement, anonymous_or, role, scope},
    test_util::TestIssuer,
    tonic::IdentityExt,
};

operations! {
    Greet = scope("greet").or(role("host"));
    Look = anonymous_or(scope("look"));
    Own = scope("greet").and(Requirement::predicate("own", |_, _| true));
}

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

/// Who is allowed the operation.
fn asked<O: Operation>(request: &tonic::Request<()>) -> Result<&str, Status> {
    request.allowed::<O>().map(Identity::subject)
}

#[tokio::test]
async fn a_handler_names_the_operation_that_it_is() {
    const METADATA: &str = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .require(scope("api"))
        .build()
        .unwrap();
    let token = |scopes: &str, roles: &[&str]| {
        issuer.access_token("alice").scope(scopes).claim("roles", roles.to_vec()).mint().unwrap()
    };
    let lacks = |scopes: &str| format!(r#"Bearer error="insufficient_scope", scope="{scopes}", {METADATA}"#);
    let nothing = |scopes: &str| format!(r#"Bearer scope="{scopes}", {METADATA}"#);
    type Row<'a> =
        (&'a str, Option<String>, fn(&tonic::Request<()>) -> Result<&str, Status>, Option<(Code, String)>);
    let rows: [Row<'_>; 8] = [
        ("the scope", Some(token("api greet", &[])), asked::<Greet>, None),
        ("the role", Some(token("api", &["host"])), asked::<Greet>, None),
        (
            "neither",
            Some(token("api look", &[])),
            asked::<Greet>,
            Some((Code::PermissionDenied, lacks("api greet"))),
        ),
        ("no credentials", None, asked::<Greet>, Some((Code::Unauthenticated, nothing("api greet")))),
        ("of an open operation", Some(token("api look", &[])), asked::<Look>, None),
        (
            "of an open operation, lacking",
            Some(token("api", &[])),
            asked::<Look>,
            Some((Code::PermissionDenied, lacks("api look"))),
        ),
        (
            "of an open operation, without credentials",
            None,
            asked::<Look>,
            Some((Code::Unauthenticated, nothing("api look"))),
        ),
        (
            "a predicate, which has no request to look at",
            Some(token("api greet", &[])),
            asked::<Own>,
            Some((Code::PermissionDenied, format!(r#"Bearer error="insufficient_scope", {METADATA}"#))),
        ),
    ];
    for (name, token, allowed, expected) in rows {
        let request = behind(&api, token.as_deref()).await;
        let found = allowed(&request).map_err(|refused| {
            let challenge = refused.metadata().get("www-authenticate").map(|value| value.to_str().unwrap());
            (refused.code(), challenge.unwrap_or_default().to_owned())
        });
        match expected {
            None => assert_eq!(found, Ok("alice"), "{name}"),
            Some(expected) => assert_eq!(found, Err(expected), "{name}"),
        }
    }
    // The identity of a server that is gone is allowed nothing.
    let request = behind(&api, Some(&token("api greet", &[]))).await;
    drop(api);
    assert_eq!(request.allowed::<Greet>().unwrap_err().code(), Code::PermissionDenied);
}

#[test]
fn without_a_layer_it_is_the_programs_mistake() {
    let request = tonic::Request::new(());
    let internal = |status: Status| (status.code(), status.metadata().is_empty());
    assert_eq!(internal(request.identity().unwrap_err()), (Code::Internal, true));
    assert_eq!(internal(request.optional_identity().unwrap_err()), (Code::Internal, true));
}
