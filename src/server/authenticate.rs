//! The authentication of one request, as steps that never block.
//!
//! A [`Step`] is done or waits for keys; [`Pending`] is the wait, and holds nothing of the request,
//! which its owner keeps and hands in again to resume. The verdict after a wait is a whole new
//! verification at the new moment, so nothing that was seen before the wait is trusted after it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::HeaderMap;
use pin_project_lite::pin_project;

use super::{
    Inner, Now, ResourceServer,
    slot::{Failure, Slot, Verified},
};
use crate::{
    error::TokenError,
    http::{Credentials, Reason, RequestError, TokenKind},
    identity::{Identity, RawTokens},
    metrics,
    policy::Expected,
    source::{KeyNeed, KeyOutcome},
};

#[cfg(feature = "remote")]
use crate::source::KeyWait;
/// Keys that the application holds are never waited for.
#[cfg(not(feature = "remote"))]
type KeyWait = std::future::Pending<KeyOutcome>;

/// How often one request may go back to the keys: once for each of its tokens, and once more when
/// the keys were replaced in between. Beyond that something is churning, and 503 is the truth.
const MAX_ROUNDS: u8 = 4;

/// What to say where trying again is the only advice.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is denied; the challenge comes with the requirement of the operation.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<Duration>,
}

impl Denial {
    fn token(token: TokenKind, error: TokenError) -> Self {
        Reason::InvalidToken { token, error }.into()
    }

    fn unavailable(retry_after: Duration) -> Self {
        Self { reason: Reason::KeysUnavailable, retry_after: Some(retry_after) }
    }
}

impl Denial {
    /// Whether a character outside the grammar of tokens can be behind this denial. A single token
    /// shows it at once; of two, the second may not have been looked at.
    fn may_be_of_characters(&self, credentials: Credentials<'_>) -> bool {
        match &self.reason {
            Reason::InvalidToken { error: TokenError::TooLarge | TokenError::Malformed(_), .. } => true,
            Reason::InvalidToken { .. } => credentials.id.is_some(),
            _ => false,
        }
    }
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self { reason, retry_after: None }
    }
}

/// Where the authentication of a request stands.
pub(crate) enum Step {
    /// Decided: an identity, or none because there were no credentials.
    Done(Result<Option<Identity>, Denial>),
    /// The keys to decide with are being fetched.
    Wait(Pending),
}

pin_project! {
    /// A wait for keys. Dropping it cancels nothing that others share.
    pub(crate) struct Pending {
        #[pin]
        wait: KeyWait,
        progress: Option<Progress>,
    }
}

/// A request on its way through the rounds.
pub(crate) struct Progress {
    /// When the request arrived: what counts as evidence against its key depends on it.
    arrived: Duration,
    rounds: u8,
    waits_for: TokenKind,
}

/// A wait that is over.
pub(crate) struct Resumed {
    progress: Progress,
    outcome: KeyOutcome,
}

impl Future for Pending {
    type Output = Resumed;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Resumed> {
        let this = self.project();
        let outcome = ready!(this.wait.poll(cx));
        match this.progress.take() {
            Some(progress) => Poll::Ready(Resumed { progress, outcome }),
            // Polled again after completion, against the contract of futures.
            None => Poll::Pending,
        }
    }
}

impl ResourceServer {
    /// Begins with the headers of a request.
    pub(crate) fn begin(&self, headers: &HeaderMap) -> Step {
        self.with(self.0.request.read(headers), |credentials| self.begin_with(credentials))
    }

    /// Begins, and keeps the credentials out of the logs of whoever handles the request next.
    pub(crate) fn begin_marking(&self, headers: &mut HeaderMap) -> Step {
        self.with(self.0.request.take(headers), |credentials| self.begin_with(credentials))
    }

    /// Goes on after a wait, with the same headers.
    pub(crate) fn resume(&self, resumed: Resumed, headers: &HeaderMap) -> Step {
        self.with(self.0.request.read(headers), |credentials| self.resume_with(resumed, credentials))
    }

    fn with<'a>(
        &self,
        credentials: Result<Option<Credentials<'a>>, RequestError>,
        run: impl FnOnce(Credentials<'a>) -> Step,
    ) -> Step {
        let credentials = match credentials {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Step::Done(Ok(None)),
            Err(error) => return Step::Done(Err(Reason::InvalidRequest(error).into())),
        };
        match run(credentials) {
            // What is no token by its characters makes a malformed request, not an invalid token.
            Step::Done(Err(denial)) if denial.may_be_of_characters(credentials) => {
                let malformed = self.0.request.check(credentials);
                let malformed = malformed.map_err(|error| Reason::InvalidRequest(error).into());
                Step::Done(malformed.and(Err(denial)))
            }
            step => step,
        }
    }

