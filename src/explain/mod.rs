//! Why a token is accepted or not, check by check: an [`Explanation`], made by
//! [`ResourceServer::explain`](crate::ResourceServer::explain) and its neighbours.
//!
//! - `report`: the observer of a verification that records every check; `words`: what each demands.
//! - `finding`: one check and its result; `table`: an explanation as text and JSON.
//!
//! **It agrees with verification.** It is the same sequence of checks, run with an observer that does not stop at
//! the first that fails: an explanation is [valid](Explanation::is_valid) exactly when the token would be accepted at
//! that moment, and its reason is what the refusal would say.
//!
//! **It changes nothing.** It does not use the cache of verified tokens, spends no nonce and is not counted in the
//! metrics. Keys are fetched when verification would fetch them, out of the same budget.
//!
//! **What it shows can be passed on.** Never the token or its signature, and of the claims only the values of those
//! that are well known and say nothing about a person: issuer, audience, client, times, scopes, types. Who a token is
//! about (`sub`, `prn`, `email`, names) and what counts once (`nonce`, `jti`) is shown as a kind, such as `a string`.
//! The values are unverified unless the signature is good, and come out of [`Display`](std::fmt::Display) without
//! control characters. **They are not escaped for HTML**, and anyone can write a token: into a page goes [`Html`], or
//! the JSON as a document of its own (`application/json`), never the JSON inside of a `<script>`. The rules and the
//! advice name the configuration: issuer, audiences, client, the ids of the issuer's keys and the name of an API key.
//! That is for people who run the server and its clients; a caller gets the refusal.

mod finding;
mod report;
mod table;
mod words;

use std::sync::Arc;

pub use self::finding::{Finding, Shown, Stage, Verdict};
pub(crate) use self::report::Report;
pub use crate::http::Html;
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

/// Every check of a token with its verdict, at one moment; see the [module](self) for what it promises
/// and what it shows. [`Display`](std::fmt::Display) is a table, [`serde::Serialize`] the same for programs.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Explanation {
    pub(crate) taken: Taken,
    /// The configured name of the issuer whose profile and keys were applied: the one that the token
    /// names, or else the only one that there is.
    pub issuer: Option<Arc<str>>,
    /// The moment for which it holds, by the server's clock.
    pub checked_at: UnixTime,
    /// Why verification refuses the token: as in [`Rejection::reason`](crate::http::Rejection::reason).
    /// `None` when it is accepted.
    pub reason: Option<Reason>,
    /// Every check, in the order of verification. Which key must have signed comes after the claims,
    /// unless it is known at once that there is no such key: then it comes first.
    pub findings: Vec<Finding>,
}

/// What was explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Taken {
    Access,
    Id,
    Pair,
    Other,
}

impl Explanation {
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
            Some(reason) if reason.is_unavailable() => Outcome::Unchecked,
            Some(_) => Outcome::Invalid,
        }
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

    /// The checks that failed, in the same order.
    pub fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Failed)
    }
}
