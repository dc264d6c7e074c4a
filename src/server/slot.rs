//! One kind of token: which issuers may sign it, and by which profile.

#[cfg(feature = "remote")]
use std::sync::Arc;

#[cfg(feature = "remote")]
use super::sources::TenantProfiles;
use super::sources::{NamedSource, Sources};
#[cfg(feature = "remote")]
use crate::source::{Tenant, Tenants};
use crate::{
    error::TokenError,
    keys::{KeySet, SnapshotRef},
    profile::CompiledProfile,
    source::KeySource,
    time::Now,
    token::{ClaimId, ClaimNames},
    verify::{Failure, Issuer, IssuerName, Issuers},
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

    /// The keys of an issuer, under the names that they are looked up by.
    pub(super) fn named_as_in_tokens(&self, issuer: &str, keys: KeySet) -> KeySet {
        let profile = self.issuers.iter().find(|profile| *profile.binding.issuer == *issuer);
        profile.map(|profile| profile.key_selection).unwrap_or_default().rename(keys)
    }

    /// The name of a key of an issuer, as it is looked up.
    pub(super) fn key_name<'k>(&self, issuer: &str, name: &'k str) -> &'k str {
        let profile = self.issuers.iter().find(|profile| *profile.binding.issuer == *issuer);
        profile.map(|profile| profile.key_selection).unwrap_or_default().name(name)
    }

    /// Whether one of these keys fits an algorithm that the issuer's tokens may have.
    pub(super) fn can_use(&self, issuer: &str, keys: &KeySet) -> bool {
        let profile = self.issuers.iter().find(|profile| *profile.binding.issuer == *issuer);
        profile.is_none_or(|profile| profile.accepts_one_of(keys))
    }

    #[cfg(feature = "remote")]
    pub(super) fn with_tenants(self, of_tenant: fn(&TenantProfiles) -> Option<&CompiledProfile>) -> Self {
        Self { of_tenant, ..self }
    }

    /// The issuers that a token of this kind may have now.
    pub(super) const fn at<'s>(&'s self, sources: &'s Sources, now: &'s Now<'s>) -> KnownIssuers<'s> {
        KnownIssuers { slot: self, sources, now }
    }

    /// Where the issuer of a token is named: by the request, in place of the token's `iss`, where a
    /// header of it selects the issuer.
    pub(super) const fn issuer_name<'r>(&self, selector: Option<&'r [u8]>) -> IssuerName<'r> {
        if self.selected { IssuerName::Request(selector) } else { IssuerName::Claim(self.iss) }
    }
}

/// The issuers that tokens of one kind are accepted from, at one moment.
pub(super) struct KnownIssuers<'s> {
    slot: &'s Slot,
    sources: &'s Sources,
    now: &'s Now<'s>,
}

/// An issuer that a token names.
pub(super) enum KnownIssuer<'s> {
    Configured {
        profile: &'s CompiledProfile,
        source: usize,
        keys: &'s KeySource,
        /// Whether keys may be fetched on account of the token.
        fetches: bool,
        now: &'s Now<'s>,
    },
    /// A tenant whose keys are being kept.
    #[cfg(feature = "remote")]
    Tenant {
        tenant: Arc<Tenant<TenantProfiles>>,
        tenants: &'s Tenants<TenantProfiles>,
        of_tenant: OfTenant,
        now: &'s Now<'s>,
    },
    /// An issuer of a trusted pattern that is not known yet.
    #[cfg(feature = "remote")]
    Candidate {
        issuer: Arc<str>,
        own: TenantProfiles,
        of_tenant: OfTenant,
        tenants: &'s Tenants<TenantProfiles>,
        now: &'s Now<'s>,
    },
}

#[cfg(feature = "remote")]
type OfTenant = fn(&TenantProfiles) -> Option<&CompiledProfile>;

impl<'s> Issuers for KnownIssuers<'s> {
    type Issuer = KnownIssuer<'s>;

