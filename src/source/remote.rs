//! The keys of one issuer, from the network: the handle that requests use.
//!
//! Reading the snapshot takes no lock and never waits. Everything that changes is behind one mutex,
//! in `shared`, that is held for a few instructions and never across an await: the
//! [`Schedule`](super::schedule::Schedule), what was loaded, what was revoked, and which task is the driver.

use std::{
    collections::hash_map::RandomState,
    future::Future,
    hash::{BuildHasher, Hasher},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Health, KeyAnswer, NoRuntime, RefreshError, RefreshSettings, SourceState,
    load::KeyLocation,
    permits::WaiterPools,
    schedule::{FetchReason, MIN_RETRY_AFTER, ScheduleAnswer},
    shared::{Permitted, Request, Shared},
    tenants::OnDemand,
};
use crate::{
    keys::{KeySet, SnapshotRef, VerifyingKey},
    net::{HttpClient, before},
    time::{Clock, Clocks},
    verify::Wanted,
};

/// What a remote key source is made of.
pub(crate) struct RemoteConfig {
    /// The configured issuer (a tenant's pattern), for events; nothing from the network gets there.
    pub(crate) name: Arc<str>,
    pub(crate) location: KeyLocation,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: RefreshSettings,
    /// Keys that count beside those that are fetched.
    pub(crate) given: KeySet,
    /// The permits to wait of the whole server.
    pub(crate) pools: WaiterPools,
    /// For a tenant: it is refreshed while it is used, and not tried again of itself when its first
    /// fetch fails.
    pub(crate) on_demand: Option<Arc<OnDemand>>,
    /// A number from 0 to 1, for jitter: [`random`], but for tests.
    pub(crate) jitter: fn() -> f64,
}

/// The keys of one issuer from the network. Dropping it ends its refresher.
pub(crate) struct RemoteKeys {
    pub(super) shared: Arc<Shared>,
}

impl RemoteKeys {
    /// Fetches nothing yet and needs no runtime.
    pub(crate) fn new(config: RemoteConfig) -> Arc<Self> {
        Arc::new(Self { shared: Arc::new(Shared::new(config)) })
    }

