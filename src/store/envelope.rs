//! Texts that hold something for a while, which no one else can read or change.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hmac,
};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Life, NonceSetupError, seal::CLOCK_SKEW};
use crate::{keys::secret, time::UnixTime};

/// Milliseconds since the epoch, big endian.
const TIME: usize = size_of::<u64>();
const SECRET: usize = digest::SHA256_OUTPUT_LEN;

/// A key, and what its texts are for. A text is its time of issue and what it holds, encrypted and authenticated
/// (AES-256-GCM-SIV, RFC 8452), in base64url.
pub(crate) struct Envelope {
    key: RandomizedNonceKey,
    context: &'static [u8],
}

/// What a text held, and by what it is spent.
pub(crate) struct Unsealed {
    pub(crate) contents: Zeroizing<Vec<u8>>,
    pub(crate) id: Vec<u8>,
    pub(crate) life: Life,
}

impl Envelope {
    /// Under a secret that several processes share: at least 32 random bytes, which may serve for something else
    /// too.
    pub(crate) fn with_secret(context: &'static [u8], secret: &[u8]) -> Result<Self, NonceSetupError> {
        if secret.len() < SECRET {
            return Err(NonceSetupError::SecretTooShort { length: secret.len(), minimum: SECRET });
        }
        secret::check(secret)?;
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), context);
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_ref());
        Ok(Self { key: key.map_err(|_| NonceSetupError::NoRandomness)?, context })
    }

    /// A text with this in it; `None` without randomness.
    pub(crate) fn seal(&self, mut contents: Vec<u8>, now: UnixTime) -> Option<String> {
        let issued =
            u64::try_from(now.since(UnixTime::default()).as_millis()).unwrap_or(u64::MAX).to_be_bytes();
        let nonce = self.key.seal_in_place_append_tag(self.covered(issued), &mut contents).ok()?;
        Some(URL_SAFE_NO_PAD.encode_to_string([&issued, nonce.as_ref().as_slice(), &contents].concat()))
    }

    /// Opens a text of ours that lives so long.
    pub(crate) fn open(&self, text: &str, lifetime: Duration, now: UnixTime) -> Option<Unsealed> {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let (time, rest) = bytes.split_first_chunk::<TIME>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut contents = Zeroizing::new(sealed.to_vec());
        let nonce_of = Nonce::assume_unique_for_key(*nonce);
        let length = self.key.open_in_place(nonce_of, self.covered(*time), &mut contents).ok()?.len();
        contents.truncate(length);
        let issued = UnixTime::from_duration(Duration::from_millis(u64::from_be_bytes(*time)));
        let life = Life { issued, until: issued.saturating_add(lifetime) };
        let is_alive = now < life.until && issued <= now.saturating_add(CLOCK_SKEW);
        let id = [self.context, time, nonce, sealed.get(length..)?].concat();
        is_alive.then_some(Unsealed { contents, id, life })
    }

    /// What is authenticated beside the contents.
    fn covered(&self, time: [u8; TIME]) -> Aad<Vec<u8>> {
        Aad::from([self.context, &time].concat())
    }
}
