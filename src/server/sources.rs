//! The key sources of a server: one for each configured issuer, and those of tenants, which come
//! and go.
//!
//! Each has a number that is never given to another, so that a cached verdict that remembers it
//! ends with its source: first the configured issuers in their order, then tenants as they come.

use std::sync::Arc;

#[cfg(feature = "remote")]
use crate::{
    error::TokenError,
    profile::CompiledProfile,
    source::{Tenant, Tenants},
};
use crate::{
    source::{Health, KeySource},
    time::Clocks,
    verify::Evidence,
};

pub(super) struct NamedSource {
    pub(super) issuer: Arc<str>,
    pub(super) keys: KeySource,
}

/// The profiles of one tenant: for access tokens, and for ID tokens where they are taken.
#[cfg(feature = "remote")]
pub(super) struct TenantProfiles {
    pub(super) access: CompiledProfile,
    pub(super) id: Option<CompiledProfile>,
}

pub(super) struct Sources {
    /// In the order of the configuration.
    pub(super) fixed: Vec<NamedSource>,
    #[cfg(feature = "remote")]
    pub(super) tenants: Vec<Tenants<TenantProfiles>>,
}

impl Sources {
    /// The keys of the only issuer that there is.
    pub(super) fn only(&self) -> Option<&KeySource> {
        #[cfg(feature = "remote")]
        if !self.tenants.is_empty() {
            return None;
        }
        match self.fixed.as_slice() {
            [only] => Some(&only.keys),
            _ => None,
        }
    }

    /// The tenants that an issuer of this name is one of, if it is trusted.
    #[cfg(feature = "remote")]
    pub(super) fn tenants_of(&self, iss: &str) -> Option<&Tenants<TenantProfiles>> {
        self.tenants.iter().find(|tenants| tenants.trusts(iss))
    }

    /// The tenants whose pattern fits a name, whether such a tenant is trusted or not.
    #[cfg(feature = "remote")]
    pub(super) fn tenants_like(&self, iss: &str) -> impl Iterator<Item = &Tenants<TenantProfiles>> {
        self.tenants.iter().filter(move |tenants| tenants.fits(iss))
    }

    /// How verification reports what is wrong with a token that names this issuer and that no key has
    /// verified. The report does not depend on whether the application trusts the tenant, or anyone
    /// could find out who the tenants are.
    #[cfg(feature = "remote")]
    pub(super) fn reported_error(&self, iss: &str, error: TokenError) -> TokenError {
        use TokenError::{
            InvalidSignature, KeyAlgorithmMismatch, UnknownKey, UntrustedIssuer, UnverifiedTenant,
        };
        match (self.tenants_like(iss).count(), error) {
            (0, error) => error,
            (_, UntrustedIssuer | UnknownKey | KeyAlgorithmMismatch | InvalidSignature) => UnverifiedTenant,
            (1, error) => error,
            // Which of several profiles the token fails depends on the pattern that has the tenant.
            _ => UnverifiedTenant,
        }
    }

    /// Whether the key that verified a token is still in use; not when its source is gone.
    pub(super) fn are_current(&self, evidence: &Evidence, now: impl FnOnce() -> Clocks) -> bool {
        let Evidence { key, generation, .. } = evidence;
        let generation = *generation;
        match self.fixed.get(evidence.source) {
            Some(fixed) => fixed.keys.is_current(generation, key, now),
            #[cfg(feature = "remote")]
            None => self.tenant(evidence.source).is_some_and(|tenant| {
                let now = now();
                let counts = tenant.keys.is_current(generation, key, now);
                if counts {
                    tenant.touch(now.monotonic);
                }
                counts
            }),
            #[cfg(not(feature = "remote"))]
            None => false,
        }
    }

    pub(super) fn keys(&self, source: usize) -> Option<KeySource> {
        match self.fixed.get(source) {
            Some(fixed) => Some(fixed.keys.clone()),
            #[cfg(feature = "remote")]
            None => Some(KeySource::Remote(Arc::clone(&self.tenant(source)?.keys))),
            #[cfg(not(feature = "remote"))]
            None => None,
        }
    }

    #[cfg(feature = "remote")]
    fn tenant(&self, source: usize) -> Option<Arc<Tenant<TenantProfiles>>> {
        self.tenants.iter().find_map(|tenants| tenants.by_id(source))
    }

    /// Every source in use: the configured issuers, then the tenants that work.
    pub(super) fn all(&self) -> Vec<(Arc<str>, KeySource)> {
        let fixed = self.fixed.iter().map(|source| (Arc::clone(&source.issuer), source.keys.clone()));
        #[cfg(feature = "remote")]
        let fixed = fixed.chain(
            self.tenants
                .iter()
                .flat_map(Tenants::working)
                .map(|tenant| (Arc::clone(&tenant.issuer), KeySource::Remote(Arc::clone(&tenant.keys)))),
        );
        fixed.collect()
    }

    pub(super) fn health(&self) -> Vec<(Arc<str>, Health)> {
        self.all().into_iter().map(|(issuer, keys)| (issuer, keys.health())).collect()
    }
}
