//! Keys that the application has withdrawn itself.

use std::collections::HashSet;

use crate::keys::{KeySet, VerifyingKey};

/// Names of keys that are no longer trusted, whatever the issuer publishes.
///
/// It grows by the application's calls alone, never by a request.
#[derive(Debug, Default)]
pub(super) struct Revoked(HashSet<Box<str>>);

impl Revoked {
    pub(super) fn add(&mut self, kid_or_thumbprint: &str) {
        self.0.insert(kid_or_thumbprint.into());
    }

    pub(super) fn remaining(&self, keys: &KeySet) -> KeySet {
        if self.0.is_empty() { keys.clone() } else { keys.filtered(|key| !self.covers(key)) }
    }

    fn covers(&self, key: &VerifyingKey) -> bool {
        self.0.contains(key.thumbprint()) || key.kid().is_some_and(|kid| self.0.contains(kid))
    }
}
