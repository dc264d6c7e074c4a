//! Whether an authenticated request may have what it asks for: the second of the two stages of a
//! request, and the only place that checks requirements and spends.
//!
//! Nothing here is remembered. A wait for a store resumes here, behind the question, and not by
//! authenticating again: so a nonce is spent once, however long the store takes. A request that is
//! dropped while it waits drops its question; whether the nonce was spent is then the store's to say.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{Inner, ResourceServer, authenticate::Denial, predicate};
use crate::{
    error::{ClaimName, TokenError},
    http::{RequestHead, TokenKind},
    identity::Identity,
    policy::{Compiled, Facts, Judge, Leaf, Met},
    store::{NonceError, Nonces, Spending},
    time::{Now, UnixTime},
    verify::{Checked, Failure, FirstFailure, Observer, TokenContents},
};

/// Where the admission of a request stands.
pub(crate) enum Admission {
    Done(Result<Identity, Denial>),
    /// A store is asked whether a nonce is spent.
    Wait(StoreWait),
}

/// A wait for a store that was asked to spend a nonce.
pub(crate) struct StoreWait {
    answer: Answer,
    identity: Option<Identity>,
}

type Answer = Pin<Box<dyn Future<Output = Result<(), NonceError>> + Send>>;

/// The answer of a store, and whose nonce it is about.
pub(crate) struct Answered {
    identity: Identity,
    result: Result<(), NonceError>,
}

impl Future for StoreWait {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let result = ready!(self.answer.as_mut().poll(cx));
        match self.identity.take() {
            Some(identity) => Poll::Ready(Answered { identity, result }),
            // Polled again after completion, against the contract of futures.
            None => Poll::Pending,
        }
    }
}

/// The tokens of a request as far as they could be read, and the identity that they stand for, if they were
/// verified.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) access: Option<&'a TokenContents>,
    pub(super) id: Option<&'a TokenContents>,
    pub(super) identity: Option<&'a Identity>,
    /// The head of the request, where there is one: what a predicate looks at.
    pub(super) head: Option<RequestHead<'a>>,
}

impl<'a> Presented<'a> {
    pub(super) const fn unverified(access: Option<&'a TokenContents>, id: Option<&'a TokenContents>) -> Self {
        Self { access, id, identity: None, head: None }
    }

    fn by(identity: &'a Identity, head: Option<RequestHead<'a>>) -> Self {
        let (access, id) = (identity.access_contents(), identity.id_contents());
        Self { access, id, identity: Some(identity), head }
    }

    /// Whether a predicate holds. One that cannot be asked does not.
    fn holds(&self, leaf: &Leaf) -> bool {
        let (Some(identity), Some(head)) = (self.identity, self.head) else { return false };
        predicate::of(leaf).is_some_and(|holds| holds(identity, &head))
    }
}

