//! Whether an authenticated request may have what it asks for: the second of the two stages of a
//! request, and the only place that checks requirements and spends.
//!
//! Nothing here is remembered. A wait for a store resumes here, behind the question, and not by
//! authenticating again: so each is spent once, however long the store takes. A request that is
//! dropped while it waits drops its question; whether it was spent is then the store's to say.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::HeaderValue;

use super::{Inner, ResourceServer, authenticate::Denial, predicate};
use crate::{
    error::{ClaimName, TokenError},
    http::{RequestHead, TokenKind},
    identity::Identity,
    policy::{ClaimsAgain, Compiled, Facts, Judge, Leaf, Met},
    profile::Once,
    proof::ProofError,
    store::{NonceError, SpendError, Spending},
    time::{Now, UnixTime},
    verify::{Checked, Failure, FirstFailure, Observer, TokenContents},
};

/// Where the admission of a request stands.
pub(crate) enum Admission {
    Done(Result<Identity, Denial>),
    /// Admitted, and the client should have this nonce for its next proofs.
    Renew(Identity, HeaderValue),
    /// A store is asked whether something is spent.
    Wait(StoreWait),
}

/// A wait for a store that was asked to spend something.
pub(crate) struct StoreWait {
    answer: Answer,
    identity: Option<Identity>,
    renewal: Option<HeaderValue>,
}

impl StoreWait {
    pub(super) fn new(answer: Answer, identity: Identity) -> Self {
        Self { answer, identity: Some(identity), renewal: None }
    }
}

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<(), SpendFailure>> + Send>>;

/// How a request goes on that is admitted as far as can be said at once.
pub(super) enum Onward {
    Admitted { renewal: Option<HeaderValue> },
    Wait { answer: Answer, renewal: Option<HeaderValue> },
}

/// The answer of a store, and whom it is about.
pub(crate) struct Answered {
    identity: Identity,
    renewal: Option<HeaderValue>,
    result: Result<(), SpendFailure>,
}

/// An identity that is admitted after a wait, and the nonce that its client should have next.
pub(crate) type AdmittedLate = (Identity, Option<HeaderValue>);

