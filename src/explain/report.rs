//! The observer that records every check, and goes on after one that fails.

use std::sync::Arc;

use super::{
    Finding, Stage, Taken, Verdict,
    words::{self, UNREAD},
};
use crate::{
    error::TokenError,
    http::Reason,
    policy::Requirement,
    profile::CompiledProfile,
    token::{TokenKind, TokenLimits},
    verify::{Checked, Evidence, Failure, Observer, Signing, TokenContents},
};

/// What was found out about the tokens of one request.
pub(crate) struct Report<'a> {
    limits: &'a TokenLimits,
    /// The scopes that every request needs.
    required: &'a Requirement,
    taken: Taken,
    pub(super) issuer: Option<Arc<str>>,
    pub(super) findings: Vec<Finding>,
    /// Where verification stops: at the first check that fails, or cannot be made.
    failure: Option<(TokenKind, Failure)>,
    kind: TokenKind,
    /// Where the findings about the token at hand begin.
    start: usize,
    profile: Option<CompiledProfile>,
    /// Whether the key that the token names was known not to exist before the payload was read.
    names_no_key: bool,
    /// What must hold of the nonces that the tokens spend.
    nonces: Vec<(TokenKind, String)>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(taken: Taken, required: &'a Requirement, limits: &'a TokenLimits) -> Self {
        Self {
            limits,
            required,
            taken,
            issuer: None,
            findings: Vec::new(),
            failure: None,
            kind: TokenKind::Access,
            start: 0,
            profile: None,
            names_no_key: false,
            nonces: Vec::new(),
        }
    }

    /// What verification comes to.
    ///
    /// # Errors
    /// Its failure, and which token it is about.
    pub(crate) fn result(&self) -> Result<(), (TokenKind, Failure)> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Says of checks that were not made why, when all others were; `reason` is what verification
    /// came to after it had waited for keys.
    pub(super) fn finish(&mut self, reason: Option<&Reason>) {
        let waited = match &self.failure {
            Some((kind, Failure::NeedKeys { .. } | Failure::Unavailable { .. })) => Some(*kind),
            _ => None,
        };
        if let Some(kind) = waited {
            let name = self.name_of(kind);
            for finding in self.findings.iter_mut().filter(|finding| finding.token() == name) {
                words::settle_key(finding, reason);
            }
        }
        let told = |stage, name| {
            let mut findings = self.findings.iter();
            findings.any(|finding: &Finding| finding.stage() == stage && finding.token() == name)
        };
        let mut missing = Vec::new();
        if self.taken == Taken::Pair && !told(Stage::Pair, Some("id")) {
            let open = Finding::unchecked(Stage::Pair, words::PAIR, "one of them says too little");
            missing.push((TokenKind::Id, open));
        }
        if self.issuer.is_some()
            && !self.required.is_none()
            && !told(Stage::Scope, self.name_of(TokenKind::Access))
        {
            let rule = words::scope_rule(self.required);
            let open = Finding::unchecked(Stage::Scope, rule, "the scopes cannot be read");
            missing.push((TokenKind::Access, open));
        }
        for (kind, rule) in &self.nonces {
            if !told(Stage::Nonce, self.name_of(*kind)) {
                let open = Finding::unchecked(Stage::Nonce, rule.clone(), "there is no nonce");
                missing.push((*kind, open));
            }
        }
        for (kind, finding) in missing {
            let finding = finding.of_token(self.name_of(kind));
            self.findings.push(finding);
        }
        let last = |finding: &Finding| match finding.stage() {
            stage @ (Stage::Pair | Stage::Scope | Stage::Nonce) => Some(stage),
            _ => None,
        };
        self.findings.sort_by_key(last);
    }

    /// How the findings of a token are marked, where there are two.
    fn name_of(&self, kind: TokenKind) -> Option<&'static str> {
        (self.taken == Taken::Pair).then_some(match kind {
            TokenKind::Access => "access",
            TokenKind::Id => "id",
        })
    }

    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        let name = self.name_of(self.kind);
        self.findings.extend(findings.into_iter().map(|finding| finding.of_token(name)));
    }

    fn told(&self, stage: Stage) -> bool {
        self.findings.iter().skip(self.start).any(|finding| finding.stage() == stage)
    }

    fn add_form(&mut self, error: Option<&TokenError>) {
        if !self.told(Stage::Form) {
            self.add(words::form(error, self.limits));
        }
    }

    fn withdraw_key(&mut self, because: &'static str) {
        for finding in self.findings.iter_mut().skip(self.start) {
            if matches!(finding.stage(), Stage::Key | Stage::Signature) {
                *finding = finding.clone().withdrawn(because);
            }
        }
    }

    fn add_signature(&mut self, signing: Signing<'_>, result: Result<(), TokenError>) {
        if let Some(profile) = self.profile.take() {
            self.add(words::signature(&profile, signing, result));
            self.profile = Some(profile);
        }
    }
}

