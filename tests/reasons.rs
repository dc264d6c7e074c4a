//! What is known of a fault is told: to operators in the log and in the health, to clients by the code.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "tests stop where they are wrong")]

#[path = "support/log.rs"]
mod log;

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeyError},
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    profile::TokenProfile,
    source::SourceState,
    test_util::TestIssuer,
};

use log::Log;

const JWKS: &str = "https://idp.test/jwks";

/// An issuer that publishes one document.
#[derive(Clone)]
struct Publisher(Arc<Mutex<Result<Value, HttpError>>>);

impl Publisher {
    fn new(keys: &Value) -> Self {
        Self(Arc::new(Mutex::new(Ok(json!({ "keys": keys })))))
    }

    fn publish(&self, keys: &Value) {
        *self.0.lock().unwrap() = Ok(json!({ "keys": keys }));
    }

    fn fail(&self) {
        *self.0.lock().unwrap() = Err(HttpError::Connect);
    }
}

impl HttpClient for Publisher {
    fn send(&self, _: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let document = self.0.lock().unwrap().clone();
        Box::pin(ready(document.map(|document| Response::new(document.to_string().into()))))
    }
}

/// The token issuer, its server, and what it publishes.
fn site(publisher: &Publisher) -> (TestIssuer, ResourceServer) {
    let issuer = TestIssuer::new();
    let remote = TrustedIssuer::with_jwks_uri(issuer.issuer(), JWKS, TokenProfile::rfc9068())
        .http_client(publisher.clone());
    let builder = ResourceServer::builder(issuer.audience()).issuer(remote);
    let api = builder.clock(issuer.clock().clone()).build().unwrap();
    (issuer, api)
}

async fn document(api: &ResourceServer) -> Value {
    let request = Request::get("/health").body(()).unwrap();
    let response = api.health_service::<Bytes>().oneshot(request).await.unwrap();
    serde_json::from_slice::<Value>(response.body()).unwrap()["issuers"][0].clone()
}

fn public(key: &SigningKey) -> Value {
    key.public_jwk().unwrap()
}

/// The same key with other members.
fn with(mut key: Value, members: &Value) -> Value {
    key.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    key
}

#[tokio::test]
async fn a_set_whose_only_key_is_skipped_says_why() {
    let key = || public(&SigningKey::generate(Algorithm::ES256).unwrap());
    let short = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    for (name, keys, why) in [
        ("for encryption", json!([with(key(), &json!({ "use": "enc" }))]), KeyError::WrongUse),
        ("not to verify with", json!([with(key(), &json!({ "key_ops": ["sign"] }))]), KeyError::WrongUse),
        ("of another family", json!([with(key(), &json!({ "alg": "RS256" }))]), KeyError::AlgorithmMismatch),
        ("for another algorithm", json!([with(key(), &json!({ "alg": "ECDH-ES" }))]), KeyError::Unsupported),
        ("of another type", json!([{ "kty": "AKP" }]), KeyError::Unsupported),
        ("too short", json!([short]), KeyError::RsaModulusSize { bits: 17 }),
        ("off its curve", json!([with(key(), &json!({ "x": "AA" }))]), KeyError::InvalidPoint),
        ("private", json!([with(key(), &json!({ "d": "AA" }))]), KeyError::PrivateMaterial),
        ("no key", json!([7]), KeyError::MalformedJwk),
    ] {
        let log = Log::default();
        let _guard = tracing::subscriber::set_default(log.clone());
        let (_, api) = site(&Publisher::new(&keys));
        assert!(api.refresh_now().await.is_err(), "{name}");

        let told = format!("key set: no usable key among 1: {why}");
        let health = api.health().remove(0).keys;
        assert_eq!(health.state, SourceState::Empty, "{name}");
        assert_eq!(health.last_error.unwrap().to_string(), told, "{name}");
        assert_eq!(document(&api).await["last_error"], told, "{name}");
        assert!(log.text().contains(&told), "{name}: {}", log.text());
    }
}

#[tokio::test]
async fn keys_that_are_skipped_beside_a_good_one_say_why() {
    let good = public(&SigningKey::generate(Algorithm::ES256).unwrap());
    let enc = with(public(&SigningKey::generate(Algorithm::ES256).unwrap()), &json!({ "use": "enc" }));
    let oct = json!({ "kty": "oct", "k": "AAAA" });
    let publisher = Publisher::new(&json!([enc, good, oct, enc]));
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (_, api) = site(&publisher);
    api.refresh_now().await.unwrap();

    let health = api.health().remove(0).keys;
    assert_eq!((health.keys, health.skipped), (1, 3));
    assert_eq!(health.skipped_because, [KeyError::WrongUse, KeyError::PrivateMaterial], "each reason once");
    let reasons = [KeyError::WrongUse, KeyError::PrivateMaterial].map(|why| why.to_string());
    let report = document(&api).await;
    assert_eq!((&report["skipped"], &report["skipped_because"]), (&json!(3), &json!(reasons)));
    let line = format!("skipped=3 because={:?}", reasons.join("; "));
    assert!(log.text().contains(&line), "{}", log.text());

    // Told once, and again when something else is passed over, whether the keys in use change or not.
    for (name, keys, expected) in [
        ("the same", json!([enc, good, oct, enc]), None),
        ("one less", json!([good, oct]), Some("skipped=1")),
        ("none", json!([good]), None),
        ("one again", json!([good, enc]), Some("skipped=1")),
    ] {
        log.clear();
        publisher.publish(&keys);
        api.refresh_now().await.unwrap();
        assert_eq!(log.text().contains("skipped="), expected.is_some(), "{name}: {}", log.text());
        assert!(log.text().contains(expected.unwrap_or_default()), "{name}: {}", log.text());
    }
}

