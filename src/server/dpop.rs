//! Tokens that are bound to a key of their sender: what a server takes, as settings.

use std::{fmt, sync::Arc, time::Duration};

use super::{ResourceServerBuilder, problems::Problems};
use crate::{
    error::ConfigProblem,
    http::{DpopChallenges, DpopMembers, Grammar},
    keys::{Algorithm, AlgorithmSet},
    profile::{DEFAULT_LEEWAY, MAX_LEEWAY, Once},
    proof::ProofRules,
    store::{DpopNonces, MemorySpentStore, SpentStore, succeed},
};

/// How far the `iat` of a proof may be off unless told otherwise, beyond the leeway: what it takes a request
/// to arrive.
pub const DEFAULT_DPOP_WINDOW: Duration = Duration::from_secs(60);

/// The widest window that can be configured: each proof that is used must be known for as long.
pub const MAX_DPOP_WINDOW: Duration = Duration::from_secs(3600);

/// Takes access tokens that are bound to a key of their sender (DPoP, [RFC 9449]), for
/// [`ResourceServerBuilder::dpop`](crate::ResourceServerBuilder::dpop).
///
/// Such a token comes under the scheme `DPoP`, with a proof in the field `DPoP`: a JWT of the sender's key, for
/// this method, this URL, this token and this time. Each proof counts once. A bound token without its proof is
/// refused, whatever the scheme, and so is a proof beside a bearer token.
///
/// The URL of a request is that of its [public address](crate::http::PublicAddress), never what `Host` says.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tower_resource_server::{ResourceServer, TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
/// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
/// # let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068());
/// use tower_resource_server::{Dpop, store::DpopNonces};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(issuer)
///     .dpop(Dpop::required().nonces(DpopNonces::new()?))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
///
/// It does not check how the client got the token, nor that it keeps its key: who has both can use them.
///
/// [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449
#[derive(Clone)]
#[must_use]
pub struct Dpop {
    required: bool,
    algorithms: AlgorithmSet,
    window: Duration,
    leeway: Duration,
    pub(super) nonces: Option<DpopNonces>,
    pub(super) store: Arc<dyn SpentStore>,
}

impl Dpop {
    /// Takes bound tokens, and bearer tokens beside them.
    pub fn allowed() -> Self {
        Self {
            required: false,
            algorithms: [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA].into(),
            window: DEFAULT_DPOP_WINDOW,
            leeway: DEFAULT_LEEWAY,
            nonces: None,
            store: Arc::new(MemorySpentStore::default()),
        }
    }

    /// Takes bound tokens alone: the scheme `Bearer` is one that the server does not have. To demand them of
    /// some operations, [allow](Self::allowed) both and require
    /// [`sender_constrained`](crate::policy::sender_constrained).
    pub fn required() -> Self {
        Self { required: true, ..Self::allowed() }
    }

    /// The algorithms of proofs, which challenges and the metadata name: `ES256`, which is always one of them,
    /// `PS256` and Ed25519 unless set. `build()` refuses HMAC.
    pub fn algorithms(mut self, algorithms: impl Into<AlgorithmSet>) -> Self {
        self.algorithms = algorithms.into().into_iter().chain([Algorithm::ES256]).collect();
        self
    }

    /// How far the `iat` of a proof may be off, either way, beyond the [leeway](Self::leeway):
    /// [`DEFAULT_DPOP_WINDOW`] unless set. Clients of the Model Context Protocol count on five minutes. `build()`
    /// refuses more than [`MAX_DPOP_WINDOW`].
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How far the clocks of clients may be off: [`DEFAULT_LEEWAY`] unless set. `build()` refuses more than
    /// [`MAX_LEEWAY`].
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Wants a nonce of this server in each proof (RFC 9449 section 9), so that none is made in advance. None
    /// is wanted unless set.
    ///
    /// A client is given one with the refusal of its first proof, and the next one with an answer of the layer
    /// when half of the life of its own is over.
    pub fn nonces(mut self, nonces: impl Into<Option<DpopNonces>>) -> Self {
        self.nonces = nonces.into();
        self
    }

