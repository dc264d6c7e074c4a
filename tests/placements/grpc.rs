//! The same refusals for gRPC: trailers only, with the challenge in the metadata.

use axum::{Router, body::Body, routing};
use http::{Method, Request, header::CONTENT_TYPE};
#[cfg(feature = "remote")]
use tower_resource_server::{
    Issuer, ResourceServer,
    http::Json,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::{
    Caller::{Granted, Late, Nobody},
    Stage,
    door::{self, ask, get, request},
};

pub fn call(path: &str, content_type: &str, token: Option<&str>) -> Request<Body> {
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
