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
    keys::SnapshotRef,
    profile::CompiledProfile,
    source::KeySource,
    time::Now,
    token::{ClaimId, ClaimNames},
    verify::{Failure, Issuer, IssuerName, Issuers, Wanted},
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
        sources: &'s Sources,
        tenants: &'s Tenants<TenantProfiles>,
        of_tenant: OfTenant,
        now: &'s Now<'s>,
    },
    /// An issuer whose name fits a pattern, and which is not known yet or not trusted at all.
    #[cfg(feature = "remote")]
    Candidate {
        trusted: bool,
        issuer: Arc<str>,
        own: Box<TenantProfiles>,
        of_tenant: OfTenant,
        sources: &'s Sources,
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
            let (sources, of_tenant) = (self.sources, self.slot.of_tenant);
            let trusting = sources.tenants_of(name);
            if let Some(tenants) = trusting
                && let Some(tenant) = tenants.by_issuer(name)
            {
                return Some(KnownIssuer::Tenant { tenant, sources, tenants, of_tenant, now });
            }
            // One that is not trusted is judged like one that is, as far as that goes without keys.
            let tenants = trusting.or_else(|| sources.tenants_like(name).next())?;
            let (trusted, issuer): (bool, Arc<str>) = (trusting.is_some(), name.into());
            let own = Box::new(tenants.own(&issuer));
            Some(KnownIssuer::Candidate { trusted, issuer, own, of_tenant, sources, tenants, now })
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

    fn exchanges_keys(&self) -> bool {
        match self {
            Self::Configured { keys, .. } => keys.exchanges_keys(),
            #[cfg(feature = "remote")]
            Self::Tenant { tenant, .. } => tenant.keys.exchanges_keys(),
            #[cfg(feature = "remote")]
            Self::Candidate { .. } => false,
        }
    }

    fn need_keys(&self, seen: Option<u64>, wanted: Wanted, lacking: TokenError) -> Failure {
        match self {
            #[cfg(feature = "remote")]
            Self::Candidate { trusted: false, .. } => TokenError::UntrustedIssuer.into(),
            #[cfg(feature = "remote")]
            Self::Candidate { issuer, tenants, now, .. } => {
                match tenants.admit(issuer, tenants.own(issuer), now.monotonic()) {
                    Ok(tenant) => Failure::NeedKeys { source: tenant.id, seen: None, wanted, lacking },
                    Err(retry_after) => Failure::Unavailable { retry_after },
                }
            }
            known => Failure::NeedKeys { source: known.source(), seen, wanted, lacking },
        }
    }

    fn is_trusted(&self) -> bool {
        #[cfg(feature = "remote")]
        if let Self::Candidate { trusted, .. } = self {
            return *trusted;
        }
        true
    }

    fn reported(&self, error: TokenError) -> TokenError {
        match self {
            Self::Configured { .. } => error,
            #[cfg(feature = "remote")]
            Self::Tenant { tenant, sources, .. } => sources.reported_error(&tenant.issuer, error),
            #[cfg(feature = "remote")]
            Self::Candidate { issuer, sources, .. } => sources.reported_error(issuer, error),
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
