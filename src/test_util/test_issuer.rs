//! An issuer in memory, with everything that a test does not care about decided.
#![expect(clippy::expect_used, reason = "tests are its callers: a broken fixture should stop them here")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use super::{Defect, ManualClock};
use crate::{
    issuer::{IssuerService, SigningKey, TokenBuilder, TokenIssuer},
    keys::Algorithm,
    time::{Clock, UnixTime},
};

/// A [`TokenIssuer`] for tests: in memory, at a fixed time, with names that need no thought.
///
/// | | by default |
/// |---|---|
/// | issuer | [`ISSUER`](Self::ISSUER) |
/// | audience of access tokens | [`AUDIENCE`](Self::AUDIENCE) |
/// | client | [`CLIENT_ID`](Self::CLIENT_ID) |
/// | time | 2023-11-14T22:13:20Z (1 700 000 000), the [`ManualClock`]'s default |
/// | key | a fresh ES256 key, `kid` `key-1`, after a rotation `key-2` and so on |
///
/// Each has a key of its own, so that one does not accept what another signed. Clones share keys
/// and clock. Give the server under test the same [`clock`](Self::clock).
///
/// ```
/// use tower_resource_server::test_util::{Defect, TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let good = issuer.access_token("alice").scope("orders:read").mint()?;
/// let expired = issuer.broken(Defect::Expired);
/// assert_eq!(issuer.jwks()["keys"][0]["kid"], "key-1");
/// # assert_ne!(good, expired);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Where production code would return an error, as a test wants it: see each function.
#[derive(Clone, Debug)]
pub struct TestIssuer {
    issuer: TokenIssuer,
    clock: ManualClock,
    audience: String,
    client_id: String,
    keys_made: Arc<AtomicU64>,
}

impl TestIssuer {
    /// The issuer identifier by default.
    pub const ISSUER: &'static str = "https://issuer.test";
    /// The audience by default: the resource server under test.
    pub const AUDIENCE: &'static str = "https://api.test";
    /// The client by default.
    pub const CLIENT_ID: &'static str = "client-1";
    /// The subject of the tokens that [`broken`](Self::broken) starts from.
    pub const SUBJECT: &'static str = "user-1";

    /// An issuer with all defaults.
    ///
    /// # Panics
    /// When the cryptographic library cannot make a key.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An issuer with some defaults changed.
    ///
    /// ```
    /// use tower_resource_server::{keys::Algorithm, test_util::{ManualClock, TestIssuer}};
    ///
    /// let clock = ManualClock::default(); // shared with the server under test
    /// let issuer = TestIssuer::builder()
    ///     .issuer("https://other.test")
    ///     .algorithm(Algorithm::EdDSA)
    ///     .clock(clock)
    ///     .build();
    /// assert_eq!(issuer.jwks()["keys"][0]["crv"], "Ed25519");
    /// ```
    pub fn builder() -> TestIssuerBuilder {
        TestIssuerBuilder {
            issuer: Self::ISSUER.into(),
            audience: Self::AUDIENCE.into(),
            client_id: Self::CLIENT_ID.into(),
            algorithm: Algorithm::ES256,
            signing_key: None,
            clock: ManualClock::default(),
        }
    }

    /// Starts a good access token (RFC 9068) for the default audience and client.
    /// [`audience`](TokenBuilder::audience) replaces the default.
    pub fn access_token(&self, subject: impl Into<String>) -> TokenBuilder {
        self.issuer.access_token(subject).client_id(&*self.client_id)
    }

    /// Starts a good ID token for the default client.
    pub fn id_token(&self, subject: impl Into<String>) -> TokenBuilder {
        self.issuer.id_token(subject, &*self.client_id)
    }

    /// An access token of [`SUBJECT`](Self::SUBJECT) that is good but for this one defect.
    ///
    /// # Panics
    /// When the cryptographic library cannot sign.
    #[must_use]
    pub fn broken(&self, defect: Defect) -> String {
        self.broken_from(&self.access_token(Self::SUBJECT), defect)
    }

