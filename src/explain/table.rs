//! An explanation as text for people, and as JSON for programs.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Explanation, Finding, Outcome, Shown, Stage, Taken, Verdict, advice::distance};
use crate::time::UnixTime;

/// The claims that are dates.
const DATES: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];

/// A table: a line of judgement, and a row for each check: what it came to, which part of the
/// verification it belongs to, the rule, and what the token says there. Under a row that failed stands
/// why, and what would fix it.
///
/// `{:#}` is short: the judgement, and the rows that did not pass.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.taken {
            Taken::Access => "access token",
            Taken::Id => "ID token",
            Taken::Pair => "pair of tokens",
        };
        match (self.outcome(), self.reason()) {
            (Outcome::Valid, _) | (_, None) => write!(f, "The {what} is valid.")?,
            (Outcome::Invalid, Some(reason)) => write!(f, "The {what} is invalid: {reason}.")?,
            (Outcome::Unchecked, Some(reason)) => {
                write!(f, "The {what} could not be checked: {reason}.")?;
            }
        }
        f.write_str("\n")?;
        if !f.alternate() {
            write!(f, "Checked at {}", self.checked_at)?;
            match self.issuer() {
                Some(issuer) => writeln!(f, " as a token of {issuer:?}.\n")?,
                None => f.write_str(".\n\n")?,
            }
        }
        let tells = |finding: &&Finding| matches!(finding.verdict(), Verdict::Failed | Verdict::Unchecked);
        let brief = f.alternate();
        for finding in self.findings.iter().filter(|finding| !brief || tells(finding)) {
            row(f, finding, self.checked_at)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, finding: &Finding, now: UnixTime) -> fmt::Result {
    write!(f, "{:<7} ", mark(finding.verdict()))?;
    let indent = match finding.token() {
        Some(token) => {
            write!(f, "{token:<7}")?;
            26
        }
        None => 19,
    };
    write!(f, "{:<10} {}", finding.stage(), finding.rule())?;
    if let Some(shown) = finding.shown() {
        write!(f, ": {shown}")?;
        if let Some(date) = date(finding, shown) {
            write!(f, " ({})", distance(date, now))?;
        }
    }
    match (finding.verdict(), finding.because()) {
        (Verdict::Unchecked | Verdict::NotApplicable, Some(because)) => writeln!(f, " ({because})"),
        (_, because) => {
            f.write_str("\n")?;
            for line in because.into_iter().chain(finding.advice()) {
                writeln!(f, "{:indent$}{line}", "")?;
            }
            Ok(())
        }
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
        Verdict::NotApplicable => "-",
        Verdict::Unchecked => "?",
    }
}

fn date(finding: &Finding, shown: &Shown) -> Option<UnixTime> {
    let Shown::Value(value) = shown else { return None };
    let is_date = finding.stage() == Stage::Claims && DATES.contains(&finding.claim()?);
    is_date.then(|| value.as_f64().and_then(UnixTime::from_secs_f64)).flatten()
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Form => "form",
            Self::Issuer => "issuer",
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Pair => "pair",
            Self::Nonce => "nonce",
            Self::Scope => "scope",
        })
    }
}

/// The members `outcome` (`valid`, `invalid`, `unchecked`), `token` (`access`, `id`, `pair`), `checked_at`
/// (seconds since the epoch), `findings`; where they are known also `issuer`, and `code` and `because`
/// of the refusal.
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            outcome: Outcome,
            token: &'static str,
            checked_at: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            issuer: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            because: Option<&'static str>,
            findings: &'a [Finding],
        }
        let reason = self.reason();
        Members {
            outcome: self.outcome(),
            token: match self.taken {
                Taken::Access => "access",
                Taken::Id => "id",
                Taken::Pair => "pair",
            },
            checked_at: self.checked_at.as_secs(),
            issuer: self.issuer(),
            code: reason.as_ref().map(|reason| reason.code()),
            because: reason.as_ref().map(|reason| reason.description()),
            findings: &self.findings,
        }
        .serialize(serializer)
    }
}