impl ResourceServer {
    /// Admits an identity that was authenticated just now to an operation that needs `required`.
    pub(crate) fn admit(
        &self,
        identity: Identity,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Admission {
        let tokens = Presented::by(&identity, head);
        let admitted = self.0.admit(tokens, required, &self.0.now(), Nonces::spend, &mut FirstFailure);
        // A good token that is not allowed this counts as good, and its refusal beside it.
        if matches!(admitted, Ok(None) | Err((_, Failure::NotAllowed(_)))) {
            self.0.counters.good();
        }
        match admitted {
            Ok(None) => Admission::Done(Ok(identity)),
            Ok(Some(answer)) => Admission::Wait(StoreWait { answer, identity: Some(identity) }),
            Err((kind, failure)) => Admission::Done(Err(Denial::of(kind, failure))),
        }
    }

    /// Goes on behind a store's answer. Time has passed, so what depends on it is judged again.
    pub(crate) fn resume_admission(
        &self,
        Answered { identity, result }: Answered,
    ) -> Result<Identity, Denial> {
        let kind = if identity.access_contents().is_some() { TokenKind::Access } else { TokenKind::Id };
        let deny = |failure| Denial::of(kind, failure);
        result.map_err(spend_failure).map_err(deny)?;
        let now = self.0.now();
        if !identity.window().contains(now.unix()) {
            return Err(deny(TokenError::Expired.into()));
        }
        if !identity.tokens().all(|token| self.0.issuers.are_current(&token.evidence, || now.clocks())) {
            return Err(deny(TokenError::UnknownKey.into()));
        }
        self.0.counters.good();
        Ok(identity)
    }

    /// Admits an identity that this server has admitted before to one operation more: what counts
    /// once has been spent.
    pub(crate) fn admit_further(
        &self,
        identity: &Identity,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Result<(), Denial> {
        let tokens = Presented::by(identity, head);
        self.0
            .check_requirement(tokens, required, &self.0.now(), &mut FirstFailure)
            .map_err(|(kind, failure)| Denial::of(kind, failure))
    }
}

impl Inner {
    /// The sequence of an admission; `spend` spends a nonce, or looks whether it could be.
    ///
    /// # Errors
    /// The first check that fails, unless the observer goes on.
    #[inline]
    pub(super) fn admit<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        spend: impl Fn(&Nonces, &str, UnixTime) -> Spending<NonceError>,
        o: &mut O,
    ) -> Result<Option<Answer>, (TokenKind, Failure)> {
        self.check_requirement(tokens, required, now, o)?;
        let mut wait = None;
        for (kind, token) in [(TokenKind::Access, tokens.access), (TokenKind::Id, tokens.id)] {
            let Some(nonce) = token.and_then(TokenContents::nonce) else { continue };
            o.begin(kind);
            let spending = match &self.nonces {
                Some(nonces) => spend(nonces, nonce, now.unix()),
                None => Spending::Done(Err(NonceError::Unavailable)),
            };
            match spending {
                Spending::Done(result) => {
                    let result = result.map_err(spend_failure);
                    o.check(Checked::Nonce, result).map_err(|failure| (kind, failure))?;
                }
                // `build()` refuses a server where both tokens of a request spend a nonce.
                Spending::Wait(answer) => wait = Some(answer),
            }
        }
        Ok(wait)
    }

    #[inline]
    fn check_requirement<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        o: &mut O,
    ) -> Result<(), (TokenKind, Failure)> {
        let is_met = required.is_any_token()
            || tokens.identity.is_some_and(|identity| required.is_known_to_be_met(identity.memo()));
        if is_met { Ok(()) } else { self.check_leaves(tokens, required, now, o) }
    }

    /// What counts is the token that speaks for the identity.
    // Apart from what every request runs through: many operations require nothing.
    #[inline(never)]
    fn check_leaves<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        o: &mut O,
    ) -> Result<(), (TokenKind, Failure)> {
        let (kind, token) = match (tokens.access, tokens.id) {
            (None, Some(id)) => (TokenKind::Id, id),
            (Some(access), _) => (TokenKind::Access, access),
            (None, None) => return Ok(()),
        };
        o.begin(kind);
        let facts = Facts::new(token, &self.implications, now.unix());
        let memo = tokens.identity.map(Identity::memo);
        let judge = Judge { memo, known: &self.leaves, predicate: |leaf: &Leaf| tokens.holds(leaf) };
        let result = match required.is_met_by(&facts, &judge) {
            Met::Yes => Ok(()),
            Met::No(unmet) => Err(Failure::NotAllowed(unmet)),
            Met::NoDate => Err(TokenError::InvalidClaim(ClaimName("auth_time".into())).into()),
        };
        o.check(Checked::Requirement(token), result).map_err(|failure| (kind, failure))
    }
}

fn spend_failure(error: NonceError) -> Failure {
    if error.is_temporary() { Failure::CannotSpend } else { TokenError::StaleNonce.into() }
}