    /// This very access token, but for one defect: for servers that ask for more than the default
    /// one has, such as a scope.
    ///
    /// ```
    /// use tower_resource_server::test_util::{Defect, TestIssuer};
    ///
    /// let issuer = TestIssuer::new();
    /// let good = issuer.access_token("alice").scope("admin");
    /// for defect in Defect::ALL {
    ///     let token = issuer.broken_from(&good, *defect);
    ///     // assert that the server under test answers 401
    /// #   assert_ne!(token, "");
    /// }
    /// ```
    ///
    /// # Panics
    /// When `good` cannot be minted, is signed with an HMAC secret, or has claims that do not leave space for
    /// the defect.
    #[must_use]
    pub fn broken_from(&self, good: &TokenBuilder, defect: Defect) -> String {
        super::defect::apply(defect, good, self.now())
            .expect("a good token of an asymmetric key, and a working cryptographic library")
    }

    /// Signs exactly these bytes as a compact JWS with the signing key: for odd tokens that no
    /// [`Defect`] has. Nothing is added, not even `alg`.
    ///
    /// ```
    /// use tower_resource_server::test_util::TestIssuer;
    ///
    /// let odd = TestIssuer::new().sign_raw(r#"{"alg":"ES256","kid":"key-1"}"#, b"\xFF");
    /// assert_eq!(odd.split('.').count(), 3);
    /// ```
    ///
    /// # Panics
    /// When the cryptographic library cannot sign.
    #[must_use]
    pub fn sign_raw(&self, header_json: &str, payload: &[u8]) -> String {
        self.issuer.sign_raw(header_json, payload).expect("a working cryptographic library")
    }

    /// The JWK Set: what the server under test is to trust.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.issuer.jwks()
    }

    /// Signs with a new key of the same algorithm from now on and returns its `kid`. The old one
    /// stays in the JWK Set until `token_issuer().retire(..)`.
    ///
    /// # Panics
    /// When the cryptographic library cannot make a key.
    pub fn rotate(&self) -> String {
        let kid = format!("key-{}", self.keys_made.fetch_add(1, Ordering::Relaxed) + 1);
        let algorithm = self.issuer.signing_key().algorithm();
        let key = SigningKey::generate(algorithm).expect("a working cryptographic library");
        self.issuer.rotate(key.with_kid(&*kid)).expect("a `kid` of its own");
        kid
    }

    /// The issuer within, for all that it can do besides.
    #[must_use]
    pub fn token_issuer(&self) -> &TokenIssuer {
        &self.issuer
    }

    /// Discovery and JWK Set as a Tower service, for tests with a socket of their own.
    #[must_use]
    pub fn service<ResBody>(&self) -> IssuerService<ResBody> {
        self.issuer.service()
    }

    /// The clock of the tokens; a clone shares it.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The time on the clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.clock.unix()
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.issuer()
    }

    /// The audience of access tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The client of the tokens.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

/// Builds a [`TestIssuer`]; made by [`TestIssuer::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct TestIssuerBuilder {
    issuer: String,
    audience: String,
    client_id: String,
    algorithm: Algorithm,
    signing_key: Option<SigningKey>,
    clock: ManualClock,
}

impl TestIssuerBuilder {
    /// The issuer identifier.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// The audience of access tokens.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The client of the tokens.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// The algorithm of the generated key. RSA keys take a while to make: a test suite had better
    /// make one and share it with [`signing_key`](Self::signing_key).
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The key that signs, under its own `kid`, instead of a generated one.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// The time, shared with the server under test.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the issuer.
    ///
    /// # Panics
    /// When the issuer identifier is no URL, or the cryptographic library cannot make a key.
    #[must_use]
    pub fn build(self) -> TestIssuer {
        let key = self.signing_key.unwrap_or_else(|| {
            SigningKey::generate(self.algorithm).expect("a working cryptographic library").with_kid("key-1")
        });
        let issuer = TokenIssuer::builder(self.issuer)
            .signing_key(key)
            .clock(self.clock.clone())
            .default_audience(&*self.audience)
            .build()
            .expect("an issuer identifier that is a URL");
        TestIssuer {
            issuer,
            clock: self.clock,
            audience: self.audience,
            client_id: self.client_id,
            keys_made: Arc::new(AtomicU64::new(1)),
        }
    }
}
