//! Short names of secrets and of ids that clients choose, known in one place alone.

use std::hash::{BuildHasher, Hasher, RandomState};

use aws_lc_rs::rand;
use siphasher::sip128::{Hasher128, SipHasher24};

/// What is kept of an id of whatever length: an entry's size must not be the client's choice.
pub(crate) type Fingerprint = [u8; 16];

/// Makes fingerprints: SipHash-2-4 of 128 bits, under a secret key of its own.
///
/// Of 128 bits no two alike will ever be met, and since the key is secret no one can search for two that are.
/// A digest without a key takes several times as long for texts of this size.
pub(crate) struct Fingerprints(SipHasher24);

impl Fingerprints {
    /// Of an id without an owner: no owner is as long as is said here.
    #[inline]
    pub(crate) fn of(&self, id: &[u8]) -> Fingerprint {
        let mut hasher = self.of_owner(usize::MAX, &[]);
        hasher.write(id);
        hasher.finish128().as_bytes()
    }

    /// Of an id that has an owner, and of the owner.
    #[inline]
    pub(super) fn owned(&self, owner: &[u8], id: &[u8]) -> (Fingerprint, Fingerprint) {
        let mut hasher = self.of_owner(owner.len(), owner);
        let owner = hasher.finish128().as_bytes();
        hasher.write(id);
        (hasher.finish128().as_bytes(), owner)
    }

    /// With the length, so that no other owner and id are the same text.
    fn of_owner(&self, length: usize, owner: &[u8]) -> SipHasher24 {
        let mut hasher = self.0;
        hasher.write(&length.to_be_bytes());
        hasher.write(owner);
        hasher
    }
}

impl Default for Fingerprints {
    /// With a new key, which is random.
    fn default() -> Self {
        let mut key = [0; 16];
        Self(match rand::fill(&mut key) {
            Ok(()) => SipHasher24::new_with_key(&key),
            // What the tables of the standard library go by, which is no secret of the same kind, and always there.
            Err(_) => {
                let random = RandomState::new();
                SipHasher24::new_with_keys(random.hash_one(0), random.hash_one(1))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_ids_and_no_two_owners_share_a_fingerprint() {
        let (own, other) = (Fingerprints::default(), Fingerprints::default());
        let length = 2_usize.to_be_bytes();
        let like_owned = [length.as_slice(), b"ab", b"c"].concat();
        let all = BTreeSet::from([
            own.of(b""),
            own.of(b"a"),
            own.of(b"abc"),
            own.of(&[b'a'; 10_000]),
            own.of(&like_owned),
            other.of(b"abc"),
            own.owned(b"ab", b"c").0,
            own.owned(b"ab", b"c").1,
            own.owned(b"a", b"bc").0,
            own.owned(b"a", b"bc").1,
            own.owned(b"", b"abc").0,
            own.owned(b"", b"abc").1,
            other.owned(b"ab", b"c").0,
        ]);
        assert_eq!(all.len(), 13);
        assert_eq!(own.of(b"abc"), own.of(b"abc"));
        assert_eq!(own.owned(b"ab", b"c").1, own.owned(b"ab", b"d").1, "one owner");
    }
}
