//! What each check demands, in words.

use super::{Finding, Shown, Stage, Verdict};
use crate::{
    error::{Malformed, TokenError},
    http::Reason,
    keys::KeySet,
    policy::{Check, CompiledRule, NOT_THERE, Requirement, RuleContext, get_token_of},
    profile::{CompiledProfile, Fact},
    token::{Claims, TokenLimits},
    verify::{Checked, Failure, Judged, Signing},
};

pub(super) const UNREAD: &str = "the token cannot be read";
pub(super) const ISSUER: &str = "iss names a trusted issuer";
const PROOF: &str = "the token is as bound to its sender as it has to be, and its sender proves it";
const SIGNATURE: &str = "the signature is good";
const ONLY_IN_PAIRS: &str = "send it with the access token that it came with: alone, it is tied to no client";
const NO_CLIENT: &str = "give the server the client that ID tokens are for: ResourceServerBuilder::client_id";

/// Every check that the profile demands, before any is made.
pub(super) fn plan(profile: &CompiledProfile, limits: &TokenLimits) -> impl Iterator<Item = Finding> {
    const NO_ALGORITHM: &str = "the header says no algorithm that is accepted";
    let row = |stage, because| move |rule: String| Finding::unchecked(stage, rule, because);
    let rules = profile.all_rules().map(|CompiledRule { rule, .. }| {
        Finding::unchecked(Stage::Claims, rule.to_string(), UNREAD).about(rule.claim(), None)
    });
    let facts = Fact::ALL.into_iter().filter_map(|fact| profile.fact_in_words(fact));
    let header = profile.header_in_words(limits).into_iter().map(row(Stage::Header, UNREAD));
    let claims = rules.chain(facts.map(row(Stage::Claims, UNREAD)));
    let key = [Finding::unchecked(Stage::Key, profile.key_in_words(None), NO_ALGORITHM)];
    let signature = [Finding::unchecked(Stage::Signature, SIGNATURE, NO_ALGORITHM)];
    let nonce = profile.spent_in_words().map(row(Stage::Nonce, "there is no nonce"));
    header.chain(claims).chain(key).chain(signature).chain(nonce)
}

/// What is demanded of a token whose issuer is not known.
pub(super) fn of_no_issuer() -> [Finding; 4] {
    [
        (Stage::Header, "the header is as the profile of the issuer has it"),
        (Stage::Claims, "the claims are as the profile of the issuer has them"),
        (Stage::Key, "it was signed by a key of the issuer"),
        (Stage::Signature, SIGNATURE),
    ]
    .map(|(stage, rule)| Finding::unchecked(stage, rule, "whose token it is, is not known"))
}

pub(super) fn pair() -> Finding {
    let rule = "the two tokens are of one issuer, and of one user and client";
    Finding::unchecked(Stage::Pair, rule, "one of them says too little")
}

pub(super) fn requirement(required: &Requirement) -> Finding {
    Finding::unchecked(Stage::Scope, required.in_words(), "the claims cannot be read")
}

