//! A verifier of the application is asked, within bounds.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use super::{
    CredentialError, CredentialVerifierSettings, OpaqueCredential, Verification, VerifiedCredential,
};
use crate::{
    error::TokenError,
    http::{Credentials, Reason, RequestHead, TokenKind},
    identity::Identity,
    metrics::CredentialKind,
    server::{
        CredentialVerifier, Denial, Inner, Pending, ResourceServer, Step, authenticate::RETRY_AFTER,
        opaque::verified::Unusable,
    },
    time::{Clock, Sleep},
};

/// The verifier of a server, and its bounds.
pub(super) struct Verifier {
    verifier: Box<dyn CredentialVerifier>,
    settings: CredentialVerifierSettings,
    waiting: Arc<AtomicUsize>,
}

/// What a verifier said.
pub(crate) type Answer = Result<VerifiedCredential, CredentialError>;

/// What came of asking.
pub(super) enum Asked {
    Done(Answer),
    Wait(VerifierWait),
}

/// A wait for a verifier, until its deadline. Dropping it drops the question.
pub(crate) struct VerifierWait {
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
    deadline: Sleep,
    _place: Place,
}

/// The place of one request among those that wait.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Future for VerifierWait {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        if let Poll::Ready(answer) = self.answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        self.deadline.as_mut().poll(cx).map(|()| Err(CredentialError::Unavailable))
    }
}

impl Verifier {
    pub(super) fn new(verifier: Box<dyn CredentialVerifier>, settings: CredentialVerifierSettings) -> Self {
        Self { verifier, settings, waiting: Arc::default() }
    }

    fn remembers(&self) -> bool {
        !self.settings.remember.is_zero()
    }

    /// Asks about a credential; what is too long is refused, and nothing is asked while too many wait.
    pub(super) fn ask(&self, text: &str, head: Option<RequestHead<'_>>, clock: &dyn Clock) -> Asked {
        if text.len() > self.settings.max_bytes {
            return Asked::Done(Err(CredentialError::Refused));
        }
        let Some(place) = self.place() else { return Asked::Done(Err(CredentialError::Unavailable)) };
        let head = head.filter(|_| !self.remembers());
        match self.verifier.verify(OpaqueCredential { text, head }) {
            Verification::Done(answer) => Asked::Done(answer),
            Verification::Wait(answer) => {
                let deadline = clock.sleep_until(clock.monotonic().saturating_add(self.settings.deadline));
                Asked::Wait(VerifierWait { answer, deadline, _place: place })
            }
        }
    }

    fn place(&self) -> Option<Place> {
        let one_more = |waiting| (waiting < self.settings.max_waiting).then_some(waiting + 1);
        let taken = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        taken.ok().map(|_| Place(Arc::clone(&self.waiting)))
    }
}

impl ResourceServer {
    /// Asks the verifier about the credential of the request with this head.
    pub(crate) fn ask_verifier(&self, head: RequestHead<'_>) -> Step {
        self.with_head(head, |credentials| self.ask_about(credentials, Some(head)))
    }

    /// Asks the verifier about a credential, which came with this head if with any.
    pub(in crate::server) fn ask_about(
        &self,
        credentials: Credentials<'_>,
        head: Option<RequestHead<'_>>,
    ) -> Step {
        let asked =
            self.0.verifier_for(credentials).map(|(verifier, text)| verifier.ask(text, head, &*self.0.clock));
        match asked {
            Some(Asked::Wait(wait)) => Step::Wait(Box::new(Pending::Verifier { wait })),
            Some(Asked::Done(answer)) => self.conclude_verifier(answer, credentials),
            None => self.conclude_verifier(Err(CredentialError::Refused), credentials),
        }
    }

    /// Goes on behind the answer of a verifier.
    pub(in crate::server) fn conclude_verifier(&self, answer: Answer, credentials: Credentials<'_>) -> Step {
        let identity = self.0.identity_of(answer);
        if let Ok(identity) = &identity {
            self.0.remember_answer(identity, credentials);
        }
        Step::Done(identity.map(Some))
    }
}

impl Inner {
    /// The verifier to ask about a credential, and the text of it.
    pub(super) fn verifier_for<'c>(&self, credentials: Credentials<'c>) -> Option<(&Verifier, &'c str)> {
        let verifier = self.opaque_for(credentials)?.verifier.as_ref()?;
        Some((verifier, std::str::from_utf8(credentials.access).ok()?))
    }

    /// The identity that an answer stands for, at this moment.
    pub(super) fn identity_of(&self, answer: Answer) -> Result<Identity, Denial> {
        let refuse = |error| Denial::from(Reason::InvalidToken { token: TokenKind::Access, error });
        let unavailable = || Denial { reason: Reason::VerifierUnavailable, retry_after: Some(RETRY_AFTER) };
        let verified = answer.map_err(|error| match error {
            CredentialError::Refused => refuse(TokenError::UnknownCredential),
            CredentialError::Unavailable => unavailable(),
        })?;
        let now = self.now();
        let verifier = self.opaque.as_ref().and_then(|opaque| opaque.verifier.as_ref());
        let remembered = verifier
            .filter(|verifier| verifier.remembers())
            .map(|verifier| now.monotonic().saturating_add(verifier.settings.remember));
        let identity = verified.identity(&self.tag, &self.limits, remembered);
        let identity = identity.map_err(|unusable| match unusable {
            Unusable::Refused(error) => refuse(error),
            Unusable::Mistaken(why) => {
                tracing::error!(why, "the verifier of credentials gave an answer that is no identity");
                unavailable()
            }
        })?;
        let good = identity.window().contains(now.unix());
        if good { Ok(identity) } else { Err(refuse(TokenError::Expired)) }
    }

    /// Counts a good answer, and remembers it where that is asked for.
    fn remember_answer(&self, identity: &Identity, credentials: Credentials<'_>) {
        let Some(opaque) = &self.opaque else { return };
        opaque.counters.count(CredentialKind::Verifier);
        let remembers = opaque.verifier.as_ref().is_some_and(Verifier::remembers);
        if let Some(cache) = self.cache.as_ref().filter(|_| remembers) {
            cache.insert(credentials, identity);
        }
    }
}
