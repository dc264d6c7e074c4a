//! The same refusals for gRPC: trailers only, with the challenge in the metadata.

use axum::{Router, body::Body, routing};
use http::{Method, Request, Version, header::CONTENT_TYPE};
use tower_resource_server::{Identity, ResourceServer, http::Json, policy::scope};

use crate::{
    Caller::{Granted, Late, NoToken},
    Stage,
    support::{ask, request},
};

pub fn call(path: &str, content_type: &str, token: Option<&str>) -> Request<Body> {
    let mut call = request(Method::POST, path, token);
    *call.version_mut() = Version::HTTP_2;
    call.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
    call
}

#[tokio::test]
async fn grpc_methods_are_refused_trailers_only() {
    let stage = Stage::new();
    let app = stage.app("paths");
    let metadata = "https://api.test/.well-known/oauth-protected-resource";
    for (name, path, caller, status, challenge) in [
        ("no token", "/shop.Orders/List", NoToken, "16", r#"scope="read", "#),
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
            r#"error="insufficient_scope", scope="read write admin", "#,
        ),
        (
            "unknown service",
            "/else.Orders/List",
            Granted("read"),
            "7",
            r#"error="insufficient_scope", scope="read write admin", "#,
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
            let expected = format!(r#"Bearer {challenge}resource_metadata="{metadata}", realm="shop""#);
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

/// What a request is told, in HTTP and in gRPC.
type Told = (u16, Option<&'static str>);

#[tokio::test]
async fn a_refusal_is_one_for_those_who_go_by_the_status() {
    let stage = Stage::new();
    let forward_auth = ResourceServer::builder(stage.issuer.audience())
        .issuer(stage.issuer.trusted())
        .clock(stage.issuer.clock().clone())
        .grpc_refusals(false)
        .build()
        .unwrap();
    let app = |api: &ResourceServer| {
        let handler = || async { "ok" };
        let open = Router::new().route("/open", routing::post(|_: Identity| async { "ok" }));
        Router::new()
            .route("/", routing::post(handler).get(handler))
            .layer(api.layer().requirements(scope("read")).reject_with(Json).expose_rejection(true))
            .merge(open.layer(api.layer().optional(true)))
    };
    let (on, off) = (app(&stage.api), app(&forward_auth));
    let (grpc, web) = ("application/grpc", "application/grpc-web+proto");
    let (http_10, http_11, http_2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
    let (plain, trailers): (Told, Told) = ((401, None), (200, Some("16")));
    for (name, path, content_type, version, caller, by_default, turned_off) in [
        ("gRPC on HTTP/1.1", "/", grpc, http_11, NoToken, plain, plain),
        ("gRPC on HTTP/1.0", "/", grpc, http_10, NoToken, plain, plain),
        ("gRPC with a format on HTTP/1.1", "/", "application/grpc+json", http_11, NoToken, plain, plain),
        ("gRPC in capitals on HTTP/1.1", "/", "Application/GRPC", http_11, NoToken, plain, plain),
        ("gRPC on HTTP/2", "/", grpc, http_2, NoToken, trailers, plain),
        ("gRPC on HTTP/3", "/", grpc, Version::HTTP_3, NoToken, trailers, plain),
        ("gRPC-Web on HTTP/1.1", "/", web, http_11, NoToken, trailers, plain),
        ("gRPC-Web on HTTP/2", "/", web, http_2, NoToken, trailers, plain),
        ("expired, on HTTP/1.1", "/", grpc, http_11, Late, plain, plain),
        ("without a scope, on HTTP/1.1", "/", grpc, http_11, Granted("other"), (403, None), (403, None)),
        ("without a scope, on HTTP/2", "/", grpc, http_2, Granted("other"), (200, Some("7")), (403, None)),
        ("an extractor's, on HTTP/1.1", "/open", grpc, http_11, NoToken, plain, plain),
        ("an extractor's, on HTTP/2", "/open", grpc, http_2, NoToken, trailers, plain),
    ] {
        for (app, expected) in [(&on, by_default), (&off, turned_off)] {
            let token = stage.token(caller);
            let mut call = call(path, content_type, token.as_deref());
            *call.version_mut() = version;
            let answer = ask(app, call).await;
            assert_eq!((answer.status().as_u16(), answer.header("grpc-status")), expected, "{name}");
            assert!(answer.challenge().is_some(), "{name}");
            // Only an answer of HTTP has a body.
            let has_body = path == "/" && expected.0 != 200;
            assert_eq!(answer.body.starts_with('{'), has_body, "{name}: {}", answer.body);
        }
    }
}
