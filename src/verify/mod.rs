//! The verification of one token: bytes, an issuer's profile and keys, and a moment in; a
//! [`VerifiedToken`] or the first reason against it out. No I/O, and no clock but the argument.
//!
//! [`verify_token`] is the order of all checks. The order is that of cost, so that a hopeless token
//! costs no signature and an untrusted one no look-up of a key:
//!
//! 1. Size, three parts, strict base64url.
//! 2. Where there is one issuer: whether the key that the header names is known not to exist.
//! 3. The payload: decoded once, its claims read once.
//! 4. The issuer, by the exact names of those configured. Nothing that a token says is ever turned
//!    into an address.
//! 5. The header: extensions, algorithm, types, `kid`.
//! 6. Every rule of the profile, and what an identity is made of. Nothing is believed yet: a token
//!    that fails here would fail after the signature too, since the rules are the same function of
//!    the same bytes.
//! 7. One key, one signature.
//!
//! The sequence is written once, generic over an [`Observer`]: verification runs it with
//! [`FirstFailure`], which costs nothing; [`explain`](crate::explain) with one that records every
//! check and goes on.

mod header;
mod observer;
mod token;

use std::sync::Arc;

use self::header::{Header, check_header_rules, lacks_named_key, read_header};
pub(crate) use self::{
    header::check_header,
    observer::{Checked, Failure, FirstFailure, Observer, Signing, Wanted},
    token::{Evidence, Judged, Needed, Signed, TokenContents, VerifiedToken},
};
use crate::{
    error::{ClaimName, Malformed, TokenError},
    keys::{Algorithm, SnapshotRef, VerifyingKey, verify_signature},
    policy::{Expected, Moment, RuleContext, Window},
    profile::{CompiledProfile, Extracted, Fact},
    time::{Now, UnixTime},
    token::{ClaimId, ClaimNames, ClaimValue, Claims, TokenLimits, UnverifiedToken},
};

/// What the result of a verification depends on beside the token and its issuers.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) limits: &'a TokenLimits,
    /// The claims that the profiles ask about.
    pub(crate) names: &'a ClaimNames,
    /// Where the issuer is named.
    pub(crate) issuer: IssuerName<'a>,
    pub(crate) now: &'a Now<'a>,
    pub(crate) expected: Expected<'a>,
    /// Whether some profile takes tokens in padded base64url.
    pub(crate) padding: bool,
}

/// Where the issuer of a token is named.
#[derive(Clone, Copy)]
pub(crate) enum IssuerName<'a> {
    /// In a claim of the token.
    Claim {
        iss: ClaimId,
        /// Where there are issuers that `sub` names.
        sub: Option<ClaimId>,
    },
    /// In a header of the request.
    Request(Option<&'a [u8]>),
}

/// The issuers that tokens of one kind are accepted from.
pub(crate) trait Issuers {
    type Issuer: Issuer;

    /// The only issuer that there is, with the keys at hand. Starts nothing.
    fn only(&self) -> Option<Self::Issuer>;

    /// The issuer of this name.
    fn find(&self, name: &str) -> Option<Self::Issuer>;

    /// The issuer that this subject begins with, of those that are found so.
    fn of_subject(&self, subject: &str) -> Option<Self::Issuer>;

    /// The issuer whose tokens do not name one, if there is such an issuer.
    fn of_tokens_without_name(&self) -> Option<Self::Issuer>;

    /// The names of the configured issuers.
    fn names(&self) -> Vec<String>;
}