/// The row of a check about the issuer, the header or the claims; none of what the profile does not
/// demand.
pub(super) fn row(
    checked: Checked<'_, '_>,
    result: Result<(), TokenError>,
    profile: Option<&CompiledProfile>,
    limits: &TokenLimits,
) -> Option<Finding> {
    let (n, claim, shown, absent) = match checked {
        Checked::HeaderForm => (0, None, None, false),
        Checked::Extensions => (1, None, None, false),
        Checked::KeyIdLength(read) => (2, Some("kid"), None, read.kid.is_none()),
        Checked::Algorithm(read) => (3, Some("alg"), Some(&read.alg), false),
        Checked::Type(read) => (4, Some("typ"), read.typ.as_ref(), read.typ.is_none()),
        Checked::ContentType(read) => (5, Some("cty"), read.cty.as_ref(), read.cty.is_none()),
        Checked::KeyId => (6, Some("kid"), None, false),
        Checked::Rule(rule, claims, context) => return Some(rule_row(rule, claims, context, result)),
        Checked::Fact(fact, claims) => return fact_row(profile?, fact, claims, result),
        Checked::Issuer { name, by_request, configured } => {
            let (claim, rule) = match by_request {
                true => (None, "the request names a trusted issuer"),
                false => (Some("iss"), ISSUER),
            };
            let row = Finding::new(Stage::Issuer, rule).about(claim, name.map(Shown::text));
            return Some(row.judged(result, None).advised(match configured().as_slice() {
                [] => TokenError::UntrustedIssuer.advice().to_owned(),
                [only] => get_token_of(only),
                several => format!("get a token of one of {several:?}, or trust this issuer"),
            }));
        }
        Checked::Kind { in_pairs } => {
            let row = Finding::new(Stage::Form, "tokens of this kind are taken by themselves");
            return Some(row.judged(result, None).advised(if in_pairs { ONLY_IN_PAIRS } else { NO_CLIENT }));
        }
        _ => return None,
    };
    let rule = profile?.header_in_words(limits).into_iter().nth(n)?;
    let row = Finding::new(Stage::Header, rule).about(claim, shown.map(|text| Shown::text(text)));
    Some(row.judged(result, absent.then_some(NOT_THERE)))
}

/// Where the token's algorithm is not known, rules that depend on it are not checked.
fn rule_row(
    compiled: &CompiledRule,
    claims: &Claims<'_>,
    context: &RuleContext<'_>,
    result: Result<(), TokenError>,
) -> Finding {
    let (rule, value) = (&compiled.rule, claims.get(compiled.claim));
    let shown = value.map(|value| Shown::claim(rule.claim(), value));
    let mut row = Finding::new(Stage::Claims, rule.to_string()).about(rule.claim(), shown);
    if context.algorithm.is_none() && rule.check == Check::HashesAccessToken {
        row.withdraw("the token's algorithm is not known");
        return row;
    }
    let advice = result.as_ref().err().map(|error| compiled.advice(error, claims, context));
    row.judged(result, compiled.idle(claims, context)).advised(advice.unwrap_or_default())
}

fn fact_row(
    profile: &CompiledProfile,
    fact: Fact,
    claims: &Claims<'_>,
    result: Result<(), TokenError>,
) -> Option<Finding> {
    let names = profile.claims_of(fact);
    let blamed = result.as_ref().err().and_then(TokenError::claim);
    let is_it = |id, name: &str| blamed.map_or(claims.get(id).is_some(), |blamed| blamed == name);
    let (id, name) = names.iter().find(|(id, name)| is_it(*id, name.as_str())).or(names.first())?;
    let shown = claims.get(*id).map(|value| Shown::claim(name.as_str(), value));
    let (row, absent) = (profile.fact_in_words(fact)?, shown.is_none().then_some(NOT_THERE));
    Some(Finding::new(Stage::Claims, row).about(name.as_str(), shown).judged(result, absent))
}

/// What reading a token came to. After a failure the other checks are left open: they are made in one
/// pass, which ends there.
pub(super) fn form(error: Option<TokenError>, limits: &TokenLimits) -> impl Iterator<Item = Finding> {
    let failed = match error {
        Some(TokenError::TooLarge) => 0,
        Some(TokenError::Malformed(Malformed::Parts)) => 1,
        Some(TokenError::Malformed(Malformed::Base64)) => 2,
        // An error that no check stands for is the last one's, so that none goes unsaid.
        _ => 3,
    };
    let TokenLimits { token_bytes, header_bytes, nesting, .. } = limits;
    let rules = [
        format!("it has at most {token_bytes} bytes, and its header at most {header_bytes}"),
        "it has three parts with dots between them".into(),
        "each part is strict base64url".into(),
        format!(
            "the payload is a JSON object, no member is there twice, and it nests at most {nesting} deep"
        ),
    ];
    rules.into_iter().enumerate().map(move |(n, rule)| match &error {
        Some(error) if n == failed => Finding::new(Stage::Form, rule).judged(Err(error.clone()), None),
        Some(_) => Finding::unchecked(Stage::Form, rule, UNREAD),
        None => Finding::new(Stage::Form, rule),
    })
}

