//! What a list of rules says about the claims of a token at a moment.

use std::{sync::Arc, time::Duration};

use smallvec::SmallVec;

use super::{
    membership::{has_all, has_any},
    rule::{Check, Presence, Rule},
};
use crate::{
    error::TokenError,
    keys::Algorithm,
    time::UnixTime,
    token::{ClaimId, ClaimNames, ClaimValue, Claims},
};

/// What the configuration says a token must be tied to.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) issuer: Arc<str>,
    /// Other names of the same issuer.
    pub(crate) aliases: Arc<[Box<str>]>,
    /// How two names are compared.
    pub(crate) names: NameForm,
    /// The names under which this resource server is addressed.
    pub(crate) audiences: Arc<[Box<str>]>,
    /// The clients that ID tokens may be for.
    pub(crate) client_ids: Arc<[Box<str>]>,
}

impl Binding {
    /// Whether a token that names this issuer is the issuer's.
    pub(crate) fn is_issuer(&self, name: &str) -> bool {
        let name = self.names.of(name);
        self.names.of(&self.issuer) == name || self.aliases.iter().any(|alias| self.names.of(alias) == name)
    }
}

impl Binding {
    /// Whether a subject begins with a name of the issuer and a slash, and goes on behind it as a SPIFFE ID does.
    pub(crate) fn is_issuer_of_subject(&self, subject: &str) -> bool {
        let below = |issuer: &str| {
            let path = subject.strip_prefix(issuer).and_then(|path| path.strip_prefix('/'));
            path.is_some_and(is_path)
        };
        below(&self.issuer) || self.aliases.iter().any(|alias| below(alias))
    }
}

/// Whether it is the path of a SPIFFE ID behind its first slash (SPIFFE-ID section 2.2): segments of letters, digits, dots,
/// hyphens and underscores, of which none is empty or stands for another place.
fn is_path(path: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    path.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_letter))
}

/// How the names of issuers and keys are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameForm {
    /// Byte for byte.
    #[default]
    Exact,
    /// By what follows the last slash: `layer:///keys/1` and `1` are one.
    LastSegment,
}

impl NameForm {
    /// The part of a name that counts.
    pub(crate) fn of(self, name: &str) -> &str {
        match self {
            Self::Exact => name,
            Self::LastSegment => last_segment(name),
        }
    }
}

/// What follows the last slash of a name.
pub(crate) fn last_segment(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// What the caller of one verification expects beyond the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) nonce: Option<&'a str>,
    pub(crate) access_token: Option<&'a str>,
    pub(crate) max_age: Option<Duration>,
}

/// The moment of a verification, and how far clocks may disagree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: UnixTime,
    pub(crate) leeway: Duration,
}

/// The span of time in which the time rules of a policy hold: `from <= now < until`.
///
/// It is what a cached identity is checked by again, so it covers every rule that looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: UnixTime,
    pub(crate) until: UnixTime,
}

impl Window {
    pub(crate) const ALWAYS: Self =
        Self { from: UnixTime::from_secs(0), until: UnixTime::from_duration(Duration::MAX) };

    pub(crate) fn contains(&self, now: UnixTime) -> bool {
        self.from <= now && now < self.until
    }

    pub(crate) fn narrow(&mut self, from: UnixTime, until: UnixTime) {
        self.from = self.from.max(from);
        self.until = self.until.min(until);
    }

    pub(crate) fn intersection(mut self, other: Self) -> Self {
        self.narrow(other.from, other.until);
        self
    }
}

/// Rules with the numbers of the claims that they are about.
#[derive(Clone, Debug)]
pub(crate) struct Policy(Vec<CompiledRule>);

/// A rule with the numbers of the claims that it looks at.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    pub(crate) rule: Rule,
    pub(crate) claim: ClaimId,
    /// The claim of [`Presence::IfSeveral`], or those that [`Check::Lifetime`] may begin with.
    others: SmallVec<[ClaimId; 2]>,
}

/// The dates that a lifetime may begin with, the first that is present counts.
const LIFETIME_BEGINS: [&str; 2] = ["iat", "nbf"];

