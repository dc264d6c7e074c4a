//! Keys that are fetched one by one, from a server on this machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, Uri, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    keys::Algorithm,
    profile::TokenProfile,
    source::{KidForm, SourceState},
    test_util::{ManualClock, TestIssuer},
};

use crate::NOW;

const ISSUER: &str = "https://login.example";
const API: &str = "https://api.example";
const A: &str = "0a1b2c3d-1234-4abc-8def-0123456789ab";
const B: &str = "0a1b2c3d-1234-4abc-8def-0123456789ac";
const C: &str = "0a1b2c3d-1234-4abc-8def-0123456789ad";

/// What the server of keys answers, and what it was asked.
#[derive(Clone, Default)]
struct KeyServer {
    answers: Arc<Mutex<BTreeMap<String, (StatusCode, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl KeyServer {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = self.clone();
        let router = Router::new().fallback(async move |uri: Uri| server.answer(&uri));
        tokio::spawn(async move { axum::serve(listener, router).await });
        origin
    }

    fn answer(&self, uri: &Uri) -> Response {
        self.asked.lock().unwrap().push(uri.to_string());
        match self.answers.lock().unwrap().get(&uri.to_string()).cloned() {
            Some((status, body)) => (status, [(CACHE_CONTROL, "max-age=60")], body).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn set(&self, kid: &str, status: StatusCode, body: &str) {
        self.answers.lock().unwrap().insert(format!("/pem/{kid}"), (status, body.to_owned()));
    }

    fn publish(&self, kid: &str, key: &SigningKey) {
        self.set(kid, StatusCode::OK, &key.public_key_pem().unwrap());
    }

    fn withdraw(&self, kid: &str) {
        self.answers.lock().unwrap().remove(&format!("/pem/{kid}"));
    }

    /// The paths that were asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

struct Setting {
    keys: KeyServer,
    clock: ManualClock,
    api: ResourceServer,
}

impl Setting {
    async fn new() -> Self {
        let (keys, clock) = (KeyServer::default(), ManualClock::default());
        let pattern = format!("{}/pem/{{kid}}", keys.start().await);
        let profile = TokenProfile::jwt().algorithms([Algorithm::ES256]);
        let issuer = TrustedIssuer::with_pem_per_kid(ISSUER, pattern, KidForm::Uuid, profile)
            .allow_loopback_http(true);
        let api = ResourceServer::builder(API).issuer(issuer).clock(clock.clone()).build().unwrap();
        Self { keys, clock, api }
    }

    /// What becomes of a token of this key under this name: the code of the reason against it, or `good`.
    async fn code(&self, kid: &str, key: &SigningKey) -> &'static str {
        let signer = TestIssuer::builder().signing_key(key.clone()).build();
        let header = json!({"alg": "ES256", "kid": kid});
        let claims = json!({"iss": ISSUER, "aud": API, "sub": "alice", "iat": NOW, "exp": NOW + 86_400});
        let token = signer.sign_raw(&header.to_string(), claims.to_string().as_bytes());
        let said = self.api.verify_access_token(&token).await;
        said.map_or_else(|refused| refused.reason().code(), |_| "good")
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits until what it fetched has taken a key away.
    async fn key_is_gone(&self) {
        let gone = async {
            while !self.api.health()[0].keys.key_ids.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.expect("a fetch");
    }
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

#[tokio::test]
async fn each_key_is_fetched_when_its_first_token_comes_and_a_rotation_is_one_fetch_more() {
    let (setting, old, new) = (Setting::new().await, key(), key());
    setting.keys.publish(A, &old);
    assert_eq!(setting.keys.asked(), Vec::<String>::new(), "nothing before the first token");
    for _ in 0..3 {
        assert_eq!(setting.code(A, &old).await, "good");
    }
    assert_eq!(setting.keys.asked(), [format!("/pem/{A}")]);
    assert_eq!(setting.code(A, &new).await, "invalid_signature");
    assert_eq!(setting.keys.asked(), Vec::<String>::new(), "a bad signature fetches nothing");
    // The issuer signs with another key from now on.
    setting.keys.publish(B, &new);
    assert_eq!(setting.code(B, &new).await, "good");
    assert_eq!(setting.code(A, &old).await, "good", "tokens of before are good until they end");
    assert_eq!(setting.keys.asked(), [format!("/pem/{B}")]);
    assert_eq!(setting.api.health()[0].keys.key_ids.len(), 2);
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ends_with_its_next_fetch() {
    let (setting, signer) = (Setting::new().await, key());
    setting.keys.publish(A, &signer);
    assert_eq!(setting.code(A, &signer).await, "good");
    setting.keys.asked();
    setting.keys.withdraw(A);
    // Its response said 60 seconds, and that is the least there is.
    setting.advance(61);
    assert_eq!(setting.code(A, &signer).await, "good", "what is known until it is known better");
    setting.key_is_gone().await;
    assert_eq!(setting.keys.asked(), [format!("/pem/{A}")]);
    assert_eq!(setting.code(A, &signer).await, "unknown_key");
}

#[tokio::test]
async fn that_there_is_no_key_of_a_name_is_remembered_and_forgotten() {
    let (setting, signer) = (Setting::new().await, key());
    for (seconds, fetched) in [(0, true), (0, false), (29, false), (1, true), (1, false)] {
        setting.advance(seconds);
        assert_eq!(setting.code(A, &signer).await, "unknown_key");
        assert_eq!(!setting.keys.asked().is_empty(), fetched, "after {seconds}");
    }
    setting.keys.publish(A, &signer);
    assert_eq!(setting.code(A, &signer).await, "unknown_key", "remembered");
    setting.advance(30);
    assert_eq!(setting.code(A, &signer).await, "good");
}

#[tokio::test]
async fn promise_3_a_name_of_another_form_never_reaches_the_server_of_keys() {
    let (setting, signer) = (Setting::new().await, key());
    for kid in [
        "",
        "a",
        "..",
        "../admin",
        "../pem/0a1b2c3d-1234-4abc-8def-0123456789ab",
        "%2e%2e%2fadmin",
        "0A1B2C3D-1234-4ABC-8DEF-0123456789AB",
        "0a1b2c3d-1234-4abc-8def-0123456789ab/",
        "0a1b2c3d-1234-4abc-8def-0123456789ab?a=b",
        "0a1b2c3d-1234-4abc-8def-0123456789ab#a",
        "0a1b2c3d-1234-4abc-8def-0123456789ab\r\nx: y",
        "0a1b2c3d-1234-4abc-8def-0123456789ab ",
        "{0a1b2c3d-1234-4abc-8def-0123456789ab}",
        "@evil.example",
        "//evil.example/0a1b2c3d-1234-4abc-8def-0123456789ab",
        "http://evil.example/",
        "{kid}",
    ] {
        assert_eq!(setting.code(kid, &signer).await, "unknown_key", "{kid:?}");
    }
    assert_eq!(setting.keys.asked(), Vec::<String>::new());
    assert_eq!(setting.api.health()[0].keys.fetches, 0);
}

#[tokio::test]
async fn an_answer_that_is_no_key_is_503_and_spares_the_keys_that_are_here() {
    let (setting, signer) = (Setting::new().await, key());
    setting.keys.publish(A, &signer);
    assert_eq!(setting.code(A, &signer).await, "good");
    let other = SigningKey::generate(Algorithm::EdDSA).unwrap();
    for (name, kid, status, body) in [
        ("an error", B, StatusCode::INTERNAL_SERVER_ERROR, "no"),
        ("a page", C, StatusCode::OK, "<html>log in</html>"),
        ("a key of another algorithm", B, StatusCode::OK, &*other.public_key_pem().unwrap()),
        ("a redirect", C, StatusCode::FOUND, ""),
        ("a longer answer than a key", B, StatusCode::OK, &"a".repeat(300_000)),
    ] {
        setting.keys.set(kid, status, body);
        setting.advance(61);
        assert_eq!(setting.code(kid, &signer).await, "keys_unavailable", "{name}");
        let health = setting.api.health();
        assert!(health[0].keys.last_error.is_some(), "{name}");
        assert_eq!(setting.code(A, &signer).await, "good", "{name}");
    }
    assert_ne!(setting.api.health()[0].keys.state, SourceState::Empty);
}
