//! A profile made ready for one issuer of one server: claim names as numbers, the binding filled in.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    Confirmation, KeySelection, Once, TokenProfile, TypeRule,
    confirmation::ConfirmationClaims,
    header_rules::HeaderRules,
    scopes::{Collector, Renames, Scopes},
};
use crate::{
    error::{ClaimName, TokenError},
    keys::{Algorithm, AlgorithmSet, KeySet},
    policy::{Binding, Check, CompiledRule, FactPlaces, Moment, Policy, Rule, Window, claim, last_segment},
    time::UnixTime,
    token::{ClaimId, ClaimNames, ClaimPath, ClaimValue, Claims, JoseHeader, is_media_type},
};

/// A [`TokenProfile`] with everything looked up that can be before a token arrives.
#[derive(Clone, Debug)]
pub(crate) struct CompiledProfile {
    pub(crate) typ: TypeRule,
    pub(crate) cty: Option<std::sync::Arc<str>>,
    pub(crate) algorithms: AlgorithmSet,
    policy: Policy,
    pub(crate) header_rules: Option<Box<HeaderRules>>,
    pub(crate) binding: Binding,
    pub(crate) leeway: std::time::Duration,
    subjects: Vec<(ClaimId, ClaimName)>,
    passes_over_empty_subjects: bool,
    audience: ClaimId,
    expires: ClaimId,
    clients: Vec<(ClaimId, ClaimName)>,
    scopes: Vec<(ClaimId, ClaimName)>,
    scopes_as_members: bool,
    scope_names: Renames,
    /// The claims whose type is not enforced.
    unruled: Vec<ClaimId>,
    pub(crate) null_is_absent: bool,
    /// What each token spends, and the claim that it is in.
    spends: Option<(Once, (ClaimId, ClaimName))>,
    /// Where tokens say what they are bound to, if such are taken.
    pub(super) confirmation: Option<ConfirmationClaims>,
    pub(crate) takes_padding: bool,
    pub(crate) key_selection: KeySelection,
    pub(crate) requires_kid: bool,
    pub(crate) keeps_header: bool,
    pub(crate) places: Arc<FactPlaces>,
}

/// A text of the payload: where it stands, or a copy when it stands there with escapes.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Span { start: u32, end: u32 },
    Owned(Box<str>),
}

impl Text {
    /// What it takes beside the payload and itself.
    pub(crate) fn bytes(&self) -> usize {
        if let Self::Owned(text) = self { text.len() } else { 0 }
    }

    fn of(text: &str, payload: &str) -> Self {
        match position(text, payload) {
            Some((start, end)) => Self::Span { start, end },
            None => Self::Owned(text.into()),
        }
    }

    pub(crate) fn get<'a>(&'a self, payload: &'a str) -> &'a str {
        match self {
            Self::Span { start, end } => payload.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Owned(text) => text,
        }
    }
}

/// Where `text` stands in `payload`, if it was borrowed from there.
#[inline]
pub(super) fn position(text: &str, payload: &str) -> Option<(u32, u32)> {
    // A text that was borrowed from the payload lies inside it, and no other does; comparing
    // addresses finds where.
    let start = (text.as_ptr() as usize).wrapping_sub(payload.as_ptr() as usize);
    let end = start.checked_add(text.len()).filter(|end| *end <= payload.len())?;
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

/// Texts of one claim: most have one or two.
pub(crate) type Texts = SmallVec<[Text; 2]>;

/// What an identity is made of, taken out of claims that passed every rule.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) subject: Text,
    pub(crate) client_id: Option<Text>,
    pub(crate) audiences: Texts,
    pub(crate) scopes: Scopes,
    /// What the token spends.
    pub(crate) spends: Option<(Once, Text)>,
    /// What its sender must prove.
    pub(crate) confirmation: Option<Box<Confirmation>>,
    pub(crate) expires_at: Option<UnixTime>,
}

/// One of the things that an identity is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Subject,
    Client,
    Scopes,
    Spent,
    Confirmation,
}

impl Fact {
    pub(crate) const ALL: [Self; 5] =
        [Self::Subject, Self::Client, Self::Scopes, Self::Spent, Self::Confirmation];
}

