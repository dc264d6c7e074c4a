//! One kind of token: which issuers may sign it, by which profile, and the verification of one.

#[cfg(feature = "remote")]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "remote")]
use super::sources::TenantProfiles;
use super::{
    Now,
    sources::{NamedSource, Sources},
};
#[cfg(feature = "remote")]
use crate::source::Tenants;
use crate::{
    error::{ClaimName, TokenError},
    policy::Expected,
    profile::CompiledProfile,
    source::{KeySource, Snapshot, SnapshotRef},
    token::{ClaimId, ClaimNames, Claims, TokenLimits, UnverifiedToken},
    verify::{Decoded, Parsed, Proven, VerifiedToken, names_no_key},
};

/// The profiles of one kind of token, one for each issuer.
pub(super) struct Slot {
    pub(super) names: ClaimNames,
    iss: ClaimId,
    /// Whether a header of the request names the issuer, in place of the token's `iss`.
    pub(super) selected: bool,
    pub(super) issuers: Vec<CompiledProfile>,
    /// Which profile of a tenant is this slot's.
    #[cfg(feature = "remote")]
    pub(super) of_tenant: fn(&TenantProfiles) -> Option<&CompiledProfile>,
}

/// A verified token, and the keys that it was verified against.
pub(super) struct Verified {
    pub(super) token: VerifiedToken,
    /// The number of the source.
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
    /// It is good, and that its nonce is spent cannot be written down.
    CannotSpend,
    /// Its issuer may not be looked up now.
    #[cfg(feature = "remote")]
    Unavailable {
        /// When it is worth coming again.
        retry_after: Duration,
    },
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

impl Slot {
    /// The profiles of the configured issuers, in the order of the server's sources, and the claims
    /// that all profiles ask about.
    pub(super) fn new(mut names: ClaimNames, issuers: Vec<CompiledProfile>, selected: bool) -> Self {
        Self {
            iss: names.intern("iss"),
            selected,
            names,
            issuers,
            #[cfg(feature = "remote")]
            of_tenant: |_| None,
        }
    }

    #[cfg(feature = "remote")]
    pub(super) fn with_tenants(self, of_tenant: fn(&TenantProfiles) -> Option<&CompiledProfile>) -> Self {
        Self { of_tenant, ..self }
    }

    pub(super) fn verify(
        &self,
        token: &[u8],
        selector: Option<&[u8]>,
        sources: &Sources,
        limits: &TokenLimits,
        now: &Now<'_>,
        expected: Expected<'_>,
    ) -> Result<Verified, Failure> {
        let token = UnverifiedToken::parse(token, limits)?;
        if self.is_hopeless(&token, sources, limits, now) {
            return Err(TokenError::UnknownKey.into());
        }
        let decoded = Decoded::new(token)?;
        let (proven, source, generation) = {
            let parsed = decoded.claims(&self.names, limits)?;
            let iss = if self.selected { selected(selector) } else { self.iss(&parsed.claims) }?;
            let trial = Trial { parsed: &parsed, limits, now, expected };
            match self.fixed(iss, sources) {
                Some((source, profile, named)) => {
                    trial.run(profile, source, || named.keys.snapshot(|| now.monotonic()))?
                }
                None => self.tenant(&trial, iss, sources)?,
            }
        };
        Ok(Verified { token: proven.into_token(decoded.payload), source, generation })
    }

    /// Whether the key that the token names is known not to exist, whatever the token says: anyone
    /// can make up such tokens, so they should cost little. It can be known before the issuer is only
    /// where there is one issuer; and only if nothing would be fetched or waited for, since that is
    /// not done for a token whose issuer was not looked at.
    fn is_hopeless(
        &self,
        token: &UnverifiedToken<'_>,
        sources: &Sources,
        limits: &TokenLimits,
        now: &Now<'_>,
    ) -> bool {
        let Some(keys) = sources.only() else { return false };
        let Some(snapshot) = keys.peek(|| now.monotonic()) else { return false };
        self.is_hopeless_with(token, keys, &snapshot, limits, now)
    }

    /// The same with these keys of the only source.
    pub(super) fn is_hopeless_with(
        &self,
        token: &UnverifiedToken<'_>,
        source: &KeySource,
        snapshot: &Snapshot,
        limits: &TokenLimits,
        now: &Now<'_>,
    ) -> bool {
        let [profile] = self.issuers.as_slice() else { return false };
        names_no_key(token, profile, snapshot.keys(), limits)
            && source.is_known_to_lack(snapshot.generation(), || now.monotonic())
    }

    /// The configured issuer of this name: by its exact bytes (RFC 7519 section 4.1.1) unless the
    /// profile says otherwise, so that nothing untrusted is ever looked up, fetched or verified.
    pub(super) fn fixed<'s>(
        &'s self,
        iss: &str,
        sources: &'s Sources,
    ) -> Option<(usize, &'s CompiledProfile, &'s NamedSource)> {
        let known = self.issuers.iter().zip(&sources.fixed).enumerate();
        let (source, (profile, named)) =
            { known }.find(|(_, (profile, _))| profile.binding.is_issuer(iss))?;
        Some((source, profile, named))
    }

