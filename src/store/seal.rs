//! Texts that carry their own time of issue and a MAC: known again by computing, not by looking them up.

use std::time::Duration;

use aws_lc_rs::{digest, hmac, rand};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Life, NonceError, NonceSetupError};
use crate::{keys::secret, time::UnixTime};

/// How far ahead of ours the clock of another process that issues nonces or tickets may be.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Milliseconds since the epoch, big endian.
const TIME: usize = size_of::<u64>();
const RANDOM: usize = 16;
pub(super) const BODY: usize = TIME + RANDOM;
const TAG: usize = digest::SHA256_OUTPUT_LEN;
/// The length of `BODY + TAG` bytes in base64url.
pub(super) const TEXT: usize = ((BODY + TAG) * 4).div_ceil(3);

/// A key, and what its texts are for. A text is its time of issue, 128 random bits, and an HMAC-SHA256 over
/// both, in base64url.
pub(super) struct Seal {
    key: hmac::Key,
    /// What the MAC covers first.
    context: &'static [u8],
}

/// A text that was found to be ours, and of this time.
pub(super) struct Opened {
    pub(super) id: [u8; BODY],
    pub(super) life: Life,
}

impl Seal {
    /// Under a random key of this process.
    pub(super) fn new(context: &'static [u8]) -> Result<Self, NonceSetupError> {
        let mut secret = Zeroizing::new([0; TAG]);
        rand::fill(&mut *secret).map_err(|_| NonceSetupError::NoRandomness)?;
        Self::with_secret(context, &*secret)
    }

    /// Under a secret that several processes share: at least 32 random bytes.
    pub(super) fn with_secret(context: &'static [u8], secret: &[u8]) -> Result<Self, NonceSetupError> {
        if secret.len() < TAG {
            return Err(NonceSetupError::SecretTooShort { length: secret.len(), minimum: TAG });
        }
        secret::check(secret)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), context })
    }

    pub(super) fn issue(&self, now: UnixTime) -> Result<String, NonceError> {
        let mut bytes = [0; BODY + TAG];
        let (body, tag) = bytes.split_at_mut(BODY);
        let (time, random) = body.split_at_mut(TIME);
        let millis = now.since(UnixTime::default()).as_millis();
        // Beyond 584 million years from now, the last moment that fits.
        time.copy_from_slice(&u64::try_from(millis).unwrap_or(u64::MAX).to_be_bytes());
        rand::fill(random).map_err(|_| NonceError::Unavailable)?;
        tag.copy_from_slice(hmac::sign(&self.key, &self.covered(body)).as_ref());
        Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
    }

    /// Opens a text of ours that lives so long.
    pub(super) fn open(&self, text: &str, lifetime: Duration, now: UnixTime) -> Result<Opened, NonceError> {
        // The length first, so that a long text costs nothing. One text for each nonce: what decodes
        // is strict, and the id is the bytes.
        if text.len() != TEXT {
            return Err(NonceError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| NonceError::Malformed)?;
        let (id, tag) = bytes.split_first_chunk::<BODY>().ok_or(NonceError::Malformed)?;
        // In constant time: how much of a forgery is right must not show.
        hmac::verify(&self.key, &self.covered(id), tag).map_err(|_| NonceError::Forged)?;

        let (time, _) = id.split_first_chunk::<TIME>().ok_or(NonceError::Malformed)?;
        let issued = UnixTime::from_duration(Duration::from_millis(u64::from_be_bytes(*time)));
        let until = issued.saturating_add(lifetime);
        if until <= now || issued > now.saturating_add(CLOCK_SKEW) {
            return Err(NonceError::Expired);
        }
        Ok(Opened { id: *id, life: Life { issued, until } })
    }

    /// Whether both know each other's texts.
    pub(super) fn is_of_one_key(&self, other: &Self) -> bool {
        const SAMPLE: &[u8] = b"whether two keys are one";
        let [own, theirs] = [self, other].map(|seal| hmac::sign(&seal.key, SAMPLE));
        own.as_ref() == theirs.as_ref()
    }

    fn covered(&self, body: &[u8]) -> Vec<u8> {
        [self.context, body].concat()
    }
}
