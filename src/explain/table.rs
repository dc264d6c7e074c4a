//! An explanation as text for people, and as JSON for programs.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Explanation, Finding, Outcome, Shown, Stage, Taken, Verdict};
use crate::time::{UnixTime, distance};

/// A table: a line of judgement, and a row for each check: what it came to, which part of the verification it belongs
/// to, the rule, and what the token says there. Under a row that failed stands why, and what would fix it.
///
/// `{:#}` is short: the judgement, and the rows that did not pass.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.taken {
            Taken::Access => "access token",
            Taken::Id => "ID token",
            Taken::Pair => "pair of tokens",
            Taken::Other => "credential",
        };
        match (self.outcome(), &self.reason) {
            (Outcome::Valid, _) | (_, None) => writeln!(f, "The {what} is valid.")?,
            (Outcome::Invalid, Some(reason)) => writeln!(f, "The {what} is invalid: {reason}.")?,
            (Outcome::Unchecked, Some(reason)) => {
                writeln!(f, "The {what} could not be checked: {reason}.")?;
            }
        }
        let brief = f.alternate();
        if !brief {
            write!(f, "Checked at {}", self.checked_at)?;
            match &self.issuer {
                Some(issuer) => writeln!(f, " as a token of {issuer:?}.\n")?,
                None => f.write_str(".\n\n")?,
            }
        }
        let tells = |finding: &Finding| matches!(finding.verdict, Verdict::Failed | Verdict::Unchecked);
        let mut rows = self.findings.iter().filter(|finding| !brief || tells(finding));
        rows.try_for_each(|finding| row(f, finding, self.checked_at))
    }
}

fn row(f: &mut fmt::Formatter<'_>, finding: &Finding, now: UnixTime) -> fmt::Result {
    let mark = match finding.verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
        Verdict::NotApplicable => "-",
        Verdict::Unchecked => "?",
    };
    write!(f, "{mark:<7} ")?;
    if let Some(token) = finding.token {
        write!(f, "{token:<7}")?;
    }
    let indent = if finding.token.is_some() { 26 } else { 19 };
    write!(f, "{:<10} {}", finding.stage, finding.rule)?;
    if let Some(shown) = &finding.shown {
        write!(f, ": {shown}")?;
        if let Some(date) = date(finding, shown) {
            write!(f, " ({})", distance(date, now))?;
        }
    }
    match (finding.verdict, finding.because.as_deref()) {
        (Verdict::Unchecked | Verdict::NotApplicable, Some(because)) => writeln!(f, " ({because})"),
        (_, because) => {
            f.write_str("\n")?;
            let mut lines = because.into_iter().chain(finding.advice.as_deref());
            lines.try_for_each(|line| writeln!(f, "{:indent$}{line}", ""))
        }
    }
}

/// The value of a claim that is a date.
fn date(finding: &Finding, shown: &Shown) -> Option<UnixTime> {
    match (finding.stage, finding.claim.as_deref(), shown) {
        (Stage::Claims, Some("exp" | "nbf" | "iat" | "auth_time"), Shown::Value(value)) => {
            value.as_f64().and_then(UnixTime::from_secs_f64)
        }
        _ => None,
    }
}

/// The members `outcome` (`valid`, `invalid`, `unchecked`), `token` (`access`, `id`, `pair`, `other`), `checked_at`
/// (seconds since the epoch), `findings`; where they are known also `issuer`, and `code` and `because`
/// of the refusal.
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("outcome", &self.outcome())?;
        members.serialize_entry("token", &self.taken)?;
        members.serialize_entry("checked_at", &self.checked_at.as_secs())?;
        if let Some(issuer) = &self.issuer {
            members.serialize_entry("issuer", &**issuer)?;
        }
        if let Some(reason) = &self.reason {
            members.serialize_entry("code", reason.code())?;
            members.serialize_entry("because", reason.description())?;
        }
        members.serialize_entry("findings", &self.findings)?;
        members.end()
    }
}
