//! The table of the issuers that a server trusts: configured ones, and tenants, which come and go.
//!
//! Each entry has the issuer's keys and the profiles of its tokens. The source of its keys has a number
//! that is never given to another, so that what a cache remembers ends with its source: first the
//! configured issuers in their order, then tenants as they come.

use std::sync::Arc;

use super::known_issuer::KnownIssuers;
use crate::{
    error::TokenError,
    policy::{Expected, Moment, Policy, RuleContext, Window},
    profile::CompiledProfile,
    source::{IssuerHealth, KeySource, Tenant, Tenants},
    time::{Clocks, Now},
    token::{ClaimId, ClaimNames, Claims, TokenKind},
    verify::Signed,
};

/// An issuer that was configured by its name.
pub(super) struct Configured {
    pub(super) issuer: Arc<str>,
    pub(super) keys: KeySource,
    pub(super) profiles: Profiles,
    /// Whether access tokens that name no issuer are its own.
    pub(super) is_unnamed: bool,
    /// Whether its tokens are found by their `sub`.
    pub(super) is_named_by_subject: bool,
}

/// The profiles of the tokens of one issuer.
pub(super) struct Profiles {
    pub(super) access: CompiledProfile,
    /// Other kinds of access token: the first whose rules hold counts.
    pub(super) access_where: Vec<(Policy, CompiledProfile)>,
    /// Where ID tokens are taken.
    pub(super) id: Option<CompiledProfile>,
    /// Whether an ID token by itself says for whom it is; otherwise only the access token that it came
    /// with does.
    pub(super) id_stands_alone: bool,
}

impl Profiles {
    /// The profile of tokens of this kind: for an access token by its claims, where there are several.
    #[inline]
    pub(super) fn of(
        &self,
        kind: TokenKind,
        claims: Option<&mut Claims<'_>>,
        now: &Now<'_>,
    ) -> Option<&CompiledProfile> {
        match kind {
            TokenKind::Access if self.access_where.is_empty() => Some(&self.access),
            TokenKind::Access => Some(self.access_profile(claims, now)),
            TokenKind::Id => self.id.as_ref(),
        }
    }

    /// The profile of all tokens of this kind, where there is one.
    pub(super) fn only_of(&self, kind: TokenKind) -> Option<&CompiledProfile> {
        match kind {
            TokenKind::Access => Some(&self.access).filter(|_| self.access_where.is_empty()),
            TokenKind::Id => self.id.as_ref(),
        }
    }

    /// The first whose rules hold for these claims, which it sees as its kind does. None of the rules depends on
    /// the moment, so that a token that is remembered stays of its kind.
    fn access_profile(&self, claims: Option<&mut Claims<'_>>, now: &Now<'_>) -> &CompiledProfile {
        let Some(claims) = claims else { return &self.access };
        let moment = Moment { now: now.unix(), leeway: self.access.leeway };
        let (binding, expected) = (&self.access.binding, Expected::default());
        let context = RuleContext { moment, binding, expected, algorithm: None };
        let mut holds = |rules: &Policy, profile: &CompiledProfile| {
            claims.null_is_absent(profile.null_is_absent);
            let mut window = Window::ALWAYS;
            rules.rules().iter().all(|rule| rule.evaluate(claims, &context, &mut window).is_ok())
        };
        let found = self.access_where.iter().find(|(rules, profile)| holds(rules, profile));
        found.map_or(&self.access, |(_, profile)| profile)
    }

    /// Every profile of access tokens.
    pub(super) fn all_of_access(&self) -> impl Iterator<Item = &CompiledProfile> {
        [&self.access].into_iter().chain(self.access_where.iter().map(|(_, profile)| profile))
    }

    /// Whether tokens of this kind may name their issuer so.
    pub(super) fn is_issuer(&self, kind: TokenKind, name: &str) -> bool {
        let profile = match kind {
            TokenKind::Access => Some(&self.access),
            TokenKind::Id => self.id.as_ref(),
        };
        profile.is_some_and(|profile| profile.binding.is_issuer(name))
    }
}

/// The claims that the profiles of one kind of token ask about.
pub(super) struct AskedClaims {
    pub(super) names: ClaimNames,
    pub(super) iss: ClaimId,
    /// Where there are issuers that are found by it.
    pub(super) sub: Option<ClaimId>,
}

impl AskedClaims {
    pub(super) fn new(mut names: ClaimNames, by_subject: bool) -> Self {
        Self { iss: names.intern("iss"), sub: by_subject.then(|| names.intern("sub")), names }
    }
}

pub(super) struct TrustedIssuers {
    /// In the order of the configuration.
    pub(super) configured: Vec<Configured>,
    pub(super) tenants: Vec<Tenants<Profiles>>,
    pub(super) access_claims: AskedClaims,
    /// Where ID tokens are taken.
    pub(super) id_claims: Option<AskedClaims>,
    /// Whether an ID token of some issuer by itself says for whom it is.
    pub(super) takes_lone_id_tokens: bool,
    /// Whether a header of the request names the issuer, in place of the token's `iss`.
    pub(super) selected: bool,
    /// Whether some profile takes tokens in padded base64url.
    pub(super) takes_padding: bool,
}