    pub(super) fn begin_with(&self, credentials: Credentials<'_>) -> Step {
        let now = self.0.now();
        let cached = self.0.cached(credentials, &now);
        if self.0.cache.is_some() {
            metrics::cache(cached.is_some());
        }
        if let Some(identity) = cached {
            metrics::good();
            return Step::Done(Ok(Some(identity)));
        }
        self.run(now, None, 0, |now| self.0.verify(credentials, now))
    }

    pub(super) fn resume_with(&self, resumed: Resumed, credentials: Credentials<'_>) -> Step {
        self.run_on(resumed, |now| self.0.verify(credentials, now))
    }

    pub(super) fn begin_id_token(&self, token: &[u8], expected: Expected<'_>) -> Step {
        let now = self.0.now();
        self.run(now, None, 0, |now| self.0.verify_id(token, now, expected))
    }

    pub(super) fn resume_id_token(&self, resumed: Resumed, token: &[u8], expected: Expected<'_>) -> Step {
        self.run_on(resumed, |now| self.0.verify_id(token, now, expected))
    }

    fn run_on(
        &self,
        Resumed { progress, outcome }: Resumed,
        verify: impl Fn(&Now<'_>) -> Result<Identity, (TokenKind, Failure)>,
    ) -> Step {
        match outcome {
            KeyOutcome::TryAgain => self.run(self.0.now(), Some(progress.arrived), progress.rounds, verify),
            KeyOutcome::Lacks => Step::Done(Err(Denial::token(progress.waits_for, TokenError::UnknownKey))),
            KeyOutcome::Unavailable { retry_after } => Step::Done(Err(Denial::unavailable(retry_after))),
        }
    }

    fn run<'s>(
        &'s self,
        mut now: Now<'s>,
        mut arrived: Option<Duration>,
        mut rounds: u8,
        verify: impl Fn(&Now<'_>) -> Result<Identity, (TokenKind, Failure)>,
    ) -> Step {
        loop {
            let (kind, source, seen) = match verify(&now) {
                Ok(identity) => {
                    metrics::good();
                    return Step::Done(Ok(Some(identity)));
                }
                Err((kind, Failure::Refused(error))) => return Step::Done(Err(Denial::token(kind, error))),
                Err((kind, Failure::NeedKeys { source, seen })) => (kind, source, seen),
                Err((_, Failure::CannotSpend)) => {
                    let retry_after = Some(RETRY_AFTER);
                    let denial = Denial { reason: Reason::SpentStoreUnavailable, retry_after };
                    return Step::Done(Err(denial));
                }
                #[cfg(feature = "remote")]
                Err((_, Failure::Unavailable { retry_after })) => {
                    return Step::Done(Err(Denial::unavailable(retry_after)));
                }
            };
            // Read after the keys were looked at, it is on the safe side: evidence must be newer.
            let arrived = *arrived.get_or_insert_with(|| now.monotonic());
            match self.0.consult(source, seen, arrived, &mut rounds) {
                KeyNeed::TryAgain => now = self.0.now(),
                KeyNeed::Lacks => {
                    return Step::Done(Err(Denial::token(kind, TokenError::UnknownKey)));
                }
                KeyNeed::Unavailable { retry_after } => {
                    return Step::Done(Err(Denial::unavailable(retry_after)));
                }
                #[cfg(feature = "remote")]
                KeyNeed::Wait(wait) => {
                    let progress = Some(Progress { arrived, rounds, waits_for: kind });
                    return Step::Wait(Pending { wait, progress });
                }
            }
        }
    }
}

impl Inner {
    /// Asks a source for other keys than those of generation `seen`; the rounds are counted.
    pub(super) fn consult(
        &self,
        source: usize,
        seen: Option<u64>,
        arrived: Duration,
        rounds: &mut u8,
    ) -> KeyNeed {
        let Some(keys) = self.sources.keys(source).filter(|_| *rounds < MAX_ROUNDS) else {
            return KeyNeed::Unavailable { retry_after: RETRY_AFTER };
        };
        *rounds += 1;
        keys.need_key(arrived, seen)
    }

