//! The current keys of one source.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;

use crate::keys::{Snapshot, SnapshotRef, VerifyingKey};

/// The snapshot of this moment, and its number beside it: who only asks whether anything changed
/// reads one number.
#[derive(Debug, Default)]
pub(super) struct Current {
    snapshot: ArcSwap<Snapshot>,
    generation: AtomicU64,
}

impl Current {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { generation: AtomicU64::new(snapshot.generation()), snapshot: ArcSwap::from_pointee(snapshot) }
    }

    pub(super) fn load(&self) -> SnapshotRef {
        SnapshotRef(self.snapshot.load())
    }

    /// Callers hold the lock of their source, so that numbers come in order.
    pub(super) fn store(&self, next: Snapshot) {
        let generation = next.generation();
        self.snapshot.store(Arc::new(next));
        self.generation.store(generation, Ordering::Release);
    }

    /// Whether `key`, verified against the snapshot of this generation, is in use now.
    pub(super) fn holds(&self, generation: u64, key: &Arc<VerifyingKey>) -> bool {
        self.generation.load(Ordering::Acquire) == generation || self.load().keys().holds(key)
    }
}
