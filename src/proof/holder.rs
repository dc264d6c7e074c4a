//! What a good proof has shown, and no further proof need show again.
//!
//! A client makes a proof for each request, and each of them begins with the same header: its algorithm and its
//! public key. What is read of a header depends on the bytes of the header alone, and the hash of a token on
//! the token alone; so they are read once for a token that the cache keeps as it was sent, and compared after that. Parsing the key
//! and hashing both cost more than all the rest beside the signature.

use std::{fmt, sync::OnceLock};

use crate::keys::{Algorithm, Sha256Text, VerifyingKey};

/// The most that is remembered of a header and a token as they are sent, in bytes.
const MAX_BYTES: usize = 2048;

/// What a parsed key takes, some of it with the crypto library.
const KEY_BYTES: usize = 1024;

/// Who holds the key that a token is bound to, once a proof has shown it.
#[derive(Default)]
pub(crate) struct Holder(OnceLock<Known>);

/// What was read of a proof that was good, and of the token that it was for.
pub(super) struct Known {
    /// The header and the token, as they were sent.
    header: Box<[u8]>,
    token: Box<[u8]>,
    pub(super) token_hash: Sha256Text,
    pub(super) algorithm: Algorithm,
    pub(super) key: VerifyingKey,
}

impl Holder {
    /// What it takes at most, in bytes.
    pub(crate) const BYTES: usize = MAX_BYTES + KEY_BYTES;

    /// What is known where a proof for this token has this header.
    pub(super) fn known(&self, header: &[u8], token: &[u8]) -> Option<&Known> {
        self.0.get().filter(|known| *known.header == *header && *known.token == *token)
    }

    /// Remembers the first proof whose signature and key were found good.
    pub(super) fn remember(
        &self,
        (header, token): (&[u8], &[u8]),
        token_hash: Sha256Text,
        algorithm: Algorithm,
        key: VerifyingKey,
    ) {
        if header.len() + token.len() <= MAX_BYTES {
            let (header, token) = (header.into(), token.into());
            self.0.get_or_init(|| Known { header, token, token_hash, algorithm, key });
        }
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Holder").field(&self.0.get().map(|known| &known.key)).finish()
    }
}
