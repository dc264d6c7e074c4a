//! What each check demands, in words, and what to do about it when it fails.

use super::{Finding, Shown, Stage};
use crate::{
    error::{ClaimName, Malformed, TokenError},
    http::Reason,
    keys::{Algorithm, KeySet},
    policy::{Requirement, Rule},
    profile::{CompiledProfile, Fact, KeySelection, TypeRule},
    token::{ClaimId, Claims, JoseHeader, TokenLimits},
    verify::{Checked, Failure, Signing, TokenContents},
};

pub(super) const UNREAD: &str = "the token cannot be read";
pub(super) const ISSUER: &str = "iss names a trusted issuer";
pub(super) const PAIR: &str = "the two tokens are of one issuer, and of one user and client";
const SIGNATURE: &str = "the signature is good";
const NOT_THERE: &str = "not there";
const OTHER_TYPE: &str = "send the kind of token that belongs here, or accept this type with the profile";
const OTHER_ALGORITHM: &str =
    "have the issuer sign with the algorithm of its key, or publish the key with the alg that it signs with";
const CHANGED: &str =
    "send the token as it was issued: it was changed, or signed by another key than the one it names";

/// The rows of a check about the form, the issuer, the header or the claims.
pub(super) fn finding(
    checked: Checked<'_, '_>,
    result: Result<(), TokenError>,
    profile: Option<&CompiledProfile>,
    limits: &TokenLimits,
) -> Vec<Finding> {
    let header = |n: usize| {
        let rule = profile.and_then(|profile| header_rules(profile, limits).into_iter().nth(n));
        rule.unwrap_or_default()
    };
    let of = |rule: String, result| Finding::of(Stage::Header, rule, result);
    let shown = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(Shown::text);
    vec![match (checked, profile) {
        (Checked::Issuer { name, by_request, configured }, _) => issuer(name, by_request, configured, result),
        (Checked::Kind { in_pairs }, _) => kind(in_pairs, result),
        (Checked::Pair, _) => Finding::of(Stage::Pair, PAIR, result)
            .fix(|| "send the ID token that was issued with this access token"),
        (Checked::HeaderForm, Some(profile)) => match result {
            Ok(()) => of(header(0), result),
            Err(error) => return unread_header(profile, limits, Some(error)),
        },
        (Checked::Extensions, _) => {
            of(header(1), result).fix(|| "have the issuer sign without extensions (RFC 7515 section 4.1.11)")
        }
        (Checked::KeyIdLength(JoseHeader { kid: None, .. }), _) => {
            Finding::not_applicable(Stage::Header, header(2), NOT_THERE).about("kid")
        }
        (Checked::KeyIdLength(_), _) => {
            of(header(2), result).about("kid").fix(|| "use shorter key ids, or raise TokenLimits::kid_bytes")
        }
        (Checked::Algorithm(read), _) => of(header(3), result)
            .about("alg")
            .showing(Some(Shown::text(&read.alg)))
            .fix(|| "have the issuer sign with one of these, or accept it with TokenProfile::algorithms"),
        (Checked::Type(read), _) => match (&read.typ, result) {
            (None, Ok(())) => Finding::not_applicable(Stage::Header, header(4), NOT_THERE),
            (_, result) => of(header(4), result).fix(|| OTHER_TYPE),
        }
        .about("typ")
        .showing(shown(&read.typ)),
        (Checked::ContentType(read), Some(profile)) => match &read.cty {
            None if profile.cty.is_none() => Finding::not_applicable(Stage::Header, header(5), NOT_THERE),
            _ => of(header(5), result).fix(|| OTHER_TYPE),
        }
        .about("cty")
        .showing(shown(&read.cty)),
        (Checked::KeyId, Some(profile)) if profile.requires_kid => {
            of(KID.to_owned(), result).about("kid").fix(|| "have the issuer name the key that it signs with")
        }
        (Checked::Rule(rule, claims, context), _) => rule.finding(claims, context, result),
        (Checked::Fact(fact, claims), Some(profile)) => return fact_row(profile, fact, claims, result),
        _ => return Vec::new(),
    }]
}