    /// Verifies all tokens of a request and makes the identity that they stand for.
    fn verify(&self, credentials: Credentials<'_>, now: &Now<'_>) -> Result<Identity, (TokenKind, Failure)> {
        let access = self
            .verify_in(&self.access, credentials.access, credentials.selector, now, Expected::default())
            .map_err(|failure| (TokenKind::Access, failure))?;
        let id = match (credentials.id, &self.id) {
            (Some(token), Some(slot)) => {
                // `at_hash` is about the access token that this ID token came with.
                let access_token = std::str::from_utf8(credentials.access).ok();
                let expected = Expected { access_token, ..Expected::default() };
                let id = self
                    .verify_in(slot, token, credentials.selector, now, expected)
                    .map_err(|failure| (TokenKind::Id, failure))?;
                self.pair
                    .check((&access.token).into(), (&id.token).into())
                    .map_err(|error| (TokenKind::Id, Failure::Refused(error)))?;
                Some(id)
            }
            // Without a slot the request profile has read none.
            _ => None,
        };
        // A token without the scopes that every request needs is refused by whoever asked, and
        // keeps its nonce.
        if self.required.is_met_by(access.token.scopes()) {
            self.spend_nonce(&access, now).map_err(|failure| (TokenKind::Access, failure))?;
            if let Some(id) = &id {
                self.spend_nonce(id, now).map_err(|failure| (TokenKind::Id, failure))?;
            }
        }
        self.identity(Some(access), id, Some(credentials))
            .ok_or((TokenKind::Access, Failure::Refused(TokenError::UnknownKey)))
    }

    /// The slot for ID tokens that stand alone, where they are taken so.
    pub(super) fn id_slot_alone(&self) -> Option<&Slot> {
        self.id.as_ref().filter(|_| self.takes_lone_id_tokens)
    }

    /// Verifies an ID token that stands alone.
    fn verify_id(
        &self,
        token: &[u8],
        now: &Now<'_>,
        expected: Expected<'_>,
    ) -> Result<Identity, (TokenKind, Failure)> {
        let id = match self.id_slot_alone() {
            Some(slot) => self.verify_in(slot, token, None, now, expected),
            None => Err(Failure::Refused(TokenError::WrongType)),
        };
        id.and_then(|id| self.spend_nonce(&id, now).map(|()| self.identity(None, Some(id), None)))
            .and_then(|identity| identity.ok_or(Failure::Refused(TokenError::UnknownKey)))
            .map_err(|failure| (TokenKind::Id, failure))
    }

    /// Spends the nonce of a token that is good in every other respect.
    fn spend_nonce(&self, verified: &Verified, now: &Now<'_>) -> Result<(), Failure> {
        let Some(nonce) = verified.token.nonce() else { return Ok(()) };
        let nonces = self.nonces.as_ref().ok_or(Failure::CannotSpend)?;
        nonces.spend(nonce, now.unix()).map_err(|error| {
            if error.is_temporary() { Failure::CannotSpend } else { Failure::Refused(TokenError::StaleNonce) }
        })
    }

    fn verify_in(
        &self,
        slot: &Slot,
        token: &[u8],
        selector: Option<&[u8]>,
        now: &Now<'_>,
        expected: Expected<'_>,
    ) -> Result<Verified, Failure> {
        slot.verify(token, selector, &self.sources, &self.limits, now, expected)
    }

    /// Makes the identity, and remembers it under `credentials` when they are given.
    fn identity(
        &self,
        access: Option<Verified>,
        id: Option<Verified>,
        credentials: Option<Credentials<'_>>,
    ) -> Option<Identity> {
        let raw = match credentials.filter(|_| self.retain_tokens) {
            Some(credentials) => {
                RawTokens { access: text(credentials.access), id: credentials.id.and_then(text) }
            }
            None => RawTokens::default(),
        };
        let seen =
            [&access, &id].into_iter().flatten().map(|token| (token.source, token.generation)).collect();
        let (access, id) = (access.map(|access| access.token), id.map(|id| id.token));
        let identity = Identity::new(self.tag.clone(), access, id, raw, seen)?;
        if let (Some(cache), Some(credentials)) = (&self.cache, credentials) {
            cache.insert(credentials, &identity);
        }
        Some(identity)
    }

    /// The identity that these very tokens were verified to be, if the verdict still stands.
    pub(super) fn cached(&self, credentials: Credentials<'_>, now: &Now<'_>) -> Option<Identity> {
        let vouched = |seen, key: &_| self.sources.vouches(seen, key, || now.monotonic());
        self.cache.as_ref()?.get(credentials, || now.unix(), vouched)
    }
}

fn text(token: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(token).ok().map(Into::into)
}