impl CompiledProfile {
    pub(crate) fn new(profile: &TokenProfile, binding: Binding, names: &mut ClaimNames) -> Self {
        // Promise 8: a token that is bound to its sender is not a bearer token. It is refused here,
        // last and for every profile, unless the server has the proof of possession checked.
        let unbound = claim("cnf").absent().otherwise(TokenError::SenderConstrained);
        let unbound = Some(unbound).filter(|_| !profile.takes_bound.is_any());
        // A subject that is not empty is found all the same.
        let is_idle = |rule: &&Rule| {
            let is_about = |claim: &ClaimPath| rule.is_about_claim(claim);
            profile.passes_over_empty_subjects
                && rule.check == Check::NonEmptyString
                && profile.subject_claims.iter().any(is_about)
        };
        let on_claims = profile.rules.iter().filter(|rule| !rule.is_about_header() && !is_idle(rule));
        let rules: Vec<Rule> = on_claims.cloned().chain(unbound).collect();
        let scopes = named(&profile.scope_claims, names);
        let clients = named(&profile.client_claims, names);
        let is_unruled = |claim: &&ClaimPath| profile.unruled.contains(claim);
        let facts = profile.client_claims.iter().chain(&profile.scope_claims);
        let unruled = facts.filter(is_unruled).map(|claim| names.intern(claim)).collect();
        if profile.scopes_as_members {
            scopes.iter().for_each(|(id, _)| names.intern_members(*id));
        }
        Self {
            typ: profile.typ.clone(),
            cty: profile.cty.clone(),
            algorithms: profile.algorithms,
            policy: Policy::new(&rules, names),
            header_rules: HeaderRules::of(&profile.rules),
            binding,
            leeway: profile.leeway,
            subjects: named(&profile.subject_claims, names),
            passes_over_empty_subjects: profile.passes_over_empty_subjects,
            audience: names.intern("aud"),
            expires: names.intern("exp"),
            clients,
            scopes,
            scopes_as_members: profile.scopes_as_members,
            scope_names: profile.scope_names.clone(),
            unruled,
            null_is_absent: profile.null_is_absent,
            spends: profile.spends.as_ref().map(|(what, claim)| (*what, (names.intern(claim), claim.name()))),
            confirmation: Some(profile.takes_bound)
                .filter(|methods| methods.is_any())
                .map(|methods| ConfirmationClaims::new(methods, names)),
            takes_padding: profile.takes_padding,
            key_selection: profile.key_selection,
            requires_kid: profile.requires_kid,
            keeps_header: profile.keeps_header,
            places: Arc::new(FactPlaces {
                roles: profile.role_claims.clone(),
                given_roles: Box::default(),
                roles_as_members: profile.roles_as_members,
                null_is_absent: profile.null_is_absent,
                leeway: profile.leeway,
            }),
        }
    }

