//! The issuer: a cheap handle on shared keys.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde_json::Value;

use super::{
    Algorithm, IssueError, IssuerService, KeySelector, SigningKey, TokenBuilder, TokenIssuerBuilder,
    key_ring::KeyRing,
    published::{Counters, Fetches, Published, Site},
};
use crate::time::{Clock, UnixTime};

/// Mints tokens, rotates keys, and serves what resource servers need in order to verify them.
///
/// A cheap handle: clones share keys, clock and counters.
/// See the [module documentation](crate::issuer) for an example.
#[derive(Clone)]
pub struct TokenIssuer {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) site: Site,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) access_token_lifetime: Duration,
    pub(super) id_token_lifetime: Duration,
    pub(super) default_audience: Option<String>,
    pub(super) state: RwLock<State>,
    pub(super) counters: Counters,
}

/// The keys, and the documents about them: they change together.
pub(super) struct State {
    pub(super) ring: KeyRing,
    pub(super) published: Arc<Published>,
}

impl TokenIssuer {
    /// Starts an issuer of that issuer identifier: the exact `iss` of its tokens, an absolute
    /// `http` or `https` URL, whose path (if any) is the prefix of what the service serves.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::{
    ///     issuer::{SigningKey, TokenIssuer},
    ///     keys::Algorithm,
    /// };
    ///
    /// let issuer = TokenIssuer::builder("https://login.example/tenant")
    ///     .signing_key(SigningKey::generate(Algorithm::EdDSA)?)
    ///     .access_token_lifetime(Duration::from_secs(300))
    ///     .jwks_path("/keys")
    ///     .build()?;
    /// assert_eq!(issuer.jwks_uri(), "https://login.example/tenant/keys");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(issuer: impl Into<String>) -> TokenIssuerBuilder {
        TokenIssuerBuilder::new(issuer.into())
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.shared.site.issuer
    }

    /// The URL of the JWK Set: the issuer's origin and path with the JWKS path behind it.
    #[must_use]
    pub fn jwks_uri(&self) -> &str {
        &self.shared.site.jwks_uri
    }

    /// The wall-clock time that the next token is issued at.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.shared.clock.unix()
    }

    /// Starts an access token of [RFC 9068]: `typ` `at+jwt`, `iss`, `sub`, `iat`, `exp` and an
    /// unguessable `jti`; `client_id` and, without a default, `aud` are still to be given.
    ///
    /// ```
    /// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
    /// # let issuer = TokenIssuer::builder("https://login.example")
    /// #     .signing_key(SigningKey::generate(Algorithm::ES256)?)
    /// #     .build()?;
    /// let token = issuer
    ///     .access_token("alice")
    ///     .client_id("web")
    ///     .audience("https://api.example")
    ///     .scope("orders:read orders:write")
    ///     .claim("tenant", "blue")
    ///     .mint()?;
    /// # assert_eq!(token.split('.').count(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068#section-2
    pub fn access_token(&self, subject: impl Into<String>) -> TokenBuilder {
        TokenBuilder::new(self.clone())
            .require(&["aud", "client_id"])
            .default_audience(self.shared.default_audience.clone())
            .typ("at+jwt")
            .claim("iss", self.issuer())
            .claim("sub", subject.into())
            .unique()
            .lifetime(self.shared.access_token_lifetime)
    }

    /// Starts an ID token of [OpenID Connect Core section 2]: `iss`, `sub`, `aud` (the client),
    /// `iat` and `exp`.
    ///
    /// ```
    /// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
    /// # let issuer = TokenIssuer::builder("https://login.example")
    /// #     .signing_key(SigningKey::generate(Algorithm::ES256)?)
    /// #     .build()?;
    /// # let access_token = issuer.access_token("alice").client_id("web").audience("api").mint()?;
    /// let id_token = issuer
    ///     .id_token("alice", "web")
    ///     .nonce("n-0S6_WzA2Mj")
    ///     .auth_time(issuer.now())
    ///     .for_access_token(&access_token)
    ///     .mint()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [OpenID Connect Core section 2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    pub fn id_token(&self, subject: impl Into<String>, client_id: impl Into<String>) -> TokenBuilder {
        TokenBuilder::new(self.clone())
            .typ("JWT")
            .claim("iss", self.issuer())
            .claim("sub", subject.into())
            .audience(client_id)
            .lifetime(self.shared.id_token_lifetime)
    }

    /// Starts a token of any other profile: a header of `alg` and `kid`, and no claim at all, not
    /// even times, until they are given.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
    /// # let issuer = TokenIssuer::builder("https://login.example")
    /// #     .signing_key(SigningKey::generate(Algorithm::ES256)?)
    /// #     .build()?;
    /// let vendor_token = issuer
    ///     .token()
    ///     .header("cty", "vendor;v=1")
    ///     .claim("prn", "alice")
    ///     .lifetime(Duration::from_secs(60)) // `iat` and `exp`
    ///     .mint()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token(&self) -> TokenBuilder {
        TokenBuilder::new(self.clone())
    }

    /// Starts a Layer identity token, version 1: what step 4 of its guide builds. Header `typ` `JWS`
    /// and `cty` `layer-eit;v=1`; claims `iss` (the provider's identifier, and not this issuer's URL),
    /// `prn` (the user), `nce` (the nonce of the challenge), `iat` and `exp`. It is signed with an
    /// RS256 key of this issuer, whose `kid` is the key's identifier.
    ///
    /// ```
    /// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
    /// # let key = SigningKey::generate(Algorithm::RS256)?;
    /// # let nonce = "a nonce";
    /// let issuer = TokenIssuer::builder("https://backend.example")
    ///     .signing_key(key.with_kid("layer:///keys/69fdd5aa-6478-11e4-97f1-1ded000000e6"))
    ///     .build()?;
    /// let provider = "layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8";
    /// let token = issuer
    ///     .layer_identity_token(provider, "frodo", nonce)
    ///     .claim("display_name", "Frodo the Dodo")
    ///     .mint()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn layer_identity_token(
        &self,
        provider: impl Into<String>,
        user_id: impl Into<String>,
        nonce: impl Into<String>,
    ) -> TokenBuilder {
        TokenBuilder::new(self.clone())
            .signed_with(Algorithm::RS256)
            .typ("JWS")
            .header("cty", "layer-eit;v=1")
            .claim("iss", provider.into())
            .claim("prn", user_id.into())
            .claim("nce", nonce.into())
            .lifetime(self.shared.id_token_lifetime)
    }

    /// Signs exactly these bytes as a compact JWS with the signing key: the primitive for odd
    /// tokens. Neither header nor payload is looked at; `alg` and `kid` are the caller's to write.
    ///
    /// # Errors
    /// [`IssueError::Signing`] when the cryptographic library fails.
    pub fn sign_raw(&self, header_json: &str, payload: &[u8]) -> Result<String, IssueError> {
        self.signing_key().sign_raw(header_json, payload)
    }

    /// The key that signs at present.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        self.read(|state| state.ring.signing().clone())
    }

    /// The JWK Set as it is served: the public half of each published key, secrets left out.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.read(|state| state.ring.jwks())
    }

    /// The discovery document as it is served.
    #[must_use]
    pub fn metadata(&self) -> Value {
        self.read(|state| self.shared.site.metadata(&state.ring))
    }

    /// Puts a key into the JWK Set that does not sign yet, so that verifiers have it before the
    /// first token that needs it.
    ///
    /// ```
    /// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
    /// # let issuer = TokenIssuer::builder("https://login.example")
    /// #     .signing_key(SigningKey::generate(Algorithm::ES256)?.with_kid("2025"))
    /// #     .build()?;
    /// issuer.publish(SigningKey::generate(Algorithm::ES256)?.with_kid("2026"))?;
    /// // once every verifier has had the time to fetch it:
    /// issuer.sign_with("2026")?;
    /// // once the last token of the old key has expired:
    /// issuer.retire("2025")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::DuplicateKid`] when the `kid` names another published key, or the key is
    /// published already; [`IssueError::LongKid`].
    pub fn publish(&self, key: SigningKey) -> Result<(), IssueError> {
        self.change(|ring| ring.publish(key))
    }

    /// Signs with a published key from now on.
    ///
    /// # Errors
    /// [`IssueError::UnknownKey`] when no published key answers.
    pub fn sign_with(&self, key: impl Into<KeySelector>) -> Result<(), IssueError> {
        let selector = key.into();
        self.change(|ring| ring.sign_with(&selector))
    }

    /// Publishes a key and signs with it from now on. The old one stays published until
    /// [`retire`](Self::retire): tokens that it signed stay good.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn rotate(&self, key: SigningKey) -> Result<(), IssueError> {
        self.change(|ring| ring.rotate(key))
    }

    /// Takes every key that answers out of the JWK Set; its tokens die as verifiers notice.
    ///
    /// # Errors
    /// [`IssueError::StillSigning`] for the key that signs, [`IssueError::UnknownKey`] when no key
    /// answers.
    pub fn retire(&self, key: impl Into<KeySelector>) -> Result<(), IssueError> {
        let selector = key.into();
        self.change(|ring| ring.retire(&selector))
    }

    /// A Tower service for the discovery documents and the JWK Set; see [`IssuerService`].
    #[must_use]
    pub fn service<ResBody>(&self) -> IssuerService<ResBody> {
        IssuerService::new(self.clone())
    }

    /// How often each document was asked for, by all services of this issuer together.
    #[must_use]
    pub fn fetches(&self) -> Fetches {
        self.shared.counters.read()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub(super) fn site(&self) -> &Site {
        &self.shared.site
    }

    pub(super) fn published(&self) -> Arc<Published> {
        self.read(|state| Arc::clone(&state.published))
    }

    /// The key of a token: the one asked for, be it published or not, else the signing one.
    pub(super) fn key(&self, selector: Option<&KeySelector>) -> Result<SigningKey, IssueError> {
        match selector {
            None => Ok(self.signing_key()),
            Some(KeySelector(super::key_ring::Selected::Key(key))) => Ok(key.clone()),
            Some(selector) => self.read(|state| state.ring.find(selector).cloned()),
        }
    }

    // A change works on a copy and puts it in place whole, so a poisoned lock holds a good state.
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut KeyRing) -> Result<(), IssueError>) -> Result<(), IssueError> {
        let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut ring = state.ring.clone();
        change(&mut ring)?;
        let published = Arc::new(self.shared.site.publish(&ring));
        *state = State { ring, published };
        Ok(())
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TokenIssuer");
        out.field("issuer", &self.issuer());
        self.read(|state| out.field("keys", &state.ring).finish_non_exhaustive())
    }
}
