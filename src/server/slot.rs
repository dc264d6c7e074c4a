//! One kind of token: which issuers may sign it, by which profile, and the verification of one.

use super::{NamedSource, Now};
use crate::{
    error::{ClaimName, TokenError},
    policy::Expected,
    profile::CompiledProfile,
    token::{ClaimId, ClaimNames, Claims, TokenLimits},
    verify::{Decoded, VerifiedToken},
};

/// The profiles of one kind of token, one for each issuer.
pub(super) struct Slot {
    names: ClaimNames,
    iss: ClaimId,
    issuers: Vec<CompiledProfile>,
}

/// A verified token, and the keys that it was verified against.
pub(super) struct Verified {
    pub(super) token: VerifiedToken,
    /// The issuer's position, in the slot and in the server's sources.
    pub(super) source: usize,
    pub(super) generation: u64,
}

/// Why a token was not verified.
pub(super) enum Failure {
    /// It is not good, and newer keys would not change that.
    Refused(TokenError),
    /// No key at hand verifies it: newer ones might.
    NeedKeys {
        source: usize,
        /// The generation of the keys that were tried; `None` when there were none.
        seen: Option<u64>,
    },
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

impl Slot {
    /// `compile` makes the profile of each issuer, in the order of the server's sources.
    pub(super) fn new(compile: impl FnOnce(&mut ClaimNames) -> Vec<CompiledProfile>) -> Self {
        let mut names = ClaimNames::default();
        let iss = names.intern("iss");
        let issuers = compile(&mut names);
        Self { names, iss, issuers }
    }

    pub(super) fn verify(
        &self,
        token: &[u8],
        sources: &[NamedSource],
        limits: &TokenLimits,
        now: Now,
        expected: Expected<'_>,
    ) -> Result<Verified, Failure> {
        let decoded = Decoded::new(token, limits)?;
        let (proven, source, generation) = {
            let parsed = decoded.claims(&self.names, limits)?;
            let (source, profile) = self.issuer(&parsed.claims)?;
            let screened = parsed.screen(profile, limits, now.unix, expected)?;
            let keys = sources.get(source).and_then(|source| source.keys.snapshot(now.monotonic));
            let Some(keys) = keys else { return Err(Failure::NeedKeys { source, seen: None }) };
            let generation = keys.generation();
            match screened.verify(keys.keys()) {
                Ok(proven) => (proven, source, generation),
                Err(TokenError::UnknownKey) => {
                    return Err(Failure::NeedKeys { source, seen: Some(generation) });
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Verified { token: proven.into_token(decoded.payload), source, generation })
    }

    /// The issuer that the token claims, if it is one of ours: by its exact bytes (RFC 7519 section
    /// 4.1.1), so that nothing untrusted is ever looked up, fetched or verified.
    fn issuer(&self, claims: &Claims<'_>) -> Result<(usize, &CompiledProfile), TokenError> {
        let name = || ClaimName("iss".into());
        let iss = claims.get(self.iss).ok_or_else(|| TokenError::MissingClaim(name()))?;
        let iss = iss.as_str().ok_or_else(|| TokenError::InvalidClaim(name()))?;
        self.issuers
            .iter()
            .enumerate()
            .find(|(_, profile)| *profile.binding.issuer == *iss)
            .ok_or(TokenError::UntrustedIssuer)
    }
}
