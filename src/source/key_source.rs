//! What the modules above see: a source of keys, and the answers to a request that its keys do not
//! verify.

use std::{convert::Infallible, sync::Arc, time::Duration};

use super::{FixedKeys, Health, KeyWait, KeysByKid, NoRuntime, RefreshError, RemoteKeys};
use crate::{
    keys::{KeySet, SnapshotRef, VerifyingKey},
    time::Clocks,
    verify::Wanted,
};

/// Where the keys of one issuer come from. Clones share the source.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// The application holds them.
    Fixed(Arc<FixedKeys>),
    /// The issuer publishes them.
    Remote(Arc<RemoteKeys>),
    /// The issuer publishes each under its name.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "without fetches there is none"))]
    ByKid(Arc<KeysByKid>),
}

/// The answer to a request that the snapshot it saw does not verify; `W` is what a wait is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAnswer<W = Infallible> {
    /// There are other keys by now: look again.
    TryAgain,
    /// The key does not exist, on evidence: 401.
    Lacks,
    /// It cannot be said: 503.
    Unavailable {
        /// When it is worth coming again; at least a second.
        retry_after: Duration,
    },
    /// A fetch is on its way.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "without fetches there is no wait"))]
    Wait(W),
}

#[cfg(feature = "remote")]
impl<W> KeyAnswer<W> {
    /// The same answer, with what `wait` makes of a wait.
    pub(crate) fn map_wait<V>(self, wait: impl FnOnce(W) -> V) -> KeyAnswer<V> {
        match self {
            Self::TryAgain => KeyAnswer::TryAgain,
            Self::Lacks => KeyAnswer::Lacks,
            Self::Unavailable { retry_after } => KeyAnswer::Unavailable { retry_after },
            Self::Wait(with) => KeyAnswer::Wait(wait(with)),
        }
    }
}

impl KeySource {
    pub(crate) fn fixed(keys: KeySet) -> Self {
        Self::Fixed(Arc::new(FixedKeys::new(keys)))
    }

    /// The source in the place of another of the same issuer: that one, where nothing differs.
    pub(crate) fn succeeding(self, previous: &Self) -> Self {
        let is_same = match (&self, previous) {
            (Self::Fixed(new), Self::Fixed(old)) => new.is_like(old),
            (Self::Remote(new), Self::Remote(old)) => new.is_like(old),
            (Self::ByKid(new), Self::ByKid(old)) => new.is_like(old),
            _ => false,
        };
        if is_same { previous.clone() } else { self }
    }

    /// The current keys; `None` when there are none to rely on. Never waits; starts what is due. The
    /// clock is read only for keys that can be too old.
    pub(crate) fn snapshot(&self, now: impl FnOnce() -> Clocks) -> Option<SnapshotRef> {
        match self {
            Self::Fixed(keys) => {
                let _ = now;
                Some(keys.snapshot.load())
            }
            Self::Remote(keys) => keys.snapshot(now()),
            Self::ByKid(keys) => Some(keys.snapshot(now())),
        }
    }

    /// Whether `key`, which verified a token when the keys had this generation, still counts. Never
    /// waits; starts what is due.
    pub(crate) fn is_current(
        &self,
        generation: u64,
        key: &Arc<VerifyingKey>,
        now: impl FnOnce() -> Clocks,
    ) -> bool {
        match self {
            Self::Fixed(keys) => {
                let _ = now;
                keys.snapshot.holds(generation, key)
            }
            Self::Remote(keys) => keys.is_current(generation, key, now()),
            Self::ByKid(keys) => keys.is_current(generation, key, now()),
        }
    }

    /// The same, and nothing is started: for a token whose issuer was not looked at yet.
    pub(crate) fn peek(&self, now: impl FnOnce() -> Clocks) -> Option<SnapshotRef> {
        match self {
            Self::Fixed(_) => self.snapshot(now),
            Self::Remote(keys) => keys.peek(now()),
            Self::ByKid(keys) => Some(keys.peek()),
        }
    }

    /// Whether [`need_key`](Self::need_key), asked now about a key that is not in the snapshot of
    /// generation `seen`, would say on evidence that there is none. Changes nothing.
    pub(crate) fn is_known_to_lack(&self, seen: u64, now: impl FnOnce() -> Clocks) -> bool {
        match self {
            Self::Fixed(keys) => {
                let _ = now;
                keys.snapshot.load().generation() == seen
            }
            Self::Remote(keys) => keys.is_known_to_lack(seen, now()),
            // That depends on the name.
            Self::ByKid(_) => false,
        }
    }

    /// Whether a bad signature may be the sign of a key that its issuer exchanged under the same name.
    pub(crate) fn exchanges_keys(&self) -> bool {
        match self {
            Self::Fixed(_) | Self::ByKid(_) => false,
            Self::Remote(keys) => keys.exchanges_keys(),
        }
    }

    /// Whether each key is fetched by its name.
    pub(crate) const fn is_by_kid(&self) -> bool {
        matches!(self, Self::ByKid(_))
    }

    /// Notes that a key has verified a token.
    pub(crate) fn verified(&self, key: &VerifyingKey) {
        if let Self::ByKid(keys) = self {
            keys.verified(key);
        }
    }

    /// What to do about a token that the snapshot of generation `seen` does not verify, for a
    /// request that arrived at `arrived` on the monotonic clock; `kid` is the name of its key, where
    /// [each is fetched by it](Self::is_by_kid).
    pub(crate) fn need_key(
        &self,
        arrived: Duration,
        seen: Option<u64>,
        wanted: Wanted,
        kid: Option<&str>,
    ) -> KeyAnswer<KeyWait> {
        match self {
            Self::Fixed(keys) => {
                let _ = (arrived, wanted, kid);
                if seen == Some(keys.snapshot.load().generation()) {
                    KeyAnswer::Lacks
                } else {
                    KeyAnswer::TryAgain
                }
            }
            Self::Remote(keys) => keys.need_key(arrived, seen, wanted),
            Self::ByKid(keys) => keys.need_key(arrived, seen, kid),
        }
    }

    /// Starts fetching, when there is anything to fetch.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a tokio runtime.
    pub(crate) fn start(&self) -> Result<(), NoRuntime> {
        match self {
            // What is fetched by its name waits for the first token.
            Self::Fixed(_) | Self::ByKid(_) => Ok(()),
            Self::Remote(keys) => keys.start(),
        }
    }

    /// Waits until there are keys.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a tokio runtime.
    pub(crate) async fn ready(&self) -> Result<(), NoRuntime> {
        match self {
            Self::Fixed(_) | Self::ByKid(_) => Ok(()),
            Self::Remote(keys) => keys.ready().await,
        }
    }

    /// Fetches now and waits for the result; fixed keys are as new as they get.
    ///
    /// # Errors
    /// Why the fetch failed.
    pub(crate) async fn refresh_now(&self) -> Result<(), RefreshError> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Remote(keys) => keys.refresh_now().await,
            Self::ByKid(keys) => keys.refresh_now().await,
        }
    }

    /// Withdraws a key for good; true when it was in use.
    pub(crate) fn revoke_key(&self, kid_or_thumbprint: &str) -> bool {
        match self {
            Self::Fixed(keys) => keys.revoke_key(kid_or_thumbprint),
            Self::Remote(keys) => keys.revoke_key(kid_or_thumbprint),
            Self::ByKid(keys) => keys.revoke_key(kid_or_thumbprint),
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self {
            Self::Fixed(keys) => keys.health(),
            Self::Remote(keys) => keys.health(),
            Self::ByKid(keys) => keys.health(),
        }
    }
}
