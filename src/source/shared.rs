//! What the handle of a remote source and its driver have in common.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{
    KeyAnswer, NoRuntime, RefreshError, RemoteConfig, SourceState,
    given::Given,
    load::Memory,
    permits::{Permit, PermitPool, Waiters},
    refresher::Driver,
    revoked::Revoked,
    schedule::{MIN_RETRY_AFTER, Schedule, ScheduleAnswer},
    snapshot::Current,
};
use crate::{
    keys::{KeySet, Snapshot, SnapshotRef},
    time::{Clocks, UnixTime},
    verify::Wanted,
};

/// What a source and its driver share. The driver holds this and not the handle, or it would keep
/// itself alive.
pub(super) struct Shared {
    pub(super) config: RemoteConfig,
    /// The fetched keys and those that were given.
    pub(super) snapshot: Current,
    pub(super) given: Given,
    /// The end of the stale-if-error limit, in nanoseconds of the monotonic clock and of the wall clock.
    good_until: [AtomicU64; 2],
    /// From this moment on, a reader has to look whether the driver runs.
    attention_at: AtomicU64,
    state: Mutex<State>,
    /// Counts everything that waiting requests may want to know about.
    pub(super) news: watch::Sender<u64>,
    pub(super) waiters: Waiters,
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

/// A request that the keys it saw do not verify.
#[derive(Clone, Copy)]
pub(super) struct Request {
    /// When it arrived, on the monotonic clock.
    pub(super) arrived: Duration,
    /// The generation of the keys that it saw; `None` when there were none.
    pub(super) seen: Option<u64>,
    pub(super) wanted: Wanted,
}

/// A wait that is allowed until a moment of the monotonic clock. The permit is handed over the first
/// time only.
pub(super) struct Permitted {
    pub(super) until: Duration,
    pub(super) permit: Option<Permit>,
}

impl Shared {
    pub(super) fn new(config: RemoteConfig) -> Self {
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
        Self {
            given: Given::new(&config.given),
            config,
            snapshot: Current::default(),
            good_until: Default::default(),
            attention_at: AtomicU64::new(0),
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            waiters,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.config.clock.monotonic()
    }

    pub(super) fn clocks(&self) -> Clocks {
        Clocks::read(&*self.config.clock)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn needs_attention(&self, now: Duration) -> bool {
        nanos(now) >= self.attention_at.load(Ordering::Relaxed)
    }

    pub(super) fn set_attention(&self, at: Duration) {
        self.attention_at.store(nanos(at), Ordering::Relaxed);
    }

    pub(super) fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The keys, as long as there are fetched ones to rely on.
    pub(super) fn live(&self, now: Clocks) -> Option<SnapshotRef> {
        self.is_live(now).then(|| self.snapshot.load())
    }

    /// The limit is read before the keys and written after them: a reader that sees a new limit sees its
    /// keys.
    pub(super) fn is_live(&self, now: Clocks) -> bool {
        let [monotonic, unix] = &self.good_until;
        nanos(now.monotonic) < monotonic.load(Ordering::Acquire)
            && unix_nanos(now.unix) < unix.load(Ordering::Acquire)
    }

    /// Puts what is loaded and what was given, less what is revoked, in place; the new generation when
    /// that changes the keys.
    pub(super) fn publish(&self, state: &State) -> Option<u64> {
        let loaded = state.memory.loaded.as_ref()?;
        let keys = loaded.keys.joined(&self.config.given);
        let next = self.snapshot.load().succeeded_by(state.revoked.remaining(&keys));
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
    pub(super) fn judge(
        self: &Arc<Self>,
        Request { arrived, seen, wanted }: Request,
        held: Option<&Permit>,
    ) -> KeyAnswer<Permitted> {
        let clocks = self.clocks();
        let now = clocks.monotonic;
        // Where nothing can be waited for. A bad signature is evidence enough by itself.
        let without_wait = match wanted {
            Wanted::UnknownKey => KeyAnswer::Unavailable { retry_after: MIN_RETRY_AFTER },
            Wanted::ExchangedKey => KeyAnswer::Lacks,
        };
        let mut state = self.lock();
        let live = self.live(clocks).map(|snapshot| snapshot.generation());
        if live.is_some() && live != seen {
            return KeyAnswer::TryAgain;
        }
        let (until, request) = match state.schedule.judge(wanted, arrived, clocks) {
            ScheduleAnswer::Lacks => return KeyAnswer::Lacks,
            ScheduleAnswer::Unavailable { retry_after } => return KeyAnswer::Unavailable { retry_after },
            ScheduleAnswer::Wait { until, request } => (until, request),
        };
        // Without a driver nothing comes of a request, so nothing is spent on it either.
        if !self.can_drive(&state, now) {
            state.last_error = Some(NoRuntime.into());
            return without_wait;
        }
        let permit = match held {
            Some(_) => None,
            None => match self.waiters.take(self.pool(), wanted) {
                Some(permit) => Some(permit),
                None => return without_wait,
            },
        };
        if let Some(reason) = request {
            state.schedule.request(reason, now);
        }
        drop(state);
        if self.ensure_driver(now).is_err() {
            return without_wait;
        }
        if request.is_some() {
            self.wake_driver();
        }
        KeyAnswer::Wait(Permitted { until, permit })
    }
}

pub(super) fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn unix_nanos(at: UnixTime) -> u64 {
    nanos(at.since(UnixTime::default()))
}