    /// Where used proofs are recorded: in a [`MemorySpentStore`] of the default size unless set. Several
    /// processes that serve the same clients need one store between them, or a proof counts once in each.
    pub fn store(mut self, store: impl SpentStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// For a server that takes the place of another: what was spent there stays spent, and nonces of the process
    /// stay good.
    pub(super) fn succeeding(mut self, previous: &Self) -> Self {
        succeed(&mut self.store, &previous.store);
        self.nonces = match (self.nonces.take(), &previous.nonces) {
            (Some(own), Some(before)) => Some(own.succeeding(before)),
            (own, _) => own,
        };
        self
    }

    pub(super) const fn is_required(&self) -> bool {
        self.required
    }

    pub(super) const fn rules(&self) -> ProofRules {
        ProofRules { algorithms: self.algorithms, window: self.window, leeway: self.leeway }
    }

    /// The names of the algorithms; Ed25519 has two (RFC 9864).
    fn names(&self) -> Vec<&'static str> {
        let ed25519 = self.algorithms.contains(Algorithm::EdDSA).then_some("Ed25519");
        self.algorithms.iter().map(Algorithm::name).chain(ed25519).collect()
    }

    pub(super) fn challenges(&self) -> DpopChallenges {
        DpopChallenges { algorithms: self.names().join(" ").into(), alone: self.required }
    }

    pub(super) fn members(&self) -> DpopMembers {
        DpopMembers {
            dpop_signing_alg_values_supported: self.names(),
            dpop_bound_access_tokens_required: Some(self.required),
        }
    }

    /// What cannot work in these settings.
    fn check(&self, all: &mut Vec<ConfigProblem>) {
        let mut problems = Problems::of(all, "dpop", "dpop");
        problems.refuse(
            !self.algorithms.intersection(AlgorithmSet::HMAC).is_empty(),
            "algorithms",
            "a proof brings its own key, which is public; leave HMAC out",
        );
        problems.refuse(
            self.window > MAX_DPOP_WINDOW || self.leeway > MAX_LEEWAY,
            "window",
            "proofs are of this time; use a window of an hour and a leeway of ten minutes at most",
        );
    }
}

impl ResourceServerBuilder {
    /// What cannot be together with bound tokens.
    pub(super) fn check_dpop(&self, all: &mut Vec<ConfigProblem>) {
        let Some(dpop) = &self.dpop else { return };
        dpop.check(all);
        let mut problems = Problems::of(all, "dpop", "dpop");
        problems.refuse(
            [Once::Nonce, Once::Id].into_iter().any(|what| self.spends(what)),
            "spends",
            "both the token and its proof would be spent, and one might be lost; leave out what tokens spend, or dpop",
        );
        problems.refuse(
            !self.fapi2 && (self.locations.names_any() || self.request.grammar != Grammar::bearer()),
            "locations",
            "bound tokens are in Authorization, in a scheme of their own beside Bearer; leave out dpop, or what else says where tokens are",
        );
        problems.refuse(
            !self.fapi2 && dpop.is_required() && (self.api_keys.is_some() || self.verifier.is_some()),
            "opaque",
            "only bound tokens are taken, and what is no token is bound to nothing; use Dpop::allowed() with a requirement, or leave out API keys and the verifier",
        );
        problems.refuse(
            !self.challenges.offers_bearer_alone(),
            "challenges",
            "the scheme DPoP is offered beside Bearer, or alone; leave out the schemes of the challenge table",
        );
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("required", &self.required)
            .field("algorithms", &self.algorithms)
            .field("window", &self.window)
            .field("leeway", &self.leeway)
            .field("nonces", &self.nonces)
            .finish_non_exhaustive()
    }
}
