//! One check of a token, with its verdict, in words: what an explanation is made of.
//!
//! Made by `words` and `advice`.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Value, json};

use crate::{error::TokenError, token::ClaimValue};

/// Which part of the verification a [`Finding`] is about; in the order of the verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Size, parts, encoding, JSON.
    Form,
    /// Whether the issuer is trusted, which chooses the profile and the keys.
    Issuer,
    /// The members of the JOSE header.
    Header,
    /// The claims, by the rules of the profile.
    Claims,
    /// Which key of the issuer must have signed.
    Key,
    /// The signature.
    Signature,
    /// Whether an access token and an ID token belong together.
    Pair,
    /// The scopes that every request needs.
    Scope,
    /// Whether the nonce is one of this server's, and unspent.
    Nonce,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not: the token is refused.
    Failed,
    /// There was nothing to check, which is as good as passed.
    NotApplicable,
    /// It could not be checked, so that nothing is known.
    Unchecked,
}

/// What the token says where a check looked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Shown {
    /// The value itself: of a claim that is well known, says nothing about a person, and is short.
    Value(Value),
    /// What kind of value it is, such as `a string`.
    #[serde(serialize_with = "as_kind")]
    Kind(Cow<'static, str>),
}

fn as_kind<S: Serializer>(kind: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let mut shown = serializer.serialize_struct("Kind", 1)?;
    shown.serialize_field("kind", kind)?;
    shown.end()
}

/// The claims whose values are shown. Who a person is (`sub`, `prn`, `email`, ...) and what may be
/// used once (`nonce`, `jti`, ...) is not among them.
const SHOWN: [&str; 18] = [
    "aid",
    "appid",
    "aud",
    "auth_time",
    "azp",
    "cid",
    "client_id",
    "exp",
    "iat",
    "iss",
    "nbf",
    "scope",
    "scp",
    "tenant",
    "tid",
    "token_use",
    "typ",
    "ver",
];

/// The longest text that is shown, in characters: a URL fits, a token does not.
const MAX_SHOWN: usize = 200;

impl Shown {
    /// A text of the token that may be shown whatever it is: a name of an algorithm, type or key.
    pub(super) fn text(text: &str) -> Self {
        Self::short(json!(text)).unwrap_or(Self::Kind("a long string".into()))
    }

    /// The value of a claim, if values of this claim are shown, or else its kind.
    pub(super) fn claim(name: &str, value: ClaimValue<'_>) -> Self {
        let (kind, value) = match value {
            ClaimValue::Null => ("null", Value::Null),
            ClaimValue::Bool(is) => ("true or false", json!(is)),
            ClaimValue::Integer(number) => ("a number", json!(number)),
            ClaimValue::Float(number) => ("a number", json!(number)),
            ClaimValue::String("") => ("an empty string", json!("")),
            ClaimValue::String(text) => ("a string", json!(text)),
            ClaimValue::Strings(texts) => ("an array of strings", json!(texts)),
            ClaimValue::Array => return Self::Kind("an array with other things than strings".into()),
            ClaimValue::StringMembers(_) | ClaimValue::Object => return Self::Kind("an object".into()),
        };
        let shown = SHOWN.contains(&name).then_some(value).and_then(Self::short);
        shown.unwrap_or(Self::Kind(kind.into()))
    }

    fn short(value: Value) -> Option<Self> {
        let short = match &value {
            Value::String(text) => text.chars().nth(MAX_SHOWN).is_none(),
            Value::Array(_) => value.to_string().chars().nth(MAX_SHOWN).is_none(),
            _ => true,
        };
        short.then_some(Self::Value(value))
    }
}

/// Without control characters and what else could deceive a reader: it is text from outside.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(Value::String(text)) => write!(f, "{text:?}"),
            Self::Value(Value::Array(items)) => {
                let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                write!(f, "{texts:?}")
            }
            Self::Value(value) => write!(f, "{value}"),
            Self::Kind(kind) => f.write_str(kind),
        }
    }
}

/// One check: what must hold, whether it does, and what to do about it if not.
#[derive(Clone, Debug)]
pub struct Finding {
    stage: Stage,
    rule: String,
    verdict: Verdict,
    claim: Option<String>,
    shown: Option<Shown>,
    error: Option<TokenError>,
    because: Option<Cow<'static, str>>,
    fix: Option<Cow<'static, str>>,
    token: Option<&'static str>,
}

impl Finding {
    fn new(stage: Stage, rule: impl Into<String>, verdict: Verdict) -> Self {
        let rule = rule.into();
        Self {
            stage,
            rule,
            verdict,
            claim: None,
            shown: None,
            error: None,
            because: None,
            fix: None,
            token: None,
        }
    }

    /// A check that was made.
    pub(super) fn of(stage: Stage, rule: impl Into<String>, verdict: Result<(), TokenError>) -> Self {
        match verdict {
            Ok(()) => Self::new(stage, rule, Verdict::Passed),
            Err(error) => Self {
                because: Some(because(&error)),
                error: Some(error),
                ..Self::new(stage, rule, Verdict::Failed)
            },
        }
    }

    /// A check about the request that failed, where no error of a token says so.
    pub(super) fn failed(stage: Stage, rule: impl Into<String>, because: &'static str) -> Self {
        Self { because: Some(because.into()), ..Self::new(stage, rule, Verdict::Failed) }
    }

