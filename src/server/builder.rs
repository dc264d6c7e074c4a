//! The settings of a server, collected one by one.

use std::sync::Arc;

use http::HeaderName;

use super::{
    ApiKeys, CredentialVerifier, CredentialVerifierSettings, Dpop, Mtls, PairRules, ResourceServer,
    TrustedIssuer, token_locations::LocationSettings,
};
use crate::{
    error::ConfigProblem,
    http::{
        BodyOf, ChallengeTable, Grammar, IdTokenLocation, PublicAddress, RefusalBody, Reject, Rejection,
        RequestHead, RequestProfile, ResourceMetadata, SharedReject,
    },
    policy::Requirement,
    store::{Nonces, SpentStore},
    time::{Clock, SystemClock},
    token::TokenLimits,
};

/// The cache of verified tokens.
///
/// ```
/// use tower_resource_server::CacheSettings;
///
/// let settings = CacheSettings::default().max_bytes(64 * 1024 * 1024).digests(true);
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheSettings {
    /// The most memory it takes, in bytes: 16 MiB, some 5 000 tokens of 1 kB. 0 turns it off.
    pub max_bytes: usize,
    /// Keeps a SHA-256 digest of the tokens instead of the tokens themselves, for those who want
    /// none in memory: entries are half as large, and each look-up hashes the tokens, some 600 ns
    /// for 1 kB. The verified claims are kept either way.
    pub digests: bool,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { max_bytes: 16 * 1024 * 1024, digests: false }
    }
}

setters!(CacheSettings { max_bytes: usize, digests: bool });

/// Collects the settings of a [`ResourceServer`](crate::ResourceServer); see
/// [`ResourceServer::builder`](crate::ResourceServer::builder).
#[must_use]
pub struct ResourceServerBuilder {
    pub(super) resource: String,
    pub(super) audiences: Vec<Box<str>>,
    pub(super) issuers: Vec<TrustedIssuer>,
    pub(super) client_ids: Vec<Box<str>>,
    pub(super) realm: Option<String>,
    pub(super) scopes_supported: Requirement,
    pub(super) metadata: ResourceMetadata,
    pub(super) public_address: Option<PublicAddress>,
    pub(super) request: RequestProfile,
    pub(super) locations: LocationSettings,
    pub(super) pair: PairRules,
    pub(super) challenges: ChallengeTable,
    pub(super) grpc_refusals: bool,
    pub(super) reject: Option<SharedReject>,
    pub(super) required: Option<Requirement>,
    pub(super) scope_implications: Vec<(Box<str>, Vec<Box<str>>)>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: TokenLimits,
    pub(super) cache: CacheSettings,
    pub(super) nonces: Option<Nonces>,
    pub(super) api_keys: Option<ApiKeys>,
    pub(super) verifier: Option<Box<dyn CredentialVerifier>>,
    pub(super) verifier_settings: CredentialVerifierSettings,
    pub(super) spent_tokens: Option<Arc<dyn SpentStore>>,
    pub(super) dpop: Option<Dpop>,
    pub(super) mtls: Option<Mtls>,
    pub(super) fapi2: bool,
    pub(super) retain_tokens: bool,
    /// The server that this one takes the place of.
    pub(super) previous: Option<ResourceServer>,
    pub(super) problems: Vec<ConfigProblem>,
}

impl std::fmt::Debug for ResourceServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResourceServerBuilder")
            .field("resource", &self.resource)
            .field("issuers", &self.issuers)
            .finish_non_exhaustive()
    }
}

