//! The keys of one issuer, from the network: the handle that requests use.
//!
//! Reading the snapshot takes no lock and never waits. Everything that changes lives behind one
//! mutex that is held for a few instructions and never across an await: the [`Schedule`], what was
//! loaded, what was revoked, and which task is the driver.

use std::{
    collections::hash_map::RandomState,
    future::Future,
    hash::{BuildHasher, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Health, KeyNeed, KeyOutcome, NoRuntime, RefreshError, RefreshSettings, SourceState,
    load::{KeyLocation, Memory},
    permits::{Permit, PermitPool, WaiterPools, Waiters},
    refresher::Driver,
    revoked::Revoked,
    schedule::{FetchReason, KeyAnswer, MIN_RETRY_AFTER, Schedule},
    snapshot::Current,
    tenants::OnDemand,
};
use crate::{
    keys::{KeySet, Snapshot, SnapshotRef, VerifyingKey},
    net::{HttpClient, before},
    time::{Clock, Clocks, UnixTime},
};

/// What a remote key source is made of.
pub(crate) struct RemoteConfig {
    /// The configured issuer (a tenant's pattern), for events; nothing from the network gets there.
    pub(crate) name: Arc<str>,
    pub(crate) location: KeyLocation,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: RefreshSettings,
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

/// What the handle and its driver have in common. The driver holds this and not the handle, or it
/// would keep itself alive.
pub(super) struct Shared {
    pub(super) config: RemoteConfig,
    snapshot: Current,
    /// The end of the hard bound, in nanoseconds of the monotonic clock and of the wall clock.
    good_until: [AtomicU64; 2],
    /// From this moment on, a reader has to look whether the driver runs.
    attention_at: AtomicU64,
    pub(super) state: Mutex<State>,
    /// Counts everything that waiting requests may want to know about.
    pub(super) news: watch::Sender<u64>,
    waiters: Waiters,
}

pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) memory: Memory,
    /// The set before the current one: a key that was seen there is no news.
    pub(super) previous: Option<Arc<KeySet>>,
    pub(super) revoked: Revoked,
    pub(super) last_error: Option<RefreshError>,
    pub(super) driver: Option<Driver>,
    pub(super) drivers: u64,
    /// The state that the last event told of.
    pub(super) told: SourceState,
}

impl RemoteKeys {
    /// Fetches nothing yet and needs no runtime.
    pub(crate) fn new(config: RemoteConfig) -> Arc<Self> {
        let state = State {
            schedule: Schedule::new(config.settings.clone()),
            memory: Memory::default(),
            previous: None,
            revoked: Revoked::default(),
            last_error: None,
            driver: None,
            drivers: 0,
            told: SourceState::Empty,
        };
        let waiters = Waiters::new(config.settings.max_waiters);
        let shared = Shared {
            config,
            snapshot: Current::default(),
            good_until: Default::default(),
            attention_at: AtomicU64::new(0),
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            waiters,
        };
        Arc::new(Self { shared: Arc::new(shared) })
    }

    /// The current keys; `None` before the first load and past the hard bound.
    ///
    /// Never waits. Starts the refresher when it does not run.
    pub(crate) fn snapshot(&self, now: Clocks) -> Option<SnapshotRef> {
        self.attend_if_due(now.monotonic);
        self.shared.live(now)
    }

    /// Whether `key`, which verified a token when the keys had this generation, still counts: never
    /// past the hard bound. Otherwise as [`snapshot`](Self::snapshot).
    pub(crate) fn vouches(&self, generation: u64, key: &Arc<VerifyingKey>, now: Clocks) -> bool {
        self.attend_if_due(now.monotonic);
        self.shared.is_live(now) && self.shared.snapshot.holds(generation, key)
    }

    fn attend_if_due(&self, now: Duration) {
        if nanos(now) >= self.shared.attention_at.load(Ordering::Relaxed) {
            self.attend(now);
        }
    }

    /// The same, and nothing is started.
    pub(crate) fn peek(&self, now: Clocks) -> Option<SnapshotRef> {
        self.shared.live(now)
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
            && state.schedule.judge(now.monotonic, now) == KeyAnswer::Lacks
    }

    /// What to do about a token whose key is not in the snapshot of generation `seen` (`None` when
    /// there was no snapshot), for a request that arrived at `arrived`.
    ///
    /// Asked again for the same request, it is given the same arrival: then the whole wait is
    /// bounded, and a fetch made for this very request is evidence.
    pub(crate) fn need_key(self: &Arc<Self>, arrived: Duration, seen: Option<u64>) -> KeyNeed {
        // Subscribed before judging, so that no news falls between the two.
        let news = self.shared.news.subscribe();
        match self.shared.judge(arrived, seen, None) {
            Judged::Told(KeyOutcome::TryAgain) => KeyNeed::TryAgain,
            Judged::Told(KeyOutcome::Lacks) => KeyNeed::Lacks,
            Judged::Told(KeyOutcome::Unavailable { retry_after }) => KeyNeed::Unavailable { retry_after },
            Judged::Wait { until, permit } => {
                let keys = Arc::clone(self);
                KeyNeed::Wait(KeyWait(Box::pin(wait(keys, news, arrived, seen, until, permit))))
            }
        }
    }

    /// Starts the refresher, when it does not run.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a tokio runtime.
    pub(crate) fn start(&self) -> Result<(), NoRuntime> {
        self.shared.ensure_driver(self.shared.now())
    }

