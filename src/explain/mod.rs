//! Why a token is accepted or not, check by check: an [`Explanation`].
//!
//! - `report`: the observer of a verification that records every check.
//! - `words`: what each check demands, in words; `advice`: what would make a rule hold.
//! - `finding`: one check and its result; `table`: an explanation as text for people, and as JSON for
//!   programs; `html`: the text in a page.
//!
//! Made by [`ResourceServer::explain`](crate::ResourceServer::explain) and its neighbours: the
//! "validation tool" of an identity provider, for your own server.
//!
//! **It agrees with verification.** It is the same sequence of checks, run with an observer that does
//! not stop at the first that fails but goes on with all that can still be judged, so that everything
//! wrong with a token is seen at once: an explanation is [valid](Explanation::is_valid) exactly when
//! the token would be accepted at that moment, and [`reason`](Explanation::reason) is what the
//! refusal would say.
//!
//! **It changes nothing.** It does not read or fill the cache of verified tokens, spends no nonce and
//! counts as no verdict in the metrics. Keys are fetched when verification would fetch them, out of the
//! same budget: for a token that is hopeless anyway, those at hand have to do.
//!
//! **What it shows can be passed on.** Never the token or its signature, and of the claims only the
//! values of those that are well known and say nothing about a person: issuer, audience, client, times,
//! scopes, types. Who a token is about (`sub`, `prn`, `email`, names) and what counts once (`nonce`,
//! `jti`) is shown as a kind, such as `a string`: explanations end up in tickets and chats, and
//! whoever holds the token can read the rest there. The values are unverified unless the signature
//! is good, and come out of [`Display`](std::fmt::Display) without control characters. **They are not
//! escaped for HTML**, and anybody can write a token: into a page goes
//! [`to_html`](Explanation::to_html), or [`Html`] around a part of it, or its JSON as a document of its own
//! (`application/json`), never its JSON inside of a `<script>`. The rules and the
//! advice do name the configuration: issuer, audiences, client and the ids of the issuer's keys.
//! That is for people who run the server and its clients; answer strangers with the refusal.

mod advice;
mod finding;
mod html;
mod report;
mod table;
mod words;

use std::sync::Arc;

pub(crate) use self::report::Report;
pub use self::{
    finding::{Finding, Shown, Stage, Verdict},
    html::Html,
};
use crate::{error::TokenError, http::Reason, time::UnixTime};

/// What an explanation comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every check passed or did not apply: the token is accepted.
    Valid,
    /// At least one check failed: the token is refused.
    Invalid,
    /// Nothing is wrong as far as could be seen, and the issuer's keys cannot be had right now, or no
    /// nonce can be spent.
    Unchecked,
}

/// Every check of a token with its verdict, at one moment.
///
/// See [`ResourceServer::explain`](crate::ResourceServer::explain), and the [module](self) for what it
/// promises and what it shows. [`Display`](std::fmt::Display) is a table, [`serde::Serialize`] the same
/// for programs.
#[derive(Clone, Debug)]
#[must_use]
pub struct Explanation {
    taken: Taken,
    issuer: Option<Arc<str>>,
    checked_at: UnixTime,
    reason: Option<Reason>,
    findings: Vec<Finding>,
}

/// What was explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Access,
    Id,
    Pair,
}

impl Explanation {
    /// What `report` holds, about a verification that came to `reason`.
    pub(crate) fn new(
        taken: Taken,
        mut report: Report<'_>,
        reason: Option<Reason>,
        checked_at: UnixTime,
    ) -> Self {
        report.finish(reason.as_ref());
        Self { taken, issuer: report.issuer, checked_at, reason, findings: report.findings }
    }

    /// Whether the token is accepted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.outcome() == Outcome::Valid
    }

    /// What the checks come to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match &self.reason {
            None => Outcome::Valid,
            Some(Reason::KeysUnavailable | Reason::SpentStoreUnavailable) => Outcome::Unchecked,
            Some(_) => Outcome::Invalid,
        }
    }

    /// Why verification refuses the token: as in [`Rejection::reason`](crate::http::Rejection::reason).
    /// `None` when it is accepted.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason.clone()
    }

    /// What is wrong with the token: the error that verification reports. `None` also when nothing can
    /// be known, or nothing but a scope is missing.
    #[must_use]
    pub fn error(&self) -> Option<&TokenError> {
        match &self.reason {
            Some(Reason::InvalidToken { error, .. }) => Some(error),
            _ => None,
        }
    }

    /// Every check, in the order of verification. Which key must have signed comes after the claims,
    /// unless it is known at once that there is no such key: then it comes first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The checks that failed, in the same order.
    pub fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict() == Verdict::Failed)
    }

    /// The configured name of the issuer whose profile and keys were applied: the one that the token
    /// names, or else the only one that there is.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The moment for which it holds, by the server's clock.
    #[must_use]
    pub const fn checked_at(&self) -> UnixTime {
        self.checked_at
    }
}
