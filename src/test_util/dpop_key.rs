//! The key of a DPoP client in memory, and the proofs that it makes.
#![expect(clippy::expect_used, reason = "tests are its callers: a broken fixture should stop them here")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use serde_json::{Map, Value, json};

use crate::{issuer::SigningKey, keys::Algorithm, time::UnixTime};

/// The key of a client that proves its possession (DPoP, RFC 9449).
///
/// ```
/// use http::Request;
/// use tower_resource_server::test_util::{DpopKey, TestIssuer};
///
/// let (issuer, key) = (TestIssuer::new(), DpopKey::new());
/// let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint()?;
/// let mut request = Request::get("/orders").body(())?;
/// key.proof("GET", "https://api.test/orders", &token, issuer.now()).send(request.headers_mut());
/// assert!(request.headers()["authorization"].to_str()?.starts_with("DPoP "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Where production code would return an error, as a test wants it: see each function.
#[derive(Clone, Debug)]
pub struct DpopKey {
    key: SigningKey,
    proofs: Arc<AtomicU64>,
}

impl DpopKey {
    /// A fresh ES256 key.
    ///
    /// # Panics
    /// When the cryptographic library cannot make a key.
    #[must_use]
    pub fn new() -> Self {
        Self::of(SigningKey::generate(Algorithm::ES256).expect("a working cryptographic library"))
    }

    /// This key.
    #[must_use]
    pub fn of(key: SigningKey) -> Self {
        Self { key, proofs: Arc::default() }
    }

    /// The thumbprint that tokens are bound to (RFC 7638).
    ///
    /// # Panics
    /// When the key is a secret, which has none.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.key.thumbprint().expect("an asymmetric key")
    }

    /// The key itself, for odd proofs.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// A good proof for this request with this access token, made now; each with a `jti` of its own.
    pub fn proof(&self, method: &str, url: &str, access_token: &str, now: UnixTime) -> DpopProof {
        let jwk = self.key.bare_jwk().map_or(Value::Null, Value::Object);
        let header = json!({ "typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": jwk });
        let number = self.proofs.fetch_add(1, Ordering::Relaxed);
        let ath = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, access_token.as_bytes()));
        let claims = json!({
            "jti": format!("proof-{number}"),
            "htm": method,
            "htu": url,
            "iat": now.as_secs(),
            "ath": ath,
        });
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        DpopProof {
            key: self.key.clone(),
            header: members(header),
            claims: members(claims),
            access_token: access_token.to_owned(),
        }
    }
}

impl Default for DpopKey {
    fn default() -> Self {
        Self::new()
    }
}

/// A proof about to be signed; made by [`DpopKey::proof`].
#[derive(Clone, Debug)]
#[must_use = "a proof does nothing until it is signed or sent"]
pub struct DpopProof {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    access_token: String,
}

impl DpopProof {
    /// With the nonce that the server gave (RFC 9449 section 9).
    pub fn nonce(self, nonce: impl Into<String>) -> Self {
        self.claim("nonce", nonce.into())
    }

    /// With this claim.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Without this claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// With this header member.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Without this header member.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs it with another key than the one that it embeds.
    pub fn signed_with(mut self, key: &DpopKey) -> Self {
        self.key = key.key.clone();
        self
    }

    /// The value of the field `DPoP`.
    ///
    /// # Panics
    /// When the cryptographic library cannot sign.
    #[must_use]
    pub fn sign(&self) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        let claims = Value::Object(self.claims.clone()).to_string();
        self.key.sign_raw(&header, claims.as_bytes()).expect("a working cryptographic library")
    }

    /// Signs it, and sets the fields of a request: `Authorization` under the scheme `DPoP`, and `DPoP`.
    ///
    /// # Panics
    /// When the access token cannot stand in a field, or the cryptographic library cannot sign.
    pub fn send(&self, headers: &mut HeaderMap) {
        let value = |text: String| HeaderValue::try_from(text).expect("a token that can stand in a field");
        headers.insert(AUTHORIZATION, value(format!("DPoP {}", self.access_token)));
        headers.insert(HeaderName::from_static("dpop"), value(self.sign()));
    }
}