impl ResourceServerBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            audiences: Vec::new(),
            issuers: Vec::new(),
            client_ids: Vec::new(),
            realm: None,
            scopes_supported: Requirement::any_token(),
            metadata: ResourceMetadata::new(),
            public_address: None,
            request: RequestProfile::default(),
            locations: LocationSettings::default(),
            pair: PairRules::default(),
            challenges: ChallengeTable::default(),
            grpc_refusals: true,
            reject: None,
            required: None,
            scope_implications: Vec::new(),
            clock: Arc::new(SystemClock),
            limits: TokenLimits::default(),
            cache: CacheSettings::default(),
            nonces: None,
            api_keys: None,
            verifier: None,
            verifier_settings: CredentialVerifierSettings::default(),
            spent_tokens: None,
            dpop: None,
            mtls: None,
            fapi2: false,
            retain_tokens: false,
            previous: None,
            problems: Vec::new(),
        }
    }

    /// Trusts an issuer; at least one is needed. Each has keys of its own: a key of one issuer never
    /// verifies a token of another.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Accepts a further audience beside the resource identifier, of every issuer that names
    /// [none of its own](TrustedIssuer::audience).
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The client that ID tokens must be for, unless their issuer names
    /// [others](TrustedIssuer::client_id); needed wherever ID tokens are taken. Called again, it adds one.
    pub fn client_id(mut self, client_id: impl Into<Box<str>>) -> Self {
        self.client_ids.push(client_id.into());
        self
    }

    /// The `realm` of every challenge (RFC 9110 section 11.5). Clients search the whole challenge, so
    /// `build()` refuses one that holds `scope=`, `error=`, `error_description=` or `resource_metadata=`,
    /// and one with a quote before a comma, where some clients end a quoted string.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Scopes that the metadata document lists as `scopes_supported`, before those that the server, its layers
    /// and its guards require: for those that only handlers look at, and for an order. `offline_access` is
    /// never listed.
    pub fn scopes_supported(mut self, scopes: Requirement) -> Self {
        self.scopes_supported = scopes;
        self
    }

    /// What else the metadata document says.
    pub fn metadata(mut self, metadata: ResourceMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Where clients reach this server, if that is not what the resource identifier says: behind a proxy that
    /// strips a prefix, or under several names.
    ///
    /// Unless it is set, the resource identifier alone says where the metadata is, and no request changes that.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("a", keys, TokenProfile::rfc9068());
    /// use tower_resource_server::{ResourceServer, http::PublicAddress};
    ///
    /// let api = ResourceServer::builder("orders")
    ///     .public_address(PublicAddress::fixed("https://api.example/shop"))
    ///     .issuer(issuer)
    ///     .build()?;
    /// assert_eq!(api.resource(), "https://api.example/shop");
    /// assert_eq!(api.metadata_path(), Some("/.well-known/oauth-protected-resource/shop"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn public_address(mut self, address: PublicAddress) -> Self {
        self.public_address = Some(address);
        self
    }

    /// Takes an ID token beside the access token, if the request brings one. Both must be good, and
    /// belong together: same issuer, same subject, same client, `at_hash` where there is one.
    pub fn id_token(mut self, location: IdTokenLocation) -> Self {
        self.request.id_token = Some(location);
        self
    }

    /// How the `Authorization` field is cut into tokens: [`Grammar::bearer`] unless told otherwise.
    pub fn credentials(mut self, grammar: Grammar) -> Self {
        self.request.grammar = grammar;
        self
    }

    /// Takes the issuer from this header of the request, byte for byte, for issuers whose tokens do
    /// not name one. A request without it names none that is trusted; one with several is malformed.
    pub fn select_issuer_by(mut self, header: HeaderName) -> Self {
        self.request.selector = Some(header);
        self
    }

    /// When an access token and an ID token belong together: [`PairRules::openid`] unless told
    /// otherwise.
    pub fn pair_rules(mut self, rules: PairRules) -> Self {
        self.pair = rules;
        self
    }

    /// What each refusal is in HTTP: [`ChallengeTable::rfc6750`] unless told otherwise.
    pub fn challenges(mut self, table: ChallengeTable) -> Self {
        self.challenges = table;
        self
    }

    /// Whether requests that speak gRPC are refused in gRPC: on unless turned off. They do when they are
    /// a `POST` with the content type of gRPC on HTTP/2 or later, or with that of gRPC-Web.
    ///
    /// Such a refusal has the status 200, and says what it is in `grpc-status`. **Turn it off where
    /// an intermediary goes by the status alone**: a forward-auth service (nginx `auth_request`,
    /// Traefik `ForwardAuth`, Envoy `ext_authz` over HTTP) passes on headers of the original request,
    /// its content type among them, and takes a 2xx for a yes. Every refusal is then a 401, 403, 400
    /// or 503, which gRPC clients read as `UNAUTHENTICATED`, `PERMISSION_DENIED`, `INTERNAL` and
    /// `UNAVAILABLE`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{ResourceServer, TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("a", keys, TokenProfile::rfc9068());
    /// let forward_auth = ResourceServer::builder("https://api.example")
    ///     .grpc_refusals(false)
    ///     .issuer(issuer)
    ///     .build()?;
    /// # let _ = forward_auth;
    /// # Ok(())
    /// # }
    /// ```
    pub fn grpc_refusals(mut self, enabled: bool) -> Self {
        self.grpc_refusals = enabled;
        self
    }

    /// How refusals look, wherever they are made: by layers, guards and MCP guards that are not told
    /// [otherwise](crate::middleware::AuthLayer::reject_with), by extractors, and by handlers that return a
    /// [`Rejection`]. They have no body unless this says so; a refusal in gRPC never has one.
    ///
    /// [`AsServer`](crate::http::AsServer) names the bodies of responses that can have it behind a layer.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("a", keys, TokenProfile::rfc9068());
    /// use tower_resource_server::{ResourceServer, http::ProblemDetails};
    ///
    /// let api = ResourceServer::builder("https://api.example")
    ///     .reject_with(ProblemDetails)
    ///     .issuer(issuer)
    ///     .build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reject_with(mut self, reject: impl Reject) -> Self {
        self.reject = Some(SharedReject::new(reject));
        self
    }

    /// As [`reject_with`](Self::reject_with), with the body that a closure makes: a text, a JSON value, or a
    /// [`RefusalBody`].
    ///
    /// ```
    /// # use tower_resource_server::ResourceServer;
    /// let builder = ResourceServer::builder("https://api.example")
    ///     .refusal_body(|why, _| serde_json::json!({ "code": why.reason().code() }));
    /// # let _ = builder;
    /// ```
    pub fn refusal_body<F, T>(self, body: F) -> Self
    where
        F: Fn(&Rejection, RequestHead<'_>) -> T + Clone + Send + Sync + 'static,
        T: Into<RefusalBody>,
    {
        self.reject_with(BodyOf(body))
    }

    /// Requires this of every request, beside what an operation requires itself. Called again, both are
    /// required. An operation is open to requests without credentials only where both this and its own
    /// requirement say so, or behind an [`optional`](crate::middleware::AuthLayer::optional) layer.
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.required = Some(match self.required {
            Some(before) => before.and(requirement),
            None => requirement,
        });
        self
    }

    /// A token that was granted `scope` counts as granted these, too, wherever a requirement names them. They
    /// may imply others in turn; `build()` refuses a cycle.
    ///
    /// Names are literal: `orders:*` is a name as any other. Challenges name what an operation requires, never
    /// what would imply it; [`Identity::scopes`](crate::Identity::scopes) are those that were granted.
    ///
    /// ```
    /// # use tower_resource_server::ResourceServer;
    /// let builder = ResourceServer::builder("https://api.example")
    ///     .scope_implies("admin", ["orders:*"])
    ///     .scope_implies("orders:*", ["orders:read", "orders:write"]);
    /// # let _ = builder;
    /// ```
    pub fn scope_implies<S: Into<Box<str>>>(
        mut self,
        scope: impl Into<Box<str>>,
        implied: impl IntoIterator<Item = S>,
    ) -> Self {
        self.scope_implications.push((scope.into(), implied.into_iter().map(Into::into).collect()));
        self
    }

    /// Reads time from `clock`; for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The bounds on tokens.
    pub fn limits(mut self, limits: TokenLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The cache of verified tokens.
    pub fn cache(mut self, settings: CacheSettings) -> Self {
        self.cache = settings;
        self
    }

    /// The nonces that tokens spend, where a profile [wants that](crate::profile::TokenProfile::spends_nonce). Unless
    /// told otherwise they are this process's own; several that serve the same clients share a
    /// secret and a store.
    pub fn nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// Accepts static API keys beside tokens, sent as a bearer token is: for clients that cannot get tokens yet. See the
    /// [guide](crate::guide::api_keys). None unless it is set; `build()` refuses a set without a key.
    pub fn api_keys(mut self, keys: ApiKeys) -> Self {
        self.api_keys = Some(keys);
        self
    }

    /// Asks this verifier about credentials that are no JWT by their form, and none of the
    /// [API keys](Self::api_keys). None unless it is set.
    pub fn credential_verifier(mut self, verifier: impl CredentialVerifier) -> Self {
        self.verifier = Some(Box::new(verifier));
        self
    }

    /// The bounds on what the [verifier](Self::credential_verifier) is asked.
    pub fn credential_verifier_settings(mut self, settings: CredentialVerifierSettings) -> Self {
        self.verifier_settings = settings;
        self
    }

    /// Where it is written down that a token was used, where a profile lets each
    /// [count once](crate::profile::TokenProfile::single_use): the memory of this process unless told otherwise.
    /// Several that serve the same clients share a store.
    pub fn spent_tokens(mut self, store: impl SpentStore) -> Self {
        self.spent_tokens = Some(Arc::new(store));
        self
    }

    /// Takes access tokens that are bound to a key of their sender (RFC 9449), and has the proof of that key
    /// checked. Off unless set: a bound token is refused.
    ///
    /// `build()` refuses it without an address: of the resource identifier, or a
    /// [`public_address`](Self::public_address). Proofs are for the URL that clients use.
    pub fn dpop(mut self, dpop: impl Into<Option<Dpop>>) -> Self {
        self.dpop = dpop.into();
        self
    }

    /// Takes access tokens that are bound to a certificate of their sender (RFC 8705), and compares it with the one
    /// that came with the request. Off unless set: a bound token is refused.
    ///
    /// Together with [`dpop`](Self::dpop), a token that is bound to a certificate and to a key needs both.
    pub fn mtls(mut self, mtls: impl Into<Option<Mtls>>) -> Self {
        self.mtls = mtls.into();
        self
    }

    /// Keeps the tokens themselves in the [`Identity`](crate::Identity), for back ends that pass
    /// them on. Off unless asked for: what is not kept cannot leak.
    pub fn retain_tokens(mut self, retain: bool) -> Self {
        self.retain_tokens = retain;
        self
    }

    /// Takes the place of a server: keys that come from the same source are kept with it, those that were
    /// revoked stay so, and nonces that were spent under the same secret stay spent. It reads the same clock.
    #[cfg(feature = "config")]
    pub(crate) fn succeeding(mut self, previous: &ResourceServer) -> Self {
        self.previous = Some(previous.clone());
        self
    }

    /// The issuers that are trusted so far.
    #[cfg(feature = "config")]
    pub(crate) fn issuers(&self) -> &[TrustedIssuer] {
        &self.issuers
    }

    /// Changes each of them.
    #[cfg(feature = "config")]
    pub(crate) fn map_issuers(mut self, change: impl FnMut(TrustedIssuer) -> TrustedIssuer) -> Self {
        self.issuers = self.issuers.into_iter().map(change).collect();
        self
    }

    /// Notes what cannot work in the settings that this builder was made from; `build()` reports it.
    pub(crate) fn problem(mut self, problem: impl Into<String>) -> Self {
        self.problems.push(problem.into().into());
        self
    }

    pub(super) fn takes_id_tokens(&self) -> bool {
        self.request.id_token.is_some() || self.names_client()
    }

    /// Whether a client is named, for the server or for one of its issuers.
    pub(super) fn names_client(&self) -> bool {
        !self.client_ids.is_empty() || self.issuers.iter().any(|issuer| !issuer.client_ids.is_empty())
    }
}
