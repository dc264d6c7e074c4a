//! Spent ids in the memory of this process.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    fmt,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::{
    Life, SpendError, Spending, SpentStore,
    fingerprint::{Fingerprint, Fingerprints},
};
use crate::time::UnixTime;

/// How many ids a [`MemorySpentStore`] holds unless told otherwise.
///
/// At 66 bytes each that is 17 MiB, and up to twice that where they have as many owners and the store was full for
/// days; with the ten minutes of a nonce it is 436 logins a second, hour after hour.
pub const DEFAULT_MAX_SPENT: usize = 1 << 18;

/// How many ids of one owner a [`MemorySpentStore`] holds unless told otherwise: a sixteenth of all. With the
/// two minutes that a DPoP proof is held, 136 requests a second of one client.
pub const DEFAULT_SHARE: usize = 1 << 14;

/// How many ended ids one call clears away: more than the one it may add, so that a full store
/// empties, and few enough that no caller pays for an idle night.
const CLEARED_PER_CALL: usize = 64;

/// A hash of who owns an id: short, since there may be as many owners as ids. Two owners of one hash have one share
/// between them. In a store that is full of ids of different owners that is one owner in 16 000, and none can tell
/// or choose which.
type Owner = NonZeroU32;

/// A [`SpentStore`] in memory, bounded by the number of its ids and by their time: a store that is full
/// refuses until the second is over in which an id of it ends. Of the ids that
/// [have an owner](SpentStore::spend_of), no owner has more than a share.
///
/// A clock that is set back revives nothing. The store knows the latest end among the ids that it
/// has forgotten, and refuses every id that ends no later: that one may have been among them.
///
/// One lock guards it, held for a look-up in a hash set; the hashing is done outside.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::{
///     store::{MemorySpentStore, SpendError},
///     time::UnixTime,
/// };
///
/// let store = MemorySpentStore::default();
/// let now = UnixTime::from_secs(1_700_000_000);
/// let until = now.saturating_add(Duration::from_secs(60));
/// assert_eq!(store.spend(b"an id", until, now), Ok(()));
/// assert_eq!(store.spend(b"an id", until, now), Err(SpendError::AlreadySpent));
/// ```
pub struct MemorySpentStore {
    max: usize,
    share: u32,
    fingerprints: Fingerprints,
    spent: Mutex<Spent>,
    began: OnceLock<UnixTime>,
}

#[derive(Default)]
struct Spent {
    ids: HashSet<Fingerprint, foldhash::fast::RandomState>,
    /// The same ids, the first to end on top, each with the whole second that it has ended in.
    ends: BinaryHeap<Reverse<(u64, Fingerprint, Option<Owner>)>>,
    /// How many of them each owner has.
    shares: HashMap<Owner, u32, foldhash::fast::RandomState>,
    /// The latest end of an id that was forgotten, in whole seconds.
    forgotten: UnixTime,
}