    /// Whether both fetch the same in the same way.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (one, other) = (&self.shared.config, &other.shared.config);
        one.name == other.name
            && one.location == other.location
            && one.settings == other.settings
            && one.given.has_same_keys(&other.given)
            && Arc::ptr_eq(&one.client, &other.client)
            && Arc::ptr_eq(&one.clock, &other.clock)
    }

    /// The current keys: before the first load and past the stale-if-error limit those that were given,
    /// or `None`.
    ///
    /// Never waits. Starts the refresher when it does not run.
    pub(crate) fn snapshot(&self, now: Clocks) -> Option<SnapshotRef> {
        self.attend_if_due(now.monotonic);
        self.peek(now)
    }

    /// Whether `key`, which verified a token when the keys had this generation, still counts: past the
    /// stale-if-error limit only if it was given. Otherwise as [`snapshot`](Self::snapshot).
    pub(crate) fn is_current(&self, generation: u64, key: &Arc<VerifyingKey>, now: Clocks) -> bool {
        self.attend_if_due(now.monotonic);
        if self.shared.is_live(now) {
            self.shared.snapshot.holds(generation, key)
        } else {
            self.shared.given.holds(key)
        }
    }

    fn attend_if_due(&self, now: Duration) {
        if self.shared.needs_attention(now) {
            self.attend(now);
        }
    }

    /// The same, and nothing is started.
    pub(crate) fn peek(&self, now: Clocks) -> Option<SnapshotRef> {
        self.shared.live(now).or_else(|| self.shared.given.load())
    }

    #[cold]
    fn attend(&self, now: Duration) {
        if self.shared.ensure_driver(now).is_err() {
            // Looking for a runtime costs more than a load: once a second is enough here.
            self.shared.set_attention(now.saturating_add(MIN_RETRY_AFTER));
        }
    }

    /// Whether a request that arrives now would be told that the key does not exist; nothing is
    /// requested, and nothing spent.
    pub(crate) fn is_known_to_lack(&self, seen: u64, now: Clocks) -> bool {
        let state = self.shared.lock();
        self.shared.live(now).is_some_and(|live| live.generation() == seen)
            && state.schedule.judge(Wanted::UnknownKey, now.monotonic, now) == ScheduleAnswer::Lacks
    }

    /// What to do about a token that the snapshot of generation `seen` (`None` when there was no
    /// snapshot) does not verify, for a request that arrived at `arrived`.
    ///
    /// Asked again for the same request, it is given the same arrival: then the whole wait is
    /// bounded, and a fetch made for this very request is evidence.
    pub(crate) fn need_key(
        self: &Arc<Self>,
        arrived: Duration,
        seen: Option<u64>,
        wanted: Wanted,
    ) -> KeyAnswer<KeyWait> {
        // Subscribed before judging, so that no news falls between the two.
        let news = self.shared.news.subscribe();
        let request = Request { arrived, seen, wanted };
        self.shared
            .judge(request, None)
            .map_wait(|permitted| KeyWait::new(wait(Arc::clone(self), news, request, permitted)))
    }

    /// Whether a bad signature may be the sign of a key that was exchanged under the same name.
    pub(crate) fn exchanges_keys(&self) -> bool {
        self.shared.config.settings.refetch_on_bad_signature
    }

    /// Starts the refresher, when it does not run.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a tokio runtime.
    pub(crate) fn start(&self) -> Result<(), NoRuntime> {
        self.shared.ensure_driver(self.shared.now())
    }

    /// Waits until there are fetched keys, however long that takes.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a tokio runtime.
    pub(crate) async fn ready(&self) -> Result<(), NoRuntime> {
        let mut news = self.shared.news.subscribe();
        while self.shared.live(self.shared.clocks()).is_none() {
            self.start()?;
            // The sender lives in `self`, so this cannot end but by news.
            let _ = news.changed().await;
        }
        Ok(())
    }

    /// Fetches now, budget and back-off notwithstanding, and waits for the result.
    ///
    /// # Errors
    /// Why the fetch failed.
    pub(crate) async fn refresh_now(&self) -> Result<(), RefreshError> {
        let shared = &self.shared;
        let mut news = shared.news.subscribe();
        let asked = shared.now();
        // A fetch that is under way began before this call and does not count.
        let number = {
            let mut state = shared.lock();
            state.schedule.request(FetchReason::Asked, asked);
            state.schedule.fetches() + 1
        };
        loop {
            shared.ensure_driver(shared.now())?;
            shared.wake_driver();
            {
                let state = shared.lock();
                if state.schedule.completed() >= number {
                    return state.last_error.clone().map_or(Ok(()), Err);
                }
            }
            let _ = news.changed().await;
        }
    }

    /// Withdraws a key, now and in every set to come; true when it was in use.
    pub(crate) fn revoke_key(&self, kid_or_thumbprint: &str) -> bool {
        let revoked = {
            let mut state = self.shared.lock();
            state.revoked.add(kid_or_thumbprint);
            let given = self.shared.given.keep(state.revoked.remaining(&self.shared.config.given));
            self.shared.publish(&state).is_some() || given
        };
        if revoked {
            tracing::info!(issuer = %self.shared.config.name, "a key was revoked by the application");
            self.shared.tell();
        }
        revoked
    }

    /// Whether its first fetch failed, and no other is on its way.
    pub(super) fn has_given_up(&self) -> bool {
        self.shared.lock().schedule.has_given_up()
    }

    /// How long its first fetch, which failed, is not to be repeated.
    pub(super) fn back_off(&self, now: Duration) -> Option<Duration> {
        let state = self.shared.lock();
        state.schedule.has_given_up().then(|| state.schedule.due().saturating_sub(now))
    }

    /// Whether there are no keys yet, and may be soon.
    pub(super) fn is_loading(&self) -> bool {
        let state = self.shared.lock();
        state.schedule.good_since().is_none() && !state.schedule.has_given_up()
    }

    pub(crate) fn health(&self) -> Health {
        let shared = &self.shared;
        let clocks = shared.clocks();
        let now = clocks.monotonic;
        let state = shared.lock();
        let is = state.schedule.state(clocks);
        if is == SourceState::Dead
            && let Some(driver) = &state.driver
        {
            // It may sleep past the end of keys that the wall clock ended.
            driver.wake();
        }
        let generation = shared.snapshot.load().generation();
        let snapshot = self.peek(clocks).unwrap_or_else(|| shared.snapshot.load());
        let loaded = state.memory.loaded.as_ref();
        let document = loaded.map_or(snapshot.keys(), |loaded| &loaded.keys);
        Health {
            generation,
            age: state.schedule.good_since().map(|since| clocks.since(since)),
            next_refresh: state.driver.as_ref().map(|_| state.schedule.due().saturating_sub(now)),
            failures: state.schedule.failures(),
            last_error: state.last_error.clone(),
            fetches: state.schedule.fetches(),
            budget: state.schedule.budget_left(now),
            waiters: shared.waiters.held(),
            ..Health::new(is).with_keys(snapshot.keys(), document)
        }
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        self.shared.end_driver();
    }
}

/// Waits for keys; see [`RemoteKeys::need_key`].
///
/// Dropping it gives its permit back and cancels nothing that others share. It keeps the source
/// alive: a request that waits gets its answer.
pub(crate) struct KeyWait(Pin<Box<dyn Future<Output = KeyAnswer> + Send>>);

impl KeyWait {
    pub(super) fn new(wait: impl Future<Output = KeyAnswer> + Send + 'static) -> Self {
        Self(Box::pin(wait))
    }
}

impl Future for KeyWait {
    type Output = KeyAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KeyAnswer> {
        self.0.as_mut().poll(cx)
    }
}

async fn wait(
    keys: Arc<RemoteKeys>,
    mut news: watch::Receiver<u64>,
    request: Request,
    Permitted { mut until, permit }: Permitted,
) -> KeyAnswer {
    let shared = &keys.shared;
    loop {
        let _ = before(shared.config.clock.sleep_until(until), news.changed()).await;
        match shared.judge(request, permit.as_ref()) {
            KeyAnswer::Wait(later) => until = later.until,
            KeyAnswer::TryAgain => return KeyAnswer::TryAgain,
            KeyAnswer::Lacks => return KeyAnswer::Lacks,
            KeyAnswer::Unavailable { retry_after } => return KeyAnswer::Unavailable { retry_after },
        }
    }
}

/// A number from 0 to 1, different each time: good for jitter, and for nothing that must be secret.
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}
