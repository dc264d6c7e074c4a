//! The seam: where it is recorded that an id was spent.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::time::UnixTime;

/// Remembers which ids were spent, each until a moment that comes with it.
///
/// [`MemorySpentStore`](super::MemorySpentStore) serves one process. Several processes that accept
/// the same ids need one store between them, or each id counts once *in each*.
///
/// An id is opaque bytes. A caller that puts ids of several kinds into one store keeps them apart by a
/// prefix of their own.
///
/// What a wrong answer costs:
///
/// - **A false yes**: something counts twice. A proof that was recorded on its way is used again by another, who
///   may then make that one request once more; a login nonce or the token of a job lets in a second time. The
///   store promises that there is none.
/// - **A false no**: a request is refused that is good. Its client makes a new proof, or asks for a new nonce, and
///   tries again; a token that counts once has to be issued again. A store that does not know says no.
pub trait SpentStore: Send + Sync + 'static {
    /// Spends `id`, which may be forgotten when its life ends: of any number of calls with one id, at
    /// whatever time and from whatever thread, one succeeds at most. An id always comes with the
    /// same life: it follows from the id, not from the moment of the call.
    ///
    /// A store that has to ask elsewhere answers with [`Spending::Wait`]; it must not block. Every
    /// failure refuses: an implementation that does not know says so, and never succeeds on a guess.
    ///
    /// A request may be dropped while it waits, and the future with it: then the id is spent or it is
    /// not, as the store says when it is asked again.
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending;

    /// [Spends](Self::spend) an id that is unique for its owner alone: as the `jti` of a DPoP proof is for the
    /// key that signed it, by whose thumbprint the owner is known (RFC 9449 section 11.1).
    ///
    /// A store that is bounded must not let one owner fill it, where owners are many. Unless it is implemented,
    /// the id is spent as one with its owner in front.
    fn spend_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Spending {
        self.spend(&owned(owner, id), life, now)
    }

    /// Whether `id` was spent; nothing is spent. So what is good more than once can be revoked: who ends a session
    /// spends its id, and who takes a session looks. It says `Ok` of an id that was not spent, however full the store is.
    ///
    /// A false `Ok` lets in what was revoked. So one that instances share, and that has lost what it held, refuses what was
    /// issued before, as for [`spend`](Self::spend): those sessions have to begin anew. One in the memory of a process
    /// knows nothing of the process before: it is for what is signed with a key that is of this process, too. Unless it is
    /// implemented, the store is unavailable.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use tower_resource_server::{
    ///     store::{Life, MemorySpentStore, SpendError, SpentStore},
    ///     time::{Clock, SystemClock},
    /// };
    ///
    /// let (ended, now) = (MemorySpentStore::default(), SystemClock.unix());
    /// let life = Life { issued: now, until: now.saturating_add(Duration::from_secs(3_600)) };
    /// assert_eq!(ended.look(b"session 1", life, now).wait().await, Ok(()));
    /// assert_eq!(SpentStore::spend(&ended, b"session 1", life, now).wait().await, Ok(()));
    /// assert_eq!(ended.look(b"session 1", life, now).wait().await, Err(SpendError::AlreadySpent));
    /// # }
    /// ```
    fn look(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        let _ = (id, life, now);
        Spending::Done(Err(SpendError::Unavailable))
    }

    /// Whether it is outside of this process, so that what was spent stays spent when the process ends: then a
    /// server that takes the place of another with a new configuration uses the store that it was given,
    /// and not that of the other. It is not, unless it is implemented.
    fn is_shared(&self) -> bool {
        false
    }

    /// Since when this store knows what was spent; `None` where it is known of everything, or where the store
    /// refuses by itself what was issued before. A store in memory
    /// answers with `now` when it is asked for the first time, and with that moment from then on.
    ///
    /// [`Nonces`](super::Nonces) and [`Tickets`](super::Tickets) ask when a server is built that has them, and when
    /// one is issued or spent, and refuse one that was issued before: under a secret that outlives the process, the
    /// process before may have taken it. Tokens that count once and DPoP proofs, which others issue, are not refused
    /// by it. It is `None`, unless it is implemented.
    fn began(&self, now: UnixTime) -> Option<UnixTime> {
        let _ = now;
        None
    }

    /// What [`spend`](Self::spend) would say at this moment, as far as that is known in this process; nothing is
    /// spent. For [explanations](crate::explain) and nothing else: between this and a later `spend` anything may
    /// happen.
    ///
    /// Unless it is implemented, an explanation takes every id for unspent.
    ///
    /// # Errors
    /// As [`spend`](Self::spend).
    fn peek(&self, id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        let _ = (id, life, now);
        Ok(())
    }

    /// What [`spend_of`](Self::spend_of) would say at this moment; nothing is spent. See [`peek`](Self::peek).
    ///
    /// # Errors
    /// As [`spend_of`](Self::spend_of).
    fn peek_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        self.peek(&owned(owner, id), life, now)
    }
}

