//! One resource server: its configuration, and the authentication of one request.
//!
//! - `builder`: from settings to a [`ResourceServer`], with every contradiction named; `key_sources`:
//!   from its issuers to the sources of their keys.
//! - `trusted_issuer`: a [`TrustedIssuer`] that the server trusts: whose keys, which profile.
//! - `issuers`: the table of trusted issuers, each with its keys and profiles; `known_issuer`: one of them
//!   as verification sees it.
//! - `by_hand`: a server without a layer: tokens and request heads, verified on demand.
//! - `authenticate`: who made a request: cache, then verification, then, only for keys that are not
//!   there yet, a wait; `pending`: the wait.
//! - `token_locations`: where requests have their tokens; `locate`: who made a request, on a server that says so.
//! - `admit`: whether the request may have what it asks for: proof of possession, requirements, then what
//!   counts once; `prove`: the proof of one request; `dpop`: what is asked of proofs; `mtls`: the certificate of its
//!   client.
//! - `fapi2`: the FAPI 2.0 Security Profile: what it sets, and what contradicts it.
//! - `further`: what one operation requires, asked by hand.
//! - `operations`: what operations require that are types.
//! - `unlisted`: the operations that no requirement table lists.
//! - `never_met`: requirements that no credential meets.
//! - `opaque`: credentials that are no JWT by their form: API keys, and what a verifier of
//!   the application accepts.
//! - `predicate`: a requirement that the application judges itself.
//! - `explain`: the same two stages, with every check recorded.
//! - `pair`: whether an access token and an ID token belong together.
//! - `cache`: identities that were verified, and what ends each of them; `cache_shards`: where they are.
//! - `health`: how the keys are doing, as a service; `key_changes`: keys that the application withdraws
//!   or replaces; `succession`: the servers that a reload puts in each other's place.

mod admit;
mod authenticate;
mod build;
mod builder;
mod by_hand;
mod cache;
mod cache_shards;
mod check;
mod dpop;
mod explain;
mod fapi2;
#[cfg(feature = "remote")]
mod fetched;
mod further;
mod health;
mod issuers;
mod key_changes;
#[cfg(feature = "remote")]
mod key_sources;
mod known_issuer;
mod locate;
mod mtls;
mod never_met;
mod opaque;
mod operations;
mod pair;
mod pending;
mod predicate;
mod problems;
mod prove;
mod succession;
mod token_locations;
mod trusted_issuer;
mod unlisted;
#[cfg(not(feature = "remote"))]
mod without_remote;

use std::{
    fmt,
    future::{Future as _, poll_fn},
    sync::Arc,
    task::Poll,
};

use bytes::Bytes;

#[cfg(feature = "remote")]
pub use self::fetched::DangerousIssuer;
#[cfg(not(feature = "remote"))]
use self::without_remote::{fetched, key_sources};
pub(crate) use self::{
    admit::{Admission, Answered, StoreWait},
    authenticate::Denial,
    pending::{Pending, Resumed, Step},
    prove::DPOP_NONCE,
};
pub use self::{
    builder::{CacheSettings, ResourceServerBuilder},
    by_hand::IdTokenExpectations,
    dpop::{DEFAULT_DPOP_WINDOW, Dpop, MAX_DPOP_WINDOW},
    health::HealthService,
    key_changes::{KeyRevocation, ReplaceKeysError, RevokeKeyError},
    mtls::Mtls,
    opaque::{
        ApiKey, ApiKeyState, ApiKeyStatus, ApiKeys, CredentialError, CredentialVerifier,
        CredentialVerifierSettings, OpaqueCredential, ReplaceApiKeysError, Verification, VerifiedCredential,
    },
    pair::PairRules,
    trusted_issuer::TrustedIssuer,
};
use self::{
    cache::TokenCache, issuers::TrustedIssuers, opaque::Opaque, operations::Operations,
    succession::Succession, unlisted::Unlisted,
};
use crate::{
    http::{
        Challenger, KnownAddress, Metadata, MetadataService, Rejection, RequestHead, RequestProfile,
        TrustedOrigins, WellKnown,
    },
    identity::ServerTag,
    metrics,
    policy::{Compiled, KnownLeaves, Requirement, ScopeImplications},
    source::{IssuerHealth, IssuerRefreshError, KeySource},
    store::{NonceError, Nonces, SpentTokens, Tickets},
    time::{Clock, Now},
    token::TokenLimits,
};

/// An OAuth 2 resource server: verifies the tokens of requests. A cheap handle.
///
/// It is built once, never waits for a provider to start, and is used behind a Tower layer
/// ([`layer`](Self::layer), [`guard`](Self::guard)) or by hand
/// ([`verify_access_token`](Self::verify_access_token)).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{TrustedIssuer, ResourceServer, keys::KeySet, profile::TokenProfile};
///
/// let keys = KeySet::from_jwks(br#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
/// ]}"#)?;
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068()))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

