//! Servers that a reload puts in each other's place, and what the application changes in all of them.
//!
//! A handle of a server stays with its configuration, and may be older than the one in force. What ends a credential
//! must not depend on which handle it was asked of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Inner, ResourceServer};

/// The servers that take each other's place; a server that is never reloaded is the only one.
#[derive(Clone, Default)]
pub(super) struct Succession(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    /// Those that there are still, in their order.
    servers: Vec<Weak<Inner>>,
    /// Keys that the application withdrew; never emptied.
    withdrawn: Vec<Entry>,
}

/// An issuer, and a key of it.
type Entry = (Box<str>, Box<str>);

impl Succession {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a server in the place of the last; what it has to withdraw. What is withdrawn from now on, it is told.
    pub(super) fn join(&self, server: &Arc<Inner>) -> Vec<Entry> {
        let mut shared = self.lock();
        shared.servers.retain(|known| known.strong_count() > 0);
        shared.servers.push(Arc::downgrade(server));
        shared.withdrawn.clone()
    }

    /// Notes that a key is withdrawn, where one of the servers knows the issuer; the servers that have to withdraw it.
    pub(super) fn withdraw(&self, issuer: &str, key: &str) -> Vec<Arc<Inner>> {
        let mut shared = self.lock();
        let servers: Vec<_> = shared.servers.iter().filter_map(Weak::upgrade).collect();
        let entry = (issuer.into(), key.into());
        if servers.iter().any(|server| server.knows(issuer)) && !shared.withdrawn.contains(&entry) {
            shared.withdrawn.push(entry);
        }
        servers
    }

    fn servers(&self) -> Vec<Arc<Inner>> {
        self.lock().servers.iter().filter_map(Weak::upgrade).collect()
    }
}

impl ResourceServer {
    /// The server that is in force, which has taken the place of this one or is this one; and those of before that
    /// there are still.
    pub(super) fn in_force(&self) -> (Self, Vec<Arc<Inner>>) {
        let mut servers = self.0.succession.servers();
        let last = servers.pop().unwrap_or_else(|| Arc::clone(&self.0));
        (Self(last), servers)
    }
}
