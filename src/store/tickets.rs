//! Tickets: a token sealed for one request, for clients that can write nothing but an address.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hmac, rand,
};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{
    Life, MemorySpentStore, NonceError, NonceSetupError, Spending, SpentStore, remembers, seal::CLOCK_SKEW,
    succeed,
};
use crate::{keys::secret, time::UnixTime};

/// How long a ticket lives unless told otherwise: time to open a connection, and little more.
pub const DEFAULT_TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// How long a ticket may live. It is in an address, and addresses are written down.
pub const MAX_TICKET_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The most bytes of tokens that a ticket can hold, so that it fits into the request line that common servers
/// take: 8 KiB.
const MAX_SEALED: usize = 5 * 1024;

/// What the key is derived from beside the secret, and the additional data begins with; so that a secret which
/// serves for something else too opens nothing there.
const CONTEXT: &[u8] = b"tower-resource-server ticket 2\0";

/// The end of its life, and sealed its beginning: in milliseconds since the epoch, big endian.
const TIME: usize = size_of::<u64>();
/// The length of the first token, big endian.
const LENGTH: usize = size_of::<u32>();
const SECRET: usize = digest::SHA256_OUTPUT_LEN;

/// Seals tokens into tickets, and opens each once. A cheap clone.
///
/// A ticket is the end of its life and the tokens of a request, encrypted and authenticated
/// (AES-256-GCM-SIV, RFC 8452) together with the server's resource identifier, in base64url. It is bound to an
/// identity in the strictest way: it *is* the token, for one request. What comes out of it goes through all
/// checks of a token in `Authorization`: its time, its issuer's keys, revocation and requirements are judged at
/// the moment when it is used.
///
/// A ticket that only named an identity would need a memory of identities: one in each process, that a restart
/// loses and that anyone with a token fills. With this, an issued ticket costs no memory; only one that was
/// spent is stored, until its life ends.
///
/// The key is random and lives in this process: tickets that were issued before a restart, or by another
/// process, are refused. Where several processes take each other's tickets, give them
/// [one secret](Self::with_secret), [one store](Self::store) and one lifetime. Under a secret and with a store in
/// memory, what was issued before that [began](SpentStore::began) is refused: the process before may have taken it.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::store::Tickets;
///
/// let tickets = Tickets::new()?.lifetime(Duration::from_secs(10));
/// # let _ = tickets;
/// # Ok::<(), tower_resource_server::store::NonceSetupError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tickets {
    key: Arc<RandomizedNonceKey>,
    lifetime: Duration,
    store: Arc<dyn SpentStore>,
}

/// The tokens of a ticket.
pub(crate) struct Unsealed {
    tokens: Zeroizing<Vec<u8>>,
    /// Where the second begins.
    split: usize,
}

impl Unsealed {
    pub(crate) fn access(&self) -> &[u8] {
        self.tokens.get(..self.split).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> Option<&[u8]> {
        self.tokens.get(self.split..).filter(|id| !id.is_empty())
    }
}

/// A ticket that was found to be ours.
struct Opened {
    id: Vec<u8>,
    life: Life,
    unsealed: Unsealed,
}

impl Tickets {
    /// Tickets under a random key of this process, which live for [`DEFAULT_TICKET_LIFETIME`] and are spent in a
    /// [`MemorySpentStore`] of the default size.
    ///
    /// # Errors
    /// [`NonceSetupError::NoRandomness`].
    pub fn new() -> Result<Self, NonceSetupError> {
        let mut secret = Zeroizing::new([0; SECRET]);
        rand::fill(&mut *secret).map_err(|_| NonceSetupError::NoRandomness)?;
        Self::with_secret(&*secret)
    }

