//! The header of a token, as the profile and the keys of its issuer have it.

use super::{
    Issuer, Issuers,
    observer::{Checked, Failure, FirstFailure, Observer},
};
use crate::{
    error::{Malformed, TokenError},
    keys::{Algorithm, KeySet},
    policy::{RuleContext, Window},
    profile::{CompiledProfile, HeaderRules},
    token::{Claims, JoseHeader, TokenLimits, UnverifiedToken},
};

/// The header of a token, read for it or for an earlier one with the same.
pub(super) enum Header<'a> {
    Known(&'a JoseHeader<'static>),
    New(Box<JoseHeader<'static>>),
}

impl Header<'_> {
    pub(super) const fn get(&self) -> &JoseHeader<'static> {
        match self {
            Self::Known(header) => header,
            Self::New(header) => header,
        }
    }
}

/// Reads the header, and refuses what no profile can allow: critical extensions (RFC 7515 section
/// 4.1.11), unencoded payloads (RFC 7797), encryption, compression and nested tokens.
#[inline(always)]
pub(super) fn read_header<'k, O: Observer>(
    token: &UnverifiedToken<'_>,
    profile: &CompiledProfile,
    keys: Option<&'k KeySet>,
    limits: &TokenLimits,
    o: &mut O,
) -> Result<Option<Header<'k>>, Failure> {
    if !O::DRY_RUN
        && let Some(known) = keys.and_then(|keys| keys.memo().get(token.header_segment()))
    {
        // It was read for a token of this issuer, perhaps of another kind.
        known.check_null(profile.null_is_absent)?;
        return Ok(Some(Header::Known(known)));
    }
    let header = token.header_json().and_then(|json| {
        let header = JoseHeader::read(&json, limits)?;
        header.check_null(profile.null_is_absent)?;
        Ok(Box::new(header.to_owned()))
    });
    let Some(header) = o.value(Checked::HeaderForm, header)? else { return Ok(None) };
    o.check(Checked::Extensions, header.check_extensions().map_err(Into::into))?;
    o.check(Checked::KeyIdLength(&header), header.check_kid(limits).map_err(Into::into))?;
    Ok(Some(Header::New(header)))
}

/// What the profile demands of the header; gives the algorithm, if it is an accepted one.
#[inline(always)]
pub(crate) fn check_header<O: Observer>(
    profile: &CompiledProfile,
    header: &JoseHeader<'_>,
    o: &mut O,
) -> Result<Option<Algorithm>, Failure> {
    let algorithm = o.value(Checked::Algorithm(header), profile.check_algorithm(header))?;
    o.check(Checked::Type(header), profile.check_type(header).map_err(Into::into))?;
    o.check(Checked::ContentType(header), profile.check_content_type(header).map_err(Into::into))?;
    o.check(Checked::KeyId, profile.check_names_key(header).map_err(Into::into))?;
    Ok(algorithm)
}

/// The rules of the profile on members of the header; narrows `window` to the time in which all of them hold.
// Apart from what every token runs through: few profiles have such rules.
#[inline(never)]
pub(super) fn check_header_rules<O: Observer>(
    rules: &HeaderRules,
    token: &UnverifiedToken<'_>,
    context: &RuleContext<'_>,
    window: &mut Window,
    limits: &TokenLimits,
    o: &mut O,
) -> Result<(), Failure> {
    let json = token.header_json()?;
    let json = std::str::from_utf8(&json).map_err(|_| TokenError::from(Malformed::Header))?;
    let mut members = Claims::none(rules.names());
    members.read(json, rules.names(), limits).map_err(TokenError::from)?;
    for rule in rules.rules() {
        let result = rule.evaluate(&members, context, window);
        o.check(Checked::Rule(rule, &members, context), result.map_err(Into::into))?;
    }
    Ok(())
}

/// What is wrong with a token that names a key which is known not to exist, whatever else it says:
/// anyone can make up such tokens, so they should cost little. It can be known before the issuer only
/// where there is one issuer; and only if nothing would be fetched or waited for, since that is not
/// done for a token whose issuer was not looked at.
pub(super) fn lacks_named_key<I: Issuers>(
    token: &UnverifiedToken<'_>,
    issuers: &I,
    limits: &TokenLimits,
) -> Option<TokenError> {
    let issuer = issuers.only()?;
    let (profile, snapshot) = (issuer.only_profile()?, issuer.keys()?);
    let keys = snapshot.keys();
    if keys.memo().get(token.header_segment()).is_some() {
        return None;
    }
    let json = token.header_json().ok()?;
    let header = JoseHeader::parse(&json, limits).ok()?;
    let algorithm = check_header(profile, &header, &mut FirstFailure).ok()??;
    let name = profile.key_name(header.kid.as_deref())?;
    let lacks = keys.candidates(Some(name), algorithm).next().is_none()
        && issuer.has_no_other_keys(snapshot.generation());
    lacks.then(|| keys.lacking(Some(name)))
}