    pub(super) fn not_applicable(stage: Stage, rule: impl Into<String>, because: &'static str) -> Self {
        Self { because: Some(because.into()), ..Self::new(stage, rule, Verdict::NotApplicable) }
    }

    pub(super) fn unchecked(stage: Stage, rule: impl Into<String>, because: &'static str) -> Self {
        Self { because: Some(because.into()), ..Self::new(stage, rule, Verdict::Unchecked) }
    }

    /// The claim or header member that the check looked at.
    pub(super) fn about(self, claim: &str) -> Self {
        Self { claim: Some(claim.to_owned()), ..self }
    }

    pub(super) fn showing(self, shown: Option<Shown>) -> Self {
        Self { shown, ..self }
    }

    /// What to do about it, if it failed.
    pub(super) fn fix<T: Into<Cow<'static, str>>>(self, fix: impl FnOnce() -> T) -> Self {
        let fix = (self.verdict == Verdict::Failed).then(|| fix().into());
        Self { fix, ..self }
    }

    /// The same check, not made after all.
    pub(super) fn withdrawn(self, because: &'static str) -> Self {
        Self {
            claim: self.claim,
            shown: self.shown,
            token: self.token,
            ..Self::unchecked(self.stage, self.rule, because)
        }
    }

    /// The same check, where verification reports it as this error; why it failed is said as before.
    pub(crate) fn reported_as(self, error: TokenError) -> Self {
        Self { error: Some(error), ..self }
    }

    /// The same of one token of a pair.
    pub(super) fn of_token(self, token: Option<&'static str>) -> Self {
        Self { token, ..self }
    }

    /// Which token of a pair it is about, `access` or `id`; `None` where there is one token.
    #[must_use]
    pub const fn token(&self) -> Option<&'static str> {
        self.token
    }

    /// Which part of the verification it is about.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What must hold, in words.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What the check came to.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The name of the claim or header member that it looked at, where it is one.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    /// What the token says there, where that may be shown; text from outside, and perhaps a lie.
    #[must_use]
    pub const fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// What is wrong with the token, if this failed. Missing scopes alone are no error of the token.
    #[must_use]
    pub const fn error(&self) -> Option<&TokenError> {
        self.error.as_ref()
    }

    /// Why it failed, did not apply or could not be checked.
    #[must_use]
    pub fn because(&self) -> Option<&str> {
        self.because.as_deref()
    }

    /// What would make it pass, if it failed.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}

/// The fixed phrase, with the configured name of the claim.
fn because(error: &TokenError) -> Cow<'static, str> {
    match error {
        TokenError::MissingClaim(name) => format!("the required claim {name} is missing").into(),
        TokenError::InvalidClaim(name) => format!("the claim {name} is not acceptable").into(),
        TokenError::ForeignClaim(name) => {
            format!("the token carries {name} as another kind of token does").into()
        }
        _ => error.description().into(),
    }
}

/// The members `stage`, `rule` and `verdict`; where they are known also `token`, `claim`, `shown`, `code`
/// ([`TokenError::code`]), `because` and `advice`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            token: Option<&'static str>,
            stage: Stage,
            rule: &'a str,
            verdict: Verdict,
            #[serde(skip_serializing_if = "Option::is_none")]
            claim: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            shown: Option<&'a Shown>,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            because: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            advice: Option<&'a str>,
        }
        let code = self.error.as_ref().map(TokenError::code);
        Members {
            token: self.token,
            stage: self.stage,
            rule: &self.rule,
            verdict: self.verdict,
            claim: self.claim(),
            shown: self.shown(),
            code,
            because: self.because(),
            advice: self.advice(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(name: &str, value: ClaimValue<'_>) -> String {
        Shown::claim(name, value).to_string()
    }

    #[test]
    fn values_are_shown_where_the_claim_is_about_nobody() {
        let long = "x".repeat(MAX_SHOWN + 1);
        for (name, value, expected) in [
            ("exp", ClaimValue::Integer(7), "7"),
            ("exp", ClaimValue::String("7"), "\"7\""),
            ("exp", ClaimValue::Null, "null"),
            ("aud", ClaimValue::Strings(&["a".into(), "b".into()]), "[\"a\", \"b\"]"),
            ("aud", ClaimValue::Array, "an array with other things than strings"),
            ("aud", ClaimValue::Object, "an object"),
            ("aud", ClaimValue::Strings(&[(&*long).into()]), "an array of strings"),
            ("scope", ClaimValue::String(&long), "a string"),
            ("sub", ClaimValue::String("alice"), "a string"),
            ("sub", ClaimValue::String(""), "an empty string"),
            ("prn", ClaimValue::String("alice"), "a string"),
            ("email", ClaimValue::Strings(&["alice".into()]), "an array of strings"),
            ("nonce", ClaimValue::String("n"), "a string"),
            ("sub", ClaimValue::Bool(true), "true or false"),
        ] {
            assert_eq!(show(name, value), expected, "{name}");
        }
    }

    #[test]
    fn no_text_from_outside_reaches_a_terminal_as_it_is() {
        for text in ["\u{1b}[31mred", "a\nb", "\u{202e}evil", "\u{9b}31m", "\u{7f}"] {
            let value = ClaimValue::String(text);
            let texts = [text.into()];
            let several = ClaimValue::Strings(&texts);
            for shown in [show("aud", value), show("aud", several), Shown::text(text).to_string()] {
                assert!(shown.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{shown}");
            }
        }
    }
}
