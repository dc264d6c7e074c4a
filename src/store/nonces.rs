//! Nonces that need not be remembered until they are spent.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    Life, MemorySpentStore, SpendError, Spending, SpentStore, remembers,
    seal::{Opened, Seal},
    succeed,
};
use crate::{keys::WeakSecret, time::UnixTime};

/// How long a nonce lives unless told otherwise: ten minutes, as Layer's did.
pub const DEFAULT_NONCE_LIFETIME: Duration = Duration::from_secs(600);

/// What the MAC covers first, so that a secret which serves for something else too makes no nonces
/// there, and nothing made there is a nonce here.
const CONTEXT: &[u8] = b"tower-resource-server nonce 1\0";

/// Issues nonces to anyone who asks, and takes each back once. A cheap clone.
///
/// A nonce is its time of issue, 128 random bits, and an HMAC-SHA256 over both, in base64url: 75
/// characters that mean nothing to a client. Issuing one stores nothing, and neither does
/// [checking](Self::check) one; only [spending](Self::spend) does, so it must come last, after
/// everything else about the request was found good.
///
/// The key is random and lives in this process. Where several processes take each other's nonces,
/// give them [one secret](Self::with_secret), [one store](Self::store) and one lifetime. Under a secret and with a
/// store in memory, what was issued before that [began](SpentStore::began) is refused as expired: the process before
/// may have taken it.
///
/// A nonce is bound to nothing but its time: not to a client, a user or an address.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::{store::{NonceError, Nonces}, time::UnixTime};
///
/// let nonces = Nonces::new()?;
/// let now = UnixTime::from_secs(1_700_000_000);
/// let nonce = nonces.issue(now)?;
///
/// let soon = now.saturating_add(Duration::from_secs(30));
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(nonces.spend(&nonce, soon).wait().await, Ok(()));
/// assert_eq!(nonces.spend(&nonce, soon).wait().await, Err(NonceError::AlreadySpent));
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Nonces {
    seal: Arc<Seal>,
    lifetime: Duration,
    store: Arc<dyn SpentStore>,
}

impl Nonces {
    /// Nonces under a random key of this process, which live for [`DEFAULT_NONCE_LIFETIME`] and are
    /// spent in a [`MemorySpentStore`] of the default size.
    ///
    /// # Errors
    /// [`NonceSetupError::NoRandomness`].
    pub fn new() -> Result<Self, NonceSetupError> {
        Seal::new(CONTEXT).map(Self::sealed_by)
    }

    /// Nonces under a secret that several processes share: at least 32 random bytes.
    ///
    /// Anyone who knows it can make nonces, though none that is spent already.
    ///
    /// # Errors
    /// [`NonceSetupError::SecretTooShort`] and [`NonceSetupError::WeakSecret`].
    pub fn with_secret(secret: &[u8]) -> Result<Self, NonceSetupError> {
        Seal::with_secret(CONTEXT, secret).map(Self::sealed_by)
    }

    fn sealed_by(seal: Seal) -> Self {
        Self {
            seal: Arc::new(seal),
            lifetime: DEFAULT_NONCE_LIFETIME,
            store: Arc::new(MemorySpentStore::default()),
        }
    }

