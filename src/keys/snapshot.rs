//! The keys of one issuer at one moment, numbered.

use std::{ops::Deref, sync::Arc};

use super::KeySet;

/// An immutable set of keys with its generation.
///
/// The generation advances when the keys in use change, and only then: a refresh that brings the
/// same keys leaves this very value in place, and with it everything that was verified by it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    keys: KeySet,
    generation: u64,
}

impl Snapshot {
    /// The first set of a source.
    pub(crate) const fn first(keys: KeySet) -> Self {
        Self { keys, generation: 1 }
    }

    /// Keys that the application gave beside those that are fetched, while there are none of those.
    #[cfg(feature = "remote")]
    pub(crate) const fn of_given(keys: KeySet) -> Self {
        Self { keys, generation: 0 }
    }

    /// Whether the keys that the issuer publishes are missing: a token that these do not verify may be
    /// one of theirs.
    pub(crate) const fn lacks_fetched(&self) -> bool {
        self.generation == 0
    }

    /// The keys in use: what the issuer published, less what was revoked here.
    pub(crate) const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The number of this set; 0 is one without fetched keys.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The set that follows this one, when `keys` differs from it.
    pub(crate) fn succeeded_by(&self, keys: KeySet) -> Option<Self> {
        let changed = self.generation == 0 || !self.keys.has_same_keys(&keys);
        changed.then(|| Self { keys, generation: self.generation + 1 })
    }
}

/// A snapshot on loan, without touching a shared counter.
pub(crate) struct SnapshotRef(pub(crate) arc_swap::Guard<Arc<Snapshot>>);

impl Deref for SnapshotRef {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}
