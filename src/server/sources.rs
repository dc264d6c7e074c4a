//! The key sources of a server: one for each configured issuer, and those of tenants, which come
//! and go.
//!
//! Each has a number that is never given to another, so that a cached verdict that remembers it
//! ends with its source: first the configured issuers in their order, then tenants as they come.

use std::sync::Arc;

use crate::{
    keys::KeySet,
    source::{Health, KeySource},
    time::Clocks,
    verify::Evidence,
};
#[cfg(feature = "remote")]
use crate::{
    profile::CompiledProfile,
    source::{Tenant, Tenants},
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

/// The keys of an issuer cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceKeysError {
    /// No issuer of this name has keys that the application gave.
    #[error("no such issuer with keys of the application")]
    NotGiven,
    /// None of the keys fits an algorithm that the issuer's tokens may have.
    #[error("no key for an algorithm that is accepted of this issuer")]
    Unusable,
    /// There would be no key.
    #[error("there is no key; leave the issuer out, or revoke its keys")]
    Empty,
}

impl Sources {
    pub(super) fn replace_keys(&self, issuer: &str, keys: KeySet) -> Result<(), ReplaceKeysError> {
        if keys.is_empty() {
            return Err(ReplaceKeysError::Empty);
        }
        match self.fixed.iter().find(|source| *source.issuer == *issuer).map(|source| &source.keys) {
            Some(KeySource::Fixed(source)) => {
                source.replace(keys);
                Ok(())
            }
            _ => Err(ReplaceKeysError::NotGiven),
        }
    }

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

    /// Whether the key that verified a token is still in use; not when its source is gone.
    pub(super) fn are_current(&self, evidence: &Evidence, now: impl FnOnce() -> Clocks) -> bool {
        let Evidence { key, generation, .. } = evidence;
        let generation = *generation;
        match self.fixed.get(evidence.source) {
            Some(fixed) => fixed.keys.vouches(generation, key, now),
            #[cfg(feature = "remote")]
            None => self.tenant(evidence.source).is_some_and(|tenant| {
                let now = now();
                let counts = tenant.keys.vouches(generation, key, now);
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

    pub(super) fn revoke_key(&self, issuer: &str, kid_or_thumbprint: &str) -> bool {
        if let Some(source) = self.fixed.iter().find(|source| *source.issuer == *issuer) {
            return source.keys.revoke_key(kid_or_thumbprint);
        }
        #[cfg(feature = "remote")]
        for tenants in &self.tenants {
            if let Some(revoked) = tenants.revoke_key(issuer, kid_or_thumbprint) {
                return revoked;
            }
        }
        false
    }
}
