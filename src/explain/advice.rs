//! What would make a rule hold, for people whose token fails it.

use std::{borrow::Cow, time::Duration};

use super::{Finding, Shown, Stage};
use crate::{
    error::TokenError,
    policy::{Check, CompiledRule, Context, Moment, Presence, Rule},
    time::UnixTime,
    token::{ClaimValue, Claims},
};

impl CompiledRule {
    /// What the rule says about the claims, in words. Where the token's algorithm is not known, rules
    /// that depend on it are not checked.
    pub(super) fn finding(
        &self,
        claims: &Claims<'_>,
        context: &Context<'_>,
        result: Result<(), TokenError>,
    ) -> Finding {
        let (rule, value) = (&self.rule, claims.get(self.claim));
        if context.algorithm.is_none() && rule.check == Check::HashesAccessToken {
            return rule.unchecked("the token's algorithm is not known");
        }
        let words = rule.to_string();
        let finding = match &result {
            Ok(()) if value.is_none() && rule.check != Check::Absent => {
                Finding::not_applicable(Stage::Claims, words, "not there")
            }
            Ok(()) if value.is_some() && rule.compares_with_nothing(context) => {
                Finding::not_applicable(Stage::Claims, words, "there is nothing to compare it with")
            }
            Err(error) => {
                let fix = rule.fix(error, value, context);
                Finding::of(Stage::Claims, words, result).fix(|| fix)
            }
            Ok(()) => Finding::of(Stage::Claims, words, Ok(())),
        };
        finding.about(rule.claim()).showing(value.map(|value| Shown::claim(rule.claim(), value)))
    }
}

impl Rule {
    pub(super) fn unchecked(&self, because: &'static str) -> Finding {
        Finding::unchecked(Stage::Claims, self.to_string(), because).about(self.claim())
    }

    /// Whether the rule compares with what a caller expects, and this one expects nothing.
    fn compares_with_nothing(&self, context: &Context<'_>) -> bool {
        match self.check {
            Check::IsExpectedNonce => context.expected.nonce.is_none(),
            Check::HashesAccessToken => context.expected.access_token.is_none(),
            Check::WithinMaxAge => context.expected.max_age.is_none(),
            _ => false,
        }
    }

    fn fix(
        &self,
        error: &TokenError,
        value: Option<ClaimValue<'_>>,
        context: &Context<'_>,
    ) -> Cow<'static, str> {
        let claim = self.claim();
        let Moment { now, leeway } = context.moment;
        let date = value.and_then(ClaimValue::as_numeric_date);
        let leeway = format!("the leeway is {}", span(leeway));
        match (&self.check, date) {
            (Check::Absent, _) if *error == TokenError::SenderConstrained => {
                "request a bearer token: no proof of possession is verified here".into()
            }
            (Check::Absent | Check::NoneOf(_), _) if matches!(error, TokenError::ForeignClaim(_)) => {
                format!("send the kind of token that belongs here: {claim} marks another").into()
            }
            (Check::IsIssuer, _) => format!(
                "get a token of {:?}, or configure the issuer exactly as it is named here",
                context.binding.issuer
            )
            .into(),
            (Check::NamesResource, _) => format!(
                "request the token for {}, or accept its audience here",
                one_of(&context.binding.audiences)
            )
            .into(),
            (Check::NamesClient | Check::IsClient, _) => format!(
                "log in with the client {}, or configure the client that the token was issued to",
                one_of(&context.binding.client_ids)
            )
            .into(),
            (Check::AfterNow | Check::WithinLast(_), Some(date)) if date <= now => {
                format!("get a new token: this moment was {} ago, and {leeway}", span(now.since(date))).into()
            }
            (Check::WithinMaxAge, Some(date)) if date <= now => {
                format!("have the user log in again: the last time was {} ago", span(now.since(date))).into()
            }
            (Check::Begun | Check::WithinLast(_) | Check::WithinMaxAge, Some(date)) => format!(
                "wait, or set the clocks of the issuer and of this server right: {claim} is {} ahead, and {leeway}",
                span(date.since(now))
            )
            .into(),
            (Check::AfterNow | Check::Begun | Check::NumericDate, None) => {
                format!("have the issuer write {claim} as a number: the seconds since 1970-01-01T00:00:00Z").into()
            }
            (Check::IsExpectedNonce, _) => {
                "begin the login anew and take the token that answers it: this one answers another".into()
            }
            (Check::HashesAccessToken, _) => "bring the access token that came with this ID token".into(),
            (Check::Lifetime { .. }, _) => "have the issuer give the token a lifetime within the bounds".into(),
            _ => match &self.presence {
                Presence::IfPresent => {
                    format!("have the issuer leave {claim} out, or write it so: {}", self.words()).into()
                }
                _ => format!("have the issuer write it so: {}", self.words()).into(),
            },
        }
    }

    /// The rule without its condition.
    fn words(&self) -> Self {
        let mut bare = self.clone();
        bare.presence = Presence::Required;
        bare
    }
}

fn one_of(names: &[Box<str>]) -> String {
    match names {
        [name] => format!("{name:?}"),
        several => format!("one of {several:?}"),
    }
}

/// A span of time, to the two largest units that it fills.
fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = span.as_secs();
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = left / unit;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}"));
        }
        left %= unit;
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// How far away a moment is.
pub(super) fn distance(date: UnixTime, now: UnixTime) -> String {
    match (date.since(now), now.since(date)) {
        (Duration::ZERO, Duration::ZERO) => "now".to_owned(),
        (Duration::ZERO, past) => format!("{} ago", span(past)),
        (future, _) => format!("in {}", span(future)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        for (secs, expected) in [
            (0, "0 s"),
            (1, "1 s"),
            (60, "1 min"),
            (3_599, "59 min 59 s"),
            (3_601, "1 h 1 s"),
            (90_061, "1 d 1 h"),
            (604_800, "7 d"),
        ] {
            assert_eq!(span(Duration::from_secs(secs)), expected, "{secs}");
        }
        let now = UnixTime::from_secs(100);
        for (at, expected) in [(100, "now"), (40, "1 min ago"), (105, "in 5 s")] {
            assert_eq!(distance(UnixTime::from_secs(at), now), expected, "{at}");
        }
    }
}
