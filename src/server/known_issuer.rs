//! An issuer that a token names, as verification sees it: its profile, its keys, and what would help
//! where they do not verify the token.

use std::sync::Arc;

use super::issuers::{AskedClaims, Configured, Profiles, TrustedIssuers};
use crate::{
    error::TokenError,
    keys::{SnapshotRef, VerifyingKey},
    profile::CompiledProfile,
    source::{Tenant, Tenants},
    time::Now,
    token::{ClaimNames, Claims, TokenKind},
    verify::{Failure, Issuer, IssuerName, Issuers, Wanted},
};

/// The issuers that tokens of one kind are accepted from, at one moment.
#[derive(Clone, Copy)]
pub(super) struct KnownIssuers<'s> {
    pub(super) issuers: &'s TrustedIssuers,
    pub(super) kind: TokenKind,
    pub(super) asked: &'s AskedClaims,
    /// Whether the token is an ID token without an access token beside it.
    pub(super) alone: bool,
    pub(super) now: &'s Now<'s>,
}

/// An issuer that a token names.
pub(super) struct KnownIssuer<'s> {
    of: KnownIssuers<'s>,
    who: Who<'s>,
}

enum Who<'s> {
    Configured {
        known: &'s Configured,
        source: usize,
        /// Whether keys may be fetched on account of the token.
        fetches: bool,
    },
    /// A tenant whose keys are being kept.
    Tenant { tenant: Arc<Tenant<Profiles>>, tenants: &'s Tenants<Profiles> },
    /// An issuer whose name fits a pattern, and which is not known yet or not trusted at all.
    Candidate { trusted: bool, issuer: Arc<str>, own: Box<Profiles>, tenants: &'s Tenants<Profiles> },
}

impl KnownIssuers<'_> {
    /// The claims that the profiles ask about.
    pub(super) const fn claim_names(&self) -> &ClaimNames {
        &self.asked.names
    }

    /// Where the issuer of a token is named: by the request, in place of the token's `iss`, where a
    /// header of it selects the issuer.
    pub(super) const fn name_of<'r>(&self, selector: Option<&'r [u8]>) -> IssuerName<'r> {
        let AskedClaims { iss, sub, .. } = *self.asked;
        if self.issuers.selected { IssuerName::Request(selector) } else { IssuerName::Claim { iss, sub } }
    }
}

impl<'s> Issuers for KnownIssuers<'s> {
    type Issuer = KnownIssuer<'s>;

    fn only(&self) -> Option<KnownIssuer<'s>> {
        let known = self.issuers.only()?;
        Some(KnownIssuer { of: *self, who: Who::Configured { known, source: 0, fetches: false } })
    }

    /// By its exact bytes (RFC 7519 section 4.1.1) unless the profile says otherwise, so that nothing
    /// untrusted is ever looked up, fetched or verified.
    fn find(&self, name: &str) -> Option<KnownIssuer<'s>> {
        let mut configured = self.issuers.configured.iter().enumerate();
        if let Some((source, known)) = configured.find(|(_, known)| known.profiles.is_issuer(self.kind, name))
        {
            return Some(KnownIssuer { of: *self, who: Who::Configured { known, source, fetches: true } });
        }
        let trusting = self.issuers.tenants_of(name);
        if let Some(tenants) = trusting
            && let Some(tenant) = tenants.by_issuer(name)
        {
            return Some(KnownIssuer { of: *self, who: Who::Tenant { tenant, tenants } });
        }
        // One that is not trusted is judged like one that is, as far as that goes without keys.
        let tenants = trusting.or_else(|| self.issuers.tenants_like(name).next())?;
        let (trusted, issuer): (bool, Arc<str>) = (trusting.is_some(), name.into());
        let own = Box::new(tenants.own(&issuer));
        Some(KnownIssuer { of: *self, who: Who::Candidate { trusted, issuer, own, tenants } })
    }

    fn of_subject(&self, subject: &str) -> Option<KnownIssuer<'s>> {
        let mut configured = self.issuers.configured.iter().enumerate();
        let (source, known) = configured.find(|(_, known)| {
            known.is_named_by_subject && known.profiles.access.binding.is_issuer_of_subject(subject)
        })?;
        Some(KnownIssuer { of: *self, who: Who::Configured { known, source, fetches: true } })
    }

    fn of_tokens_without_name(&self) -> Option<KnownIssuer<'s>> {
        // An ID token names its issuer (OpenID Connect Core section 2).
        let mut configured = self.issuers.configured.iter().enumerate();
        let (source, known) =
            configured.find(|(_, known)| known.is_unnamed && self.kind == TokenKind::Access)?;
        Some(KnownIssuer { of: *self, who: Who::Configured { known, source, fetches: true } })
    }

    fn names(&self) -> Vec<String> {
        self.issuers.configured.iter().map(|known| known.issuer.to_string()).collect()
    }
}