struct Inner {
    tag: ServerTag,
    request: RequestProfile,
    trusted_origins: TrustedOrigins,
    pair: PairRules,
    /// What every request needs, if anything is said.
    always: Option<Requirement>,
    /// The same, ready; a good token where nothing is said.
    required: Compiled,
    /// The leaves of all requirements, numbered.
    leaves: KnownLeaves,
    implications: ScopeImplications,
    operations: Operations,
    unlisted: Unlisted,
    issuers: TrustedIssuers,
    cache: Option<TokenCache>,
    /// What is accepted beside tokens.
    opaque: Option<Opaque>,
    /// Where tokens spend nonces.
    nonces: Option<Nonces>,
    /// Where requests may bring tickets.
    tickets: Option<Tickets>,
    /// Where tokens count once.
    spent_tokens: Option<SpentTokens>,
    /// What is asked of bound tokens, where they are taken.
    dpop: Option<Box<Dpop>>,
    /// Where tokens may be bound to a certificate.
    mtls: Option<Box<Mtls>>,
    /// Whether tokens may be bound in either way.
    asks_for_proof: bool,
    challenger: Challenger,
    metadata: Option<Arc<Metadata>>,
    address: Arc<KnownAddress>,
    clock: Arc<dyn Clock>,
    limits: TokenLimits,
    retain_tokens: bool,
    /// Those whose place it takes, and those that take its own.
    succession: Succession,
    counters: metrics::Counters,
}

impl ResourceServer {
    /// Begins a server with this resource identifier (RFC 8707, RFC 9728): the default audience, and
    /// where it is an `https` URL the base of the metadata address in its challenges.
    pub fn builder(resource: impl Into<String>) -> ResourceServerBuilder {
        ResourceServerBuilder::new(resource.into())
    }

    /// The resource identifier.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.tag.resource()
    }

    /// A nonce for a token to spend, where a profile [wants one](crate::profile::TokenProfile::spends_nonce).
    /// It is good once, for the server's clock and its [`Nonces`] alone, and costs no memory, so
    /// anyone may have one.
    ///
    /// # Errors
    /// [`NonceError::Unavailable`], also from a server whose tokens spend no nonces.
    pub fn issue_nonce(&self) -> Result<String, NonceError> {
        let nonces = self.0.nonces.as_ref().ok_or(NonceError::Unavailable)?;
        nonces.issue(self.0.clock.unix())
    }

    /// How the keys of each issuer are doing, in the order of the configuration; then the tenants
    /// that are in use, by name.
    #[must_use]
    pub fn health(&self) -> Vec<IssuerHealth> {
        self.0.issuers.health()
    }

    /// A Tower service that answers with [`health`](Self::health) as JSON: 200 when tokens of every
    /// issuer can be verified, 503 when those of one cannot. For readiness probes and people.
    ///
    /// ```
    /// # fn mount(api: &tower_resource_server::ResourceServer) {
    /// let service = api.health_service::<bytes::Bytes>(); // any body that is made from bytes
    /// // with axum: Router::new().route_service("/health/keys", api.health_service::<axum::body::Body>())
    /// # let _ = service;
    /// # }
    /// ```
    #[must_use]
    pub fn health_service<B: From<Bytes>>(&self) -> HealthService<B> {
        HealthService::new(self.clone())
    }

    /// A Tower service with the protected resource metadata document (RFC 9728) of this server; to
    /// be mounted outside the layer, at [`metadata_path`](Self::metadata_path).
    #[must_use]
    pub fn metadata_service<B: From<Bytes>>(&self) -> MetadataService<B> {
        MetadataService::new(self.0.metadata.clone())
    }

    /// Where clients look for the metadata; `None` when the resource identifier is not an http(s) URL.
    #[must_use]
    pub fn metadata_path(&self) -> Option<&str> {
        self.0.metadata.as_ref().map(|metadata| &*metadata.place.path)
    }

    /// The URL by which the client of this request knows its target, without the query: the origin, what a
    /// proxy stripped, and the path, also where axum's `nest` stripped a part of it. `None` when neither the
    /// [public address](ResourceServerBuilder::public_address) nor the resource identifier is an http(s) URL.
    ///
    /// `Host` and the authority of the request are not looked at; see
    /// [`PublicAddress`](crate::http::PublicAddress) for what is.
    #[must_use]
    pub fn url_of<'r>(&self, request: impl Into<RequestHead<'r>>) -> Option<String> {
        self.0.address.url_of(request.into())
    }

    /// Whether the challenges of a request are [its own](Self::at_address_of).
    #[inline]
    pub(crate) fn is_refusal_per_request(&self) -> bool {
        self.0.address.is_per_request() || self.0.dpop.is_some()
    }

    /// A refusal as a request gets it: its challenge leads to the metadata at the address that the client
    /// used, and is of the scheme that it used. Refusals that are kept for the next request name the configured one.
    #[cold]
    pub(crate) fn at_address_of(&self, why: &Rejection, head: RequestHead<'_>) -> Rejection {
        let in_scheme = self.0.dpop.as_ref().and_then(|_| self.refusal_in_scheme(why, head));
        let why = in_scheme.as_ref().unwrap_or(why);
        if !self.0.address.is_per_request() {
            return why.clone();
        }
        let place = self.0.address.resource_of(head).and_then(|resource| WellKnown::of(&resource));
        place.map_or_else(|| why.clone(), |place| self.0.challenger.readdress(why, &place.url))
    }

    pub(crate) fn tag(&self) -> &ServerTag {
        &self.0.tag
    }

    /// What an operation needs that needs `own` beside what every request needs.
    pub(crate) fn requires(&self, own: Option<Requirement>) -> Requirement {
        match (&self.0.always, own) {
            (Some(always), Some(own)) => always.clone().and(own),
            (Some(always), None) => always.clone(),
            (None, own) => own.unwrap_or_default(),
        }
    }

    /// A requirement made ready for the requests of this server; the metadata names its scopes, and what no
    /// credential ever meets is logged.
    pub(crate) fn ready_for(&self, requirement: Requirement) -> Compiled {
        if let Some(metadata) = &self.0.metadata {
            metadata.scopes.add(&requirement);
        }
        self.0.tell_never_met(&requirement, |leaf| self.0.leaves.is_new(leaf));
        Compiled::new(requirement, &self.0.leaves)
    }

    /// A requirement made ready for one request.
    pub(crate) fn ready_once(&self, requirement: Requirement) -> Compiled {
        Compiled::once(requirement)
    }

    pub(crate) fn request_profile(&self) -> &RequestProfile {
        &self.0.request
    }

    /// The refusal for `denial` on an operation that needs `required`.
    pub(crate) fn refuse(&self, denial: Denial, required: &Compiled) -> Rejection {
        let rejection = self.write_refusal(denial, required);
        rejection.count();
        rejection
    }

    /// A refusal to be used later, or often: it is [counted](Rejection::count) when it is used.
    pub(crate) fn write_refusal(&self, denial: Denial, required: &Compiled) -> Rejection {
        self.0.challenger.refuse(denial.reason, required.first_scopes(), denial.retry_after)
    }
}

