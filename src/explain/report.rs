//! The observer that records every check, and goes on after one that fails.
//!
//! What a token is judged by is written down as rows that are open, as soon as it is known; each check
//! settles its row, and what is open at the end could not be checked.

use std::sync::Arc;

use super::{Explanation, Finding, Stage, Taken, Verdict, words};
use crate::{
    error::TokenError,
    http::Reason,
    policy::Requirement,
    profile::CompiledProfile,
    time::UnixTime,
    token::{TokenKind, TokenLimits},
    verify::{Checked, Evidence, Failure, Needed, Observer, Signing, TokenContents},
};

/// What was found out about the tokens of one request.
pub(crate) struct Report<'a> {
    limits: &'a TokenLimits,
    /// What every request needs.
    needed: Needed<'a>,
    taken: Taken,
    issuer: Option<Arc<str>>,
    findings: Vec<Finding>,
    /// Where verification stops: at the first check that fails, or cannot be made.
    failure: Option<(TokenKind, Failure)>,
    /// The token at hand, and the profile of its issuer.
    kind: TokenKind,
    profile: Option<CompiledProfile>,
    /// The tokens whose key was known not to exist before the payload was read.
    name_no_key: Vec<Option<&'static str>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(taken: Taken, needed: Needed<'a>, limits: &'a TokenLimits) -> Self {
        let mut report = Self {
            limits,
            needed,
            taken,
            issuer: None,
            findings: Vec::new(),
            failure: None,
            kind: TokenKind::Id,
            profile: None,
            name_no_key: Vec::new(),
        };
        if taken == Taken::Pair {
            report.add(words::pair());
        }
        report
    }

    /// What verification comes to: its failure, and which token it is about.
    pub(crate) fn result(&self) -> Result<(), (TokenKind, Failure)> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// What it says of a verification at this moment that came to `reason` after it had waited for keys.
    pub(crate) fn explain(mut self, reason: Option<Reason>, checked_at: UnixTime) -> Explanation {
        if let Some((kind, Failure::NeedKeys { .. } | Failure::Unavailable { .. })) = self.failure {
            self.kind = kind;
            self.rows().for_each(|row| words::settle_key(row, reason.as_ref()));
        }
        let early = |row: &Finding| row.stage == Stage::Key && self.name_no_key.contains(&row.token);
        self.findings.sort_by_key(|row| {
            let last = (row.stage >= Stage::Pair).then_some(row.stage);
            (last, row.token, !early(row), row.stage)
        });
        let Self { taken, issuer, findings, .. } = self;
        Explanation { taken, issuer, checked_at, reason, findings }
    }

    /// How the rows of the token at hand are marked, where there are two.
    fn name(&self) -> Option<&'static str> {
        (self.taken == Taken::Pair).then_some(match self.kind {
            TokenKind::Access => "access",
            TokenKind::Id => "id",
        })
    }

    /// The rows of the token at hand.
    fn rows(&mut self) -> impl Iterator<Item = &mut Finding> {
        let name = self.name();
        self.findings.iter_mut().filter(move |row| row.token == name)
    }

    fn rows_of(&mut self, stage: Stage) -> impl Iterator<Item = &mut Finding> {
        self.rows().filter(move |row| row.stage == stage)
    }

    fn add(&mut self, row: Finding) {
        let token = self.name();
        self.findings.push(Finding { token, ..row });
    }

    /// Settles the row that is open for a check, or adds one.
    fn settle(&mut self, row: Finding) {
        let row = Finding { token: self.name(), ..row };
        let is_open = |open: &&mut Finding| {
            let same = open.rule == row.rule || row.stage == Stage::Key;
            same && open.verdict == Verdict::Unchecked && (open.token, open.stage) == (row.token, row.stage)
        };
        match self.findings.iter_mut().find(is_open) {
            Some(open) => *open = row,
            None => self.findings.push(row),
        }
    }

    fn settle_signature(&mut self, signing: Signing<'_>, result: Result<(), TokenError>) {
        let rows = self.profile.as_ref().map(|profile| words::signature(profile, signing, result));
        rows.into_iter().flatten().for_each(|row| self.settle(row));
    }

    fn settle_row(&mut self, checked: Checked<'_, '_>, result: Result<(), TokenError>) {
        let row = words::row(checked, result, self.profile.as_ref(), self.limits);
        row.into_iter().for_each(|row| self.settle(row));
    }

    /// A proof is judged, and then spent.
    fn settle_proof(&mut self, row: Finding) {
        match self.findings.iter_mut().find(|known| known.stage == Stage::Proof) {
            Some(known) if row.verdict != Verdict::Passed => *known = Finding { token: known.token, ..row },
            Some(_) => {}
            None => self.add(row),
        }
    }

    /// Settles the row of a check behind all others: of a pair, the requirement or a nonce.
    fn settle_last(&mut self, stage: Stage, result: &Result<(), Failure>, token: Option<&TokenContents>) {
        let needed = self.needed;
        self.rows_of(stage)
            .for_each(|row| words::settle_last(row, result, token.map(|token| (token, needed))));
    }
}