    /// The claims that a fact is read from: the first that is there counts, and of the scopes all.
    pub(crate) fn claims_of(&self, fact: Fact) -> &[(ClaimId, ClaimName)] {
        match fact {
            Fact::Subject => &self.subjects,
            Fact::Client => &self.clients,
            Fact::Scopes => &self.scopes,
            Fact::Spent => self.spends.as_ref().map_or(&[], |(_, claim)| std::slice::from_ref(claim)),
            Fact::Confirmation => {
                self.confirmation.as_ref().map_or(&[], |claims| std::slice::from_ref(&claims.cnf))
            }
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

    /// What each token spends.
    pub(crate) fn once(&self) -> Option<Once> {
        self.spends.as_ref().map(|(what, _)| *what)
    }

    /// The rules on the header, then those on claims.
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &CompiledRule> {
        let of_header = self.header_rules.as_ref().map_or(&[][..], |header| header.rules());
        of_header.iter().chain(self.rules())
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
        let mut texts = Texts::new();
        match claims.get(self.audience) {
            Some(ClaimValue::String(one)) => texts.push(Text::of(one, payload)),
            Some(ClaimValue::Strings(each)) => {
                each.iter().for_each(|text| texts.push(Text::of(text, payload)));
            }
            _ => {}
        }
        texts
    }

    pub(crate) fn expires_at(&self, claims: &Claims<'_>) -> Option<UnixTime> {
        claims.get(self.expires).and_then(ClaimValue::as_numeric_date)
    }

    /// The first that is there counts, and a wrong type is invalid, never absent.
    #[inline]
    pub(crate) fn subject(&self, claims: &Claims<'_>, payload: &str) -> Result<Text, TokenError> {
        non_empty(&self.subjects, self.passes_over_empty_subjects, claims, payload)
    }

    /// As [`subject`](Self::subject), save that there need be none.
    #[inline]
    pub(crate) fn client(&self, claims: &Claims<'_>, payload: &str) -> Result<Option<Text>, TokenError> {
        for (id, name) in &self.clients {
            match claims.get(*id) {
                None => {}
                Some(ClaimValue::String(client)) => return Ok(Some(Text::of(client, payload))),
                Some(_) => self.wrong_type(*id, name)?,
            }
        }
        Ok(None)
    }

    /// Whether a claim of a wrong type is passed over.
    fn wrong_type(&self, id: ClaimId, name: &ClaimName) -> Result<(), TokenError> {
        if self.unruled.contains(&id) { Ok(()) } else { Err(TokenError::InvalidClaim(name.clone())) }
    }

    /// The scopes of all claims that are there. What ends before the token narrows its `window`.
    #[inline]
    pub(crate) fn scopes(
        &self,
        claims: &Claims<'_>,
        payload: &str,
        now: UnixTime,
        window: &mut Window,
    ) -> Result<Scopes, TokenError> {
        let mut there = self.scopes.iter().filter_map(|(id, _)| claims.get(*id));
        match (there.next(), there.next()) {
            (None, _) => return Ok(Scopes::default()),
            (Some(ClaimValue::String(list)), None) if self.scope_names.is_empty() => {
                if let Some(scopes) = Scopes::of_list(list, payload) {
                    return Ok(scopes);
                }
            }
            _ => {}
        }
        self.collect_scopes(claims, payload, now, window)
    }

    /// The scopes of several claims, or of one that is no plain list.
    #[inline(never)]
    fn collect_scopes(
        &self,
        claims: &Claims<'_>,
        payload: &str,
        now: UnixTime,
        window: &mut Window,
    ) -> Result<Scopes, TokenError> {
        let mut scopes = Scopes::default();
        let mut collector = Collector::new(payload, &self.scope_names, &mut scopes);
        for (id, name) in &self.scopes {
            match claims.get(*id) {
                None => {}
                Some(ClaimValue::Object | ClaimValue::StringMembers(_)) if self.scopes_as_members => {
                    let moment = Moment { now, leeway: self.leeway };
                    collector.add_members((*id, name.as_str()), claims, moment, window);
                }
                Some(value) => match collector.add(name.as_str(), value) {
                    Some(()) => {}
                    None => self.wrong_type(*id, name)?,
                },
            }
        }
        collector.finish();
        Ok(scopes)
    }

    #[inline]
    pub(crate) fn confirmation(&self, claims: &Claims<'_>) -> Result<Option<Box<Confirmation>>, TokenError> {
        self.confirmation.as_ref().map_or(Ok(None), |confirmation| confirmation.read(claims))
    }

    #[inline]
    pub(crate) fn spent(
        &self,
        claims: &Claims<'_>,
        payload: &str,
    ) -> Result<Option<(Once, Text)>, TokenError> {
        let Some((what, claim)) = &self.spends else { return Ok(None) };
        let text = non_empty(std::slice::from_ref(claim), false, claims, payload)?;
        Ok(Some((*what, text)))
    }
}

/// The first of these claims that is there, a non-empty string; an empty one may count as absent.
#[inline]
fn non_empty(
    among: &[(ClaimId, ClaimName)],
    passes_over_empty: bool,
    claims: &Claims<'_>,
    payload: &str,
) -> Result<Text, TokenError> {
    let missing = || {
        let first = among.first().map(|(_, name)| name.clone());
        TokenError::MissingClaim(first.unwrap_or_else(|| ClaimName("sub".into())))
    };
    let counts = |value: &ClaimValue<'_>| !passes_over_empty || *value != ClaimValue::String("");
    let there = among.iter().find_map(|(id, name)| Some((claims.get(*id).filter(counts)?, name)));
    let (value, name) = there.ok_or_else(missing)?;
    let value = value.as_str().filter(|value| !value.is_empty());
    value.map(|value| Text::of(value, payload)).ok_or_else(|| TokenError::InvalidClaim(name.clone()))
}

/// The numbers of claims, with their names for errors.
fn named(claims: &[ClaimPath], names: &mut ClaimNames) -> Vec<(ClaimId, ClaimName)> {
    claims.iter().map(|claim| (names.intern(claim), claim.name())).collect()
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