/// The rows of key and signature.
pub(super) fn signature(
    profile: &CompiledProfile,
    Signing { kid, algorithm, keys }: Signing<'_>,
    result: Result<(), TokenError>,
) -> [Finding; 2] {
    let key = Finding::new(Stage::Key, profile.key_in_words(kid)).about("kid", kid.map(Shown::text));
    let mut signature = Finding::new(Stage::Signature, SIGNATURE);
    let Some(keys) = keys else {
        return [key, signature].map(|mut row| {
            row.withdraw("the issuer's keys are not at hand");
            row
        });
    };
    let none_fits = keys.candidates(profile.key_name(kid), algorithm).next().is_none();
    match result {
        Err(error) if none_fits && error.is_for_want_of_a_key() => {
            signature.withdraw("there is no key to check it with");
            let unknown = error == TokenError::UnknownKey;
            let key = key.judged(Err(error), None);
            [if unknown { key.advised(which_keys(profile, keys)) } else { key }, signature]
        }
        // Where no key fits, it was judged before any was looked for: too long for all of them.
        result => [
            key.judged(Ok(()), none_fits.then_some("the signature is of no key")),
            signature.judged(result, None),
        ],
    }
}

/// Which keys there are to choose from.
fn which_keys(profile: &CompiledProfile, keys: &KeySet) -> String {
    const MAX_NAMES: usize = 8;
    let names = keys.iter().take(MAX_NAMES).map(|key| key.kid().unwrap_or("one without kid"));
    let (names, issuer) = (names.collect::<Vec<_>>(), &profile.binding.issuer);
    let others = if keys.len() > MAX_NAMES { " and others" } else { "" };
    format!(
        "get a token that a key of {issuer:?} signed, or trust the issuer's new key; the keys at hand are {names:?}{others}"
    )
}

/// What is said of key and signature after a wait for keys that came to `reason`.
pub(super) fn settle_key(row: &mut Finding, reason: Option<&Reason>) {
    match (row.stage, reason) {
        (Stage::Key | Stage::Signature, Some(why @ Reason::KeysUnavailable)) => {
            row.withdraw(why.description())
        }
        (Stage::Key, Some(Reason::InvalidToken { error, .. })) if row.verdict == Verdict::Unchecked => {
            *row = row.clone().judged(Err(error.clone()), None);
        }
        _ => {}
    }
}

/// The row of the proof of possession.
pub(super) fn proof(result: &Result<(), Failure>) -> Finding {
    let mut row = Finding::new(Stage::Proof, PROOF);
    match result {
        Ok(()) => {}
        Err(Failure::Refused(error)) => row = row.judged(Err(error.clone()), None),
        Err(Failure::NotProven(error)) => {
            (row.verdict, row.because) = (Verdict::Failed, Some(error.description().into()));
            row.advice = Some(error.advice().into());
        }
        Err(_) => row.withdraw("no proof can be spent right now"),
    }
    row
}

/// What a check behind all others came to: of a pair, the requirement or a nonce.
pub(super) fn settle_last(row: &mut Finding, result: &Result<(), Failure>, token: Option<Judged<'_>>) {
    row.shown = token.map(|(token, _)| Shown::text(&token.scopes().collect::<Vec<_>>().join(" ")));
    match result {
        Ok(()) => *row = row.clone().judged(Ok(()), None),
        Err(Failure::Refused(error)) => *row = row.clone().judged(Err(error.clone()), None),
        Err(Failure::NotAllowed(lacks)) => {
            row.verdict = Verdict::Failed;
            row.because = token.map(|(token, needed)| needed.unmet_in_words(token).into());
            row.advice = Some(lacks.advice().into());
        }
        Err(_) => row.withdraw("no nonce can be spent right now"),
    }
}
