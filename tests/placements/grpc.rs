//! The same refusals for gRPC: trailers only, with the challenge in the metadata.

use axum::body::Body;
use http::{Method, Request, header::CONTENT_TYPE};

use crate::{
    Caller::{Granted, Late, Nobody},
    Stage,
    door::{ask, request},
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