    fn only(&self) -> Option<KnownIssuer<'s>> {
        let keys = self.sources.only()?;
        let [profile] = self.slot.issuers.as_slice() else { return None };
        Some(KnownIssuer::Configured { profile, source: 0, keys, fetches: false, now: self.now })
    }

    /// By its exact bytes (RFC 7519 section 4.1.1) unless the profile says otherwise, so that nothing
    /// untrusted is ever looked up, fetched or verified.
    fn find(&self, name: &str) -> Option<KnownIssuer<'s>> {
        let now = self.now;
        let mut configured = self.slot.issuers.iter().zip(&self.sources.fixed).enumerate();
        let found = configured.find(|(_, (profile, _))| profile.binding.is_issuer(name));
        if let Some((source, (profile, NamedSource { keys, .. }))) = found {
            return Some(KnownIssuer::Configured { profile, source, keys, fetches: true, now });
        }
        #[cfg(feature = "remote")]
        {
            let tenants = self.sources.tenants_of(name)?;
            let of_tenant = self.slot.of_tenant;
            if let Some(tenant) = tenants.by_issuer(name) {
                return Some(KnownIssuer::Tenant { tenant, tenants, of_tenant, now });
            }
            let issuer: Arc<str> = name.into();
            let own = tenants.own(&issuer);
            Some(KnownIssuer::Candidate { issuer, own, of_tenant, tenants, now })
        }
        #[cfg(not(feature = "remote"))]
        None
    }

    fn names(&self) -> Vec<String> {
        self.slot.issuers.iter().map(|profile| profile.binding.issuer.to_string()).collect()
    }
}

impl Issuer for KnownIssuer<'_> {
    fn profile(&self) -> Option<&CompiledProfile> {
        match self {
            Self::Configured { profile, .. } => Some(profile),
            #[cfg(feature = "remote")]
            Self::Tenant { tenant, of_tenant, .. } => of_tenant(&tenant.own),
            #[cfg(feature = "remote")]
            Self::Candidate { own, of_tenant, .. } => of_tenant(own),
        }
    }

    fn source(&self) -> usize {
        match self {
            Self::Configured { source, .. } => *source,
            #[cfg(feature = "remote")]
            Self::Tenant { tenant, .. } => tenant.id,
            // Without keys, nothing is verified.
            #[cfg(feature = "remote")]
            Self::Candidate { .. } => usize::MAX,
        }
    }

    fn keys(&self) -> Option<SnapshotRef> {
        match self {
            Self::Configured { keys, fetches: true, now, .. } => keys.snapshot(|| now.clocks()),
            Self::Configured { keys, fetches: false, now, .. } => keys.peek(|| now.clocks()),
            #[cfg(feature = "remote")]
            Self::Tenant { tenant, now, .. } => tenant.keys.snapshot(now.clocks()),
            #[cfg(feature = "remote")]
            Self::Candidate { .. } => None,
        }
    }

    fn has_no_other_keys(&self, generation: u64) -> bool {
        match self {
            Self::Configured { keys, now, .. } => keys.is_known_to_lack(generation, || now.clocks()),
            #[cfg(feature = "remote")]
            Self::Tenant { .. } | Self::Candidate { .. } => false,
        }
    }

    fn need_keys(&self, seen: Option<u64>, lacking: TokenError) -> Failure {
        match self {
            #[cfg(feature = "remote")]
            Self::Candidate { issuer, tenants, now, .. } => {
                match tenants.admit(issuer, tenants.own(issuer), now.monotonic()) {
                    Ok(tenant) => Failure::NeedKeys { source: tenant.id, seen: None, lacking },
                    Err(retry_after) => Failure::Unavailable { retry_after },
                }
            }
            known => Failure::NeedKeys { source: known.source(), seen, lacking },
        }
    }

    fn verified(&self) {
        #[cfg(feature = "remote")]
        if let Self::Tenant { tenant, tenants, now, .. } = self {
            tenant.touch(now.monotonic());
            if !tenant.works() {
                tenants.promote(tenant, now.monotonic());
            }
        }
    }
}
