//! What providers do with their keys, and servers with their providers, while one thing replaces another:
//! keys exchanged under one name, given keys beside fetched ones, tokens that do not name their issuer.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "tests stop where they are wrong"
)]

mod exchanged;
mod given;
mod unnamed;

use std::{
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    issuer::SigningKey,
    keys::Algorithm,
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    profile::TokenProfile,
    test_util::TestIssuer,
};

const ISSUER: &str = "https://idp.test";
const AUDIENCE: &str = "https://api.test";
const JWKS: &str = "https://idp.test/jwks";

/// A provider that publishes one key set, or cannot be reached.
#[derive(Clone, Default)]
struct Provider(Arc<State>);

#[derive(Default)]
struct State {
    /// The keys; `None` while it cannot be reached.
    keys: Mutex<Option<Value>>,
    fetches: AtomicUsize,
}

impl Provider {
    fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_jwk().unwrap()).collect();
        self.publish_entries(&json!(keys));
    }

    fn publish_entries(&self, entries: &Value) {
        *self.0.keys.lock().unwrap() = Some(json!({ "keys": entries }));
    }

    fn down(&self) {
        *self.0.keys.lock().unwrap() = None;
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

impl HttpClient for Provider {
    fn send(&self, _: Request<Body>, _: Limits) -> HttpFuture<'_> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let keys = self.0.keys.lock().unwrap().clone();
        Box::pin(ready(match keys {
            Some(keys) => Ok(Response::new(keys.to_string().into())),
            None => Err(HttpError::Connect),
        }))
    }
}

/// The issuer of all tests here, with its keys at the provider.
fn fetched(provider: &Provider, profile: TokenProfile) -> TrustedIssuer {
    TrustedIssuer::with_jwks_uri(ISSUER, JWKS, profile).http_client(provider.clone())
}

/// A server, and what mints tokens for it.
struct Site {
    mint: TestIssuer,
    api: ResourceServer,
}

impl Site {
    fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        let mint = TestIssuer::builder().issuer(ISSUER).audience(AUDIENCE).build();
        let builder = ResourceServer::builder(AUDIENCE).clock(mint.clock().clone());
        let api = issuers.into_iter().fold(builder, ResourceServerBuilder::issuer).build().unwrap();
        Self { mint, api }
    }

    fn pass(&self, time: Duration) {
        self.mint.clock().advance(time);
    }

    /// A new token of this key.
    fn token(&self, key: &SigningKey) -> String {
        self.mint.access_token("alice").signed_with(key).unique().mint().unwrap()
    }

    /// Whether a token is good, or the code of the reason against it.
    async fn ask(&self, token: &str) -> Result<(), &'static str> {
        let verified = self.api.verify_access_token(token).await;
        verified.map(drop).map_err(|refused| refused.reason().code())
    }

    async fn signed_by(&self, key: &SigningKey) -> Result<(), &'static str> {
        self.ask(&self.token(key)).await
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_kid(kid)
}
