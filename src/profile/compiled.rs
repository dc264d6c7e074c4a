//! A profile made ready for one issuer of one server: claim names as numbers, the binding filled in.

use smallvec::SmallVec;

use super::{KeySelection, TokenProfile, TypeRule, scope_members};
use crate::{
    error::{ClaimName, TokenError},
    keys::{Algorithm, AlgorithmSet, KeySet},
    policy::{Binding, CompiledRule, Moment, Policy, Rule, Window, claim, last_segment},
    time::UnixTime,
    token::{ClaimId, ClaimNames, ClaimValue, Claims, JoseHeader, is_media_type},
};

/// A [`TokenProfile`] with everything looked up that can be before a token arrives.
#[derive(Clone, Debug)]
pub(crate) struct CompiledProfile {
    pub(crate) typ: TypeRule,
    pub(crate) cty: Option<std::sync::Arc<str>>,
    pub(crate) algorithms: AlgorithmSet,
    policy: Policy,
    pub(crate) binding: Binding,
    pub(crate) leeway: std::time::Duration,
    subject: (ClaimId, ClaimName),
    audience: ClaimId,
    expires: ClaimId,
    clients: Vec<(ClaimId, ClaimName)>,
    scopes: Vec<(ClaimId, ClaimName)>,
    scopes_as_members: bool,
    nonce: Option<(ClaimId, ClaimName)>,
    pub(crate) key_selection: KeySelection,
    pub(crate) requires_kid: bool,
    pub(crate) keeps_header: bool,
}

/// A text of the payload: where it stands, or a copy when it stands there with escapes.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Span { start: u32, end: u32 },
    Owned(Box<str>),
}

impl Text {
    fn of(text: &str, payload: &str) -> Self {
        // A text that was borrowed from the payload lies inside it, and no other does; comparing
        // addresses finds where.
        let start = (text.as_ptr() as usize).wrapping_sub(payload.as_ptr() as usize);
        let end = start.checked_add(text.len()).filter(|end| *end <= payload.len());
        match (u32::try_from(start), end.map(u32::try_from)) {
            (Ok(start), Some(Ok(end))) => Self::Span { start, end },
            _ => Self::Owned(text.into()),
        }
    }

    pub(crate) fn get<'a>(&'a self, payload: &'a str) -> &'a str {
        match self {
            Self::Span { start, end } => payload.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Owned(text) => text,
        }
    }
}

/// Texts of one claim: most have one or two.
pub(crate) type Texts = SmallVec<[Text; 2]>;

/// The scopes in texts of `payload` that are a space-separated list, or one scope each.
pub(crate) fn scope_names<'a>(lists: &'a [Text], payload: &'a str) -> impl Iterator<Item = &'a str> + Clone {
    lists.iter().flat_map(|list| list.get(payload).split(' ')).filter(|scope| !scope.is_empty())
}

/// What an identity is made of, taken out of claims that passed every rule.
#[derive(Clone, Debug)]
pub(crate) struct Extracted {
    pub(crate) subject: Text,
    pub(crate) client_id: Option<Text>,
    pub(crate) audiences: Texts,
    /// A space-separated list, or one scope each.
    pub(crate) scopes: Texts,
    /// The nonce that the token spends.
    pub(crate) nonce: Option<Text>,
    pub(crate) expires_at: Option<UnixTime>,
}

/// One of the things that an identity is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Subject,
    Client,
    Scopes,
    Nonce,
}

impl CompiledProfile {
    pub(crate) fn new(profile: &TokenProfile, binding: Binding, names: &mut ClaimNames) -> Self {
        // Promise 8: a token that is bound to its sender is not a bearer token. It is refused here,
        // last and for every profile, until the proof of possession has been checked.
        let unbound = claim("cnf").absent().otherwise(TokenError::SenderConstrained);
        let rules: Vec<Rule> = profile.rules.iter().cloned().chain([unbound]).collect();
        Self {
            typ: profile.typ.clone(),
            cty: profile.cty.clone(),
            algorithms: profile.algorithms,
            policy: Policy::new(&rules, names),
            binding,
            leeway: profile.leeway,
            subject: (names.intern(&profile.subject_claim), ClaimName(profile.subject_claim.clone())),
            audience: names.intern("aud"),
            expires: names.intern("exp"),
            clients: named(&profile.client_claims, names),
            scopes: named(&profile.scope_claims, names),
            scopes_as_members: profile.scopes_as_members,
            nonce: named(profile.nonce_claim.as_slice(), names).pop(),
            key_selection: profile.key_selection,
            requires_kid: profile.requires_kid,
            keeps_header: profile.keeps_header,
        }
    }

    /// The claims that a fact is read from, the first that is present counts.
    pub(crate) fn claims_of(&self, fact: Fact) -> &[(ClaimId, ClaimName)] {
        match fact {
            Fact::Subject => std::slice::from_ref(&self.subject),
            Fact::Client => &self.clients,
            Fact::Scopes => &self.scopes,
            Fact::Nonce => self.nonce.as_slice(),
        }
    }

    /// Whether one of these keys fits an accepted algorithm.
    pub(crate) fn accepts_one_of(&self, keys: &KeySet) -> bool {
        keys.iter().any(|key| !key.algorithms().intersection(self.algorithms).is_empty())
    }