/// An id with its owner in front.
fn owned(owner: &[u8], id: &[u8]) -> Vec<u8> {
    let length = u64::try_from(owner.len()).unwrap_or(u64::MAX).to_be_bytes();
    [&length, owner, id].concat()
}

/// The time of an id. What a store has lost, it has lost of the ids that were issued before.
///
/// It has these two fields and no other: a caller that spends ids writes it, and a store reads all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was issued: it was not spent before then.
    pub issued: UnixTime,
    /// From when on it is refused, whether it was spent or not.
    pub until: UnixTime,
}

/// Whether an id may have been spent before the store of this process began.
///
/// # Errors
/// [`SpendError::Forgotten`]
pub(crate) fn remembers(store: &dyn SpentStore, life: Life, now: UnixTime) -> Result<(), SpendError> {
    // Moments of issue are written down in whole milliseconds.
    let millis = |moment: UnixTime| moment.since(UnixTime::default()).as_millis();
    match store.began(now) {
        Some(began) if millis(life.issued) < millis(began) => Err(SpendError::Forgotten),
        _ => Ok(()),
    }
}

/// Where the successor of a server spends, which was given a store of its own: where the server before did, if
/// both stores are of this process.
pub(crate) fn succeed(own: &mut Arc<dyn SpentStore>, previous: &Arc<dyn SpentStore>) {
    if !own.is_shared() && !previous.is_shared() {
        *own = Arc::clone(previous);
    }
}

/// The answer of a [`SpentStore`]: there already, or to be waited for, and no other, so that a store in front of another
/// one can match it.
#[must_use]
pub enum Spending<E = SpendError> {
    /// The answer is known.
    Done(Result<(), E>),
    /// The answer comes later.
    Wait(Pin<Box<dyn Future<Output = Result<(), E>> + Send>>),
}

impl<E: 'static> Spending<E> {
    /// The same answer, with what `change` makes of an error.
    pub(crate) fn map_err<F>(self, change: impl FnOnce(E) -> F + Send + 'static) -> Spending<F> {
        match self {
            Self::Done(result) => Spending::Done(result.map_err(change)),
            Self::Wait(answer) => Spending::Wait(Box::pin(async move { answer.await.map_err(change) })),
        }
    }
}

impl<E> Spending<E> {
    /// Waits for the answer, where it is not known already.
    ///
    /// # Errors
    /// Why the id was not spent.
    pub async fn wait(self) -> Result<(), E> {
        match self {
            Self::Done(result) => result,
            Self::Wait(answer) => answer.await,
        }
    }
}

#[cfg(test)]
impl<E> Spending<E> {
    /// The answer that is known.
    pub(crate) fn now(self) -> Result<(), E> {
        match self {
            Self::Done(result) => result,
            Self::Wait(_) => panic!("the answer comes later"),
        }
    }
}

impl<E> From<Result<(), E>> for Spending<E> {
    fn from(result: Result<(), E>) -> Self {
        Self::Done(result)
    }
}

impl<E: fmt::Debug> fmt::Debug for Spending<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Wait(_) => f.write_str("Wait"),
        }
    }
}

/// Why an id was not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpendError {
    /// It was spent before; or its time is over, and the store may have forgotten that it was.
    #[error("spent before")]
    AlreadySpent,
    /// There is no space for another id until one that is in the store ends.
    #[error("the store of spent ids is full")]
    Full,
    /// The store has lost what it held, and this id was issued before it did: it may have been spent.
    #[error("issued before the store of spent ids was emptied")]
    Forgotten,
    /// The store cannot be reached.
    #[error("the store of spent ids is unavailable")]
    Unavailable,
}