impl Future for StoreWait {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let result = ready!(self.answer.as_mut().poll(cx));
        match self.identity.take() {
            Some(identity) => Poll::Ready(Answered { identity, renewal: self.renewal.take(), result }),
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
    #[inline]
    pub(crate) fn admit(
        &self,
        identity: Identity,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Admission {
        // So it is with nearly every request: it may do this, and spends nothing.
        let spends = identity.counts_once() || self.0.tickets.is_some() || self.0.asks_for_proof;
        if !spends && required.is_known_to_be_met(identity.memo()) {
            self.0.counters.good();
            return Admission::Done(Ok(identity));
        }
        self.admit_by_its_tokens(identity, required, head)
    }

    #[inline(never)]
    fn admit_by_its_tokens(
        &self,
        identity: Identity,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Admission {
        let tokens = Presented::by(&identity, head);
        let admitted = self.0.admit(tokens, required, &self.0.now(), Inner::spend, &mut FirstFailure);
        if self.0.tickets.is_some() && matches!(admitted, Ok(Onward::Admitted { .. })) {
            return self.spend_ticket(identity, head);
        }
        // A good token that is not allowed this counts as good, and its refusal beside it.
        if matches!(admitted, Ok(Onward::Admitted { .. }) | Err((_, Failure::NotAllowed(_)))) {
            self.0.counters.good();
        }
        match admitted {
            Ok(Onward::Admitted { renewal: None }) => Admission::Done(Ok(identity)),
            Ok(Onward::Admitted { renewal: Some(nonce) }) => Admission::Renew(identity, nonce),
            Ok(Onward::Wait { answer, renewal }) => {
                Admission::Wait(StoreWait { answer, identity: Some(identity), renewal })
            }
            Err((kind, failure)) => Admission::Done(Err(Denial::of(kind, failure))),
        }
    }

    /// Goes on behind a store's answer. Time has passed, so what depends on it is judged again.
    pub(crate) fn resume_admission(
        &self,
        Answered { identity, renewal, result }: Answered,
    ) -> Result<AdmittedLate, Denial> {
        let kind = if identity.access_contents().is_some() { TokenKind::Access } else { TokenKind::Id };
        let deny = |failure| Denial::of(kind, failure);
        result.map_err(Failure::from).map_err(deny)?;
        let now = self.0.now();
        if !identity.window().contains(now.unix()) {
            return Err(deny(TokenError::Expired.into()));
        }
        if !identity.tokens().all(|token| self.0.is_current(&token.evidence, &now)) {
            return Err(deny(TokenError::UnknownKey.into()));
        }
        self.0.counters.good();
        Ok((identity, renewal))
    }

    /// Admits an identity that this server has admitted before to one operation more: what counts
    /// once has been spent.
    pub(crate) fn admit_further(
        &self,
        identity: &Identity,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Result<(), Denial> {
        if required.is_known_to_be_met(identity.memo()) {
            return Ok(());
        }
        let tokens = Presented::by(identity, head);
        self.0
            .check_requirement(tokens, required, &self.0.now(), &mut FirstFailure)
            .map_err(|(kind, failure)| Denial::of(kind, failure))
    }
}

impl Inner {
    /// The sequence of an admission; `spend` spends what a token spends, or looks whether it could be.
    ///
    /// # Errors
    /// The first check that fails, unless the observer goes on.
    pub(super) fn admit<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        spend: impl Fn(&Self, &TokenContents, UnixTime) -> Spending<SpendFailure>,
        o: &mut O,
    ) -> Result<Onward, (TokenKind, Failure)> {
        if self.asks_for_proof
            && let Some(admitted) = self.admit_proven(tokens, required, now, o)?
        {
            return Ok(admitted);
        }
        self.check_requirement(tokens, required, now, o)?;
        let mut wait = None;
        for (kind, token) in [(TokenKind::Access, tokens.access), (TokenKind::Id, tokens.id)] {
            let Some(token) = token.filter(|token| token.extracted.spends.is_some()) else { continue };
            o.begin(kind);
            match spend(self, token, now.unix()) {
                Spending::Done(result) => {
                    let result = result.map_err(Failure::from);
                    o.check(Checked::Spent, result).map_err(|failure| (kind, failure))?;
                }
                // `build()` refuses a server where both tokens of a request spend something.
                Spending::Wait(answer) => wait = Some(answer),
            }
        }
        Ok(match wait {
            None => Onward::Admitted { renewal: None },
            Some(answer) => Onward::Wait { answer, renewal: None },
        })
    }

    /// The sequence of a server that takes bound tokens: what their sender must prove is judged first, and a proof
    /// is spent last. `build()` sees to it that no token with such a proof spends a nonce of its own. `None` where
    /// there is no proof to spend, and the rest is as for any token.
    // Apart from what the requests of other servers run through.
    #[inline(never)]
    fn admit_proven<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        o: &mut O,
    ) -> Result<Option<Onward>, (TokenKind, Failure)> {
        let of_access = |failure| (TokenKind::Access, failure);
        let mut proven = None;
        if let Some(token) = tokens.access {
            o.begin(TokenKind::Access);
            let result = self.prove(token, tokens.head, now.unix());
            o.check(Checked::Proof, result.map(|good| proven = good)).map_err(of_access)?;
        }
        let Some(proven) = proven else { return Ok(None) };
        self.check_requirement(tokens, required, now, o)?;
        let wants_nonce = proven.has_nonce();
        let failure = move |error| match error {
            // A nonce that is issued now shows that the next proof is newer than what the store lost.
            SpendError::Forgotten if wants_nonce => SpendFailure::OldProof,
            error => SpendFailure::Proof(error),
        };
        let spending =
            if O::DRY_RUN { Spending::Done(proven.peek(now.unix())) } else { proven.spend(now.unix()) };
        match spending.map_err(failure) {
            Spending::Done(result) => {
                o.check(Checked::Proof, result.map_err(Failure::from)).map_err(of_access)?;
                Ok(Some(Onward::Admitted { renewal: proven.renewal }))
            }
            Spending::Wait(answer) => Ok(Some(Onward::Wait { answer, renewal: proven.renewal })),
        }
    }

    /// What counts is the token that speaks for the identity.
    fn check_requirement<O: Observer>(
        &self,
        tokens: Presented<'_>,
        required: &Compiled,
        now: &Now<'_>,
        o: &mut O,
    ) -> Result<(), (TokenKind, Failure)> {
        if required.is_any_token() {
            return Ok(());
        }
        let (kind, token) = match (tokens.access, tokens.id) {
            (None, Some(id)) => (TokenKind::Id, id),
            (Some(access), _) => (TokenKind::Access, access),
            (None, None) => return Ok(()),
        };
        o.begin(kind);
        let claims = ClaimsAgain::default();
        let facts = Facts::new(token, &claims, &self.implications, now.unix());
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

/// Why a request cannot spend what counts once.
#[derive(Clone, Copy)]
pub(super) enum SpendFailure {
    Nonce(NonceError),
    Id(SpendError),
    Ticket(NonceError),
    Proof(SpendError),
    /// The proof may have been spent, and one with a new nonce cannot have been.
    OldProof,
}

impl From<SpendFailure> for Failure {
    fn from(failure: SpendFailure) -> Self {
        match failure {
            SpendFailure::Nonce(error) | SpendFailure::Ticket(error) if error.is_temporary() => {
                Self::CannotSpend
            }
            SpendFailure::Ticket(_) => TokenError::StaleTicket.into(),
            SpendFailure::Nonce(_) => TokenError::StaleNonce.into(),
            SpendFailure::Id(SpendError::AlreadySpent | SpendError::Forgotten) => {
                TokenError::AlreadyUsed.into()
            }
            SpendFailure::Proof(SpendError::AlreadySpent) => Self::NotProven(ProofError::Replayed),
            SpendFailure::OldProof => Self::NotProven(ProofError::NonceWanted),
            SpendFailure::Id(_) | SpendFailure::Proof(_) => Self::CannotSpend,
        }
    }
}

impl Inner {
    /// Spends what a token spends.
    // Apart from what every request runs through: few tokens count once.
    #[inline(never)]
    fn spend(&self, token: &TokenContents, now: UnixTime) -> Spending<SpendFailure> {
        match token.spends() {
            Some((Once::Nonce, nonce)) => match &self.nonces {
                Some(nonces) => nonces.spend(nonce, now).map_err(SpendFailure::Nonce),
                None => Spending::Done(Err(SpendFailure::Nonce(NonceError::Unavailable))),
            },
            Some((Once::Id, id)) => match &self.spent_tokens {
                Some(spent) => spent.spend(&token.issuer, id, token.window, now).map_err(SpendFailure::Id),
                None => Spending::Done(Err(SpendFailure::Id(SpendError::Unavailable))),
            },
            None => Spending::Done(Ok(())),
        }
    }

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent.
    pub(super) fn peek(&self, token: &TokenContents, now: UnixTime) -> Spending<SpendFailure> {
        let (nonces, spent) = (self.nonces.as_ref(), self.spent_tokens.as_ref());
        Spending::Done(match token.spends() {
            Some((Once::Nonce, nonce)) => nonces
                .ok_or(NonceError::Unavailable)
                .and_then(|nonces| nonces.peek(nonce, now))
                .map_err(SpendFailure::Nonce),
            Some((Once::Id, id)) => spent
                .ok_or(SpendError::Unavailable)
                .and_then(|spent| spent.peek(&token.issuer, id, token.window, now))
                .map_err(SpendFailure::Id),
            None => Ok(()),
        })
    }
}
