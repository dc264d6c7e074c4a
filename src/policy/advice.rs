//! What a rule has to check in a token, and what to do about a token that fails it, in words: for people
//! who ask why a token fails.

use super::{Check, CompiledRule, Moment, Presence, RuleContext};
use crate::{
    error::TokenError,
    time::span,
    token::{ClaimValue, Claims},
};

/// Why there is nothing to check where a claim is not there.
pub(crate) const NOT_THERE: &str = "not there";

impl CompiledRule {
    /// Why there was nothing to check in a token that passes the rule, if there was nothing.
    pub(crate) fn idle(&self, claims: &Claims<'_>, context: &RuleContext<'_>) -> Option<&'static str> {
        let expected = &context.expected;
        let compares_with_nothing = match self.rule.check {
            Check::IsExpectedNonce => expected.nonce.is_none(),
            Check::HashesAccessToken => expected.access_token.is_none(),
            Check::WithinMaxAge => expected.max_age.is_none(),
            _ => false,
        };
        match claims.get(self.claim) {
            None if self.rule.check != Check::Absent => Some(NOT_THERE),
            Some(_) if compares_with_nothing => Some("there is nothing to compare it with"),
            _ => None,
        }
    }

    /// What to do about a token that fails the rule with `error`.
    pub(crate) fn advice(
        &self,
        error: &TokenError,
        claims: &Claims<'_>,
        context: &RuleContext<'_>,
    ) -> String {
        let value = claims.get(self.claim);
        let (claim, binding, Moment { now, leeway }) = (self.rule.claim(), context.binding, context.moment);
        let date = value.and_then(ClaimValue::as_numeric_date);
        let leeway = format!("the leeway is {}", span(leeway));
        match (&self.rule.check, error, date) {
            (Check::Absent | Check::NoneOf(_), TokenError::ForeignClaim(_), _) => {
                format!("send the kind of token that belongs here: {claim} marks another")
            }
            (Check::IsIssuer | Check::IsBelowIssuer, ..) => get_token_of(&binding.issuer),
            (Check::NamesResource, ..) => {
                format!("request the token for {}, or accept its audience here", one_of(&binding.audiences))
            }
            (Check::NamesClient | Check::IsClient, ..) => format!(
                "log in with the client {}, or configure the client that the token was issued to",
                one_of(&binding.client_ids)
            ),
            (Check::AfterNow | Check::WithinLast(_), _, Some(date)) if date <= now => {
                format!("get a new token: this moment was {} ago, and {leeway}", span(now.since(date)))
            }
            (Check::WithinMaxAge, _, Some(date)) if date <= now => {
                format!("have the user log in again: the last time was {} ago", span(now.since(date)))
            }
            (Check::Begun | Check::WithinLast(_) | Check::WithinMaxAge, _, Some(date)) => format!(
                "wait, or set the clocks of the issuer and of this server right: {claim} is {} ahead, and {leeway}",
                span(date.since(now))
            ),
            (Check::AfterNow | Check::Begun | Check::NumericDate, _, None) => {
                format!("have the issuer write {claim} as a number: the seconds since 1970-01-01T00:00:00Z")
            }
            (Check::Absent, TokenError::SenderConstrained, _) => error.advice().to_owned(),
            (Check::IsExpectedNonce, ..) => TokenError::WrongNonce.advice().to_owned(),
            (Check::HashesAccessToken, ..) => TokenError::WrongAccessTokenHash.advice().to_owned(),
            (Check::Lifetime { .. }, ..) => TokenError::LifetimeOutOfBounds.advice().to_owned(),
            _ => {
                let leave_out = match self.rule.presence {
                    Presence::IfPresent => format!("leave {claim} out, or "),
                    _ => String::new(),
                };
                let mut unconditional = self.rule.clone();
                unconditional.presence = Presence::Required;
                format!("have the issuer {leave_out}write it so: {unconditional}")
            }
        }
    }
}

/// What to do about a token that is not of this issuer.
pub(crate) fn get_token_of(issuer: &str) -> String {
    format!("get a token of {issuer:?}, or configure the issuer exactly as it is named here")
}

fn one_of(names: &[Box<str>]) -> String {
    match names {
        [name] => format!("{name:?}"),
        several => format!("one of {several:?}"),
    }
}
