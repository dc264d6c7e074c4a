//! The seam: where it is written down that an id was spent.

use crate::time::UnixTime;

/// Remembers which ids were spent, each until a moment that comes with it.
///
/// [`MemorySpentStore`](super::MemorySpentStore) serves one process. Several processes that accept
/// the same ids need one store between them, or each id counts once *in each*.
///
/// An id is opaque bytes. Whoever puts ids of several kinds into one store keeps them apart by a
/// prefix of their own.
pub trait SpentStore: Send + Sync + 'static {
    /// Spends `id`, which may be forgotten from `until` on: of any number of calls with one id, at
    /// whatever time and from whatever thread, one succeeds at most. An id always comes with the
    /// same `until`: it follows from the id, not from the moment of the call.
    ///
    /// It is called while a request is being authenticated and must not block for long.
    ///
    /// # Errors
    /// [`SpendError`]. Every failure refuses: an implementation that does not know says so, and
    /// never succeeds on a guess.
    fn spend(&self, id: &[u8], until: UnixTime, now: UnixTime) -> Result<(), SpendError>;

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent. For
    /// [explanations](crate::explain) and nothing else: between this and a later `spend` anything may
    /// happen.
    ///
    /// # Errors
    /// As [`spend`](Self::spend).
    fn peek(&self, id: &[u8], until: UnixTime, now: UnixTime) -> Result<(), SpendError>;
}

/// Why an id was not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpendError {
    /// It was spent before; or its time is over, and the store may have forgotten that it was.
    #[error("spent before")]
    AlreadySpent,
    /// There is no room for another id until one that is in the store ends.
    #[error("the store of spent ids is full")]
    Full,
    /// The store cannot be reached.
    #[error("the store of spent ids is unavailable")]
    Unavailable,
}