/// An issuer that tokens are accepted from.
pub(crate) trait Issuer {
    /// The profile of its tokens of this kind, by their claims where there are several; `None` where
    /// none of this kind are taken. Whether `null` in the claims counts as absent is for each profile to say.
    fn profile(&self, claims: Option<&mut Claims<'_>>) -> Option<&CompiledProfile>;

    /// The profile of all its tokens of this kind, where there is one.
    fn only_profile(&self) -> Option<&CompiledProfile>;

    /// The number of its key source.
    fn source(&self) -> usize;

    /// The current keys; `None` when there are none to rely on.
    fn keys(&self) -> Option<SnapshotRef>;

    /// Whether it is known, on evidence, that the issuer has no key beyond those of this generation.
    fn has_no_other_keys(&self, generation: u64) -> bool;

    /// Whether a bad signature may be the sign of a key that the issuer exchanged under the same name.
    fn exchanges_keys(&self) -> bool;

    /// What would help where no key of generation `seen` verifies a token that names its key so, because of
    /// `lacking`; begins it.
    fn need_keys(&self, seen: Option<u64>, wanted: Wanted, kid: Option<&str>, lacking: TokenError)
    -> Failure;

    /// Whether its tokens are accepted. Those of another are judged all the same, as far as that goes
    /// without keys, so that the answer does not tell who is trusted.
    fn is_trusted(&self) -> bool;

    /// How an error of a token that no key has verified is reported.
    fn reported(&self, error: TokenError) -> TokenError;

    /// A token of the issuer was verified with this key.
    fn verified(&self, key: &VerifyingKey);
}

/// Verifies one token.
///
/// # Errors
/// The first check that fails, unless the observer goes on.
pub(crate) fn verify_token<I: Issuers, O: Observer>(
    token: &[u8],
    input: &Input<'_>,
    issuers: &I,
    o: &mut O,
) -> Result<O::Token, Failure> {
    let parsed = if input.padding {
        UnverifiedToken::parse_padded(token, input.limits)
    } else {
        UnverifiedToken::parse(token, input.limits)
    };
    let token = o.value(Checked::Form, parsed)?;
    if let Some(token) = &token
        && let Some(error) = lacks_named_key(token, issuers, input.limits)
    {
        o.check(Checked::NamedKey, Err(error.into()))?;
    }
    let payload = match &token {
        Some(token) => o.value(Checked::Form, token.payload_json())?,
        None => None,
    };
    let mut contents = None;
    let evidence = judge(token.as_ref(), payload.as_deref(), input, issuers, &mut contents, o)?;
    if let (Some(contents), Some(payload)) = (&mut contents, payload) {
        contents.payload = payload.into_boxed_str();
    }
    o.token(contents, evidence)
}

/// Judges a token by its payload and its header, as far as there are any. The `contents` are filled
/// where they stay, as they are large to be moved; the payload, from which they are read, comes last.
#[inline(always)]
fn judge<I: Issuers, O: Observer>(
    token: Option<&UnverifiedToken<'_>>,
    payload: Option<&str>,
    input: &Input<'_>,
    issuers: &I,
    contents: &mut Option<TokenContents>,
    o: &mut O,
) -> Result<Option<Evidence>, Failure> {
    // Filled where they stay, as well.
    let mut claims = Claims::none(input.names);
    let claims = match payload {
        Some(payload) => {
            let read = claims.read(payload, input.names, input.limits);
            o.value(Checked::Payload, read.map_err(TokenError::from))?.map(|()| &mut claims)
        }
        None => None,
    };

    let Some(issuer) = trusted_issuer(claims.as_deref(), input, issuers, o)? else { return Ok(None) };
    let judged = judge_by(&issuer, token, payload, claims, input, contents, o);
    o.report(|error| issuer.reported(error));
    judged.map_err(|failure| match failure {
        Failure::Refused(error) => Failure::Refused(issuer.reported(error)),
        Failure::NeedKeys { source, seen, wanted, kid, lacking } => {
            Failure::NeedKeys { source, seen, wanted, kid, lacking: issuer.reported(lacking) }
        }
        other => other,
    })
}

/// Judges a token by the profile and the keys of its issuer.
#[inline(always)]
fn judge_by<I: Issuer, O: Observer>(
    issuer: &I,
    token: Option<&UnverifiedToken<'_>>,
    payload: Option<&str>,
    mut claims: Option<&mut Claims<'_>>,
    input: &Input<'_>,
    contents: &mut Option<TokenContents>,
    o: &mut O,
) -> Result<Option<Evidence>, Failure> {
    let Some(profile) = issuer.profile(claims.as_deref_mut()) else {
        o.check(Checked::Kind { in_pairs: true }, Err(TokenError::WrongType.into()))?;
        return Ok(None);
    };
    o.profile(profile);
    if input.padding && !profile.takes_padding && token.is_some_and(UnverifiedToken::is_padded) {
        o.check(Checked::Form, Err(TokenError::from(Malformed::Base64).into()))?;
    }
    let keys = issuer.keys();
    let claims = claims.map(|claims| {
        claims.null_is_absent(profile.null_is_absent);
        &*claims
    });

    let header = match token {
        Some(token) => read_header(token, profile, keys.as_ref().map(|keys| keys.keys()), input.limits, o)?,
        None => None,
    };
    let algorithm = match &header {
        Some(header) => check_header(profile, header.get(), o)?,
        None => None,
    };

    let mut window = Window::ALWAYS;
    let moment = Moment { now: input.now.unix(), leeway: profile.leeway };
    let context = RuleContext { moment, binding: &profile.binding, expected: input.expected, algorithm };
    if let (Some(rules), Some(token), Some(_)) = (&profile.header_rules, token, &header) {
        check_header_rules(rules, token, &context, &mut window, input.limits, o)?;
    }
    let extracted = match (claims, payload) {
        (Some(claims), Some(payload)) => {
            check_claims(profile, claims, &context, &mut window, o)?;
            extract(profile, claims, payload, moment.now, &mut window, o)?
        }
        _ => None,
    };

    let evidence = match (token, &header, algorithm) {
        (Some(token), Some(header), Some(algorithm)) => {
            let evidence =
                check_signature(token, header, algorithm, (issuer, profile), keys.as_ref(), input.limits, o)?;
            if let Some(Evidence::Signature(signed)) = &evidence
                && !O::DRY_RUN
            {
                issuer.verified(&signed.key);
            }
            evidence
        }
        _ => None,
    };
    let kept = token.filter(|_| profile.keeps_header && !O::DRY_RUN).map(UnverifiedToken::header_json);
    *contents = extracted.map(|extracted| TokenContents {
        payload: Box::default(),
        header: kept.and_then(|json| String::from_utf8(json.ok()?).ok()).map(Into::into),
        issuer: Arc::clone(&profile.binding.issuer),
        extracted,
        places: Arc::clone(&profile.places),
        window,
    });
    Ok(evidence)
}

/// The issuer that the token or the request names; where the observer goes on without one that is
/// trusted, the only one that the token can be taken for.
#[inline(always)]
fn trusted_issuer<I: Issuers, O: Observer>(
    claims: Option<&Claims<'_>>,
    input: &Input<'_>,
    issuers: &I,
    o: &mut O,
) -> Result<Option<I::Issuer>, Failure> {
    let (name, by_request) = match input.issuer {
        IssuerName::Claim { iss, sub } => {
            // What `sub` says goes before `iss`, which tokens that are found so need not have.
            if let (Some(sub), Some(claims)) = (sub, claims)
                && let Some(ClaimValue::String(subject)) = claims.get(sub)
                && let Some(issuer) = issuers.of_subject(subject)
            {
                let configured = &|| issuers.names();
                o.check(Checked::Issuer { name: None, by_request: false, configured }, Ok(()))?;
                return Ok(Some(issuer));
            }
            let iss = claims.map(|claims| claims.get(iss));
            if matches!(iss, Some(None))
                && let Some(issuer) = issuers.of_tokens_without_name()
            {
                let configured = &|| issuers.names();
                o.check(Checked::Issuer { name: None, by_request: false, configured }, Ok(()))?;
                return Ok(Some(issuer));
            }
            (iss.map(issuer_claim), false)
        }
        IssuerName::Request(name) => {
            let name = name.and_then(|name| std::str::from_utf8(name).ok());
            (Some(name.ok_or(TokenError::UntrustedIssuer)), true)
        }
    };
    let Some(name) = name else { return Ok(issuers.only()) };
    let shown = name.as_ref().ok().copied();
    let issuer = name.and_then(|name| issuers.find(name).ok_or(TokenError::UntrustedIssuer));
    let configured = &|| issuers.names();
    let checked = Checked::Issuer { name: shown, by_request, configured };
    let issuer = match issuer {
        Ok(issuer) if !issuer.is_trusted() => {
            o.postpone(checked, TokenError::UntrustedIssuer);
            Some(issuer)
        }
        issuer => o.value(checked, issuer)?,
    };
    Ok(issuer.or_else(|| issuers.only()))
}

fn issuer_claim(iss: Option<ClaimValue<'_>>) -> Result<&str, TokenError> {
    let name = || ClaimName("iss".into());
    let iss = iss.ok_or_else(|| TokenError::MissingClaim(name()))?;
    iss.as_str().ok_or_else(|| TokenError::InvalidClaim(name()))
}

/// The rules of the profile, in their order; narrows `window` to the time in which all of them hold.
#[inline(always)]
pub(crate) fn check_claims<O: Observer>(
    profile: &CompiledProfile,
    claims: &Claims<'_>,
    context: &RuleContext<'_>,
    window: &mut Window,
    o: &mut O,
) -> Result<(), Failure> {
    for rule in profile.rules() {
        let result = rule.evaluate(claims, context, window);
        o.check(Checked::Rule(rule, claims, context), result.map_err(Into::into))?;
    }
    Ok(())
}

/// Takes out what an identity is made of. What is not good for as long as the token narrows `window`.
#[inline(always)]
pub(crate) fn extract<O: Observer>(
    profile: &CompiledProfile,
    claims: &Claims<'_>,
    payload: &str,
    now: UnixTime,
    window: &mut Window,
    o: &mut O,
) -> Result<Option<Extracted>, Failure> {
    let subject = o.value(Checked::Fact(Fact::Subject, claims), profile.subject(claims, payload))?;
    let client_id = o.value(Checked::Fact(Fact::Client, claims), profile.client(claims, payload))?;
    let scopes =
        o.value(Checked::Fact(Fact::Scopes, claims), profile.scopes(claims, payload, now, window))?;
    let spends = o.value(Checked::Fact(Fact::Spent, claims), profile.spent(claims, payload))?;
    let confirmation = o.value(Checked::Fact(Fact::Confirmation, claims), profile.confirmation(claims))?;
    let (Some(subject), Some(client_id), Some(scopes), Some(spends), Some(confirmation)) =
        (subject, client_id, scopes, spends, confirmation)
    else {
        return Ok(None);
    };
    let audiences = profile.audiences(claims, payload);
    Ok(Some(Extracted {
        subject,
        client_id,
        audiences,
        scopes,
        spends,
        confirmation,
        expires_at: profile.expires_at(claims),
    }))
}

/// One key, one signature: only now the rules that were judged before mean something.
#[inline(always)]
fn check_signature<I: Issuer, O: Observer>(
    token: &UnverifiedToken<'_>,
    header: &Header<'_>,
    algorithm: Algorithm,
    (issuer, profile): (&I, &CompiledProfile),
    snapshot: Option<&SnapshotRef>,
    limits: &TokenLimits,
    o: &mut O,
) -> Result<Option<Evidence>, Failure> {
    let kid = header.get().kid.as_deref();
    let signing = Signing { kid, algorithm, keys: snapshot.map(|snapshot| snapshot.keys()) };
    let Some(snapshot) = snapshot else {
        let error = TokenError::UnknownKey;
        let need = || issuer.need_keys(None, Wanted::UnknownKey, kid, error.clone());
        o.lacks_key(signing, &error, need)?;
        return Ok(None);
    };
    let (keys, generation) = (snapshot.keys(), snapshot.generation());
    match verify_signature(token, profile.key_name(kid), algorithm, keys, limits) {
        Ok((key, valid)) => {
            o.check(Checked::Signature(signing), Ok(()))?;
            if let (Header::New(header), false) = (header, O::DRY_RUN) {
                keys.memo().keep(token.header_segment(), header);
            }
            Ok(Some(Evidence::signature(algorithm, key, issuer.source(), generation, valid)))
        }
        Err(error) => {
            let wanted = match &error {
                // A shared secret is given, and never fetched.
                _ if algorithm.is_hmac() => None,
                TokenError::InvalidSignature if snapshot.lacks_fetched() => Some(Wanted::UnknownKey),
                TokenError::InvalidSignature if issuer.exchanges_keys() => Some(Wanted::ExchangedKey),
                error if error.is_for_want_of_a_key() => Some(Wanted::UnknownKey),
                _ => None,
            };
            match wanted {
                Some(wanted) => {
                    let need = || issuer.need_keys(Some(generation), wanted, kid, error.clone());
                    o.lacks_key(signing, &error, need)?;
                }
                None => o.check(Checked::Signature(signing), Err(error.into()))?,
            }
            Ok(None)
        }
    }
}
