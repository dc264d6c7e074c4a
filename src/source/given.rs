//! Keys that the application gives beside those that are fetched.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::keys::{KeySet, Snapshot, SnapshotRef, VerifyingKey};

/// The given keys of a source: in use whether there are fetched ones or not. They are part of each
/// snapshot of fetched keys, and all that there is without one.
#[derive(Debug)]
pub(super) struct Given(Option<ArcSwap<Snapshot>>);

impl Given {
    pub(super) fn new(keys: &KeySet) -> Self {
        Self((!keys.is_empty()).then(|| ArcSwap::from_pointee(Snapshot::of_given(keys.clone()))))
    }

    /// The given keys by themselves, if there are any.
    pub(super) fn load(&self) -> Option<SnapshotRef> {
        self.0.as_ref().map(|given| SnapshotRef(given.load()))
    }

    pub(super) fn holds(&self, key: &VerifyingKey) -> bool {
        self.load().is_some_and(|given| given.keys().holds(key))
    }

    /// Leaves these of the keys; true when one is gone. Callers hold the lock of their source.
    pub(super) fn keep(&self, remaining: KeySet) -> bool {
        let Some(given) = &self.0 else { return false };
        let changed = remaining.len() < given.load().keys().len();
        if changed {
            given.store(Arc::new(Snapshot::of_given(remaining)));
        }
        changed
    }
}
