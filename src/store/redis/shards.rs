//! Which keys there are. Ids are spread over shards, each with an epoch of its own beside its ids, because a script
//! may use the keys of one hash slot alone, and what one node of a cluster loses, the others have not lost.

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;

/// The version of the keys and of what they hold, which is part of their names: instances of two versions share a
/// server and nothing else.
const FORMAT: u32 = 1;

/// Into how many shards ids are spread in a cluster.
const IN_A_CLUSTER: usize = 64;

/// How many hash slots a cluster has.
const SLOTS: u16 = 16_384;

/// The bytes of a hash that are the name of an id: 128 bits, of which no two ids have the same.
const NAME: usize = 16;

pub(super) struct Shards {
    tags: Box<[Box<str>]>,
}

/// The key of an id, and the number of its shard.
pub(super) struct IdKey {
    pub(super) shard: usize,
    pub(super) key: String,
}

impl Shards {
    pub(super) fn of(prefix: &str, is_cluster: bool) -> Self {
        let count = if is_cluster { IN_A_CLUSTER } else { 1 };
        let tag = |number| format!("{prefix}:{FORMAT}:{number}").into();
        Self { tags: (0..count).map(tag).collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.tags.len()
    }

    fn tag(&self, shard: usize) -> &str {
        self.tags.get(shard).map(|tag| &**tag).unwrap_or_default()
    }

    /// The key of an epoch. No id has this name: theirs are longer.
    pub(super) fn epoch(&self, shard: usize) -> String {
        format!("{{{}}}:epoch", self.tag(shard))
    }

    /// The hash slot of a shard's keys.
    pub(super) fn slot(&self, shard: usize) -> u16 {
        crc16(self.tag(shard).as_bytes()) % SLOTS
    }

    /// The key of the id that these parts make.
    pub(super) fn id(&self, parts: &[&[u8]]) -> IdKey {
        let mut digest = digest::Context::new(&digest::SHA256);
        parts.iter().for_each(|part| digest.update(part));
        let digest = digest.finish();
        let (name, rest) = digest.as_ref().split_first_chunk::<NAME>().unwrap_or((&[0; NAME], &[]));
        let shard = rest.first().map_or(0, |byte| usize::from(*byte)) % self.count();
        IdKey { shard, key: format!("{{{}}}:{}", self.tag(shard), URL_SAFE_NO_PAD.encode_to_string(name)) }
    }
}

/// CRC-16 as the clusters of Redis have it (XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        let shards = Shards::of("trs", true);
        let nodes: Vec<_> = (0..shards.count()).map(|shard| shards.slot(shard) / (SLOTS / 3 + 1)).collect();
        for node in 0..3 {
            let share = nodes.iter().filter(|of| **of == node).count();
            assert!((11..=32).contains(&share), "{share} of 64 on node {node} of three");
        }
    }

    #[test]
    fn the_parts_of_an_id_are_one_text_and_its_shard_has_its_epoch() {
        let (one, cluster) = (Shards::of("trs", false), Shards::of("trs", true));
        assert_eq!(one.id(&[b"a", b"b"]).key, one.id(&[b"ab"]).key);
        assert_eq!(one.id(&[b"ab"]).key, "{trs:1:0}:-44g_C5MPySMYMOb1lLzwQ");
        assert_eq!(one.epoch(0), "{trs:1:0}:epoch");
        let used: BTreeSet<_> = (0..1_000_u32).map(|n| cluster.id(&[&n.to_be_bytes()]).shard).collect();
        assert_eq!(used.len(), cluster.count());
        let IdKey { shard, key } = cluster.id(&[b"ab"]);
        let tag = |key: &str| key.split('}').next().map(str::to_owned);
        assert_eq!(tag(&key), tag(&cluster.epoch(shard)));
    }
}
