//! The explanation of a credential that is no JWT by its form.

use super::{
    asked::Asked,
    table::{Entry, Lookup},
};
use crate::{
    error::TokenError,
    explain::{Explanation, Finding, Shown, Stage, Taken, Verdict},
    http::{Credentials, Reason, TokenKind},
    identity::Identity,
    policy::{Compiled, Requirement},
    server::ResourceServer,
    time::UnixTime,
    verify::Needed,
};

const FORM: &str = "it has not the form of a JWT";
const KEY: &str = "it is an API key of this server";
const UNENDED: &str = "the time of the API key is not over";
const DEPRECATED: &str = "the key is deprecated: its holder should have a token by now";
const ACCEPTED: &str = "the verifier of the application accepts it";

/// What was found out about a credential.
type Found = Result<Identity, Reason>;

impl ResourceServer {
    /// Explains a credential that is judged by what is accepted beside tokens; `None` for any other. Nothing is counted,
    /// and a verifier is asked.
    pub(in crate::server) async fn explain_opaque(
        &self,
        credentials: Credentials<'_>,
        required: &Compiled,
    ) -> Option<Explanation> {
        self.0.opaque_for(credentials)?;
        let mut findings = vec![Finding::new(Stage::Form, FORM)];
        let found = match self.explain_key(credentials, &mut findings) {
            Some(found) => found,
            None => self.explain_answer(credentials, &mut findings).await,
        };
        let now = self.0.clock.unix();
        let reason = match found {
            Ok(identity) => self.explain_required(&identity, required, now, &mut findings),
            Err(reason) => Some(reason),
        };
        Some(Explanation { taken: Taken::Other, issuer: None, checked_at: now, reason, findings })
    }

    /// Whether it is an API key; `None` where that is for the verifier to say.
    fn explain_key(&self, credentials: Credentials<'_>, findings: &mut Vec<Finding>) -> Option<Found> {
        let opaque = self.0.opaque.as_ref()?;
        let keys = opaque.keys.as_ref().map(|keys| keys.load());
        let error = match keys.as_ref().map(|keys| keys.look_up(credentials.access)) {
            Some(Lookup::Key(key)) => {
                let now = self.0.clock.unix();
                findings.extend(of_key(key, now));
                if key.is_good(now) {
                    return Some(Ok(key.identity().clone()));
                }
                TokenError::Expired
            }
            None | Some(Lookup::NotOurs) if opaque.verifier.is_some() => return None,
            _ => {
                let error = TokenError::UnknownCredential;
                findings.push(Finding::new(Stage::Key, KEY).judged(Err(error.clone()), None));
                error
            }
        };
        Some(Err(Reason::InvalidToken { token: TokenKind::Access, error }))
    }

    /// What the verifier says of it.
    async fn explain_answer(&self, credentials: Credentials<'_>, findings: &mut Vec<Finding>) -> Found {
        let asked = self.0.verifier_for(credentials);
        let answer = match asked.map(|(verifier, text)| verifier.ask(text, None, &*self.0.clock)) {
            Some(Asked::Done(answer)) => answer,
            Some(Asked::Wait(wait)) => wait.await,
            None => Err(super::CredentialError::Refused),
        };
        let found = self.0.identity_of(answer).map_err(|denial| denial.reason);
        findings.push(match &found {
            Ok(_) => Finding::new(Stage::Key, ACCEPTED),
            Err(Reason::InvalidToken { error, .. }) => {
                Finding::new(Stage::Key, ACCEPTED).judged(Err(error.clone()), None)
            }
            Err(reason) => Finding::unchecked(Stage::Key, ACCEPTED, reason.description()),
        });
        found
    }

    /// Adds whether what is required is met; gives the reason where it is not.
    fn explain_required(
        &self,
        who: &Identity,
        required: &Compiled,
        now: UnixTime,
        findings: &mut Vec<Finding>,
    ) -> Option<Reason> {
        let (requirement, implications) = (required.requirement(), &self.0.implications);
        if *requirement == Requirement::any_token() {
            return None;
        }
        let mut row = Finding::new(Stage::Scope, requirement.in_words());
        let refused = self.admit_further(who, required, None).err();
        if refused.is_some() {
            let needed = Needed { requirement, implications, now };
            row.verdict = Verdict::Failed;
            row.because = who.access_contents().map(|contents| needed.unmet_in_words(contents).into());
            row.advice =
                Some("give the holder what is required, or let the request come with a token".into());
        }
        findings.push(row);
        refused.map(|denial| denial.reason)
    }
}

fn of_key(key: &Entry, now: UnixTime) -> impl Iterator<Item = Finding> + use<> {
    let mut found = Finding::new(Stage::Key, KEY).about("name", Some(Shown::text(key.name())));
    found.because = key.is_deprecated().then(|| DEPRECATED.into());
    let ends = key.identity().expires_at().is_some();
    let is_good = if key.is_good(now) { Ok(()) } else { Err(TokenError::Expired) };
    let unended = Finding::new(Stage::Claims, UNENDED).judged(is_good, None);
    [found].into_iter().chain(ends.then(|| unended.advised("get a token, or a new API key")))
}
