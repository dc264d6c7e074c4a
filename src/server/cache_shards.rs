//! Where the entries of the cache are: in shards by the end of their token, each behind a lock of its own.
//!
//! The lock is sharded as well (crossbeam's `ShardedLock`): each thread reads through a line of memory of its own, so that
//! threads with one and the same token do not wait for each other. Two of them scale as well as with the bare service, and
//! with std's lock 0.83 times as well (`cargo bench --bench budget`). quick_cache's own synchronized cache has that lock
//! behind a feature that excludes another of its features, which any crate of a program may ask for: no library can
//! choose it.

use crossbeam_utils::sync::ShardedLock;
use quick_cache::{
    OptionsBuilder,
    unsync::{Cache, DefaultLifecycle},
};

use super::cache::{Key, KeyRef, Weight};
use crate::identity::Identity;

/// What an entry is expected to weigh, to size the tables.
const TYPICAL_ENTRY: usize = 3 * 1024;

/// How many shards there are at most.
const MAX_SHARDS: usize = 16;

/// How many entries a shard is for, at least: with fewer, one that is large would displace too many.
const FEWEST_ENTRIES: usize = 32;

/// What a shard takes without entries, in bytes: its lock has eight lines of 128 bytes.
const EMPTY_SHARD: usize = 1_280;

type Shard = Cache<Key, Identity, Weight, foldhash::fast::RandomState, DefaultLifecycle<Key, Identity>>;

pub(super) struct Shards(Box<[ShardedLock<Shard>]>);

impl Shards {
    pub(super) fn new(max_bytes: usize) -> Self {
        let entries = max_bytes / TYPICAL_ENTRY;
        let count = 1 << (entries / FEWEST_ENTRIES).clamp(1, MAX_SHARDS).ilog2();
        let weight = (max_bytes / count).saturating_sub(EMPTY_SHARD);
        Self((0..count).map(|_| ShardedLock::new(shard((entries / count).max(1), weight as u64))).collect())
    }

    /// The value of a key. Contention reads as its absence: verifying again costs less than waiting for a lock might.
    #[inline]
    pub(super) fn get(&self, key: KeyRef<'_>) -> Option<Identity> {
        self.of(key)?.try_read().ok()?.get(&key).cloned()
    }

    /// Keeps a value; not under contention.
    pub(super) fn insert(&self, key: Key, value: Identity) {
        if let Some(Ok(mut shard)) = self.of(key.borrowed()).map(ShardedLock::try_write) {
            shard.insert(key, value);
        }
    }

    #[inline]
    fn of(&self, key: KeyRef<'_>) -> Option<&ShardedLock<Shard>> {
        // A power of two.
        self.0.get(key.place() & (self.0.len() - 1))
    }
}

fn shard(entries: usize, weight: u64) -> Shard {
    let options = OptionsBuilder::new().estimated_items_capacity(entries).weight_capacity(weight).build();
    let hasher = foldhash::fast::RandomState::default();
    match options {
        Ok(options) => Cache::with_options(options, Weight, hasher, DefaultLifecycle::default()),
        // Both capacities are given, which is all that is asked of the options.
        Err(_) => Cache::with(entries, weight, Weight, hasher, DefaultLifecycle::default()),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;
    use base64_simd::URL_SAFE_NO_PAD;

    use super::*;
    use crate::http::Credentials;

    #[test]
    fn there_are_as_many_shards_as_the_memory_is_for() {
        for (bytes, count) in
            [(0, 1), (64 << 10, 1), (256 << 10, 2), (1 << 20, 8), (16 << 20, 16), (1 << 30, 16)]
        {
            assert_eq!(Shards::new(bytes).0.len(), count, "{bytes} bytes");
        }
    }

    #[test]
    fn tokens_are_spread_by_their_signatures_and_digests_by_themselves() {
        type Form = fn(&[u8]) -> Vec<u8>;
        let forms: [(&str, Form); 3] = [
            ("a signature in base64url", |bytes| URL_SAFE_NO_PAD.encode_to_string(bytes).into_bytes()),
            ("a digest", <[u8]>::to_vec),
            ("a short text", |bytes| bytes[..4].to_vec()),
        ];
        let shards = Shards::new(16 << 20);
        for (name, form) in forms {
            let mut counts = [0; MAX_SHARDS];
            for number in 0..1_600_u32 {
                let bytes = digest::digest(&digest::SHA256, &number.to_be_bytes());
                let token = form(bytes.as_ref());
                let found = shards.of(KeyRef::of(Credentials::access(&token))).unwrap();
                counts[shards.0.iter().position(|shard| std::ptr::eq(shard, found)).unwrap()] += 1;
            }
            assert!(counts.iter().all(|count| (60..=140).contains(count)), "{name}: {counts:?}");
        }
    }
}