    /// How long after its issue a nonce can be spent.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Where spent nonces are written down. To look into a store afterwards, share it: an `Arc` of a
    /// store is one too.
    pub fn store(mut self, store: impl SpentStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The same nonces, spent where those of another were, if both have one secret: what was spent stays spent.
    pub(crate) fn succeeding(mut self, previous: &Self) -> Self {
        if self.seal.is_of_one_key(&previous.seal) {
            succeed(&mut self.store, &previous.store);
        }
        self
    }

    /// Notes that from now on nonces are issued here, and spent.
    pub(crate) fn begin(&self, now: UnixTime) {
        let _ = self.store.began(now);
    }

    /// A new nonce. Nothing is stored.
    ///
    /// # Errors
    /// [`NonceError::Unavailable`] when the system has no randomness.
    pub fn issue(&self, now: UnixTime) -> Result<String, NonceError> {
        self.begin(now);
        self.seal.issue(now)
    }

    /// Whether a nonce was issued under this key and its time is not over. It may have been spent:
    /// that is for [`spend`](Self::spend) alone to say.
    ///
    /// # Errors
    /// [`NonceError::Malformed`], [`NonceError::Forged`] or [`NonceError::Expired`].
    pub fn check(&self, nonce: &str, now: UnixTime) -> Result<(), NonceError> {
        self.open(nonce, now).map(drop)
    }

    /// [Checks](Self::check) a nonce and spends it: of any number of calls, one succeeds.
    ///
    /// It fails with any [`NonceError`]. It waits only where the [store](Self::store) does.
    pub fn spend(&self, nonce: &str, now: UnixTime) -> Spending<NonceError> {
        let Opened { id, life } = match self.open(nonce, now) {
            Ok(opened) => opened,
            Err(error) => return Spending::Done(Err(error)),
        };
        if let Err(error) = remembers(&*self.store, life, now) {
            return Spending::Done(Err(error.into()));
        }
        self.store.spend(&id, life, now).map_err(Into::into)
    }

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent.
    ///
    /// # Errors
    /// Any [`NonceError`].
    pub(crate) fn peek(&self, nonce: &str, now: UnixTime) -> Result<(), NonceError> {
        let Opened { id, life } = self.open(nonce, now)?;
        remembers(&*self.store, life, now)?;
        self.store.peek(&id, life, now).map_err(Into::into)
    }

    fn open(&self, nonce: &str, now: UnixTime) -> Result<Opened, NonceError> {
        self.seal.open(nonce, self.lifetime, now)
    }
}

/// Shows how long nonces live, and nothing that makes one.
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// A store behind an `Arc`, so that its owner can look into it.
impl<S: SpentStore + ?Sized> SpentStore for Arc<S> {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        (**self).spend(id, life, now)
    }

    fn spend_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Spending {
        (**self).spend_of(owner, id, life, now)
    }

    fn look(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        (**self).look(id, life, now)
    }

    fn is_shared(&self) -> bool {
        (**self).is_shared()
    }

    fn began(&self, now: UnixTime) -> Option<UnixTime> {
        (**self).began(now)
    }

    fn peek(&self, id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        (**self).peek(id, life, now)
    }

    fn peek_of(&self, owner: &[u8], id: &[u8], life: Life, now: UnixTime) -> Result<(), SpendError> {
        (**self).peek_of(owner, id, life, now)
    }
}

/// Why a nonce is not accepted.
///
/// The display text is one and the same for everything that is wrong with a nonce: a client can do
/// nothing but get another, and learns nothing about how ours are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
#[non_exhaustive]
pub enum NonceError {
    /// It does not have the form of a nonce.
    Malformed,
    /// It was not issued under this key.
    Forged,
    /// Its time is over; or it was issued at a time that is still to come, by a clock gone astray.
    Expired,
    /// It was spent before.
    AlreadySpent,
    /// There is no space to write down that it is spent. It is not spent, and may be tried again.
    Full,
    /// Nonces can be neither issued nor spent now: the system's randomness or the store is missing.
    Unavailable,
}

impl NonceError {
    /// The fixed phrase for this error.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Forged | Self::Expired | Self::AlreadySpent => {
                "nonce not found or expired"
            }
            Self::Full | Self::Unavailable => "no nonce can be used at this time",
        }
    }

    /// Whether the server is at fault and the nonce may be good: worth another try, and 503 in HTTP.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Unavailable)
    }
}

impl From<SpendError> for NonceError {
    fn from(error: SpendError) -> Self {
        match error {
            SpendError::AlreadySpent => Self::AlreadySpent,
            // Its client can have another, at once.
            SpendError::Forgotten => Self::Expired,
            SpendError::Full => Self::Full,
            SpendError::Unavailable => Self::Unavailable,
        }
    }
}

/// Why there can be no [`Nonces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NonceSetupError {
    /// The system has no randomness for a key.
    #[error("the system has no randomness for a key")]
    NoRandomness,
    /// A secret that could be guessed.
    #[error("a secret of {length} bytes; use at least {minimum} random ones")]
    SecretTooShort {
        /// Its length in bytes.
        length: usize,
        /// The least that is accepted.
        minimum: usize,
    },
    /// A secret that others know, or soon guess.
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
}

#[cfg(test)]
#[path = "nonces_tests.rs"]
mod tests;
