//! Nonces that DPoP proofs carry (RFC 9449 section 9).

use std::{fmt, sync::Arc, time::Duration};

use super::{NonceError, NonceSetupError, seal::Seal};
use crate::time::UnixTime;

/// How long a nonce for DPoP proofs lives unless told otherwise: long enough that few requests are sent twice,
/// and so short that proofs made in advance are of little use.
pub const DEFAULT_DPOP_NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// Not those of [`Nonces`](super::Nonces), which are good once.
const CONTEXT: &[u8] = b"tower-resource-server DPoP nonce 1\0";

/// The nonces of a server that wants one in each DPoP proof (RFC 9449 section 9), for
/// [`Dpop::nonces`](crate::Dpop::nonces). A cheap clone.
///
/// Each is its time of issue, 128 random bits and an HMAC-SHA256 over both, in base64url, so none is ever
/// stored. A client uses one for as many proofs as it likes while it lives; when half of its life is over, the
/// client is given the next one with the answer to its request.
///
/// The key is random and lives in this process. Where several processes serve the same clients, give them
/// [one secret](Self::with_secret) and one lifetime: they then accept each other's nonces.
///
/// ```
/// use tower_resource_server::store::{DpopNonces, NonceSetupError};
///
/// // While a secret is exchanged, both are accepted, and the new one issues.
/// fn nonces(new: &[u8], old: &[u8]) -> Result<DpopNonces, NonceSetupError> {
///     DpopNonces::with_secret(new)?.also_accept(old)
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct DpopNonces {
    /// The first one issues.
    seals: Vec<Arc<Seal>>,
    /// Whether the first is of a random key.
    is_random: bool,
    lifetime: Duration,
}

/// How much of its life a nonce has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceAge {
    Fresh,
    /// Half of it is over, or it is of a secret that no longer issues.
    HalfThrough,
}

/// A nonce that is ours, and of this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JudgedNonce {
    pub(crate) age: NonceAge,
    pub(crate) issued: UnixTime,
}

impl DpopNonces {
    /// Nonces under a random key of this process, which live for [`DEFAULT_DPOP_NONCE_LIFETIME`].
    ///
    /// # Errors
    /// [`NonceSetupError::NoRandomness`].
    pub fn new() -> Result<Self, NonceSetupError> {
        Seal::new(CONTEXT).map(|seal| Self::sealed_by(seal, true))
    }

    /// Nonces under a secret that several processes share: at least 32 random bytes.
    ///
    /// # Errors
    /// [`NonceSetupError::SecretTooShort`] and [`NonceSetupError::WeakSecret`].
    pub fn with_secret(secret: &[u8]) -> Result<Self, NonceSetupError> {
        Seal::with_secret(CONTEXT, secret).map(|seal| Self::sealed_by(seal, false))
    }

    /// Accepts nonces under this secret, too: the one before, or the one that other processes issue with
    /// already. Clients that bring one get the next from the first secret.
    ///
    /// # Errors
    /// As [`with_secret`](Self::with_secret).
    pub fn also_accept(mut self, secret: &[u8]) -> Result<Self, NonceSetupError> {
        self.seals.push(Arc::new(Seal::with_secret(CONTEXT, secret)?));
        Ok(self)
    }

