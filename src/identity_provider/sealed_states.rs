//! States of logins that any instance can go on with.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{StateError, states::LIFETIME};
use crate::{
    json,
    store::{Envelope, NonceSetupError, SpendError, SpentStore, remembers},
    time::{Clock, SystemClock},
};

/// What the key is derived from beside the secret, and every state covers.
const CONTEXT: &[u8] = b"tower-resource-server state 1\0";

/// The longest id, in characters: it goes through bodies of the contract, of which it should be the smaller part.
const MAX_ID: usize = 16 * 1024;

/// States of logins that are under way, as [`States`](super::States) has them, for several instances: each can take
/// what another has put.
///
/// No instance remembers a state. Its id *is* the state: its time and its JSON, encrypted and authenticated
/// (AES-256-GCM-SIV, RFC 8452), so the client carries it and can neither read nor change it. That it was taken is
/// recorded in the [`SpentStore`] that the instances share, until its time is over. So a login that is merely begun
/// costs no memory, and there is no capacity that beginners could fill.
///
/// Instances need one secret, one store and one lifetime. The clock of one may be a minute ahead of another's. With a
/// store in memory, a state from before that [began](SpentStore::began) is not handed out.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tower_resource_server::{identity_provider::SealedStates, store::MemorySpentStore};
///
/// #[derive(Serialize, Deserialize)]
/// struct PinStep {
///     user: String,
///     tries_left: u32,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In production a `RedisStore`, of the feature `redis`.
/// let store = MemorySpentStore::default();
/// let states = SealedStates::with_secret(b"at least 32 random bytes: 2b7e151628aed2a6", store)?;
/// let id = states.put(&PinStep { user: "bob".into(), tries_left: 3 })?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(states.take(&id).await?.map(|step| step.tries_left), Some(3));
/// assert!(states.take(&id).await?.is_none());
/// # Ok(())
/// # })
/// # }
/// ```
#[must_use]
pub struct SealedStates<T> {
    envelope: Arc<Envelope>,
    store: Arc<dyn SpentStore>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> SealedStates<T> {
    /// States of 5 minutes each, under a secret that the instances share: at least 32 random bytes. Those who know
    /// it can read states, and make them.
    ///
    /// # Errors
    /// [`NonceSetupError`].
    pub fn with_secret(secret: &[u8], store: impl SpentStore) -> Result<Self, NonceSetupError> {
        Ok(Self {
            envelope: Arc::new(Envelope::with_secret(CONTEXT, secret)?),
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            lifetime: LIFETIME,
            of: PhantomData,
        })
    }

    /// How long a state can be taken: the time that a user has for one answer.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Reads time from `clock`; for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The id of a state. Nothing is kept.
    ///
    /// # Errors
    /// [`StateError::TooLarge`], also for a state that is no JSON, and [`StateError::Randomness`].
    pub fn put(&self, value: &T) -> Result<String, StateError> {
        let contents = serde_json::to_vec(value).map_err(|_| StateError::TooLarge)?;
        let now = self.clock.unix();
        let _ = self.store.began(now);
        let id = self.envelope.seal(contents, now).ok_or(StateError::Randomness)?;
        if id.len() <= MAX_ID { Ok(id) } else { Err(StateError::TooLarge) }
    }

    /// Hands out a state, once among all instances. `None`: the id is not ours, it was taken, or its time is over,
    /// or the store has lost what was taken before it.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] when the store cannot say; the state is not taken, as far as that is known.
    pub async fn take(&self, id: &str) -> Result<Option<T>, StateError> {
        let now = self.clock.unix();
        let opened = Some(id).filter(|id| id.len() <= MAX_ID);
        let Some(opened) = opened.and_then(|id| self.envelope.open(id, self.lifetime, now)) else {
            return Ok(None);
        };
        let taken = match remembers(&*self.store, opened.life, now) {
            Ok(()) => self.store.spend(&opened.id, opened.life, now).wait().await,
            Err(error) => Err(error),
        };
        match taken {
            // Ours, and as it was written.
            Ok(()) => Ok(str::from_utf8(&opened.contents).ok().and_then(|text| json::read_again(text).ok())),
            Err(SpendError::AlreadySpent | SpendError::Forgotten) => Ok(None),
            Err(_) => Err(StateError::Unavailable),
        }
    }
}

impl<T> Clone for SealedStates<T> {
    fn clone(&self) -> Self {
        let Self { envelope, store, clock, lifetime, of } = self;
        let (envelope, store, clock) = (Arc::clone(envelope), Arc::clone(store), Arc::clone(clock));
        Self { envelope, store, clock, lifetime: *lifetime, of: *of }
    }
}

impl<T> fmt::Debug for SealedStates<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedStates").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::{MemorySpentStore, RefuseAll},
        test_util::ManualClock,
    };

    const SECRET: &[u8] = b"at least 32 random bytes: 2b7e151628aed2a6";
    const SECOND: Duration = Duration::from_secs(1);

    type Steps = SealedStates<(String, u32)>;

    fn instance(clock: &ManualClock, store: impl SpentStore) -> Steps {
        Steps::with_secret(SECRET, store).unwrap().clock(clock.clone()).lifetime(60 * SECOND)
    }

    fn bob() -> (String, u32) {
        ("bob".to_owned(), 3)
    }

    #[tokio::test]
    async fn promise_13_any_instance_takes_a_state_and_only_one_does() {
        let (clock, store) = (ManualClock::default(), Arc::new(MemorySpentStore::default()));
        let [one, other] = [(); 2].map(|()| instance(&clock, Arc::clone(&store)));
        let id = one.put(&bob()).unwrap();
        assert!(store.is_empty(), "what is put is kept nowhere");
        assert_eq!(other.take(&id).await, Ok(Some(bob())));
        assert_eq!([one.take(&id).await, other.take(&id).await], [Ok(None), Ok(None)]);
        assert_eq!(store.len(), 1);
    }

    #[tokio::test]
    async fn promise_13_a_state_from_before_a_restart_is_none_with_a_store_in_memory() {
        let clock = ManualClock::default();
        let begin = || instance(&clock, MemorySpentStore::default());
        let before = begin();
        let [taken, untaken] = [(); 2].map(|()| before.put(&bob()).unwrap());
        assert_eq!(before.take(&taken).await, Ok(Some(bob())));
        clock.advance(SECOND);
        let after = begin();
        assert_eq!([after.take(&taken).await, after.take(&untaken).await], [Ok(None), Ok(None)]);
        assert_eq!(after.take(&after.put(&bob()).unwrap()).await, Ok(Some(bob())));
    }

    #[tokio::test]
    async fn what_is_not_a_state_of_this_time_is_none_and_takes_none() {
        let (clock, store) = (ManualClock::default(), Arc::new(MemorySpentStore::default()));
        let states = instance(&clock, Arc::clone(&store));
        let id = states.put(&bob()).unwrap();
        let secret = b"another secret of 32 bytes or so: 6bc1bee2";
        let others = Steps::with_secret(secret, MemorySpentStore::default()).unwrap().clock(clock.clone());
        let changed = format!("{}{}", &id[..id.len() - 1], if id.ends_with('A') { 'Q' } else { 'A' });
        for (name, id) in [
            ("empty", String::new()),
            ("of another secret", others.put(&bob()).unwrap()),
            ("changed", changed),
            ("issued at another time", format!("B{}", &id[1..])),
            ("with more behind it", format!("{id}AAAA")),
            ("long", "A".repeat(MAX_ID + 4)),
        ] {
            assert_eq!(states.take(&id).await, Ok(None), "{name}");
        }
        let late = states.put(&bob()).unwrap();
        clock.advance(60 * SECOND - Duration::from_millis(1));
        assert_eq!(states.take(&id).await, Ok(Some(bob())), "its last moment");
        clock.advance(Duration::from_millis(1));
        assert_eq!(states.take(&late).await, Ok(None), "its time is over");
        assert_eq!(store.len(), 1);
    }

    #[tokio::test]
    async fn a_store_that_cannot_say_is_an_error_and_what_does_not_fit_is_refused() {
        let clock = ManualClock::default();
        let states = instance(&clock, RefuseAll);
        let id = states.put(&bob()).unwrap();
        assert_eq!(states.take(&id).await, Err(StateError::Unavailable));
        assert_eq!(states.put(&("a".repeat(MAX_ID), 0)), Err(StateError::TooLarge));
        assert!(!id.contains("bob") && !format!("{states:?}").contains("random"));
        for secret in [&b"short"[..], &[7; 32]] {
            assert!(Steps::with_secret(secret, RefuseAll).is_err());
        }
    }
}