    /// Tickets under a secret that several processes share: at least 32 random bytes. It may be that of the
    /// [`Nonces`](super::Nonces).
    ///
    /// Anyone who knows it can read the tokens in tickets.
    ///
    /// # Errors
    /// [`NonceSetupError::SecretTooShort`] and [`NonceSetupError::WeakSecret`].
    pub fn with_secret(secret: &[u8]) -> Result<Self, NonceSetupError> {
        if secret.len() < SECRET {
            return Err(NonceSetupError::SecretTooShort { length: secret.len(), minimum: SECRET });
        }
        secret::check(secret)?;
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), CONTEXT);
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_ref());
        Ok(Self {
            key: Arc::new(key.map_err(|_| NonceSetupError::NoRandomness)?),
            lifetime: DEFAULT_TICKET_LIFETIME,
            store: Arc::new(MemorySpentStore::default()),
        })
    }

    /// The same tickets, spent where those of another were, if both have one secret: what was spent stays spent.
    pub(crate) fn succeeding(mut self, previous: &Self) -> Self {
        let mut sample = b"whether two keys are one".to_vec();
        let sealed = self.key.seal_in_place_append_tag(Aad::empty(), &mut sample);
        if sealed.is_ok_and(|nonce| previous.key.open_in_place(nonce, Aad::empty(), &mut sample).is_ok()) {
            succeed(&mut self.store, &previous.store);
        }
        self
    }

    /// Notes that from now on tickets are issued here, and spent.
    pub(crate) fn begin(&self, now: UnixTime) {
        let _ = self.store.began(now);
    }

    /// How long after its issue a ticket can be used; at most [`MAX_TICKET_LIFETIME`], which also stands for
    /// anything longer.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.min(MAX_TICKET_LIFETIME);
        self
    }

    /// Where spent tickets are written down. To look into a store afterwards, share it: an `Arc` of a store is
    /// one too.
    pub fn store(mut self, store: impl SpentStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// A ticket for these tokens, good for the server with this resource identifier. Nothing is stored.
    pub(crate) fn seal(
        &self,
        (access, id): (&str, Option<&str>),
        resource: &str,
        now: UnixTime,
    ) -> Result<String, TicketError> {
        let id = id.unwrap_or_default();
        if access.len().saturating_add(id.len()) > MAX_SEALED {
            return Err(TicketError::TooLarge);
        }
        let length = u32::try_from(access.len()).map_err(|_| TicketError::TooLarge)?;
        self.begin(now);
        let [issued, until] = [now, now.saturating_add(self.lifetime)].map(millis);
        let mut sealed = [&issued, &length.to_be_bytes()[..], access.as_bytes(), id.as_bytes()].concat();
        let nonce = self.key.seal_in_place_append_tag(covered(until, resource), &mut sealed);
        let nonce = nonce.map_err(|_| TicketError::Unavailable)?;
        Ok(URL_SAFE_NO_PAD.encode_to_string([&until, nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// The tokens of a ticket, if it was sealed under this key for this resource and its life is not over. It may
    /// have been spent: that is for [`spend`](Self::spend) alone to say.
    pub(crate) fn unseal(&self, ticket: &[u8], resource: &str, now: UnixTime) -> Option<Unsealed> {
        self.open(ticket, resource, now).map(|opened| opened.unsealed)
    }

    /// Spends a ticket: of any number of calls, one succeeds.
    pub(crate) fn spend(&self, ticket: &[u8], resource: &str, now: UnixTime) -> Spending<NonceError> {
        let Some(Opened { id, life, .. }) = self.open(ticket, resource, now) else {
            return Spending::Done(Err(NonceError::Expired));
        };
        if let Err(error) = remembers(&*self.store, life, now) {
            return Spending::Done(Err(error.into()));
        }
        self.store.spend(&id, life, now).map_err(Into::into)
    }

    fn open(&self, ticket: &[u8], resource: &str, now: UnixTime) -> Option<Opened> {
        // The length first, so that a long text costs nothing. One text for each ticket: what decodes is strict,
        // and the id is of the bytes.
        if ticket.len() > MAX_SEALED * 2 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(ticket).ok()?;
        let (time, rest) = bytes.split_first_chunk::<TIME>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut tokens = Zeroizing::new(sealed.to_vec());
        let nonce_of = Nonce::assume_unique_for_key(*nonce);
        let length = self.key.open_in_place(nonce_of, covered(*time, resource), &mut tokens).ok()?.len();
        tokens.truncate(length);

        let moment = |time| UnixTime::from_duration(Duration::from_millis(u64::from_be_bytes(time)));
        let until = moment(*time);
        let latest = now.saturating_add(self.lifetime).saturating_add(CLOCK_SKEW);
        if until <= now || until > latest {
            return None;
        }
        let (issued, rest) = tokens.split_first_chunk::<TIME>()?;
        let life = Life { issued: moment(*issued), until };
        let (split, _) = rest.split_first_chunk::<LENGTH>()?;
        let split = usize::try_from(u32::from_be_bytes(*split)).ok()?;
        tokens.drain(..TIME + LENGTH);
        let id = [CONTEXT, time, nonce, sealed.get(length..)?].concat();
        (split <= tokens.len()).then_some(Opened { id, life, unsealed: Unsealed { tokens, split } })
    }
}

fn millis(moment: UnixTime) -> [u8; TIME] {
    u64::try_from(moment.since(UnixTime::default()).as_millis()).unwrap_or(u64::MAX).to_be_bytes()
}

/// What is authenticated beside the tokens.
fn covered(until: [u8; TIME], resource: &str) -> Aad<Vec<u8>> {
    Aad::from([CONTEXT, &until, resource.as_bytes()].concat())
}

/// Shows how long tickets live, and nothing that opens one.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Why there is no ticket for an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// The server takes no tickets; name a
    /// [location](crate::http::TokenLocation::ticket) for them.
    #[error("this server takes no tickets")]
    NotTaken,
    /// Another server verified the identity.
    #[error("the identity was verified by another resource server")]
    ForeignIdentity,
    /// The identity does not rest on the token of a request: an ID token by itself, for example.
    #[error("the identity rests on no token that a request could carry")]
    NoToken,
    /// The token counts once, and did so already.
    #[error("the token of the identity counts once")]
    CountsOnce,
    /// The validity window of the identity is over.
    #[error("the identity has expired")]
    Expired,
    /// The tokens do not fit into an address.
    #[error("the tokens are too large for an address")]
    TooLarge,
    /// The system has no randomness.
    #[error("no ticket can be issued at this time")]
    Unavailable,
}