impl Observer for Report<'_> {
    type Token = Option<TokenContents>;

    const DRY_RUN: bool = true;

    fn begin(&mut self, token: TokenKind) {
        self.kind = token;
        self.start = self.findings.len();
        self.profile = None;
        self.names_no_key = false;
    }

    fn profile(&mut self, profile: &CompiledProfile) {
        self.issuer.get_or_insert_with(|| Arc::clone(&profile.binding.issuer));
        self.profile = Some(profile.clone());
    }

    fn check(&mut self, checked: Checked<'_, '_>, result: Result<(), Failure>) -> Result<(), Failure> {
        if let (Err(failure), None) = (&result, &self.failure) {
            self.failure = Some((self.kind, failure.clone()));
        }
        let error = match &result {
            Err(Failure::Refused(error)) => Some(error),
            _ => None,
        };
        match checked {
            Checked::Form if error.is_none() => {}
            Checked::Form | Checked::Payload => self.add_form(error),
            Checked::NamedKey => self.names_no_key = true,
            Checked::Signature(signing) => self.add_signature(signing, error.cloned().map_or(Ok(()), Err)),
            Checked::Scopes(token) => self.add([words::scopes(self.required, token, &result)]),
            Checked::Nonce => {
                let rule = self.nonces.iter().find(|(kind, _)| *kind == self.kind);
                let rule = rule.map(|(_, rule)| rule.clone()).unwrap_or_default();
                self.add([words::nonce(rule, &result)]);
            }
            other => {
                let result = error.cloned().map_or(Ok(()), Err);
                let profile = self.profile.take();
                self.add(words::finding(other, result, profile.as_ref(), self.limits));
                self.profile = profile;
            }
        }
        Ok(())
    }

    fn lacks_key(
        &mut self,
        signing: Signing<'_>,
        error: &TokenError,
        need: impl FnOnce() -> Failure,
    ) -> Result<(), Failure> {
        self.add_signature(signing, Err(error.clone()));
        if self.failure.is_none() {
            let failure = need();
            if matches!(failure, Failure::Refused(_)) {
                self.withdraw_key("the issuer is not trusted");
            }
            self.failure = Some((self.kind, failure));
        }
        Ok(())
    }

    fn postpone(&mut self, checked: Checked<'_, '_>, error: TokenError) {
        self.add(words::finding(checked, Err(error), None, self.limits));
    }

    fn report(&mut self, report: impl Fn(TokenError) -> TokenError) {
        for finding in self.findings.iter_mut().skip(self.start) {
            if let Some(error) = finding.error().cloned() {
                *finding = finding.clone().reported_as(report(error));
            }
        }
        match &mut self.failure {
            Some((kind, Failure::Refused(error) | Failure::NeedKeys { lacking: error, .. }))
                if *kind == self.kind =>
            {
                *error = report(error.clone());
            }
            _ => {}
        }
    }

    /// Says of what could not be read that it was not checked.
    fn token(
        &mut self,
        contents: Option<TokenContents>,
        _: Option<Evidence>,
    ) -> Result<Self::Token, Failure> {
        if !self.told(Stage::Issuer) {
            self.add([Finding::unchecked(Stage::Issuer, words::ISSUER, UNREAD)]);
        }
        match self.profile.take() {
            None => self.add(words::of_no_issuer()),
            Some(profile) => {
                if !self.told(Stage::Header) {
                    self.add(words::unread_header(&profile, self.limits, None));
                }
                if !self.told(Stage::Claims) {
                    self.add(words::unread_claims(&profile));
                }
                if !self.told(Stage::Key) {
                    self.add(words::unchecked_signature(&profile));
                }
                self.nonces.extend(words::nonce_rule(&profile).map(|rule| (self.kind, rule)));
            }
        }
        let Some(findings) = self.findings.get_mut(self.start..) else { return Ok(contents) };
        findings.sort_by_key(Finding::stage);
        if self.names_no_key
            && let Some(key) = findings.iter().position(|finding| finding.stage() == Stage::Key)
        {
            // It was found out before all else.
            findings.get_mut(..=key).into_iter().for_each(|until| until.rotate_right(1));
        }
        Ok(contents)
    }

    fn contents(token: &Self::Token) -> Option<&TokenContents> {
        token.as_ref()
    }
}

impl Finding {
    /// Whether it leaves open what newer keys could decide.
    pub(super) fn is_open(&self) -> bool {
        self.verdict() == Verdict::Unchecked
    }
}