    /// The name that the token's key goes by, out of the header's `kid`.
    pub(crate) fn key_name<'k>(&self, kid: Option<&'k str>) -> Option<&'k str> {
        match self.key_selection {
            KeySelection::Kid => kid,
            KeySelection::LastSegment => kid.map(last_segment),
            KeySelection::Any => None,
        }
    }

    /// The same profile for another issuer: a tenant.
    #[cfg(feature = "remote")]
    pub(crate) fn for_issuer(&self, issuer: std::sync::Arc<str>) -> Self {
        Self { binding: Binding { issuer, ..self.binding.clone() }, ..self.clone() }
    }

    /// The rules on claims, in the order that they are judged in.
    pub(crate) fn rules(&self) -> &[CompiledRule] {
        self.policy.rules()
    }

    #[inline]
    pub(crate) fn check_type(&self, header: &JoseHeader<'_>) -> Result<(), TokenError> {
        self.typ.check(header.typ.as_deref())
    }

    #[inline]
    pub(crate) fn check_content_type(&self, header: &JoseHeader<'_>) -> Result<(), TokenError> {
        let differs = self.cty.as_deref().is_some_and(|cty| header.cty.as_deref() != Some(cty));
        if differs { Err(TokenError::WrongType) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn check_names_key(&self, header: &JoseHeader<'_>) -> Result<(), TokenError> {
        let lacks = self.requires_kid && header.kid.is_none();
        if lacks { Err(TokenError::UnknownKey) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn check_algorithm(&self, header: &JoseHeader<'_>) -> Result<Algorithm, TokenError> {
        let algorithm = header.alg.parse().ok();
        let accepted = algorithm.filter(|algorithm| self.algorithms.contains(*algorithm));
        accepted.ok_or(TokenError::AlgorithmNotAllowed)
    }

    /// The strings of `aud`; none where it is not there.
    pub(crate) fn audiences(&self, claims: &Claims<'_>, payload: &str) -> Texts {
        claims.get(self.audience).and_then(|value| texts(value, payload)).unwrap_or_default()
    }

    pub(crate) fn expires_at(&self, claims: &Claims<'_>) -> Option<UnixTime> {
        claims.get(self.expires).and_then(ClaimValue::as_numeric_date)
    }

    #[inline]
    pub(crate) fn subject(&self, claims: &Claims<'_>, payload: &str) -> Result<Text, TokenError> {
        non_empty(&self.subject, claims, payload)
    }

    /// The first that is present counts, and a wrong type is invalid, never absent.
    #[inline]
    pub(crate) fn client(&self, claims: &Claims<'_>, payload: &str) -> Result<Option<Text>, TokenError> {
        let present = self.clients.iter().find_map(|(id, name)| Some((claims.get(*id)?, name)));
        let Some((value, name)) = present else { return Ok(None) };
        let client = value.as_str().ok_or_else(|| TokenError::InvalidClaim(name.clone()))?;
        Ok(Some(Text::of(client, payload)))
    }

    /// As [`client`](Self::client); what ends before the token narrows its `window`.
    #[inline]
    pub(crate) fn scopes(
        &self,
        claims: &Claims<'_>,
        payload: &str,
        now: UnixTime,
        window: &mut Window,
    ) -> Result<Texts, TokenError> {
        let present = self.scopes.iter().find_map(|(id, name)| Some((claims.get(*id)?, name)));
        let Some((value, name)) = present else { return Ok(Texts::new()) };
        let scopes = match value {
            ClaimValue::Object | ClaimValue::StringMembers(_) if self.scopes_as_members => {
                let moment = Moment { now, leeway: self.leeway };
                scope_members::in_force(payload, name.as_str(), moment, window)
            }
            // One element is one scope, and a scope has no space in it (RFC 6749 section 3.3): an
            // element with one is no scope, and must not count as several.
            ClaimValue::Strings(each) => Some(
                each.iter()
                    .filter(|scope| !scope.contains(' '))
                    .map(|scope| Text::of(scope, payload))
                    .collect(),
            ),
            _ => texts(value, payload),
        };
        scopes.ok_or_else(|| TokenError::InvalidClaim(name.clone()))
    }

    #[inline]
    pub(crate) fn nonce(&self, claims: &Claims<'_>, payload: &str) -> Result<Option<Text>, TokenError> {
        self.nonce.as_ref().map(|nonce| non_empty(nonce, claims, payload)).transpose()
    }
}

/// The one string, or the strings of an array; `None` for any other value.
#[inline]
fn texts(value: ClaimValue<'_>, payload: &str) -> Option<Texts> {
    let mut texts = Texts::new();
    for string in value.as_strings()? {
        texts.push(Text::of(string, payload));
    }
    Some(texts)
}

#[inline]
fn non_empty(
    (id, name): &(ClaimId, ClaimName),
    claims: &Claims<'_>,
    payload: &str,
) -> Result<Text, TokenError> {
    let value = claims.get(*id).ok_or_else(|| TokenError::MissingClaim(name.clone()))?;
    let value = value.as_str().filter(|value| !value.is_empty());
    value.map(|value| Text::of(value, payload)).ok_or_else(|| TokenError::InvalidClaim(name.clone()))
}

/// The numbers of claims, with their names for errors.
fn named(claims: &[std::sync::Arc<str>], names: &mut ClaimNames) -> Vec<(ClaimId, ClaimName)> {
    claims.iter().map(|name| (names.intern(name), ClaimName(name.clone()))).collect()
}

impl TypeRule {
    pub(super) fn check(&self, value: Option<&str>) -> Result<(), TokenError> {
        let good = match value {
            None => !self.required,
            Some(_) if self.accepted.is_empty() => true,
            Some(value) => self.accepted.iter().any(|accepted| is_media_type(value, accepted)),
        };
        if good { Ok(()) } else { Err(TokenError::WrongType) }
    }
}

#[cfg(test)]
mod tests;
