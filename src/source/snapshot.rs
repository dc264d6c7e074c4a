//! The keys of one issuer at one moment, numbered.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use crate::keys::{KeySet, VerifyingKey};

/// An immutable set of keys with its generation.
///
/// The generation advances when the keys in use change, and only then: a refresh that brings the
/// same keys leaves this very value in place, and with it everything that was verified by it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(super) keys: KeySet,
    pub(super) generation: u64,
}

impl Snapshot {
    /// The keys in use: what the issuer published, less what was revoked here.
    pub(crate) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The number of this set; 0 is the one before the first load.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The set that follows this one, when `keys` differs from it.
    pub(super) fn succeeded_by(&self, keys: KeySet) -> Option<Self> {
        let changed = self.generation == 0 || !self.keys.has_same_keys(&keys);
        changed.then(|| Self { keys, generation: self.generation + 1 })
    }
}

/// The snapshot of this moment, and its number beside it: who only asks whether anything changed
/// reads one number.
#[derive(Debug, Default)]
pub(super) struct Current {
    snapshot: ArcSwap<Snapshot>,
    generation: AtomicU64,
}

impl Current {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { generation: AtomicU64::new(snapshot.generation), snapshot: ArcSwap::from_pointee(snapshot) }
    }

    pub(super) fn load(&self) -> SnapshotRef {
        SnapshotRef(self.snapshot.load())
    }

    /// Callers hold the lock of their source, so that numbers come in order.
    pub(super) fn store(&self, next: Snapshot) {
        let generation = next.generation;
        self.snapshot.store(Arc::new(next));
        self.generation.store(generation, Ordering::Release);
    }

    /// Whether `key`, verified against the snapshot of this generation, is in use now.
    pub(super) fn holds(&self, generation: u64, key: &Arc<VerifyingKey>) -> bool {
        self.generation.load(Ordering::Acquire) == generation || self.load().keys().holds(key)
    }
}

/// A snapshot on loan, without touching a shared counter.
pub(crate) struct SnapshotRef(pub(super) arc_swap::Guard<Arc<Snapshot>>);

impl Deref for SnapshotRef {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}
