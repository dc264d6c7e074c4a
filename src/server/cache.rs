//! Verdicts that were good, and what keeps each of them good (promise 6).
//!
//! - **Key**: every input that the verdict depends on. The server is implied, since each has a cache
//!   of its own; the rest is the tokens of the request, slot by slot, and the issuer that it names.
//!   Only the tail of each token is
//!   hashed, under a random seed: it is the signature, the part that an issuer alone controls.
//!   Every byte is compared.
//! - **Hit**: the time rules are judged again by the [`Window`] in which they all hold, and the key
//!   that verified each token must be in its issuer's current snapshot. A removed or revoked key,
//!   or a key source past its hard bound, ends the verdict. What is per request (scopes, other
//!   tokens of the request) is judged by the caller.
//! - **Never**: refusals, since what is unknown now may be good in a second; tokens under a shared
//!   secret, which cost less to verify than to look up; tokens that spend a nonce, each good once; ID
//!   tokens by themselves.
//!
//! quick_cache rather than moka: it takes borrowed look-ups without allocating and reads without
//! waiting, and nothing here forgets by time alone: entries leave by size, and stale ones are
//! judged at each hit.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use quick_cache::{Equivalent, OptionsBuilder, Weighter, sync::Cache};
use smallvec::SmallVec;

use crate::{http::Credentials, identity::Identity, policy::Window, source::SnapshotRef, time::UnixTime};

/// How much of each token's tail is hashed.
const TAIL: usize = 32;

/// What an entry weighs beside its texts, in bytes: the structures around them.
const ENTRY_OVERHEAD: usize = 600;

/// What an entry is expected to weigh, to size the table.
const TYPICAL_ENTRY: usize = 3 * 1024;

pub(super) struct TokenCache(Cache<Key, Arc<Entry>, Bytes, foldhash::fast::RandomState>);

/// The tokens of a request and its selector, one after the other.
#[derive(Clone)]
struct Key {
    parts: Box<[u8]>,
    /// Where the second begins, and the third.
    ends: [usize; 2],
}

/// A key that is looked up without being built.
struct KeyRef<'a>(Credentials<'a>);

struct Entry {
    identity: Identity,
    window: Window,
    /// For each token its source, and the generation of the keys that verified it.
    seen: SmallVec<[(usize, u64); 2]>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Entry>> for Bytes {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        let payloads: usize = entry.identity.tokens().map(|token| token.payload.len()).sum();
        let raw = [entry.identity.raw_access_token(), entry.identity.raw_id_token()];
        let raw: usize = raw.into_iter().flatten().map(str::len).sum();
        (key.parts.len() + payloads + raw + ENTRY_OVERHEAD) as u64
    }
}

impl TokenCache {
    pub(super) fn new(max_bytes: usize) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity((max_bytes / TYPICAL_ENTRY).max(1))
            .weight_capacity(max_bytes as u64)
            .build();
        let cache = match options {
            Ok(options) => Cache::with_options(
                options,
                Bytes,
                foldhash::fast::RandomState::default(),
                Default::default(),
            ),
            // Both capacities are given, which is all that is asked of the options.
            Err(_) => Cache::with(
                1,
                max_bytes as u64,
                Bytes,
                foldhash::fast::RandomState::default(),
                Default::default(),
            ),
        };
        Self(cache)
    }

    /// The identity behind `credentials`, if its verdict stands now. `keys` gives the current
    /// snapshot of a source.
    pub(super) fn get(
        &self,
        credentials: Credentials<'_>,
        now: UnixTime,
        keys: impl Fn(usize) -> Option<SnapshotRef>,
    ) -> Option<Identity> {
        // Contention reads as a miss: verifying again costs less than waiting for a lock might.
        let entry = self.0.try_get(&KeyRef(credentials)).ok().flatten()?;
        let current = entry.identity.tokens().zip(&entry.seen).all(|(token, (source, generation))| {
            keys(*source)
                .is_some_and(|keys| keys.generation() == *generation || keys.keys().holds(&token.key))
        });
        (entry.window.contains(now) && current).then(|| entry.identity.clone())
    }

    /// Remembers a verdict; `seen` names the source and generation behind each token.
    pub(super) fn insert(
        &self,
        credentials: Credentials<'_>,
        identity: &Identity,
        seen: impl Iterator<Item = (usize, u64)>,
    ) {
        if identity.tokens().any(|token| token.algorithm.is_hmac() || token.extracted.nonce.is_some()) {
            return;
        }
        let windows = identity.tokens().map(|token| token.window);
        let Some(window) = windows.reduce(Window::intersection) else { return };
        let entry = Entry { identity: identity.clone(), window, seen: seen.collect() };
        // Under contention the verdict is not remembered this time.
        let _ = self.0.try_insert(Key::new(credentials), Arc::new(entry));
    }
}

impl Key {
    fn new(Credentials { access, id, selector }: Credentials<'_>) -> Self {
        let (id, selector) = (id.unwrap_or_default(), selector.unwrap_or_default());
        Self {
            parts: [access, id, selector].concat().into(),
            ends: [access.len(), access.len().saturating_add(id.len())],
        }
    }

    /// An absent part is an empty one: no part is ever empty when it is there.
    fn parts(&self) -> [&[u8]; 3] {
        let [first, second] = self.ends;
        let part = |range| self.parts.get(range).unwrap_or_default();
        [part(0..first), part(first..second), part(second..self.parts.len())]
    }
}

impl KeyRef<'_> {
    fn parts(&self) -> [&[u8]; 3] {
        let Credentials { access, id, selector } = self.0;
        [access, id.unwrap_or_default(), selector.unwrap_or_default()]
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tails(self.parts(), state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tails(self.parts(), state);
    }
}

fn hash_tails<H: Hasher>(parts: [&[u8]; 3], state: &mut H) {
    for part in parts {
        state.write(part.get(part.len().saturating_sub(TAIL)..).unwrap_or_default());
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.parts == other.parts
    }
}

impl Eq for Key {}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.parts() == self.parts()
    }
}