#[test]
fn given_keys_that_are_skipped_say_why() {
    use tower_resource_server::keys::KeySet;

    let good = public(&SigningKey::generate(Algorithm::ES256).unwrap());
    let keys = json!({ "keys": [good, { "kty": "oct", "k": "AAAA" }] });
    let issuer = TrustedIssuer::with_keys(
        "https://idp.test",
        KeySet::from_jwks(keys.to_string().as_bytes()).unwrap(),
        TokenProfile::jwt(),
    );
    let api = ResourceServer::builder("https://api.test").issuer(issuer).build().unwrap();
    let health = api.health().remove(0).keys;
    assert_eq!((health.skipped, health.skipped_because), (1, vec![KeyError::PrivateMaterial]));
}

/// The payload of a good access token.
fn payload(issuer: &TestIssuer) -> Vec<u8> {
    let token = issuer.access_token("alice").lifetime(Duration::from_secs(3600)).mint().unwrap();
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token.split('.').nth(1).unwrap()).unwrap()
}

/// The code that a client is refused with; its status.
async fn refused(api: &ResourceServer, token: &str) -> (&'static str, StatusCode) {
    let rejection = api.verify_access_token(token).await.expect_err("a refusal");
    (rejection.reason().code(), rejection.status())
}

#[tokio::test]
async fn a_token_whose_algorithm_its_key_does_not_allow_says_so() {
    const MISMATCH: (&str, StatusCode) = ("key_algorithm_mismatch", StatusCode::UNAUTHORIZED);
    const UNKNOWN: (&str, StatusCode) = ("unknown_key", StatusCode::UNAUTHORIZED);
    let rsa = || SigningKey::generate(Algorithm::RS256).unwrap();
    let (one, two) = (rsa().with_kid("one"), SigningKey::generate(Algorithm::ES256).unwrap().with_kid("two"));
    let bound = with(public(&one), &json!({ "alg": "RS256" }));
    let publisher = Publisher::new(&json!([bound, public(&two)]));
    let (issuer, api) = site(&publisher);
    let payload = payload(&issuer);
    let token = |header: &str| one.sign_raw(&format!(r#"{{"typ":"at+jwt",{header}}}"#), &payload).unwrap();
    assert!(api.verify_access_token(&token(r#""alg":"RS256","kid":"one""#)).await.is_ok());
    for (name, header, expected) in [
        ("another hash", r#""alg":"RS512","kid":"one""#, MISMATCH),
        ("another padding", r#""alg":"PS256","kid":"one""#, MISMATCH),
        ("another family", r#""alg":"EdDSA","kid":"one""#, MISMATCH),
        ("the algorithm of the other key", r#""alg":"ES256","kid":"one""#, MISMATCH),
        ("an algorithm of no key, and no name", r#""alg":"EdDSA""#, MISMATCH),
        ("another name", r#""alg":"RS256","kid":"three""#, UNKNOWN),
        ("another name and another hash", r#""alg":"RS512","kid":"three""#, UNKNOWN),
    ] {
        let token = token(header);
        assert_eq!(refused(&api, &token).await, expected, "{name}");
        let explanation = api.explain(&token).await;
        assert_eq!(
            explanation.reason.as_ref().map(|reason| reason.code()),
            Some(expected.0),
            "{name}: {explanation}"
        );
        issuer.clock().advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn promise_11_an_algorithm_that_a_key_may_have_by_now_is_no_evidence() {
    let (old, new) = (Algorithm::RS256, Algorithm::ES256);
    let [old, new] = [old, new].map(|algorithm| SigningKey::generate(algorithm).unwrap().with_kid("one"));
    let publisher = Publisher::new(&json!([public(&old)]));
    let (issuer, api) = site(&publisher);
    api.refresh_now().await.unwrap();
    let payload = payload(&issuer);
    let token = new.sign_raw(r#"{"typ":"at+jwt","alg":"ES256","kid":"one"}"#, &payload).unwrap();

    // The issuer cannot be asked: whether the key is for the algorithm by now, is not known.
    publisher.fail();
    issuer.clock().advance(Duration::from_secs(60));
    assert_eq!(refused(&api, &token).await, ("keys_unavailable", StatusCode::SERVICE_UNAVAILABLE));
    // It has the same key still.
    publisher.publish(&json!([public(&old)]));
    issuer.clock().advance(Duration::from_secs(60));
    assert_eq!(refused(&api, &token).await, ("key_algorithm_mismatch", StatusCode::UNAUTHORIZED));
    // It has exchanged the key under its name.
    publisher.publish(&json!([public(&new)]));
    issuer.clock().advance(Duration::from_secs(60));
    assert!(api.verify_access_token(&token).await.is_ok());
}