impl TrustedIssuers {
    /// The issuers of access tokens, at a moment.
    pub(super) const fn of_access_tokens<'s>(&'s self, now: &'s Now<'s>) -> KnownIssuers<'s> {
        let (kind, asked) = (TokenKind::Access, &self.access_claims);
        KnownIssuers { issuers: self, kind, asked, alone: false, now }
    }

    /// The issuers of ID tokens beside an access token; `None` where none are taken.
    pub(super) fn of_id_tokens<'s>(&'s self, now: &'s Now<'s>) -> Option<KnownIssuers<'s>> {
        let asked = self.id_claims.as_ref()?;
        Some(KnownIssuers { issuers: self, kind: TokenKind::Id, asked, alone: false, now })
    }

    /// The issuers of ID tokens without an access token beside them; `None` where none are taken.
    pub(super) fn of_lone_id_tokens<'s>(&'s self, now: &'s Now<'s>) -> Option<KnownIssuers<'s>> {
        let of_pairs = self.of_id_tokens(now).filter(|_| self.takes_lone_id_tokens)?;
        Some(KnownIssuers { alone: true, ..of_pairs })
    }

    pub(super) const fn takes_id_tokens(&self) -> bool {
        self.id_claims.is_some()
    }

    /// The only issuer that there is.
    pub(super) fn only(&self) -> Option<&Configured> {
        match (self.configured.as_slice(), self.tenants.as_slice()) {
            ([only], []) => Some(only),
            _ => None,
        }
    }

    /// The issuer that is configured by this name.
    pub(super) fn by_name(&self, issuer: &str) -> Option<&Configured> {
        self.configured.iter().find(|known| *known.issuer == *issuer)
    }

    /// The tenants that an issuer of this name is one of, if it is trusted.
    pub(super) fn tenants_of(&self, iss: &str) -> Option<&Tenants<Profiles>> {
        self.tenants.iter().find(|tenants| tenants.trusts(iss))
    }

    /// The tenants whose pattern fits a name, whether such a tenant is trusted or not.
    pub(super) fn tenants_like(&self, iss: &str) -> impl Iterator<Item = &Tenants<Profiles>> {
        self.tenants.iter().filter(move |tenants| tenants.fits(iss))
    }

    /// The configured issuers that go by this name: first those that access tokens may name so, then
    /// those that only ID tokens may, whose profile can compare names in another way.
    pub(super) fn named(&self, issuer: &str) -> impl Iterator<Item = &Configured> {
        let by = move |kind, known: &Configured| known.profiles.is_issuer(kind, issuer);
        let by_access = self.configured.iter().filter(move |known| by(TokenKind::Access, known));
        let only_by_id = self
            .configured
            .iter()
            .filter(move |known| by(TokenKind::Id, known) && !by(TokenKind::Access, known));
        by_access.chain(only_by_id)
    }

    /// How verification reports what is wrong with a token that names this issuer and that no key has
    /// verified. The report does not depend on whether the application trusts the tenant, or anyone
    /// could find out who the tenants are.
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
    pub(super) fn are_current(&self, signed: &Signed, now: impl FnOnce() -> Clocks) -> bool {
        let Signed { key, generation, source, .. } = signed;
        if let Some(known) = self.configured.get(*source) {
            return known.keys.is_current(*generation, key, now);
        }
        let Some(tenant) = self.tenant(*source) else { return false };
        let now = now();
        let is_current = tenant.keys.is_current(*generation, key, now);
        if is_current {
            tenant.touch(now.monotonic);
        }
        is_current
    }

    /// The keys with this number.
    pub(super) fn keys(&self, source: usize) -> Option<KeySource> {
        match self.configured.get(source) {
            Some(known) => Some(known.keys.clone()),
            None => Some(KeySource::Remote(Arc::clone(&self.tenant(source)?.keys))),
        }
    }

    fn tenant(&self, source: usize) -> Option<Arc<Tenant<Profiles>>> {
        self.tenants.iter().find_map(|tenants| tenants.by_id(source))
    }

    /// The keys of every issuer in use: the configured ones, then the tenants that work.
    pub(super) fn all_keys(&self) -> Vec<(Arc<str>, KeySource)> {
        let configured = self.configured.iter().map(|known| (Arc::clone(&known.issuer), known.keys.clone()));
        let tenants = self.tenants.iter().flat_map(Tenants::working);
        let of_tenant = |tenant: Arc<Tenant<Profiles>>| {
            (Arc::clone(&tenant.issuer), KeySource::Remote(Arc::clone(&tenant.keys)))
        };
        configured.chain(tenants.map(of_tenant)).collect()
    }

    pub(super) fn health(&self) -> Vec<IssuerHealth> {
        let all = self.all_keys().into_iter();
        all.map(|(issuer, keys)| IssuerHealth::new(issuer, keys.health())).collect()
    }
}
