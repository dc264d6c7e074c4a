//! What stands on the wire: refusals are trailers-only, in the dialect of the request, whether the
//! layer is around one service or around all.
#![allow(clippy::unwrap_used)] // also in the helpers of tests

mod common;

use std::future::pending;

use common::{api, call, serve};
use grpc_example::{
    client::Method,
    greeter::Greeter,
    server::{WRITE, protect},
};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tonic::{
    body::Body,
    codegen::http::{HeaderMap, Request, StatusCode, Version},
    service::LayerExt as _,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tower::ServiceExt;
use tower_resource_server::{policy::Requirement, test_util::TestIssuer};

/// Sends a POST without gRPC's client around it: status, headers, and everything behind the headers.
async fn post(address: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Behind) {
    let channel = Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap();
    let mut request = Request::post(format!("{address}{path}")).version(Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = channel.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned();
    (parts.status, parts.headers, Behind { bytes: collected.to_bytes().len(), trailers })
}

/// What came after the headers.
#[derive(Debug, PartialEq, Eq)]
struct Behind {
    bytes: usize,
    trailers: Option<HeaderMap>,
}

const NOTHING: Behind = Behind { bytes: 0, trailers: None };

#[tokio::test]
async fn refusals_are_trailers_only_in_the_dialect_of_the_request() {
    let issuer = TestIssuer::new();
    let address = serve(&api(&issuer), Requirement::any_token()).await;
    let reader = format!("Bearer {}", issuer.access_token("alice").mint().unwrap());
    let hello = "/greeter.v1.Greeter/SayHello";
    let set = "/greeter.v1.Greeter/SetGreeting";

    for (name, path, content_type, token, answered_as, code) in [
        ("gRPC", hello, "application/grpc", None, "application/grpc", "16"),
        ("gRPC with a format", hello, "application/grpc+proto", None, "application/grpc", "16"),
        ("gRPC-Web", hello, "application/grpc-web", None, "application/grpc-web", "16"),
        ("gRPC-Web with a format", hello, "application/grpc-web+proto", None, "application/grpc-web", "16"),
        ("gRPC-Web as text", hello, "application/grpc-web-text", None, "application/grpc-web-text", "16"),
        ("a scope is missing", set, "application/grpc", Some(&reader), "application/grpc", "7"),
        ("in gRPC-Web too", set, "application/grpc-web", Some(&reader), "application/grpc-web", "7"),
        (
            "no such method",
            "/greeter.v1.Greeter/Nope",
            "application/grpc",
            Some(&reader),
            "application/grpc",
            "7",
        ),
        ("no such service", "/nope.Nope/Nope", "application/grpc", None, "application/grpc", "16"),
    ] {
        let mut headers = vec![("content-type", content_type), ("te", "trailers")];
        headers.extend(token.map(|token| ("authorization", token.as_str())));
        let (status, headers, behind) = post(&address, path, &headers).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        assert_eq!(headers["content-type"], answered_as, "{name}");
        assert_eq!(headers["grpc-status"], code, "{name}");
        assert_eq!(headers.get_all("www-authenticate").iter().count(), 1, "{name}");
        assert_eq!(behind, NOTHING, "{name}");
    }

    let (status, headers, behind) = post(&address, hello, &[("content-type", "text/plain")]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "who does not speak gRPC is answered in plain HTTP");
    assert!(headers.contains_key("www-authenticate") && !headers.contains_key("grpc-status"));
    assert_eq!(behind, NOTHING);
}

#[tokio::test]
async fn a_layer_around_one_service_guards_that_one() {
    let issuer = TestIssuer::new();
    let guarded = protect(&api(&issuer), Requirement::any_token()).named_layer(Greeter::service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(
        Server::builder()
            .add_service(guarded)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), pending()),
    );

    let token = issuer.access_token("alice").mint().unwrap();
    let writer = issuer.access_token("alice").scope(WRITE).mint().unwrap();
    for (name, token, method, code) in [
        ("no token", None, Method::SayHello, "UNAUTHENTICATED"),
        ("a good token", Some(&token), Method::SayHello, "OK"),
        ("a scope is missing", Some(&token), Method::SetGreeting("Hi"), "PERMISSION_DENIED"),
        ("the scope is there", Some(&writer), Method::SetGreeting("Hi"), "OK"),
    ] {
        let outcome = call(&address, token.map(String::as_str), method).await;
        assert_eq!(outcome.code, code, "{name}: {outcome:?}");
    }

    // What is beside the layer is as open as it would be without: here, there is nothing.
    let (_, headers, _) = post(&address, "/nope.Nope/Nope", &[("content-type", "application/grpc")]).await;
    assert_eq!(headers["grpc-status"], "12");
}
