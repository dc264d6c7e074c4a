//! Layer: its identity tokens, the nonces that they spend, and the example service built on them.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test may")]
#![allow(missing_docs, reason = "no other crate imports a test")]

mod issuing;
mod keys;
mod nonces;
#[cfg(feature = "axum")]
#[path = "../../examples/layer_sessions/service/mod.rs"]
mod service;
#[cfg(feature = "axum")]
mod sessions;
mod stores;
mod tokens;

use std::{sync::LazyLock, time::Duration};

use serde_json::{Map, Value, json};
use tower_resource_server::{
    Identity, ResourceServer, ResourceServerBuilder,
    issuer::SigningKey,
    keys::{Algorithm, VerifyingKey},
    preset,
    preset::layer::Provider,
    test_util::ManualClock,
};

/// The fixed time of the tests here, in seconds: the default of [`ManualClock`].
pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const PROVIDER: &str = "layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8";
pub(crate) const KEY: &str = "layer:///keys/69fdd5aa-6478-11e4-97f1-1ded000000e6";

/// RSA keys take a while to make.
pub(crate) static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());
pub(crate) static OTHER_RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());

pub(crate) fn public(key: &SigningKey) -> VerifyingKey {
    VerifyingKey::from_pem(&key.public_key_pem().unwrap(), Algorithm::RS256).unwrap()
}

pub(crate) fn provider() -> Provider {
    Provider::new(PROVIDER).key(KEY, public(&RSA))
}

/// A service and its clock.
pub(crate) struct Service {
    pub(crate) server: ResourceServer,
    pub(crate) clock: ManualClock,
}

/// What becomes of a token: the code of the reason against it.
pub(crate) type Verdict = Result<Identity, &'static str>;

impl Service {
    pub(crate) fn new() -> Self {
        Self::of(preset::layer::server(provider()))
    }

    pub(crate) fn of(builder: ResourceServerBuilder) -> Self {
        let clock = ManualClock::default();
        Self { server: builder.clock(clock.clone()).build().unwrap(), clock }
    }

    pub(crate) fn nonce(&self) -> String {
        self.server.issue_nonce().unwrap()
    }

    pub(crate) async fn verify(&self, token: &str) -> Verdict {
        self.server.verify_access_token(token).await.map_err(|refusal| refusal.reason().code())
    }

    /// The good token with these patches (RFC 7396) on its header and its claims, and a fresh nonce.
    pub(crate) async fn judge(&self, header: Value, claims: Value) -> Verdict {
        self.verify(&sign(&RSA, &header, &claims, &self.nonce())).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A token as the guide builds it, with these patches on it.
pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &Value, nonce: &str) -> String {
    let good_header = json!({"typ": "JWS", "alg": "RS256", "cty": "layer-eit;v=1", "kid": KEY});
    let good_claims = json!({"iss": PROVIDER, "prn": "frodo", "iat": NOW, "exp": NOW + 300, "nce": nonce});
    let header = patched(&good_header, header);
    let claims = patched(&good_claims, claims);
    key.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap()
}

/// RFC 7396, one level: `null` takes a member away.
fn patched(of: &Value, patch: &Value) -> Value {
    let mut object: Map<String, Value> = of.as_object().unwrap().clone();
    for (name, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
    object.into()
}
