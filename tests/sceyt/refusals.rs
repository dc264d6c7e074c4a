//! What a refusal looks like to SCEYT's clients.

use axum::{Router, routing};
use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use serde_json::json;
use tower_resource_server::{
    policy::scope,
    preset,
    preset::sceyt::{ErrorBody, error_code},
};

use crate::{
    KEY_ONE, KEY_TWO, NOW, ONE, Service, TWO, claims, claims_but, request,
    support::{Answer, ask, get},
};

fn body(code: u32, message: &str) -> String {
    format!(r#"{{"code":{code},"message":"{message}"}}"#)
}

fn says(answer: &Answer, status: u16, code: u32, message: &str, name: &str) {
    assert_eq!(answer.status().as_u16(), status, "{name}");
    assert_eq!(answer.body, body(code, message), "{name}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
    assert_eq!(error_code(answer.rejection().unwrap().reason()), code, "{name}");
    assert!(code >= 200, "{name}: clients take it for a broken connection");
    assert_eq!(answer.challenge().is_some(), status != 500 && status != 503, "{name}");
}

#[tokio::test]
async fn each_reason_has_its_code() {
    let service = Service::plain();
    let sign = |changes| KEY_ONE.sign(&claims_but(changes));
    for (name, application, token, status, code, message) in [
        ("no token", ONE, None, 401, 1302, "authentication is required"),
        ("expired", ONE, Some(sign(json!({ "exp": NOW }))), 401, 1020, "the token has expired"),
        ("nbf", ONE, Some(sign(json!({ "nbf": NOW + 1 }))), 401, 40103, "the token is not valid yet"),
        ("iat", ONE, Some(sign(json!({ "iat": NOW + 1 }))), 401, 40103, "the token was issued in the future"),
        ("no user", ONE, Some(sign(json!({ "sub": null }))), 401, 40005, "a required claim is missing"),
        ("empty user", ONE, Some(sign(json!({ "sub": "" }))), 401, 40005, "a claim is not acceptable"),
        ("no exp", ONE, Some(sign(json!({ "exp": null }))), 401, 1021, "a required claim is missing"),
        ("other aid", ONE, Some(sign(json!({ "aid": TWO }))), 401, 1021, "the token is for another audience"),
        (
            "other key",
            ONE,
            Some(KEY_TWO.sign(&claims())),
            401,
            1021,
            "the token was signed by an unknown key",
        ),
        ("no such application", TWO, Some(sign(json!({}))), 401, 1302, "the token's issuer is not trusted"),
        ("no token at all", ONE, Some("x".to_owned()), 401, 1021, "a signed token has exactly three parts"),
        ("two words", ONE, Some("x y".to_owned()), 400, 40000, "the Authorization field is malformed"),
    ] {
        let answer = ask(&service.app, request(&[application], token.as_deref())).await;
        says(&answer, status, code, message, name);
    }
    let good = KEY_ONE.sign(&claims());
    let twice = ask(&service.app, request(&[ONE, ONE], Some(&good))).await;
    says(&twice, 400, 40000, "the request names the issuer several times", "two app-id fields");
    let mut two_tokens = request(&[ONE], Some(&good));
    two_tokens.headers_mut().append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    let answer = ask(&service.app, two_tokens).await;
    says(&answer, 400, 40000, "the request has several Authorization fields", "two Authorization fields");

    let enforcing = preset::sceyt::server(KEY_ONE.application(ONE)).enforce_lifetime(None);
    let answer = Service::new(enforcing).ask(ONE, &sign(json!({ "exp": NOW + 599 }))).await;
    let message = "the token's lifetime is not within the accepted bounds";
    says(&answer, 401, 1021, message, "lifetime");
}

#[tokio::test]
async fn a_missing_scope_and_a_foreign_identity_have_codes_too() {
    let service = Service::plain();
    let other = Service::plain();
    let handler = || routing::get(|| async { "ok" });
    let guard = |of: &Service| of.api.guard(scope("admin")).reject_with(ErrorBody).expose_rejection(true);
    let app = Router::new()
        .route("/admin", handler().layer(guard(&service)))
        .route("/foreign", handler().layer(guard(&other)))
        .layer(service.api.layer().reject_with(ErrorBody).expose_rejection(true));
    let token = KEY_ONE.sign(&claims());
    for (path, status, code, message) in [
        ("/admin", 403, 40105, "the token lacks a scope that this operation needs"),
        ("/foreign", 500, 50000, "the identity was verified by another resource server"),
    ] {
        let mut request = get(path, Some(&token));
        request.headers_mut().insert("app-id", HeaderValue::from_static(ONE));
        says(&ask(&app, request).await, status, code, message, path);
    }
}

#[tokio::test]
async fn grpc_gets_no_body() {
    let service = Service::plain();
    for (token, status) in [(None, "16"), (Some("x"), "16")] {
        let mut request = request(&[ONE], token);
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        let answer = ask(&service.app, request).await;
        assert_eq!((answer.status(), &*answer.body), (StatusCode::OK, ""));
        assert_eq!(answer.header("grpc-status"), Some(status));
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert!(answer.challenge().is_some());
    }
}

#[cfg(feature = "remote")]
#[tokio::test]
async fn keys_that_cannot_be_had_are_not_the_tokens_fault() {
    use tower_resource_server::{TrustedIssuer, preset::sceyt};

    let fetcher = crate::support::Scripted::new();
    fetcher.fail();
    let remote = TrustedIssuer::with_jwks_uri(TWO, "https://keys.test/jwks", sceyt::token(TWO))
        .http_client(fetcher.clone());
    let builder = preset::sceyt::server(KEY_ONE.application(ONE)).into_builder().issuer(remote);
    let clock = tower_resource_server::test_util::ManualClock::default();
    let api = builder.clock(clock.clone()).build().unwrap();
    let app = crate::app(&api, clock);
    let answer = ask(&app, request(&[TWO], Some(&KEY_TWO.sign(&claims())))).await;
    says(&answer, 503, 50300, "the issuer's keys are not available right now", "keys");
    assert!(answer.header("retry-after").is_some());
    let answer = ask(&app, request(&[ONE], Some(&KEY_ONE.sign(&claims())))).await;
    assert_eq!(answer.status(), 200, "the other application is not troubled");
}