    /// How long after its issue a nonce is accepted.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    fn sealed_by(seal: Seal, is_random: bool) -> Self {
        Self { seals: vec![Arc::new(seal)], is_random, lifetime: DEFAULT_DPOP_NONCE_LIFETIME }
    }

    /// These nonces, under the random key of others, if both have one: what clients hold stays good.
    pub(crate) fn succeeding(mut self, previous: &Self) -> Self {
        if self.is_random
            && previous.is_random
            && let (Some(own), Some(before)) = (self.seals.first_mut(), previous.seals.first())
        {
            *own = Arc::clone(before);
        }
        self
    }

    /// A new nonce. Nothing is stored.
    ///
    /// # Errors
    /// [`NonceError::Unavailable`] when the system has no randomness.
    pub fn issue(&self, now: UnixTime) -> Result<String, NonceError> {
        self.seals.first().ok_or(NonceError::Unavailable)?.issue(now)
    }

    /// How old a nonce is; `None` of one that is not ours, or whose time is over.
    pub(crate) fn judge(&self, nonce: &str, now: UnixTime) -> Option<JudgedNonce> {
        let opened = |seal: &Arc<Seal>| seal.open(nonce, self.lifetime, now).ok();
        let (place, opened) = self.seals.iter().enumerate().find_map(|(n, seal)| Some((n, opened(seal)?)))?;
        let issued = opened.life.issued;
        let is_fresh = place == 0 && now < issued.saturating_add(self.lifetime / 2);
        let age = if is_fresh { NonceAge::Fresh } else { NonceAge::HalfThrough };
        Some(JudgedNonce { age, issued })
    }
}

/// Shows how long nonces live, and nothing that makes one.
impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopNonces").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Nonces;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
    const OLD: &[u8; 32] = b"an old secret of 32 bytes, once!";
    const NEW: &[u8; 32] = b"one that is new, also 32 bytes..";

    fn later(secs: u64) -> UnixTime {
        NOW.saturating_add(Duration::from_secs(secs))
    }

    fn age_of(nonces: &DpopNonces, nonce: &str, now: UnixTime) -> Option<NonceAge> {
        nonces.judge(nonce, now).map(|judged| judged.age)
    }

    #[test]
    fn a_nonce_is_accepted_for_its_life_and_renewed_from_its_middle_on() {
        let nonces = DpopNonces::with_secret(OLD).unwrap();
        let nonce = nonces.issue(NOW).unwrap();
        let other = DpopNonces::new().unwrap().issue(NOW).unwrap();
        let spent_once = Nonces::with_secret(OLD).unwrap().issue(NOW).unwrap();
        let changed = format!("B{}", &nonce[1..]);
        use NonceAge::{Fresh, HalfThrough};
        for (name, nonce, at, expected) in [
            ("at once", &nonce, NOW, Some(Fresh)),
            ("before its middle", &nonce, later(149), Some(Fresh)),
            ("from its middle on", &nonce, later(150), Some(HalfThrough)),
            ("in its last second", &nonce, later(299), Some(HalfThrough)),
            ("at its end", &nonce, later(300), None),
            ("by a clock that is behind", &nonce, NOW.saturating_sub(Duration::from_secs(60)), Some(Fresh)),
            ("by one further behind", &nonce, NOW.saturating_sub(Duration::from_secs(61)), None),
            ("of another process", &other, NOW, None),
            ("one that counts once, of the same secret", &spent_once, NOW, None),
            ("changed", &changed, NOW, None),
            ("empty", &String::new(), NOW, None),
        ] {
            assert_eq!(age_of(&nonces, nonce, at), expected, "{name}");
        }
    }

    #[test]
    fn secrets_are_shared_and_exchanged() {
        let old = DpopNonces::with_secret(OLD).unwrap();
        let both = DpopNonces::with_secret(NEW).unwrap().also_accept(OLD).unwrap();
        let new = DpopNonces::with_secret(NEW).unwrap();
        let [of_old, of_both] = [&old, &both].map(|nonces| nonces.issue(NOW).unwrap());
        assert_eq!(
            age_of(&both, &of_old, NOW),
            Some(NonceAge::HalfThrough),
            "the next one is of the new secret"
        );
        assert_eq!(age_of(&both, &of_both, NOW), Some(NonceAge::Fresh));
        assert_eq!(age_of(&new, &of_both, NOW), Some(NonceAge::Fresh));
        assert_eq!((age_of(&old, &of_both, NOW), age_of(&new, &of_old, NOW)), (None, None));
        for bad in [&b"short"[..], &[7; 32]] {
            assert!(DpopNonces::with_secret(bad).is_err() && new.clone().also_accept(bad).is_err());
        }
        assert_eq!(format!("{new:?}"), "DpopNonces { lifetime: 300s, .. }");
    }
}
