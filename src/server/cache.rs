//! Identities that were verified, and what ends each of them (promise 6).
//!
//! - **Key**: every input that the result depends on. The server is implied, since each has a cache
//!   of its own; the rest is the tokens of the request, slot by slot, and the issuer that it names.
//!   Only the tail of each token is hashed, under a random seed: it is the signature, the part that
//!   an issuer alone controls. Every byte is compared. [`CacheSettings::digests`] puts a SHA-256
//!   digest of all parts in their place.
//! - **Hit**: the time rules are judged again by the [`Window`] in which they all hold, and the key
//!   that verified each token must be in its issuer's current snapshot. A removed or revoked key,
//!   or a key source past its stale-if-error limit, ends the entry. What is per request (scopes, other
//!   tokens of the request) is judged by the caller.
//! - **Never**: refusals, since what is unknown now may be good in a second; tokens under a shared
//!   secret, which cost less to verify than to look up; tokens that spend something, each good once; ID
//!   tokens by themselves.
//!
//! quick_cache rather than moka: it takes borrowed look-ups without allocating and reads without
//! waiting, and nothing here forgets by time alone: entries leave by size, and stale ones are
//! judged at each hit. With the same keys and values (`benches/peers`, bin `stores`): 34 ns against
//! 112 for a hot token, 207 against 666 over 10 000, 247 against 862 for an insert that evicts.
//! [`Shards`](super::cache_shards) has the locks.

use std::{
    hash::{Hash, Hasher},
    ops::Range,
};

use aws_lc_rs::digest;
use quick_cache::{Equivalent, Weighter};

use super::{CacheSettings, cache_shards::Shards};
use crate::{http::Credentials, identity::Identity, time::UnixTime, verify::Evidence};

/// How much of each token's tail is hashed.
const TAIL: usize = 32;

/// What an entry weighs beside its texts, in bytes: the structures around them.
const ENTRY_OVERHEAD: usize = 600;

pub(super) struct TokenCache {
    identities: Shards,
    digests: bool,
}

/// The tokens of a request and its selector, one after the other.
#[derive(Clone)]
pub(super) struct Key {
    parts: Box<[u8]>,
    /// Where the second begins, and the third.
    ends: [usize; 2],
}

/// A key that is looked up without being built.
#[derive(Clone, Copy)]
pub(super) struct KeyRef<'a>(Credentials<'a>);

/// In bytes.
#[derive(Clone)]
pub(super) struct Weight;

impl Weighter<Key, Identity> for Weight {
    fn weight(&self, key: &Key, identity: &Identity) -> u64 {
        let tokens: usize = identity.tokens().map(|token| token.bytes()).sum();
        let raw = [&identity.raw().access, &identity.raw().id];
        let raw: usize = raw.into_iter().flatten().map(|token| token.len()).sum();
        (key.parts.len() + tokens + raw + ENTRY_OVERHEAD) as u64
    }
}

impl TokenCache {
    pub(super) fn new(CacheSettings { max_bytes, digests }: CacheSettings) -> Self {
        Self { identities: Shards::new(max_bytes), digests }
    }

    /// Whether tokens are in memory as they were sent.
    pub(super) const fn keeps_tokens(&self) -> bool {
        !self.digests
    }

    /// The identity behind `credentials`, if it is good now: within the validity window of its tokens,
    /// and their evidence is current.
    pub(super) fn get(
        &self,
        credentials: Credentials<'_>,
        now: impl FnOnce() -> UnixTime,
        is_current: impl Fn(&Evidence) -> bool,
    ) -> Option<Identity> {
        let find = |credentials: Credentials<'_>| self.identities.get(KeyRef(credentials));
        let identity = self.with_key(credentials, find)?;
        // Time first: a token that has expired is no use of its issuer's keys.
        let current =
            identity.window().contains(now()) && identity.tokens().all(|token| is_current(&token.evidence));
        current.then_some(identity)
    }

    /// Remembers a result.
    pub(super) fn insert(&self, credentials: Credentials<'_>, identity: &Identity) {
        if identity.counts_once() || identity.tokens().any(|token| token.evidence.is_hmac()) {
            return;
        }
        self.with_key(credentials, |credentials| {
            self.identities.insert(Key::new(credentials), identity.clone());
        });
    }

    /// Goes by the tokens, or by a digest in their place.
    fn with_key<T>(&self, credentials: Credentials<'_>, run: impl FnOnce(Credentials<'_>) -> T) -> T {
        if !self.digests {
            return run(credentials);
        }
        let mut digest = digest::Context::new(&digest::SHA256);
        let Credentials { access, id, selector } = credentials;
        for part in [access, id.unwrap_or_default(), selector.unwrap_or_default()] {
            // With its length, so that no two requests are one text.
            digest.update(&part.len().to_le_bytes());
            digest.update(part);
        }
        run(Credentials::access(digest.finish().as_ref()))
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

    /// The key that would be looked up for this one. An absent part is an empty one: no part is ever
    /// empty when it is there.
    pub(super) fn borrowed(&self) -> KeyRef<'_> {
        let [first, second] = self.ends;
        let part = |range: Range<usize>| self.parts.get(range).filter(|part| !part.is_empty());
        KeyRef(Credentials {
            access: part(0..first).unwrap_or_default(),
            id: part(first..second),
            selector: part(second..self.parts.len()),
        })
    }
}

impl<'a> KeyRef<'a> {
    #[cfg(test)]
    pub(super) fn of(credentials: Credentials<'a>) -> Self {
        Self(credentials)
    }

    /// A number by which keys are spread: from the end of the token, which is its signature, or a digest.
    #[inline]
    pub(super) fn place(self) -> usize {
        let end = match self.0.access.last_chunk() {
            Some(end) => u64::from_ne_bytes(*end),
            None => self.0.access.iter().fold(0, |end, byte| end << 8 | u64::from(*byte)),
        };
        // An odd number that no characters repeat (Fibonacci hashing): the upper half depends on all of them.
        (end.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Hash for KeyRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Credentials { access, id, selector } = self.0;
        hash_tail(access, state);
        id.into_iter().chain(selector).for_each(|part| hash_tail(part, state));
    }
}

#[inline]
fn hash_tail<H: Hasher>(part: &[u8], state: &mut H) {
    match part.last_chunk::<TAIL>().map(|tail| tail.as_chunks()) {
        // Numbers of this size are what the hasher takes in one step each.
        Some((halves, _)) => halves.iter().for_each(|half| state.write_u128(u128::from_ne_bytes(*half))),
        None => state.write(part),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.parts == other.parts
    }
}

impl Eq for Key {}

impl Equivalent<Key> for KeyRef<'_> {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        let Credentials { access, id, selector } = self.0;
        if id.is_none() && selector.is_none() {
            // Most requests have one part, and a key that is as long as its first has no other.
            let [end, _] = key.ends;
            return end == access.len() && *key.parts == *access;
        }
        let KeyRef(known) = key.borrowed();
        access == known.access && id == known.id && selector == known.selector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_kept_where_digests_are() {
        for digests in [false, true] {
            let cache = TokenCache::new(CacheSettings::default().digests(digests));
            assert_eq!(cache.keeps_tokens(), !digests, "proofs of possession go by it");
        }
    }
}
