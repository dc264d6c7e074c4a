//! The FAPI 2.0 Security Profile of resource servers: what it sets, and what contradicts it.

use std::time::Duration;

use super::{Dpop, Mtls, ResourceServerBuilder, TrustedIssuer, check::label, problems::Problems};
use crate::{
    error::ConfigProblem,
    http::Grammar,
    keys::{Algorithm, AlgorithmSet},
    profile::TokenProfile,
};

/// JWTs that are so much ahead are accepted.
pub(super) const MIN_AHEAD: Duration = Duration::from_secs(10);

/// JWTs that are more than that ahead are refused.
pub(super) const MAX_AHEAD: Duration = Duration::from_secs(60);

/// The algorithms of section 5.4.1; EdDSA is Ed25519 alone here.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

const WEAK: &str = "only PS256, ES256 and EdDSA are accepted; leave the others out";

impl Dpop {
    /// Takes bound tokens alone, with proofs as the FAPI 2.0 Security Profile has them: signed with PS256, ES256 or
    /// Ed25519, and with an `iat` that is no more than 60 seconds off: a window of 50 and a leeway of 10.
    pub fn fapi2() -> Self {
        Self::required().algorithms(ALGORITHMS).leeway(MIN_AHEAD).window(MAX_AHEAD.saturating_sub(MIN_AHEAD))
    }
}

impl ResourceServerBuilder {
    /// Holds the server to the [FAPI 2.0 Security Profile], as far as it is about resource servers
    /// (sections 5.3.4 and 5.4): off unless turned on. The [guide](crate::guide::fapi2) has each requirement, and
    /// what is left to the application.
    ///
    /// It takes tokens in `Authorization` alone, each bound to its sender, by [`Dpop::fapi2`] (which spends proofs
    /// where [tokens are spent](Self::spent_tokens), if that is set) unless [said](Self::dpop) otherwise or
    /// [`Mtls::required`] binds them to certificates; signed with PS256, ES256 or Ed25519, which profiles are
    /// narrowed to that do not say; and JWTs that are up to 10 seconds ahead, and none that are more than 60.
    ///
    /// `build()` refuses what contradicts it: other locations and schemes, bearer tokens, API keys and other
    /// credentials that are bound to nothing, other algorithms of tokens or proofs, leeways out of these bounds, tokens
    /// without end, and keys that are fetched over plain http from another machine.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068());
    /// use tower_resource_server::ResourceServer;
    ///
    /// let api = ResourceServer::builder("https://api.example").issuer(issuer).fapi2(true).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [FAPI 2.0 Security Profile]: https://openid.net/specs/fapi-security-profile-2_0-final.html
    pub fn fapi2(mut self, enabled: bool) -> Self {
        self.fapi2 = enabled;
        self
    }

    /// Whether no token passes that is bound to nothing.
    fn binds_every_token(&self) -> bool {
        self.dpop.as_ref().is_some_and(Dpop::is_required) || self.mtls.as_ref().is_some_and(Mtls::is_required)
    }

    /// Says what the settings do not.
    pub(super) fn settle_fapi2(&mut self) {
        if !self.fapi2 {
            return;
        }
        if !self.binds_every_token() && self.dpop.is_none() {
            self.dpop = Some(self.spent_tokens.iter().cloned().fold(Dpop::fapi2(), Dpop::store));
        }
        let narrow = |profile: &mut TokenProfile| {
            if profile.accepted_algorithms() == AlgorithmSet::ASYMMETRIC {
                *profile = profile.clone().algorithms(ALGORITHMS);
            }
        };
        for issuer in &mut self.issuers {
            narrow(&mut issuer.profile);
            narrow(&mut issuer.id_token_profile);
            issuer.profiles_where.iter_mut().for_each(|(_, profile)| narrow(profile));
        }
    }

    /// What the settings say, and the profile does not allow.
    pub(super) fn check_fapi2(&self, all: &mut Vec<ConfigProblem>) {
        if !self.fapi2 {
            return;
        }
        let mut problems = Problems::of(all, "fapi2", "fapi2");
        problems.refuse(
            self.locations.names_any() || self.request.grammar != Grammar::bearer(),
            "locations",
            "tokens are in Authorization alone, under Bearer or DPoP; leave out what else says where they are",
        );
        problems.refuse(
            !self.binds_every_token(),
            "bearer_tokens",
            "every token is bound to its sender; use Dpop::fapi2(), or leave dpop out",
        );
        problems.refuse(
            self.api_keys.is_some() || self.verifier.is_some(),
            "opaque",
            "what is no token is bound to nothing; leave out API keys and the verifier",
        );
        if let Some(dpop) = &self.dpop {
            let rules = dpop.rules();
            problems.refuse(has_others(rules.algorithms), "proof_algorithms", WEAK);
            problems.refuse(
                !is_ahead(rules.leeway) || !is_ahead(rules.window.saturating_add(rules.leeway)),
                "proof_clock",
                "an iat is taken that is 10 s ahead, and none that is more than 60 s; use Dpop::fapi2()",
            );
        }
        for (n, issuer) in self.issuers.iter().enumerate() {
            self.check_fapi2_issuer(issuer, &mut Problems::of(all, format!("issuers[{n}]"), label(issuer)));
        }
    }

    fn check_fapi2_issuer(&self, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        let id = Some(&issuer.id_token_profile).filter(|_| self.takes_id_tokens());
        let profiles = || issuer.access_profiles().chain(id);
        let is_weak = profiles().any(|profile| has_others(profile.accepted_algorithms()));
        problems.refuse(is_weak, "fapi2_algorithms", WEAK);
        problems.refuse(
            profiles().any(|profile| !is_ahead(profile.accepted_leeway())),
            "fapi2_leeway",
            "a token is taken that is 10 s ahead, and none that is more than 60 s; use a leeway between them",
        );
        problems.refuse(
            profiles().any(TokenProfile::is_endless),
            "fapi2_lifetime",
            "every token ends; leave out unbounded_lifetime",
        );
        problems.refuse(
            issuer.takes_plain_http(),
            "fapi2_plain_http",
            "keys come over TLS; leave out plain_http_to",
        );
    }
}

fn has_others(algorithms: AlgorithmSet) -> bool {
    !algorithms.difference(ALGORITHMS.into()).is_empty()
}

/// Whether a JWT may be so much ahead.
fn is_ahead(by: Duration) -> bool {
    (MIN_AHEAD..=MAX_AHEAD).contains(&by)
}
