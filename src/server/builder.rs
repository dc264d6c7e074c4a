//! From settings to a server, with every contradiction named at once.

use std::sync::Arc;

use http::HeaderName;

#[cfg(feature = "remote")]
use super::sourcing;
use super::{
    Inner, PairRules, ResourceServer, TrustedIssuer, cache::TokenCache, slot::Slot, trusted_issuer::KeysFrom,
};
#[cfg(feature = "remote")]
use crate::profile::KeySelection;
use crate::{
    error::ConfigError,
    http::{ChallengeTable, Challenger, Grammar, IdTokenLocation, Metadata, RequestProfile},
    identity::ServerTag,
    keys::{AlgorithmSet, KeySet},
    metrics,
    policy::{Binding, Requirement},
    profile::{CompiledProfile, TokenProfile},
    store::Nonces,
    time::{Clock, SystemClock},
    token::{ClaimNames, TokenLimits},
};

/// The cache of verified tokens.
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

/// Collects the settings of a [`ResourceServer`]; see [`ResourceServer::builder`].
#[must_use]
pub struct ResourceServerBuilder {
    resource: String,
    audiences: Vec<Box<str>>,
    pub(super) issuers: Vec<TrustedIssuer>,
    client_ids: Vec<Box<str>>,
    realm: Option<String>,
    scopes_supported: Requirement,
    request: RequestProfile,
    pair: PairRules,
    challenges: ChallengeTable,
    grpc_refusals: bool,
    required: Requirement,
    pub(super) clock: Arc<dyn Clock>,
    limits: TokenLimits,
    cache: CacheSettings,
    nonces: Option<Nonces>,
    retain_tokens: bool,
    problems: Vec<String>,
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
            scopes_supported: Requirement::none(),
            request: RequestProfile::default(),
            pair: PairRules::default(),
            challenges: ChallengeTable::default(),
            grpc_refusals: true,
            required: Requirement::none(),
            clock: Arc::new(SystemClock),
            limits: TokenLimits::default(),
            cache: CacheSettings::default(),
            nonces: None,
            retain_tokens: false,
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
    /// `build()` refuses one that holds `scope=`, `error=` or `resource_metadata=`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// The scopes that the metadata document lists as `scopes_supported`.
    pub fn scopes_supported(mut self, scopes: Requirement) -> Self {
        self.scopes_supported = scopes;
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
    /// somebody in between goes by the status alone**: a forward-auth service (nginx `auth_request`,
    /// Traefik `ForwardAuth`, Envoy `ext_authz` over HTTP) passes on headers of the original request,
    /// its content type among them, and takes a 2xx for a yes. Every refusal is then a 401, 403, 400
    /// or 503, which gRPC clients read as `UNAUTHENTICATED`, `PERMISSION_DENIED`, `INTERNAL` and
    /// `UNAVAILABLE`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, ResourceServer, keys::{KeySet, VerifyingKey}};
    /// # let issuer = TrustedIssuer::with_keys("a", KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]), TokenProfile::jwt());
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

    /// Requires these scopes of every request, beside what an operation requires itself. Called
    /// again, it adds to them. A layer that is [`optional`](crate::middleware::AuthLayer::optional)
    /// then lets nobody pass without credentials.
    pub fn require(mut self, scopes: Requirement) -> Self {
        self.required = self.required.and(scopes);
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

    /// The nonces that tokens spend, where a profile [wants that](TokenProfile::spends_nonce). Unless
    /// told otherwise they are this process's own; several that serve the same clients share a
    /// secret and a store.
    pub fn nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// Keeps the tokens themselves in the [`Identity`](crate::Identity), for back ends that pass
    /// them on. Off unless asked for: what is not kept cannot leak.
    pub fn retain_tokens(mut self) -> Self {
        self.retain_tokens = true;
        self
    }

    /// Notes what cannot work in the settings that this builder was made from; `build()` reports it.
    pub(crate) fn problem(mut self, problem: impl Into<String>) -> Self {
        self.problems.push(problem.into());
        self
    }

    /// Builds the server. It fetches nothing and works outside a runtime; keys are fetched from the
    /// first request on, or from [`start`](ResourceServer::start).
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work: no issuer, an issuer twice, a profile that
    /// binds a token to nothing or lets it live for ever, HMAC with keys from the network, `http` addresses without the
    /// loopback opt-in, ID tokens without a client, limits without sense.
    pub fn build(mut self) -> Result<ResourceServer, ConfigError> {
        let mut problems = std::mem::take(&mut self.problems);
        self.check(&mut problems);

        let spends = self.issuers.iter().any(|issuer| {
            issuer.profile.spends_nonces()
                || (self.takes_id_tokens() && issuer.id_token_profile.spends_nonces())
        });
        let (fixed, patterns): (Vec<&TrustedIssuer>, Vec<&TrustedIssuer>) =
            self.issuers.iter().partition(|issuer| !issuer.is_pattern());
        let authorization_servers: Vec<_> = fixed.iter().map(|issuer| &*issuer.issuer).collect();
        let scopes: Vec<Box<str>> = self.scopes_supported.iter().map(Into::into).collect();
        let metadata = Metadata::new(&self.resource, &authorization_servers, &scopes);
        let address = metadata.as_ref().map(|metadata| &*metadata.url);
        let challenger = Challenger::new(self.challenges.clone(), self.realm.as_deref(), address);
        let challenger = challenger.unwrap_or_else(|problem| {
            problems.push(problem);
            Challenger::default()
        });
        let challenger = challenger.in_grpc(self.grpc_refusals);
        let audiences: Arc<[Box<str>]> =
            [self.resource.clone().into()].into_iter().chain(self.audiences.iter().cloned()).collect();
        let client_ids: Arc<[Box<str>]> = self.client_ids.clone().into();
        let own = |own: &Vec<Box<str>>, all: &Arc<[Box<str>]>| {
            if own.is_empty() { Arc::clone(all) } else { own.clone().into() }
        };
        let compile = |issuer: &TrustedIssuer, profile: &TokenProfile, names: &mut ClaimNames| {
            let binding = Binding {
                issuer: Arc::clone(&issuer.issuer),
                aliases: issuer.aliases.clone().into(),
                names: profile.compares_issuers(),
                audiences: own(&issuer.audiences, &audiences),
                client_ids: own(&issuer.client_ids, &client_ids),
            };
            CompiledProfile::new(profile, binding, names)
        };
        let slot = |profile: fn(&TrustedIssuer) -> &TokenProfile| {
            let mut names = ClaimNames::default();
            let mut compile_all = |issuers: &[&TrustedIssuer]| -> Vec<_> {
                issuers.iter().map(|issuer| compile(issuer, profile(issuer), &mut names)).collect()
            };
            let (fixed, templates) = (compile_all(&fixed), compile_all(&patterns));
            (Slot::new(names, fixed, self.request.selector.is_some()), templates)
        };
        let (access, access_templates) = slot(|issuer| &issuer.profile);
        let id = self.takes_id_tokens().then(|| slot(|issuer| &issuer.id_token_profile));
        let (id, id_templates) = id.unzip();
        #[cfg(feature = "remote")]
        let (access, id) = (
            access.with_tenants(|tenant| Some(&tenant.access)),
            id.map(|id| id.with_tenants(|tenant| tenant.id.as_ref())),
        );
        #[cfg(feature = "remote")]
        let sources = self.sources(
            &fixed,
            patterns.iter().copied().zip(sourcing::templates(access_templates, id_templates)),
            &mut problems,
        );
        #[cfg(not(feature = "remote"))]
        let sources = {
            let _: (Vec<CompiledProfile>, Option<Vec<CompiledProfile>>) = (access_templates, id_templates);
            Self::sources(&fixed)
        };
        let nonces = self.nonces.or_else(|| spends.then(|| default_nonces(&mut problems)).flatten());
        let inner = Inner {
            nonces,
            access,
            id,
            tag: ServerTag(self.resource.into()),
            request: self.request,
            pair: self.pair,
            takes_lone_id_tokens: self.issuers.iter().all(|issuer| issuer.id_token_profile.binds_audience()),
            required: self.required,
            sources,
            cache: (self.cache.max_bytes > 0).then(|| TokenCache::new(self.cache)),
            challenger,
            metadata,
            clock: self.clock,
            limits: self.limits,
            retain_tokens: self.retain_tokens,
            counters: metrics::Counters::new(),
        };
        ConfigError::unless_empty(problems, ResourceServer(Arc::new(inner)))
    }

    fn takes_id_tokens(&self) -> bool {
        self.request.id_token.is_some() || self.client_of_any()
    }

    /// Whether a client is named, for the server or for one of its issuers.
    fn client_of_any(&self) -> bool {
        !self.client_ids.is_empty() || self.issuers.iter().any(|issuer| !issuer.client_ids.is_empty())
    }

    fn check(&self, problems: &mut Vec<String>) {
        problems.extend(self.request.grammar.problem());
        problems.extend(self.challenges.problem());
        let selected = self.request.selector.is_some();
        let mut refuse = |holds: bool, problem: &str| {
            if holds {
                problems.push(problem.to_owned());
            }
        };
        refuse(
            self.resource.is_empty(),
            "resource: it is empty; name this server, as in the `aud` of its tokens",
        );
        refuse(
            self.audiences
                .iter()
                .chain(self.issuers.iter().flat_map(|issuer| &issuer.audiences))
                .any(|it| it.is_empty()),
            "audience: one is empty; leave it out",
        );
        refuse(self.issuers.is_empty(), "issuer: none is trusted; add one with .issuer(..)");
        let lacks_client =
            self.request.id_token.is_some() && !self.client_of_any() && !self.pair.bind_audience();
        refuse(lacks_client, "id_token: ID tokens are for one client; name it with .client_id(..)");
        refuse(
            self.client_ids
                .iter()
                .chain(self.issuers.iter().flat_map(|issuer| &issuer.client_ids))
                .any(|it| it.is_empty()),
            "client_id: one is empty; leave it out",
        );
        refuse(
            self.limits.nesting > TokenLimits::MAX_NESTING,
            "limits: nesting is above 100, where the JSON parser ends; use 100 or less",
        );
        refuse(
            self.limits.keys_tried == 0,
            "limits: keys_tried is 0, so that no token could be verified; use 1 or more",
        );
        for (n, issuer) in self.issuers.iter().enumerate() {
            let whose = format!("issuer {:?}", issuer.issuer);
            if issuer.issuer.is_empty() {
                problems.push("issuer: its name is empty; use the `iss` of its tokens".to_owned());
            }
            let form = issuer.profile.compares_issuers();
            if issuer.names().any(|name| name.ends_with('/') && form.of(name).is_empty()) {
                problems.push(format!("{whose}: nothing follows the last slash, by which it is known"));
            }
            let mut others = self.issuers.iter().take(n).flat_map(TrustedIssuer::names);
            if others.any(|other| issuer.names().any(|name| form.of(name) == form.of(other))) {
                problems.push(format!("{whose}: it is there twice; merge both into one"));
            }
            issuer.profile.problems(&whose, selected, problems);
            let mut needs_client = issuer.profile.needs_client();
            if self.takes_id_tokens() {
                // Where ID tokens lack a client altogether, that has been said.
                needs_client |= !lacks_client && issuer.id_token_profile.needs_client();
                issuer.id_token_profile.problems(&format!("{whose}, ID tokens"), selected, problems);
            }
            if needs_client && self.client_ids.is_empty() && issuer.client_ids.is_empty() {
                problems.push(format!(
                    "{whose}: its profile compares with the client; name it with .client_id(..)"
                ));
            }
            if self.request.id_token.is_some()
                && issuer.profile.spends_nonces()
                && issuer.id_token_profile.spends_nonces()
            {
                problems.push(format!(
                    "{whose}: both tokens of a request would spend a nonce, and one might be lost; let one of its profiles do it"
                ));
            }
            let accepted = issuer.profile.accepted_algorithms();
            #[cfg(feature = "remote")]
            let id_tokens = if self.takes_id_tokens() {
                issuer.id_token_profile.accepted_algorithms()
            } else {
                AlgorithmSet::EMPTY
            };
            #[cfg(feature = "remote")]
            if issuer.resolver.is_some() && !issuer.is_pattern() {
                problems.push(format!(
                    "{whose}: it is no pattern and has no tenants; begin it with TrustedIssuer::tenants(..)"
                ));
            }
            #[cfg(feature = "remote")]
            if issuer.profile.selects_key_by() == KeySelection::LastSegment
                && !matches!(issuer.keys, KeysFrom::Given(_))
            {
                problems.push(format!(
                    "{whose}: keys from the network are found by their whole names; use KeySelection::Kid"
                ));
            }
            match &issuer.keys {
                KeysFrom::Given(keys) => check_keys(&whose, keys, accepted, problems),
                #[cfg(feature = "remote")]
                _ if [accepted, id_tokens]
                    .iter()
                    .any(|accepted| !accepted.intersection(AlgorithmSet::HMAC).is_empty()) =>
                    problems.push(format!(
                    "{whose}: HMAC with keys from the network would let anyone sign who can read them; accept asymmetric algorithms only"
                )),
                #[cfg(feature = "remote")]
                _ => {}
            }
        }
    }
}

/// Nonces of this process, for a server that was given none.
fn default_nonces(problems: &mut Vec<String>) -> Option<Nonces> {
    let nonces = Nonces::new();
    nonces.map_err(|error| problems.push(format!("nonces: {error}; give them with .nonces(..)"))).ok()
}

/// Given keys can be judged at once.
fn check_keys(whose: &str, keys: &KeySet, accepted: AlgorithmSet, problems: &mut Vec<String>) {
    if keys.is_empty() {
        problems.push(format!("{whose}: it has no key; give at least one"));
    } else if keys.iter().all(|key| key.algorithms().intersection(accepted).is_empty()) {
        problems.push(format!(
            "{whose}: none of its keys fits an accepted algorithm {accepted:?}; name theirs with TokenProfile::algorithms"
        ));
    }
}
