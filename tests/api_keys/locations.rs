//! Keys in a field of their own, and wherever else a server reads tokens.

use axum::{Router, body::Body, routing};
use http::Request;
use tower_resource_server::{
    CredentialError, Identity, OpaqueCredential, ResourceServer, Verification, VerifiedCredential,
    http::TokenLocation, test_util::TestIssuer,
};

use crate::{
    site::{BILLING, OLD, builder, keys},
    support::{Answer, ask, get},
};

fn server(issuer: &TestIssuer) -> ResourceServer {
    let verifier = |credential: OpaqueCredential<'_>| match credential.text() {
        "session" => Verification::from(Ok(VerifiedCredential::new("alice"))),
        _ => Verification::wait(async { Err(CredentialError::Refused) }),
    };
    builder(issuer)
        .api_keys(keys(issuer))
        .credential_verifier(verifier)
        .token_location(TokenLocation::authorization())
        .token_location(TokenLocation::header("x-api-key"))
        .token_location(TokenLocation::cookie("__Host-session"))
        .build()
        .unwrap()
}

async fn send(api: &ResourceServer, fields: &[(&'static str, String)]) -> Answer {
    let tell = async |who: Identity, request: Request<Body>| {
        let marked = request.headers().values().all(http::HeaderValue::is_sensitive);
        format!("{} by {}, {marked}", who.subject(), who.credential())
    };
    let app = Router::new().route("/", routing::get(tell)).layer(api.layer());
    let mut request = get("/", None);
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    ask(&app, request).await
}

#[tokio::test]
async fn a_key_may_have_a_field_of_its_own() {
    let issuer = TestIssuer::new();
    let api = server(&issuer);
    let token = issuer.access_token("alice").mint().unwrap();
    let key = |text: &str| ("x-api-key", text.to_owned());
    let bearer = |text: &str| ("authorization", format!("Bearer {text}"));
    let cookie = |text: &str| ("cookie", format!("__Host-session={text}"));
    let billing = r#"billing by API key "billing-2026", true"#;
    for (name, fields, status, said) in [
        ("in its field", vec![key(BILLING)], 200, billing),
        ("as a bearer token", vec![bearer(BILLING)], 200, billing),
        ("as a cookie", vec![cookie(BILLING)], 200, billing),
        ("a token in the field of keys", vec![key(&token)], 200, "alice by token, true"),
        ("a session in a cookie", vec![cookie("session")], 200, "alice by verifier, true"),
        ("a session in the field of keys", vec![key("session")], 200, "alice by verifier, true"),
        (
            "with a scheme",
            vec![key(&format!("Bearer {BILLING}"))],
            400,
            "the header field of the token is malformed",
        ),
        (
            "a character that no token has",
            vec![key("shop:x")],
            400,
            "the header field of the token is malformed",
        ),
        ("in a cookie", vec![cookie("shop:x")], 400, "the cookie of the token is malformed"),
        ("empty", vec![key("")], 400, "the header field of the token is malformed"),
        (
            "twice",
            vec![key(BILLING), key(BILLING)],
            400,
            "the request has several header fields of the token",
        ),
        (
            "in two places",
            vec![key(BILLING), bearer(BILLING)],
            400,
            "the request has tokens in several places",
        ),
        (
            "beside a token",
            vec![key(BILLING), bearer(&token)],
            400,
            "the request has tokens in several places",
        ),
        (
            "beside a cookie",
            vec![key(BILLING), cookie("session")],
            400,
            "the request has tokens in several places",
        ),
        ("unknown", vec![key("made-up")], 401, "a signed token has exactly three parts"),
        ("unknown, in a cookie", vec![cookie("made-up")], 401, "a signed token has exactly three parts"),
        ("a bad token", vec![key("a.b.c")], 401, "a part of the token is not strict base64url"),
    ] {
        let answer = send(&api, &fields).await;
        assert_eq!(answer.status(), status, "{name}: {:?}", answer.challenge());
        let text = if status == 200 { answer.body.as_str() } else { answer.challenge().unwrap_or_default() };
        assert!(text.contains(said), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_field_that_is_not_named_carries_no_key() {
    let issuer = TestIssuer::new();
    let api = builder(&issuer).api_keys(keys(&issuer)).build().unwrap();
    let answer = send(&api, &[("x-api-key", OLD.to_owned())]).await;
    assert_eq!(answer.status(), 401);
    assert!(!answer.challenge().unwrap().contains("error"), "no credentials: {:?}", answer.challenge());
}