/// Everything but the claims that a verdict depends on.
#[derive(Clone, Copy)]
pub(crate) struct RuleContext<'a> {
    pub(crate) moment: Moment,
    pub(crate) binding: &'a Binding,
    pub(crate) expected: Expected<'a>,
    /// The token's algorithm, which names the hash of `at_hash`; `None` where it is not accepted, so
    /// that the token is not good whatever else is.
    pub(crate) algorithm: Option<Algorithm>,
}

impl Policy {
    pub(crate) fn new(rules: &[Rule], names: &mut ClaimNames) -> Self {
        let row = |rule: &Rule| CompiledRule {
            claim: names.intern(rule.path()),
            others: match (&rule.presence, &rule.check) {
                (Presence::IfSeveral(other), _) => SmallVec::from_iter([names.intern(other)]),
                (_, Check::Lifetime { .. }) => {
                    LIFETIME_BEGINS.iter().map(|begin| names.intern(*begin)).collect()
                }
                _ => SmallVec::new(),
            },
            rule: rule.clone(),
        };
        Self(rules.iter().map(row).collect())
    }

    /// The rules, in the order that they are judged in.
    pub(crate) fn rules(&self) -> &[CompiledRule] {
        &self.0
    }
}

impl CompiledRule {
    /// Whether the rule holds; narrows `window` to the time in which it does.
    ///
    /// # Errors
    /// What a token is that fails it.
    // Into the loop over all rules, which runs for every token.
    #[inline(always)]
    pub(crate) fn evaluate(
        &self,
        claims: &Claims<'_>,
        context: &RuleContext<'_>,
        window: &mut Window,
    ) -> Result<(), TokenError> {
        let Some(value) = claims.get(self.claim) else {
            return if self.is_required(claims, context) {
                Err(TokenError::MissingClaim(self.rule.name()))
            } else {
                Ok(())
            };
        };
        let passes = match self.rule.check {
            Check::Lifetime { min, max } => {
                self.lifetime(value, claims).map(|span| min <= span && span <= max)
            }
            _ => self.rule.check.passes(value, context, window),
        };
        match passes {
            Some(true) => Ok(()),
            Some(false) => Err(self.failed(value)),
            None => Err(self.invalid()),
        }
    }

    /// How long the token lives, from the first of the dates that it may begin with; none counts as
    /// no time at all. `None` when one of them is no date.
    fn lifetime(&self, expires: ClaimValue<'_>, claims: &Claims<'_>) -> Option<Duration> {
        let expires = expires.as_numeric_date()?;
        match self.others.iter().find_map(|begin| claims.get(*begin)) {
            Some(begin) => Some(expires.since(begin.as_numeric_date()?)),
            None => Some(Duration::ZERO),
        }
    }

    /// What a failed check means.
    fn failed(&self, value: ClaimValue<'_>) -> TokenError {
        match &self.rule.fault {
            // It says nothing, so it is no mark of another kind of token.
            Some(TokenError::ForeignClaim(_)) if value == ClaimValue::Null => self.invalid(),
            Some(fault) => fault.clone(),
            None => self.invalid(),
        }
    }

    fn invalid(&self) -> TokenError {
        TokenError::InvalidClaim(self.rule.name())
    }

    fn is_required(&self, claims: &Claims<'_>, context: &RuleContext<'_>) -> bool {
        match &self.rule.presence {
            Presence::Required => true,
            Presence::IfPresent => false,
            Presence::IfSeveral(_) => match self.others.first().and_then(|other| claims.get(*other)) {
                Some(ClaimValue::Strings(several)) => several.len() > 1,
                _ => false,
            },
            Presence::IfExpected => match self.rule.check {
                Check::IsExpectedNonce => context.expected.nonce.is_some(),
                Check::WithinMaxAge => context.expected.max_age.is_some(),
                _ => true,
            },
        }
    }
}

