//! One check of a token, with its result, in words: what an explanation is made of.

use std::{borrow::Cow, fmt};

use serde::Serialize;
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
    /// Whether the sender of a token proves to hold the key that it is bound to.
    Proof,
    /// What every request needs: scopes, roles, claims, a login.
    Scope,
    /// Whether the nonce is one of this server's, and unspent.
    Nonce,
}

/// The name that it has in JSON.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
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
    /// A value that is not shown.
    Hidden {
        /// What kind of value it is, such as `a string`.
        kind: &'static str,
    },
}

/// Whether the values of a claim are shown. Who a person is (`sub`, `prn`, `email`, ...) and what may
/// be used once (`nonce`, `jti`, ...) is not shown.
fn is_shown(claim: &str) -> bool {
    const NAMES: &str = "aid appid aud auth_time azp cid client_id exp iat iss nbf scope scp tenant tid \
                         token_use typ ver";
    NAMES.split(' ').any(|name| name == claim)
}

/// The longest value that is shown, in characters of JSON: a URL fits, a token does not.
const MAX_SHOWN: usize = 200;

impl Shown {
    /// A text that may be shown whatever it is: a name of an algorithm, type or key.
    pub(crate) fn text(text: &str) -> Self {
        Self::short(json!(text)).unwrap_or(Self::Hidden { kind: "a long string" })
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
            ClaimValue::Array => return Self::Hidden { kind: "an array with other things than strings" },
            ClaimValue::StringMembers(_) | ClaimValue::Object => return Self::Hidden { kind: "an object" },
        };
        let shown = is_shown(name).then_some(value).and_then(Self::short);
        shown.unwrap_or(Self::Hidden { kind })
    }

    fn short(value: Value) -> Option<Self> {
        value.to_string().chars().nth(MAX_SHOWN).is_none().then_some(Self::Value(value))
    }
}

/// Without control characters and what else could deceive a reader: it is text from outside.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(Value::String(text)) => write!(f, "{text:?}"),
            Self::Value(Value::Array(items)) => {
                f.debug_list().entries(items.iter().filter_map(Value::as_str)).finish()
            }
            Self::Value(value) => write!(f, "{value}"),
            Self::Hidden { kind } => f.write_str(kind),
        }
    }
}

/// One check: what must hold, whether it does, and what to do about it if not.
///
/// In JSON it has members of the same names, those that are known; and `code` ([`TokenError::code`]) in
/// place of `error`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which token of a pair it is about, `access` or `id`; `None` where there is one token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'static str>,
    /// Which part of the verification it is about.
    pub stage: Stage,
    /// What must hold, in words.
    pub rule: String,
    /// What the check came to.
    pub verdict: Verdict,
    /// The name of the claim or header member that it looked at, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// What the token says there, where that may be shown; text from outside, and perhaps a lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// What is wrong with the token, if it failed. Missing scopes alone are no error of the token.
    #[serde(rename = "code", skip_serializing_if = "Option::is_none")]
    pub error: Option<TokenError>,
    /// Why it failed, did not apply or could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Cow<'static, str>>,
    /// What would make it pass, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Cow<'static, str>>,
}

impl Finding {
    /// A check that passed, until it is [judged](Self::judged).
    pub(crate) fn new(stage: Stage, rule: impl Into<String>) -> Self {
        let (rule, verdict) = (rule.into(), Verdict::Passed);
        let (token, claim, shown, error, because, advice) = Default::default();
        Self { token, stage, rule, verdict, claim, shown, error, because, advice }
    }

    /// A check that was not made.
    pub(crate) fn unchecked(stage: Stage, rule: impl Into<String>, because: &'static str) -> Self {
        let mut finding = Self::new(stage, rule);
        finding.withdraw(because);
        finding
    }

    /// The check was not made after all.
    pub(super) fn withdraw(&mut self, because: &'static str) {
        (self.verdict, self.because) = (Verdict::Unchecked, Some(because.into()));
        (self.error, self.advice) = (None, None);
    }

    /// The claim or header member that the check looked at, and what is shown of it.
    pub(crate) fn about<'a>(self, claim: impl Into<Option<&'a str>>, shown: Option<Shown>) -> Self {
        Self { claim: claim.into().map(str::to_owned), shown, ..self }
    }

    /// What the check came to. Where it passed, `idle` says why there was nothing to check, if there
    /// was nothing.
    pub(crate) fn judged(mut self, result: Result<(), TokenError>, idle: Option<&'static str>) -> Self {
        (self.verdict, self.because) = match (&result, idle) {
            (Ok(()), None) => (Verdict::Passed, None),
            (Ok(()), Some(idle)) => (Verdict::NotApplicable, Some(idle.into())),
            (Err(error), _) => (Verdict::Failed, Some(error.detail())),
        };
        self.advice = result.as_ref().err().map(|error| error.advice().into());
        Self { error: result.err(), ..self }
    }

    /// What to do about it if it failed, where that is known better than by the error alone.
    pub(crate) fn advised(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = self.advice.map(|_| advice.into());
        self
    }
}
