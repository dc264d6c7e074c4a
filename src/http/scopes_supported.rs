//! The scopes that the metadata document names: those that operations require, without a list by hand.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::policy::Requirement;

/// A scope of the dialogue with the authorization server, not of a resource (OpenID Connect Core section
/// 11): a client that asked for all of `scopes_supported` would ask for refresh tokens.
const NEVER: &str = "offline_access";

/// Scopes that are listed by hand, and those of every requirement that the server has seen.
#[derive(Debug, Default)]
pub(crate) struct ScopesSupported {
    by_hand: Vec<Box<str>>,
    named: Mutex<BTreeSet<Box<str>>>,
}

impl ScopesSupported {
    pub(crate) fn new(by_hand: &Requirement) -> Self {
        let mut once: Vec<Box<str>> = Vec::new();
        for scope in by_hand.named_scopes() {
            if !once.iter().any(|known| **known == *scope) {
                once.push(scope.into());
            }
        }
        Self { by_hand: once, named: Mutex::default() }
    }

    /// Adds the scopes of a requirement.
    pub(crate) fn add(&self, requirement: &Requirement) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for scope in requirement.named_scopes() {
            if !named.contains(scope) {
                named.insert(scope.into());
            }
        }
    }

    /// Those by hand in their order, then the others in alphabetical order.
    pub(crate) fn all(&self) -> Vec<Box<str>> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let others = named.iter().filter(|scope| !self.by_hand.contains(scope));
        self.by_hand.iter().chain(others).filter(|scope| ***scope != *NEVER).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scope;

    #[test]
    fn scopes_are_listed_once_and_offline_access_never() {
        for (name, by_hand, required, expected) in [
            ("none", "", &[][..], ""),
            ("by hand, in their order, each once", "write read write", &[], "write read"),
            ("required, in alphabetical order", "", &["b", "c a", "b"], "a b c"),
            ("both", "z read", &["write read", "admin"], "z read admin write"),
            ("never", "offline_access a", &["offline_access b"], "a b"),
        ] {
            let scopes = ScopesSupported::new(&Requirement::scopes(by_hand).unwrap());
            for required in required {
                scopes.add(&scope(required));
            }
            assert_eq!(scopes.all().join(" "), expected, "{name}");
        }
    }
}