/// What reading a token came to. After a failure the other checks are left open: they are made in one
/// pass, which ends there.
pub(super) fn form(error: Option<&TokenError>, limits: &TokenLimits) -> Vec<Finding> {
    type Blames = fn(&TokenError) -> bool;
    let checks: [(String, Blames, &'static str); 4] = [
        (
            format!(
                "it has at most {} bytes, and its header at most {}",
                limits.token_bytes, limits.header_bytes
            ),
            |error| *error == TokenError::TooLarge,
            "put fewer claims into it, or raise the TokenLimits of the server",
        ),
        (
            "it has three parts with dots between them".to_owned(),
            |error| *error == Malformed::Parts.into(),
            "send a signed JWT as it was issued: not an opaque or an encrypted token, and all of it",
        ),
        (
            "each part is strict base64url".to_owned(),
            |error| *error == Malformed::Base64.into(),
            "send it as it was issued: no padding, line breaks, spaces or quotes, and nothing cut off",
        ),
        (
            format!(
                "the payload is a JSON object, no member is there twice, and it nests at most {} deep",
                limits.nesting
            ),
            |error| matches!(error, TokenError::Malformed(_)),
            "have the issuer write the claims as RFC 7519 section 4 has it",
        ),
    ];
    let guilty = error.and_then(|error| checks.iter().position(|(_, blames, _)| blames(error)));
    let finding = |(n, (rule, _, fix)): (usize, (String, Blames, &'static str))| match error {
        None => Finding::of(Stage::Form, rule, Ok(())),
        // An error that no check stands for is the last one's, so that none goes unsaid.
        Some(error) if n == guilty.unwrap_or(3) => {
            Finding::of(Stage::Form, rule, Err(error.clone())).fix(|| fix)
        }
        Some(_) => Finding::unchecked(Stage::Form, rule, UNREAD),
    };
    checks.into_iter().enumerate().map(finding).collect()
}

fn issuer(
    name: Option<&str>,
    by_request: bool,
    configured: &dyn Fn() -> Vec<String>,
    result: Result<(), TokenError>,
) -> Finding {
    if name.is_none() && result.is_ok() {
        return Finding::not_applicable(Stage::Issuer, ISSUER, "not there, as in all tokens of one issuer")
            .about("iss");
    }
    let rule = if by_request { "the request names a trusted issuer" } else { ISSUER };
    let finding = Finding::of(Stage::Issuer, rule, result).showing(name.map(Shown::text)).fix(|| {
        match configured().as_slice() {
            [] => "get a token of a trusted issuer, or trust this one".to_owned(),
            [only] => {
                format!("get a token of {only:?}, or configure the issuer exactly as it is named here")
            }
            several => format!("get a token of one of {several:?}, or trust this issuer"),
        }
    });
    if by_request { finding } else { finding.about("iss") }
}

/// A token of a kind that is not taken, or in pairs alone.
fn kind(in_pairs: bool, result: Result<(), TokenError>) -> Finding {
    Finding::of(Stage::Form, "tokens of this kind are taken by themselves", result).fix(|| {
        if in_pairs {
            "send it with the access token that it came with: alone, it is tied to no client"
        } else {
            "give the server the client that ID tokens are for: ResourceServerBuilder::client_id"
        }
    })
}

/// What can be said of a token whose issuer is not known.
pub(super) fn of_no_issuer() -> [Finding; 4] {
    [
        (Stage::Header, "the header is as the profile of the issuer has it"),
        (Stage::Claims, "the claims are as the profile of the issuer has them"),
        (Stage::Key, "it was signed by a key of the issuer"),
        (Stage::Signature, SIGNATURE),
    ]
    .map(|(stage, rule)| Finding::unchecked(stage, rule, "whose token it is, is not known"))
}

const KID: &str = "kid is there";

fn header_rules(profile: &CompiledProfile, limits: &TokenLimits) -> [String; 6] {
    let accepted: Vec<_> = profile.algorithms.iter().map(Algorithm::name).collect();
    [
        "the header is a JSON object with alg, and no member is there twice".to_owned(),
        "there is no crit, b64, enc or zip, and cty is not JWT".to_owned(),
        format!("kid has at most {} bytes", limits.kid_bytes),
        format!("alg is one of {}", accepted.join(" ")),
        type_rule(&profile.typ),
        match &profile.cty {
            Some(cty) => format!("cty is {cty}"),
            None => "cty may be anything".to_owned(),
        },
    ]
}

fn type_rule(typ: &TypeRule) -> String {
    let accepted: Vec<&str> = typ.accepted.iter().map(AsRef::as_ref).collect();
    match (accepted.as_slice(), typ.required) {
        ([], false) => "typ may be anything".to_owned(),
        ([], true) => "typ is there".to_owned(),
        (some, true) => format!("typ is {}", some.join(" or ")),
        (some, false) => format!("typ is {}, if present", some.join(" or ")),
    }
}

/// The header's rows where it could not be read: because of `error`, or because nothing could.
pub(super) fn unread_header(
    profile: &CompiledProfile,
    limits: &TokenLimits,
    error: Option<TokenError>,
) -> Vec<Finding> {
    let because = if error.is_some() { "the header cannot be read" } else { UNREAD };
    let unread = |rule| Finding::unchecked(Stage::Header, rule, because);
    let [form, others @ ..] = header_rules(profile, limits);
    let form = match error {
        Some(error) => Finding::of(Stage::Header, form, Err(error))
            .fix(|| "have the issuer write the header as RFC 7515 section 4 has it"),
        None => unread(form),
    };
    let kid = profile.requires_kid.then(|| unread(KID.to_owned()));
    [form].into_iter().chain(others.map(unread)).chain(kid).collect()
}

const FACTS: [Fact; 4] = [Fact::Subject, Fact::Client, Fact::Scopes, Fact::Nonce];

fn fact_rule(fact: Fact, names: &[(ClaimId, ClaimName)]) -> String {
    let (what, needed) = match fact {
        Fact::Subject => ("names the subject", true),
        Fact::Client => ("names the client", false),
        Fact::Scopes if names.len() > 1 => ("list the scopes", false),
        Fact::Scopes => ("lists the scopes", false),
        Fact::Nonce => ("is the nonce that the token spends", true),
    };
    let names: Vec<_> = names.iter().map(|(_, name)| name.as_str()).collect();
    let names = names.join(if fact == Fact::Scopes { " and " } else { " or " });
    format!("{names} {what}{}", if needed { "" } else { ", if present" })
}

fn fact_row(
    profile: &CompiledProfile,
    fact: Fact,
    claims: &Claims<'_>,
    result: Result<(), TokenError>,
) -> Vec<Finding> {
    let names = profile.claims_of(fact);
    let Some((_, first)) = names.first() else { return Vec::new() };
    let blamed = result.as_ref().err().and_then(TokenError::claim);
    let blamed = names.iter().find(|(_, name)| Some(name.as_str()) == blamed);
    let there = blamed.or_else(|| names.iter().find(|(id, _)| claims.get(*id).is_some()));
    let present = there.and_then(|(id, name)| Some((claims.get(*id)?, name.as_str())));
    let rule = fact_rule(fact, names);
    let finding = match (&result, present) {
        (Ok(()), None) => Finding::not_applicable(Stage::Claims, rule, NOT_THERE),
        _ => Finding::of(Stage::Claims, rule, result)
            .fix(|| "have the issuer write it as a string that is not empty"),
    };
    let shown = present.map(|(value, name)| Shown::claim(name, value));
    vec![finding.about(present.map_or(first.as_str(), |(_, name)| name)).showing(shown)]
}

/// The rows of claims that could not be read.
pub(super) fn unread_claims(profile: &CompiledProfile) -> Vec<Finding> {
    let rules = profile.rules().iter().map(|compiled| &compiled.rule);
    let facts = FACTS.into_iter().map(|fact| (fact, profile.claims_of(fact)));
    let facts = facts.filter(|(_, names)| !names.is_empty());
    let facts = facts.map(|(fact, names)| Finding::unchecked(Stage::Claims, fact_rule(fact, names), UNREAD));
    rules.map(|rule: &Rule| rule.unchecked(UNREAD)).chain(facts).collect()
}

fn key_rule(profile: &CompiledProfile, has_kid: bool) -> &'static str {
    match (profile.key_selection, has_kid) {
        (KeySelection::Kid, true) => "kid names a key of the issuer that is for this alg",
        (KeySelection::LastSegment, true) => {
            "kid names a key of the issuer that is for this alg, by what follows its last slash"
        }
        (KeySelection::Any, _) => "the issuer has a key for this alg, whatever the kid",
        (_, false) => "the issuer has a key for this alg, as there is no kid",
    }
}

/// The rows of key and signature.
pub(super) fn signature(
    profile: &CompiledProfile,
    Signing { kid, algorithm, keys }: Signing<'_>,
    result: Result<(), TokenError>,
) -> [Finding; 2] {
    let rule = key_rule(profile, kid.is_some());
    let shown = |finding: Finding| finding.showing(kid.map(Shown::text));
    let Some(keys) = keys else {
        const NONE_YET: &str = "the issuer's keys were not fetched yet";
        return [
            shown(Finding::unchecked(Stage::Key, rule, NONE_YET)),
            Finding::unchecked(Stage::Signature, SIGNATURE, NONE_YET),
        ];
    };
    let key = |result: Result<(), TokenError>| {
        let mismatch = result == Err(TokenError::KeyAlgorithmMismatch);
        let advice = || if mismatch { OTHER_ALGORITHM.to_owned() } else { which_keys(profile, keys) };
        shown(Finding::of(Stage::Key, rule, result).fix(advice).about("kid"))
    };
    let tried = keys.candidates(profile.key_name(kid), algorithm).count();
    match (tried, result) {
        (0, Err(error)) if error.is_for_want_of_a_key() => [
            key(Err(error)),
            Finding::unchecked(Stage::Signature, SIGNATURE, "there is no key to check it with"),
        ],
        (0, result) => [
            // Judged before any key is looked for: too long for all of them.
            shown(Finding::not_applicable(Stage::Key, rule, "the signature is of no key")),
            Finding::of(Stage::Signature, SIGNATURE, result).fix(|| CHANGED),
        ],
        (_, result) => [key(Ok(())), Finding::of(Stage::Signature, SIGNATURE, result).fix(|| CHANGED)],
    }
}

/// The rows of key and signature where the header does not say how to check them.
pub(super) fn unchecked_signature(profile: &CompiledProfile) -> [Finding; 2] {
    const UNKNOWN: &str = "the header says no algorithm that is accepted";
    [(Stage::Key, key_rule(profile, false)), (Stage::Signature, SIGNATURE)]
        .map(|(stage, rule)| Finding::unchecked(stage, rule, UNKNOWN))
}

/// Which keys there are to choose from.
fn which_keys(profile: &CompiledProfile, keys: &KeySet) -> String {
    const MAX_NAMES: usize = 8;
    let names: Vec<_> = keys.iter().filter_map(|key| key.kid()).take(MAX_NAMES).collect();
    let there = match (names.as_slice(), keys.len()) {
        ([], count) => format!("{count} without a name"),
        (names, count) if count > names.len() => format!("{names:?} and others"),
        (names, _) => format!("{names:?}"),
    };
    format!(
        "get a token that a key of {:?} signed, or trust the issuer's new key; the keys at hand are {there}",
        profile.binding.issuer
    )
}

/// What is said of key and signature after a wait for keys that came to `reason`.
pub(super) fn settle_key(finding: &mut Finding, reason: Option<&Reason>) {
    let shown = finding.shown().cloned();
    match (finding.stage(), reason) {
        (Stage::Key | Stage::Signature, Some(Reason::KeysUnavailable)) => {
            *finding = finding.clone().withdrawn("the issuer's keys are not available right now");
        }
        (Stage::Key, Some(Reason::InvalidToken { error, .. })) if finding.is_open() => {
            let rule = finding.rule().to_owned();
            let settled = Finding::of(Stage::Key, rule, Err(error.clone())).about("kid").showing(shown);
            *finding = settled.of_token(finding.token());
        }
        _ => {}
    }
}

/// What must hold of the nonce that a token spends, if it spends one.
pub(super) fn nonce_rule(profile: &CompiledProfile) -> Option<String> {
    let (_, name) = profile.claims_of(Fact::Nonce).first()?;
    Some(format!("{} is a nonce of this server, and was not spent", name.as_str()))
}

pub(super) fn nonce(rule: String, result: &Result<(), Failure>) -> Finding {
    match result {
        Err(Failure::Refused(error)) => Finding::of(Stage::Nonce, rule, Err(error.clone()))
            .fix(|| "get a new nonce of this server, and a token with it: each counts once, and for minutes"),
        Err(_) => Finding::unchecked(Stage::Nonce, rule, "no nonce can be spent right now"),
        Ok(()) => Finding::of(Stage::Nonce, rule, Ok(())),
    }
}

pub(super) fn scope_rule(required: &Requirement) -> String {
    format!("the scopes hold {required}")
}

pub(super) fn scopes(required: &Requirement, token: &TokenContents, result: &Result<(), Failure>) -> Finding {
    let rule = scope_rule(required);
    let shown = token.scopes().collect::<Vec<_>>().join(" ");
    let finding = match result {
        Ok(()) => Finding::of(Stage::Scope, rule, Ok(())),
        Err(_) => Finding::failed(Stage::Scope, rule, "the token lacks a scope that every request needs")
            .fix(|| format!("request the token with the scopes {required}")),
    };
    finding.showing(Some(Shown::text(&shown)))
}