impl KnownIssuer<'_> {
    fn profiles(&self) -> &Profiles {
        match &self.who {
            Who::Configured { known, .. } => &known.profiles,
            Who::Tenant { tenant, .. } => &tenant.own,
            Who::Candidate { own, .. } => own,
        }
    }

    /// Whether tokens of this kind are taken of the issuer.
    fn takes(&self) -> bool {
        !self.of.alone || self.profiles().id_stands_alone
    }
}

impl Issuer for KnownIssuer<'_> {
    fn profile(&self, claims: Option<&mut Claims<'_>>) -> Option<&CompiledProfile> {
        self.profiles().of(self.of.kind, claims, self.of.now).filter(|_| self.takes())
    }

    fn only_profile(&self) -> Option<&CompiledProfile> {
        self.profiles().only_of(self.of.kind).filter(|_| self.takes())
    }

    fn source(&self) -> usize {
        match &self.who {
            Who::Configured { source, .. } => *source,
            Who::Tenant { tenant, .. } => tenant.id,
            // Without keys, nothing is verified.
            Who::Candidate { .. } => usize::MAX,
        }
    }

    fn keys(&self) -> Option<SnapshotRef> {
        let now = self.of.now;
        match &self.who {
            Who::Configured { known, fetches: true, .. } => known.keys.snapshot(|| now.clocks()),
            Who::Configured { known, fetches: false, .. } => known.keys.peek(|| now.clocks()),
            Who::Tenant { tenant, .. } => tenant.keys.snapshot(now.clocks()),
            Who::Candidate { .. } => None,
        }
    }

    fn has_no_other_keys(&self, generation: u64) -> bool {
        match &self.who {
            Who::Configured { known, .. } => known.keys.is_known_to_lack(generation, || self.of.now.clocks()),
            Who::Tenant { .. } | Who::Candidate { .. } => false,
        }
    }

    fn exchanges_keys(&self) -> bool {
        match &self.who {
            Who::Configured { known, .. } => known.keys.exchanges_keys(),
            Who::Tenant { tenant, .. } => tenant.keys.exchanges_keys(),
            Who::Candidate { .. } => false,
        }
    }

    fn need_keys(
        &self,
        seen: Option<u64>,
        wanted: Wanted,
        kid: Option<&str>,
        lacking: TokenError,
    ) -> Failure {
        match &self.who {
            Who::Candidate { trusted: false, .. } => TokenError::UntrustedIssuer.into(),
            Who::Candidate { issuer, tenants, .. } => {
                match tenants.admit(issuer, tenants.own(issuer), self.of.now.monotonic()) {
                    Ok(tenant) => {
                        Failure::NeedKeys { source: tenant.id, seen: None, wanted, kid: None, lacking }
                    }
                    Err(retry_after) => Failure::Unavailable { retry_after },
                }
            }
            Who::Configured { known, source, .. } => {
                let kid = kid.filter(|_| known.keys.is_by_kid()).map(Into::into);
                Failure::NeedKeys { source: *source, seen, wanted, kid, lacking }
            }
            Who::Tenant { .. } => {
                Failure::NeedKeys { source: self.source(), seen, wanted, kid: None, lacking }
            }
        }
    }

    fn is_trusted(&self) -> bool {
        !matches!(self.who, Who::Candidate { trusted: false, .. })
    }

    fn reported(&self, error: TokenError) -> TokenError {
        match &self.who {
            Who::Configured { .. } => error,
            Who::Tenant { tenant, .. } => self.of.issuers.reported_error(&tenant.issuer, error),
            Who::Candidate { issuer, .. } => self.of.issuers.reported_error(issuer, error),
        }
    }

    fn verified(&self, key: &VerifyingKey) {
        let (tenant, tenants) = match &self.who {
            Who::Tenant { tenant, tenants } => (tenant, tenants),
            Who::Configured { known, .. } => return known.keys.verified(key),
            Who::Candidate { .. } => return,
        };
        let now = self.of.now.monotonic();
        tenant.touch(now);
        if !tenant.works() {
            tenants.promote(tenant, now);
        }
    }
}
