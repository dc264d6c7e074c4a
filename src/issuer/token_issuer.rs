//! The issuer: a cheap handle on shared keys, and its builder.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    Algorithm, IssueError, IssuerService, KeySelector, SigningKey, TokenBuilder,
    key_ring::KeyRing,
    published::{Counters, Fetches, Published, Site},
};
use crate::time::{Clock, SystemClock, UnixTime};

/// How long tokens live unless told otherwise: short, as nothing here revokes them.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long the served documents may be cached unless told otherwise.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Mints tokens, rotates keys, and serves what resource servers need in order to verify them.
///
/// A cheap handle: clones share keys, clock and counters.
/// See the [module documentation](crate::issuer) for an example.
#[derive(Clone)]
pub struct TokenIssuer {
    shared: Arc<Shared>,
}

struct Shared {
    site: Site,
    clock: Arc<dyn Clock>,
    access_token_lifetime: Duration,
    id_token_lifetime: Duration,
    default_audience: Option<String>,
    state: RwLock<State>,
    counters: Counters,
}

/// The keys, and the documents about them: they change together.
struct State {
    ring: KeyRing,
    published: Arc<Published>,
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
        TokenIssuerBuilder {
            issuer: issuer.into(),
            signing_key: None,
            published: Vec::new(),
            clock: Arc::new(SystemClock),
            access_token_lifetime: LIFETIME,
            id_token_lifetime: LIFETIME,
            default_audience: None,
            jwks_path: "/jwks".into(),
            max_age: MAX_AGE,
            metadata: Map::new(),
        }
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
    ///     .signing_key(key.kid("layer:///keys/69fdd5aa-6478-11e4-97f1-1ded000000e6"))
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
    /// #     .signing_key(SigningKey::generate(Algorithm::ES256)?.kid("2025"))
    /// #     .build()?;
    /// issuer.publish(SigningKey::generate(Algorithm::ES256)?.kid("2026"))?;
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

/// Builds a [`TokenIssuer`]; made by [`TokenIssuer::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct TokenIssuerBuilder {
    issuer: String,
    signing_key: Option<SigningKey>,
    published: Vec<SigningKey>,
    clock: Arc<dyn Clock>,
    access_token_lifetime: Duration,
    id_token_lifetime: Duration,
    default_audience: Option<String>,
    jwks_path: String,
    max_age: Duration,
    metadata: Map<String, Value>,
}

impl TokenIssuerBuilder {
    /// The key that signs. Required.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// One more key in the JWK Set, which signs only tokens that ask for it.
    pub fn publish(mut self, key: SigningKey) -> Self {
        self.published.push(key);
        self
    }

    /// Where `iat`, `nbf` and `exp` come from; [`SystemClock`] by default.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    /// As [`clock`](Self::clock), for a clock that others hold too.
    pub fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long access tokens live, in whole seconds; 10 minutes by default.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// How long ID tokens live, in whole seconds; 10 minutes by default.
    pub fn id_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.id_token_lifetime = lifetime;
        self
    }

    /// The `aud` of access tokens that name none: for an issuer in front of one API.
    pub fn default_audience(mut self, audience: impl Into<String>) -> Self {
        self.default_audience = Some(audience.into());
        self
    }

    /// Where the JWK Set is, behind the issuer's own path; `/jwks` by default.
    pub fn jwks_path(mut self, path: impl Into<String>) -> Self {
        self.jwks_path = path.into();
        self
    }

    /// How long the documents may be cached (`Cache-Control: max-age`, whole seconds); 5 minutes by
    /// default. A new key should be published for at least that long before it signs.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// One more member of the discovery document, such as `token_endpoint`, or another value for
    /// one that is there.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Makes the issuer.
    ///
    /// # Errors
    /// [`IssueError::IssuerUrl`], [`IssueError::Path`], [`IssueError::NoSigningKey`],
    /// [`IssueError::DuplicateKid`] and [`IssueError::LongKid`], as their names say.
    pub fn build(self) -> Result<TokenIssuer, IssueError> {
        let site = Site::new(self.issuer, &self.jwks_path, self.max_age, self.metadata)?;
        let mut ring = KeyRing::new(self.signing_key.ok_or(IssueError::NoSigningKey)?)?;
        for key in self.published {
            ring.publish(key)?;
        }
        let published = Arc::new(site.publish(&ring));
        Ok(TokenIssuer {
            shared: Arc::new(Shared {
                site,
                clock: self.clock,
                access_token_lifetime: self.access_token_lifetime,
                id_token_lifetime: self.id_token_lifetime,
                default_audience: self.default_audience,
                state: RwLock::new(State { ring, published }),
                counters: Counters::default(),
            }),
        })
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