impl Observer for Report<'_> {
    type Token = Option<TokenContents>;

    const DRY_RUN: bool = true;

    fn begin(&mut self, token: TokenKind) {
        self.kind = token;
        self.profile = None;
    }

    fn profile(&mut self, profile: &CompiledProfile) {
        words::plan(profile, self.limits).for_each(|row| self.add(row));
        if self.issuer.is_none() && *self.needed.requirement != Requirement::any_token() {
            let kind = std::mem::replace(&mut self.kind, TokenKind::Access);
            self.add(words::requirement(self.needed.requirement));
            self.kind = kind;
        }
        self.issuer.get_or_insert_with(|| Arc::clone(&profile.binding.issuer));
        self.profile = Some(profile.clone());
    }

    fn check(&mut self, checked: Checked<'_, '_>, result: Result<(), Failure>) -> Result<(), Failure> {
        if let (Err(failure), None) = (&result, &self.failure) {
            self.failure = Some((self.kind, failure.clone()));
        }
        let refused = match &result {
            Err(Failure::Refused(error)) => Err(error.clone()),
            _ => Ok(()),
        };
        match checked {
            Checked::Form if refused.is_ok() => {}
            Checked::Form | Checked::Payload => {
                words::form(refused.err(), self.limits).for_each(|row| self.add(row));
            }
            Checked::NamedKey => self.name_no_key.push(self.name()),
            Checked::Signature(signing) => self.settle_signature(signing, refused),
            Checked::Pair => self.settle_last(Stage::Pair, &result, None),
            Checked::Requirement(token) => self.settle_last(Stage::Scope, &result, Some(token)),
            Checked::Spent => self.settle_last(Stage::Nonce, &result, None),
            Checked::Proof => self.settle_proof(words::proof(&result)),
            Checked::HeaderForm if refused.is_err() => {
                self.rows_of(Stage::Header).for_each(|row| row.withdraw("the header cannot be read"));
                self.settle_row(checked, refused);
            }
            other => self.settle_row(other, refused),
        }
        Ok(())
    }

    fn lacks_key(
        &mut self,
        signing: Signing<'_>,
        error: &TokenError,
        need: impl FnOnce() -> Failure,
    ) -> Result<(), Failure> {
        self.settle_signature(signing, Err(error.clone()));
        if self.failure.is_none() {
            self.failure = Some((self.kind, need()));
        }
        Ok(())
    }

    fn postpone(&mut self, checked: Checked<'_, '_>, error: TokenError) {
        self.settle_row(checked, Err(error));
    }

    fn report(&mut self, report: impl Fn(TokenError) -> TokenError) {
        self.rows().for_each(|row| row.error = row.error.take().map(&report));
        if let Some((kind, Failure::Refused(error) | Failure::NeedKeys { lacking: error, .. })) =
            &mut self.failure
            && *kind == self.kind
        {
            *error = report(error.clone());
        }
    }

    fn token(
        &mut self,
        contents: Option<TokenContents>,
        _: Option<Evidence>,
    ) -> Result<Self::Token, Failure> {
        if self.rows_of(Stage::Issuer).next().is_none() {
            self.add(Finding::unchecked(Stage::Issuer, words::ISSUER, words::UNREAD));
        }
        if self.profile.take().is_none() {
            words::of_no_issuer().into_iter().for_each(|row| self.add(row));
        }
        Ok(contents)
    }

    fn contents(token: &Self::Token) -> Option<&TokenContents> {
        token.as_ref()
    }
}
