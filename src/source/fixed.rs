//! Keys that the application holds: no network, no refresh.

use std::sync::{Mutex, PoisonError};

use super::{Health, SourceState, revoked::Revoked, snapshot::Current};
use crate::keys::{KeySet, Snapshot};

/// A key set that only the application changes.
#[derive(Debug)]
pub(crate) struct FixedKeys {
    pub(super) snapshot: Current,
    revoked: Mutex<Revoked>,
}

impl FixedKeys {
    pub(crate) fn new(keys: KeySet) -> Self {
        let snapshot = Current::new(Snapshot::first(keys));
        Self { snapshot, revoked: Mutex::default() }
    }

    /// Whether both have the same keys now.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.snapshot.load().keys().has_same_keys(other.snapshot.load().keys())
    }

    /// Replaces all keys by others, less those that were withdrawn.
    pub(crate) fn replace(&self, keys: KeySet) {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = self.snapshot.load().succeeded_by(revoked.remaining(&keys)) {
            self.snapshot.store(next);
        }
    }

    /// Withdraws a key for good; true when it was in use.
    pub(crate) fn revoke_key(&self, kid_or_thumbprint: &str) -> bool {
        // The lock spans the exchange, so that two revocations do not undo each other.
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.add(kid_or_thumbprint);
        let current = self.snapshot.load();
        match current.succeeded_by(revoked.remaining(current.keys())) {
            Some(next) => {
                self.snapshot.store(next);
                true
            }
            None => false,
        }
    }

    pub(crate) fn health(&self) -> Health {
        let snapshot = self.snapshot.load();
        let health = Health::new(SourceState::Fixed).with_keys(snapshot.keys(), snapshot.keys());
        Health { generation: snapshot.generation(), ..health }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::VerifyingKey;

    #[test]
    fn a_revoked_key_is_gone_and_the_generation_tells() {
        let [a, b] = [1, 2].map(|n| VerifyingKey::from_ed25519_bytes(&[n; 32]).unwrap());
        let thumbprint = b.thumbprint().to_owned();
        let fixed = FixedKeys::new(KeySet::from_keys([a.with_kid("a"), b.with_kid("b")]));
        for (name, id, revoked, keys, generation) in [
            ("unknown", "c", false, 2, 1),
            ("by kid", "a", true, 1, 2),
            ("again", "a", false, 1, 2),
            ("by thumbprint", thumbprint.as_str(), true, 0, 3),
        ] {
            assert_eq!(fixed.revoke_key(id), revoked, "{name}");
            let health = fixed.health();
            assert_eq!((health.keys, health.generation), (keys, generation), "{name}");
        }
        let [b, c] = [2, 3].map(|n| VerifyingKey::from_ed25519_bytes(&[n; 32]).unwrap());
        fixed.replace(KeySet::from_keys([b.with_kid("new name"), c.with_kid("d")]));
        assert_eq!(fixed.health().key_ids, ["d"], "what was withdrawn stays so");
        assert_eq!(fixed.health().generation, 4);
    }
}