impl Check {
    /// Whether `value` passes; `None` when it is not of the type that the check is about.
    fn passes(&self, value: ClaimValue<'_>, context: &RuleContext<'_>, window: &mut Window) -> Option<bool> {
        let Moment { now, leeway } = context.moment;
        let any = |wanted: &[Box<str>]| match value {
            ClaimValue::String(have) => Some(wanted.iter().any(|wanted| **wanted == *have)),
            _ => Some(has_any(value.as_strings()?, wanted.iter().map(AsRef::as_ref))),
        };
        let in_window = |window: &mut Window, from, until| {
            window.narrow(from, until);
            Some(Window { from, until }.contains(now))
        };
        match self {
            Self::Present => Some(true),
            Self::Absent => Some(false),
            Self::IsTrue => match value {
                ClaimValue::Bool(is) => Some(is),
                _ => None,
            },
            Self::IsTrueOrText => match value {
                ClaimValue::Bool(is) => Some(is),
                ClaimValue::String("true") => Some(true),
                ClaimValue::String("false") => Some(false),
                _ => None,
            },
            Self::NonEmptyString => Some(!value.as_str()?.is_empty()),
            Self::StringOrStrings => value.as_strings().map(|_| true),
            Self::Strings => match value {
                ClaimValue::Strings(_) => Some(true),
                _ => None,
            },
            Self::StringUpTo(max) => Some(value.as_str()?.chars().nth(*max).is_none()),
            Self::StringMembersUpTo(max) => match value {
                ClaimValue::StringMembers(count) => Some(count <= *max),
                _ => None,
            },
            Self::WholeNumber => match value {
                ClaimValue::Integer(_) => Some(true),
                _ => None,
            },
            Self::NumericDate => value.as_numeric_date().map(|_| true),
            Self::AfterNow => {
                let until = value.as_numeric_date()?.saturating_add(leeway);
                in_window(window, Window::ALWAYS.from, until)
            }
            Self::Begun => {
                let from = value.as_numeric_date()?.saturating_sub(leeway);
                in_window(window, from, Window::ALWAYS.until)
            }
            Self::WithinLast(age) => {
                within(*age, value, leeway).and_then(|Window { from, until }| in_window(window, from, until))
            }
            Self::Equals(expected) => Some(*value.as_str()? == **expected),
            Self::OneOf(accepted) => {
                let have = value.as_str()?;
                Some(accepted.iter().any(|accepted| **accepted == *have))
            }
            Self::NoneOf(refused) => {
                let have = value.as_str()?;
                Some(!refused.iter().any(|refused| **refused == *have))
            }
            Self::ContainsAny(accepted) => any(accepted),
            Self::ContainsAll(needed) => Some(has_all(value.as_strings()?, needed.iter().map(AsRef::as_ref))),
            Self::IsIssuer => Some(context.binding.is_issuer(value.as_str()?)),
            Self::IsBelowIssuer => Some(context.binding.is_issuer_of_subject(value.as_str()?)),
            // Judged by its row, since it looks at two claims.
            Self::Lifetime { .. } => None,
            Self::NamesResource => any(&context.binding.audiences),
            Self::NamesClient => any(&context.binding.client_ids),
            Self::IsClient => {
                let have = value.as_str()?;
                Some(context.binding.client_ids.iter().any(|client| **client == *have))
            }
            Self::IsExpectedNonce => {
                let nonce = value.as_str()?;
                Some(context.expected.nonce.is_none_or(|expected| expected == nonce))
            }
            Self::HashesAccessToken => {
                let hash = value.as_str()?;
                let Some(token) = context.expected.access_token else { return Some(true) };
                Some(hash == context.algorithm?.left_half_hash(token))
            }
            Self::WithinMaxAge => {
                value.as_numeric_date()?;
                let Some(max_age) = context.expected.max_age else { return Some(true) };
                within(max_age, value, leeway)
                    .and_then(|Window { from, until }| in_window(window, from, until))
            }
        }
    }
}

/// The moments at which a date counts as past and at most `age` old.
fn within(age: Duration, value: ClaimValue<'_>, leeway: Duration) -> Option<Window> {
    let date = value.as_numeric_date()?;
    // Exactly `age` old still counts, hence the smallest step beyond.
    let until = date.saturating_add(age).saturating_add(leeway).saturating_add(Duration::from_nanos(1));
    Some(Window { from: date.saturating_sub(leeway), until })
}

#[cfg(test)]
mod tests;