    /// Waits until there are keys, however long that takes.
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
            self.shared.publish(&state).is_some()
        };
        if revoked {
            tracing::info!(issuer = %self.shared.config.name, "a key was revoked by the application");
            self.shared.tell();
        }
        revoked
    }

    /// Whether its first fetch failed, and nobody is at it any more.
    pub(super) fn is_spent(&self) -> bool {
        self.shared.lock().schedule.is_spent()
    }

    /// How long its first fetch, which failed, is not to be repeated.
    pub(super) fn back_off(&self, now: Duration) -> Option<Duration> {
        let state = self.shared.lock();
        state.schedule.is_spent().then(|| state.schedule.due().saturating_sub(now))
    }

    /// Whether there are no keys yet, and may be soon.
    pub(super) fn is_loading(&self) -> bool {
        let state = self.shared.lock();
        state.schedule.good_since().is_none() && !state.schedule.is_spent()
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
        let snapshot = shared.snapshot.load();
        let loaded = state.memory.loaded.as_ref();
        let document = loaded.map_or(snapshot.keys(), |loaded| &loaded.keys);
        Health {
            generation: snapshot.generation(),
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

enum Judged {
    Told(KeyOutcome),
    /// A permit is handed over the first time only.
    Wait {
        until: Duration,
        permit: Option<Permit>,
    },
}

impl Shared {
    pub(super) fn now(&self) -> Duration {
        self.config.clock.monotonic()
    }

    pub(super) fn clocks(&self) -> Clocks {
        Clocks::read(&*self.config.clock)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_attention(&self, at: Duration) {
        self.attention_at.store(nanos(at), Ordering::Relaxed);
    }

    pub(super) fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn live(&self, now: Clocks) -> Option<SnapshotRef> {
        self.is_live(now).then(|| self.snapshot.load())
    }

    /// The bound is read before the keys and written after them: whoever sees a new bound sees its
    /// keys.
    fn is_live(&self, now: Clocks) -> bool {
        let [monotonic, unix] = &self.good_until;
        nanos(now.monotonic) < monotonic.load(Ordering::Acquire)
            && unix_nanos(now.unix) < unix.load(Ordering::Acquire)
    }

    /// Puts what is loaded, less what is revoked, in place; the new generation when that changes
    /// the keys.
    pub(super) fn publish(&self, state: &State) -> Option<u64> {
        let loaded = state.memory.loaded.as_ref()?;
        let next = self.snapshot.load().succeeded_by(state.revoked.remaining(&loaded.keys));
        let generation = next.as_ref().map(Snapshot::generation);
        if let Some(next) = next {
            self.snapshot.store(next);
        }
        let until = state.schedule.good_until();
        let [monotonic, unix] = &self.good_until;
        monotonic.store(nanos(until.monotonic), Ordering::Release);
        unix.store(unix_nanos(until.unix), Ordering::Release);
        generation
    }

    /// The permits that requests of this source wait with: a tenant that has verified nothing waits
    /// among its like.
    fn pool(&self) -> &PermitPool {
        let pools = &self.config.pools;
        match &self.config.on_demand {
            None => &pools.configured,
            Some(tenant) if tenant.works() => &pools.tenants,
            Some(_) => &pools.candidates,
        }
    }

    /// Judges a request; one that does not hold a permit yet gets one when it is to wait.
    fn judge(self: &Arc<Self>, arrived: Duration, seen: Option<u64>, held: Option<&Permit>) -> Judged {
        let clocks = self.clocks();
        let now = clocks.monotonic;
        let unavailable = Judged::Told(KeyOutcome::Unavailable { retry_after: MIN_RETRY_AFTER });
        let mut state = self.lock();
        let live = self.live(clocks).map(|snapshot| snapshot.generation());
        if live.is_some() && live != seen {
            return Judged::Told(KeyOutcome::TryAgain);
        }
        let (until, request) = match state.schedule.judge(arrived, clocks) {
            KeyAnswer::Lacks => return Judged::Told(KeyOutcome::Lacks),
            KeyAnswer::Unavailable { retry_after } => {
                return Judged::Told(KeyOutcome::Unavailable { retry_after });
            }
            KeyAnswer::Wait { until, request } => (until, request),
        };
        // Without a driver nothing comes of a request, so nothing is spent on it either.
        if !self.can_drive(&state, now) {
            state.last_error = Some(NoRuntime.into());
            return unavailable;
        }
        let permit = match held {
            Some(_) => None,
            None => match self.waiters.take(self.pool()) {
                Some(permit) => Some(permit),
                None => return unavailable,
            },
        };
        if let Some(reason) = request {
            state.schedule.request(reason, now);
        }
        drop(state);
        if self.ensure_driver(now).is_err() {
            return unavailable;
        }
        if request.is_some() {
            self.wake_driver();
        }
        Judged::Wait { until, permit }
    }
}

/// Waits for keys; see [`RemoteKeys::need_key`].
///
/// Dropping it gives its permit back and cancels nothing that others share. It keeps the source
/// alive: a request that waits gets its answer.
pub(crate) struct KeyWait(Pin<Box<dyn Future<Output = KeyOutcome> + Send>>);

impl Future for KeyWait {
    type Output = KeyOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KeyOutcome> {
        self.0.as_mut().poll(cx)
    }
}

async fn wait(
    keys: Arc<RemoteKeys>,
    mut news: watch::Receiver<u64>,
    arrived: Duration,
    seen: Option<u64>,
    mut until: Duration,
    permit: Option<Permit>,
) -> KeyOutcome {
    let shared = &keys.shared;
    loop {
        let _ = before(shared.config.clock.sleep_until(until), news.changed()).await;
        match shared.judge(arrived, seen, permit.as_ref()) {
            Judged::Told(outcome) => return outcome,
            Judged::Wait { until: later, .. } => until = later,
        }
    }
}

/// A number from 0 to 1, different each time: good for jitter, and for nothing that must be secret.
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

pub(super) fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}

fn unix_nanos(at: UnixTime) -> u64 {
    nanos(at.since(UnixTime::default()))
}
