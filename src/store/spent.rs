//! The seam: where it is recorded that an id was spent.

use std::{fmt, future::Future, pin::Pin};

use crate::time::UnixTime;

/// Remembers which ids were spent, each until a moment that comes with it.
///
/// [`MemorySpentStore`](super::MemorySpentStore) serves one process. Several processes that accept
/// the same ids need one store between them, or each id counts once *in each*.
///
/// An id is opaque bytes. A caller that puts ids of several kinds into one store keeps them apart by a
/// prefix of their own.
pub trait SpentStore: Send + Sync + 'static {
    /// Spends `id`, which may be forgotten from `until` on: of any number of calls with one id, at
    /// whatever time and from whatever thread, one succeeds at most. An id always comes with the
    /// same `until`: it follows from the id, not from the moment of the call.
    ///
    /// A store that has to ask elsewhere answers with [`Spending::Wait`]; it must not block. Every
    /// failure refuses: an implementation that does not know says so, and never succeeds on a guess.
    ///
    /// A request may be dropped while it waits, and the future with it: then the id is spent or it is
    /// not, as the store says when it is asked again.
    fn spend(&self, id: &[u8], until: UnixTime, now: UnixTime) -> Spending;

    /// [Spends](Self::spend) an id that is unique for its owner alone: as the `jti` of a DPoP proof is for the
    /// key that signed it, by whose thumbprint the owner is known (RFC 9449 section 11.1).
    ///
    /// A store that is bounded must not let one owner fill it, where owners are many. Unless it is implemented,
    /// the id is spent as one with its owner in front.
    fn spend_of(&self, owner: &[u8], id: &[u8], until: UnixTime, now: UnixTime) -> Spending {
        let length = u64::try_from(owner.len()).unwrap_or(u64::MAX).to_be_bytes();
        self.spend(&[&length, owner, id].concat(), until, now)
    }

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent. For
    /// [explanations](crate::explain) and nothing else: between this and a later `spend` anything may
    /// happen.
    ///
    /// Unless it is implemented, an explanation takes every id for unspent.
    ///
    /// # Errors
    /// As [`spend`](Self::spend).
    fn peek(&self, id: &[u8], until: UnixTime, now: UnixTime) -> Result<(), SpendError> {
        let _ = (id, until, now);
        Ok(())
    }
}

/// The answer of a [`SpentStore`]: there already, or to be waited for.
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
    /// The store cannot be reached.
    #[error("the store of spent ids is unavailable")]
    Unavailable,
}
