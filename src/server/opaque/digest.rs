//! The SHA-256 of a secret: all of it that is kept.

use std::hash::{Hash, Hasher};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};

use crate::keys::secret::decoded_hex;

/// A SHA-256 digest, compared in constant time.
///
/// A fast hash is the right one: what is hashed is random and long, so that no dictionary has it. A slow one, as
/// for passwords, would let anyone spend this server's time with keys that are made up.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        // SHA-256 has 32 bytes.
        bytes.iter_mut().zip(digest(&SHA256, secret).as_ref()).for_each(|(byte, of_hash)| *byte = *of_hash);
        Self(bytes)
    }

    /// From 64 hexadecimal digits, in either case.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let bytes = decoded_hex(text.as_bytes())?;
        bytes.as_slice().try_into().ok().map(Self)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        // FIPS 180-2 appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for (name, text, is) in [
            ("in lower case", abc.to_owned(), Some(true)),
            ("in upper case", abc.to_uppercase(), Some(true)),
            ("another", abc.replace('b', "c"), Some(false)),
            ("the last digit", format!("{}e", &abc[..63]), Some(false)),
            ("too short", abc[..62].to_owned(), None),
            ("odd", abc[..63].to_owned(), None),
            ("too long", format!("{abc}00"), None),
            ("no digits", "x".repeat(64), None),
            ("empty", String::new(), None),
        ] {
            let digest = Digest::from_hex(&text);
            assert_eq!(digest.map(|digest| digest == Digest::of(b"abc")), is, "{name}");
        }
    }
}