    pub(super) fn iss<'a>(&self, claims: &'a Claims<'_>) -> Result<&'a str, TokenError> {
        let name = || ClaimName("iss".into());
        let iss = claims.get(self.iss).ok_or_else(|| TokenError::MissingClaim(name()))?;
        iss.as_str().ok_or_else(|| TokenError::InvalidClaim(name()))
    }

    #[cfg(not(feature = "remote"))]
    fn tenant(&self, _: &Trial<'_, '_>, _: &str, _: &Sources) -> Result<(Proven, usize, u64), Failure> {
        Err(TokenError::UntrustedIssuer.into())
    }

    /// Verifies a token whose issuer may be a tenant.
    #[cfg(feature = "remote")]
    fn tenant(
        &self,
        trial: &Trial<'_, '_>,
        iss: &str,
        sources: &Sources,
    ) -> Result<(Proven, usize, u64), Failure> {
        let verified = match sources.tenants_of(iss) {
            Some(tenants) => self.trusted_tenant(trial, iss, tenants),
            None => self.untrusted_tenant(trial, iss, sources),
        };
        verified.map_err(|failure| match failure {
            Failure::Refused(error) => Failure::Refused(sources.reported_error(iss, error)),
            other => other,
        })
    }

    /// Refuses a token whose issuer is not trusted, after the checks that a token of a trusted tenant
    /// passes before its keys are needed.
    #[cfg(feature = "remote")]
    fn untrusted_tenant(
        &self,
        trial: &Trial<'_, '_>,
        iss: &str,
        sources: &Sources,
    ) -> Result<(Proven, usize, u64), Failure> {
        if let Some(tenants) = sources.tenants_like(iss).next() {
            let own = tenants.own(&iss.into());
            trial.screen((self.of_tenant)(&own).ok_or(TokenError::WrongType)?)?;
        }
        Err(TokenError::UntrustedIssuer.into())
    }

    #[cfg(feature = "remote")]
    fn trusted_tenant(
        &self,
        trial: &Trial<'_, '_>,
        iss: &str,
        tenants: &Tenants<TenantProfiles>,
    ) -> Result<(Proven, usize, u64), Failure> {
        let now = trial.now.monotonic();
        if let Some(tenant) = tenants.by_issuer(iss) {
            let profile = (self.of_tenant)(&tenant.own).ok_or(TokenError::WrongType)?;
            let verified = trial.run(profile, tenant.id, || tenant.keys.snapshot(now))?;
            tenant.touch(now);
            if !tenant.works() {
                tenants.promote(&tenant, now);
            }
            return Ok(verified);
        }
        let issuer: Arc<str> = iss.into();
        let own = tenants.own(&issuer);
        // A hopeless token is not worth looking for its issuer.
        trial.screen((self.of_tenant)(&own).ok_or(TokenError::WrongType)?)?;
        match tenants.admit(&issuer, own, now) {
            Ok(tenant) => Err(Failure::NeedKeys { source: tenant.id, seen: None }),
            Err(retry_after) => Err(Failure::Unavailable { retry_after }),
        }
    }
}

/// The issuer that the request names: without one, none is trusted.
pub(super) fn selected(selector: Option<&[u8]>) -> Result<&str, TokenError> {
    selector.and_then(|name| std::str::from_utf8(name).ok()).ok_or(TokenError::UntrustedIssuer)
}

/// A token whose issuer is being found out, and the circumstances.
struct Trial<'p, 'a> {
    parsed: &'p Parsed<'a>,
    limits: &'p TokenLimits,
    now: &'p Now<'p>,
    expected: Expected<'p>,
}

impl Trial<'_, '_> {
    #[cfg(feature = "remote")]
    fn screen(&self, profile: &CompiledProfile) -> Result<(), TokenError> {
        self.parsed.screen(profile, None, self.limits, self.now.unix(), self.expected).map(drop)
    }

    fn run(
        &self,
        profile: &CompiledProfile,
        source: usize,
        keys: impl FnOnce() -> Option<SnapshotRef>,
    ) -> Result<(Proven, usize, u64), Failure> {
        let keys = keys();
        let known = keys.as_deref().map(Snapshot::keys);
        let screened = self.parsed.screen(profile, known, self.limits, self.now.unix(), self.expected)?;
        let Some(keys) = &keys else { return Err(Failure::NeedKeys { source, seen: None }) };
        let generation = keys.generation();
        match screened.verify(keys.keys()) {
            Ok(proven) => Ok((proven, source, generation)),
            Err(TokenError::UnknownKey) => Err(Failure::NeedKeys { source, seen: Some(generation) }),
            Err(error) => Err(error.into()),
        }
    }
}