impl MemorySpentStore {
    /// A store of at most `max` ids.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let fingerprints = Fingerprints::default();
        let (spent, began) = (Mutex::default(), OnceLock::new());
        Self { max, share: 0, fingerprints, spent, began }.share(DEFAULT_SHARE)
    }

    /// The most ids of one owner: [`DEFAULT_SHARE`] unless set.
    #[must_use]
    pub fn share(mut self, max: usize) -> Self {
        self.share = u32::try_from(max).unwrap_or(u32::MAX);
        self
    }

    /// [`SpentStore::spend`], whose answer is there at once.
    ///
    /// # Errors
    /// [`SpendError::AlreadySpent`] or [`SpendError::Full`].
    pub fn spend(&self, id: &[u8], until: UnixTime, now: UnixTime) -> Result<(), SpendError> {
        self.record(self.fingerprints.of(id), None, until, now)
    }

    /// An id with its owner, and the owner.
    fn owned(&self, owner: &[u8], id: &[u8]) -> (Fingerprint, Owner) {
        let (id, [.., a, b, c, d]) = self.fingerprints.owned(owner, id);
        (id, Owner::new(u32::from_be_bytes([a, b, c, d])).unwrap_or(Owner::MIN))
    }

    fn record(
        &self,
        id: Fingerprint,
        owner: Option<Owner>,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<(), SpendError> {
        let mut spent = self.lock();
        spent.has_place(&id, until, now, self.max)?;
        if let Some(owner) = owner {
            let share = spent.shares.entry(owner).or_default();
            if *share >= self.share {
                return Err(SpendError::Full);
            }
            *share = share.saturating_add(1);
        }
        spent.ids.insert(id);
        spent.ends.push(Reverse((second_after(until), id, owner)));
        Ok(())
    }

    /// Whether `id` was spent and is still held. Between this and a later [`spend`](SpentStore::spend)
    /// anything may happen; it is for lists of what has ended, such as sessions.
    #[must_use]
    pub fn contains(&self, id: &[u8]) -> bool {
        let fingerprint = self.fingerprints.of(id);
        self.lock().ids.contains(&fingerprint)
    }

    /// How many ids are held, those included that have ended and were not cleared away yet: each
    /// [`spend`](SpentStore::spend) clears away a few.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().ids.len()
    }

    /// Whether no id is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        // Nothing inside panics between two writes; and a store that refused for ever would be worse.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first whole second that is not before this moment.
fn second_after(moment: UnixTime) -> u64 {
    let since = moment.since(UnixTime::default());
    since.as_secs().saturating_add(u64::from(since.subsec_nanos() > 0))
}

impl Spent {
    /// Whether an id is new, and there is space for it.
    fn has_place(
        &mut self,
        id: &Fingerprint,
        until: UnixTime,
        now: UnixTime,
        max: usize,
    ) -> Result<(), SpendError> {
        self.clear_ended(now);
        if until <= now || until <= self.forgotten || self.ids.contains(id) {
            return Err(SpendError::AlreadySpent);
        }
        if self.ids.len() >= max { Err(SpendError::Full) } else { Ok(()) }
    }

    fn clear_ended(&mut self, now: UnixTime) {
        for _ in 0..CLEARED_PER_CALL {
            match self.ends.peek() {
                Some(Reverse((end, ..))) if *end <= now.as_secs() => {}
                _ => return,
            }
            if let Some(Reverse((end, id, owner))) = self.ends.pop() {
                self.ids.remove(&id);
                self.forgotten = self.forgotten.max(UnixTime::from_secs(end));
                owner.into_iter().for_each(|owner| self.give_back(owner));
            }
        }
    }

    fn give_back(&mut self, owner: Owner) {
        match self.shares.get_mut(&owner) {
            Some(share) if *share > 1 => *share -= 1,
            _ => drop(self.shares.remove(&owner)),
        }
    }
}

impl SpentStore for MemorySpentStore {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        Self::spend(self, id, life.until, now).into()
    }

    fn spend_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Spending {
        let (owned, owner) = self.owned(owner, id);
        self.record(owned, Some(owner), life.until, now).into()
    }

    fn look(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        let fingerprint = self.fingerprints.of(id);
        Spending::Done(self.lock().has_place(&fingerprint, life.until, now, usize::MAX))
    }

    fn began(&self, now: UnixTime) -> Option<UnixTime> {
        Some(*self.began.get_or_init(|| now))
    }

    fn peek(&self, id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        let fingerprint = self.fingerprints.of(id);
        self.lock().has_place(&fingerprint, life.until, now, self.max)
    }

    fn peek_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        let (owned, owner) = self.owned(owner, id);
        let mut spent = self.lock();
        spent.has_place(&owned, life.until, now, self.max)?;
        let used = spent.shares.get(&owner).copied().unwrap_or_default();
        if used < self.share { Ok(()) } else { Err(SpendError::Full) }
    }
}

impl Default for MemorySpentStore {
    /// A store of [`DEFAULT_MAX_SPENT`] ids.
    fn default() -> Self {
        Self::new(DEFAULT_MAX_SPENT)
    }
}

/// Shows how many ids there are, and none of them.
impl fmt::Debug for MemorySpentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySpentStore").field("max", &self.max).field("len", &self.len()).finish()
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
