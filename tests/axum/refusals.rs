//! How refusals look: the layer's, an extractor's behind an optional one, and those that a handler
//! returns itself.

use axum::{Router, body::Body, routing};
use http::{Method, Request, StatusCode};
use tower_resource_server::{
    Identity, ResourceServer,
    axum::ExtractorRejection,
    http::{FromRefusal, Json, Reject, Rejection},
    middleware::AuthLayer,
    test_util::{Defect, TestIssuer},
};

use crate::{
    MISSING_LAYER, handlers,
    support::{Answer, ask, get, request},
};

/// What a client sees of an answer.
fn seen(answer: &Answer) -> (StatusCode, String, String, Option<String>) {
    let rejection = answer.rejection().map(ToString::to_string);
    (answer.status(), format!("{:?}", answer.response.headers()), answer.body.clone(), rejection)
}

#[tokio::test]
async fn an_extractor_refuses_as_its_layer_does() {
    async fn check<R: Reject>(name: &str, layer: AuthLayer<R>, body: &str)
    where
        Body: FromRefusal<R::Body>,
    {
        let strict = handlers().layer(layer.clone());
        let optional = handlers().layer(layer.optional(true));
        let mut call = request(Method::POST, "/identity", None);
        *call.version_mut() = http::Version::HTTP_2;
        call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        for (name, path, request) in [
            (format!("{name}, identity"), "/identity", get("/identity", None)),
            (format!("{name}, claims"), "/claims", get("/claims", None)),
            (format!("{name}, gRPC"), "", call),
        ] {
            let (head, _) = request.into_parts();
            let request = || Request::from_parts(head.clone(), Body::empty());
            let (expected, answer) = (ask(&strict, request()).await, ask(&optional, request()).await);
            assert_eq!(seen(&answer), seen(&expected), "{name}");
            assert_eq!(answer.body, if path.is_empty() { "" } else { body }, "{name}");
            assert!(answer.challenge().is_some_and(|it| it.ends_with(r#"realm="shop""#)), "{name}");
        }
    }
    let issuer = TestIssuer::new();
    let api = || {
        let api = ResourceServer::builder("https://api.test").issuer(issuer.trusted()).realm("shop");
        api.build().unwrap().layer()
    };
    check("empty", api(), "").await;
    let json = r#"{"status":401,"error_description":"authentication is required"}"#;
    check("JSON", api().reject_with(Json), json).await;
    check("JSON, exposed", api().reject_with(Json).expose_rejection(true), json).await;
    let text = "no_credentials: authentication is required";
    check("a text", api().refusal_body(|why, _| why.to_string()), text).await;
    let value = api().refusal_body(|why, _| serde_json::json!({ "code": why.reason().code() }));
    check("a value", value, r#"{"code":"no_credentials"}"#).await;
}

#[tokio::test]
async fn a_rejection_is_a_response_and_a_line() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let verify = |token: String| async move {
        let who = api.verify_access_token(&token).await?;
        Ok::<_, Rejection>(who.subject().to_owned())
    };
    let app = Router::new().route("/", routing::post(verify));
    let good = issuer.access_token("alice").mint().unwrap();
    let metadata = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    let error = r#"error="invalid_token", error_description="a signed token has exactly three parts""#;
    let malformed = format!("Bearer {error}, {metadata}");
    for (name, token, status, challenge, body) in [
        ("good", good, StatusCode::OK, None, "alice"),
        ("malformed", "x".to_owned(), StatusCode::UNAUTHORIZED, Some(&*malformed), ""),
    ] {
        let request = Request::post("/").body(Body::from(token)).unwrap();
        let answer = ask(&app, request).await;
        assert_eq!((answer.status(), answer.challenge(), &*answer.body), (status, challenge, body), "{name}");
    }
    let refused = issuer.server().verify_access_token("x").await.unwrap_err();
    assert_eq!(refused.to_string(), "malformed: a signed token has exactly three parts");
    assert_eq!(refused.challenges().len(), 1);
    assert_eq!(refused.headers()["www-authenticate"], *malformed);
}

#[tokio::test]
async fn the_rejection_of_an_extractor_says_what_is_wrong() {
    async fn reason(who: Result<Identity, ExtractorRejection>) -> String {
        let error = who.unwrap_err();
        let code = match &error {
            ExtractorRejection::Unauthenticated(refused) => refused.rejection().reason().code(),
            _ => "",
        };
        format!("{code}; {error}; {}", std::error::Error::source(&error).is_some())
    }
    let issuer = TestIssuer::new();
    let bare = || Router::new().route("/", routing::get(reason));
    for (name, app, expected) in [
        ("no layer", bare(), format!("; {MISSING_LAYER}; false")),
        (
            "optional",
            bare().layer(issuer.server().layer().optional(true)),
            "no_credentials; no_credentials: authentication is required; true".to_owned(),
        ),
    ] {
        assert_eq!(ask(&app, get("/", None)).await.body, expected, "{name}");
    }
}

#[tokio::test]
async fn refusals_with_a_json_body() {
    let issuer = TestIssuer::new();
    let layer = issuer.server().layer().reject_with(Json);
    let app = handlers().layer(layer);
    for (name, token, body) in [
        ("no token", None, r#"{"status":401,"error_description":"authentication is required"}"#),
        (
            "expired",
            Some(issuer.broken(Defect::Expired)),
            r#"{"status":401,"error":"invalid_token","error_description":"the token has expired"}"#,
        ),
    ] {
        let answer = ask(&app, get("/maybe", token.as_deref())).await;
        assert_eq!(
            (&*answer.body, answer.header("content-type")),
            (body, Some("application/json")),
            "{name}"
        );
    }
    let mut call = get("/maybe", None);
    *call.method_mut() = http::Method::POST;
    *call.version_mut() = http::Version::HTTP_2;
    call.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    let answer = ask(&app, call).await;
    assert_eq!((&*answer.body, answer.header("content-type")), ("", Some("application/grpc")));
}