impl ResourceServer {
    /// Starts fetching keys now instead of with the first request.
    ///
    /// # Errors
    /// [`NoRuntime`](crate::source::NoRuntime) outside a tokio runtime; the first request inside one
    /// then starts it.
    pub fn start(&self) -> Result<(), crate::source::NoRuntime> {
        self.0.issuers.configured.iter().try_for_each(|known| known.keys.start())
    }

    /// Waits until every issuer's keys are there: a gate for those who want to start that way.
    ///
    /// It waits as long as it takes; put a timeout around it.
    ///
    /// # Errors
    /// [`NoRuntime`](crate::source::NoRuntime) outside a tokio runtime.
    pub async fn ready(&self) -> Result<(), crate::source::NoRuntime> {
        self.start()?;
        for known in &self.0.issuers.configured {
            known.keys.ready().await?;
        }
        Ok(())
    }

    /// Fetches the keys of every issuer now, budget or not, and waits for the results. From a server of before a
    /// [reload](crate::config::ReloadableServer::reload), they are those of the one that is in force.
    ///
    /// # Errors
    /// The first [`IssuerRefreshError`], which names the issuer; the others are fetched all the same, and
    /// what was known before is kept.
    pub async fn refresh_now(&self) -> Result<(), IssuerRefreshError> {
        let fetch = |(issuer, keys): (Arc<str>, KeySource)| {
            let refresh = async move { keys.refresh_now().await };
            Box::pin(async { refresh.await.map_err(|error| IssuerRefreshError::new(issuer, error)) })
        };
        // All at once: one that hangs holds up only itself.
        let (in_force, _) = self.in_force();
        let mut fetches: Vec<_> = in_force.0.issuers.all_keys().into_iter().map(fetch).collect();
        let mut result = Ok(());
        poll_fn(|cx| {
            fetches.retain_mut(|fetch| match fetch.as_mut().poll(cx) {
                Poll::Ready(fetched) => {
                    result = std::mem::replace(&mut result, Ok(())).and(fetched);
                    false
                }
                Poll::Pending => true,
            });
            if fetches.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        result
    }
}

impl Inner {
    #[inline]
    fn now(&self) -> Now<'_> {
        Now::new(&*self.clock)
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.0.issuers.configured.iter().map(|known| &known.issuer).collect();
        f.debug_struct("ResourceServer")
            .field("resource", &self.resource())
            .field("issuers", &issuers)
            .finish_non_exhaustive()
    }
}
