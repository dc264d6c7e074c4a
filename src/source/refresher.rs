//! The driver: one spawned task per source that does what the [`Schedule`](super::schedule) says.
//!
//! It starts at first use, because a server is built before its runtime runs and may outlive it. A
//! driver whose runtime is gone, or that panicked, says so as it is dropped; one whose runtime is
//! merely not running any more is overdue. Either way the next request starts another, on its own
//! runtime, and what the old one may still bring is ignored.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};

use super::{
    NoRuntime, RefreshError, SourceState,
    load::{Found, Load, Lookup},
    schedule::{FetchReason, NextStep, Success},
    shared::{Shared, State},
    tenants::OnDemand,
};
use crate::{
    keys::{KeySet, reasons},
    metrics,
    net::before,
};

/// The task that refreshes a source.
pub(super) struct Driver {
    id: u64,
    wake: Arc<Notify>,
    /// Known once it is spawned.
    task: Option<AbortHandle>,
    /// From this moment on it is taken to hang.
    overdue_at: Duration,
}

impl Driver {
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn runs(&self, now: Duration) -> bool {
        now < self.overdue_at && !self.task.as_ref().is_some_and(AbortHandle::is_finished)
    }
}

impl Shared {
    /// Whether there is a driver, or could be one.
    pub(super) fn can_drive(&self, state: &State, now: Duration) -> bool {
        state.driver.as_ref().is_some_and(|driver| driver.runs(now)) || Handle::try_current().is_ok()
    }

    /// Starts a driver on the current runtime when none runs.
    pub(super) fn ensure_driver(self: &Arc<Self>, now: Duration) -> Result<(), NoRuntime> {
        let (id, wake, replaced) = {
            let mut state = self.lock();
            if state.driver.as_ref().is_some_and(|driver| driver.runs(now)) {
                return Ok(());
            }
            if Handle::try_current().is_err() {
                state.last_error = Some(NoRuntime.into());
                return Err(NoRuntime);
            }
            state.drivers += 1;
            let (id, wake) = (state.drivers, Arc::new(Notify::new()));
            let overdue_at = self.overdue_at(now);
            let driver = Driver { id, wake: Arc::clone(&wake), task: None, overdue_at };
            let replaced = state.driver.replace(driver);
            state.schedule.abandoned();
            self.set_attention(overdue_at);
            (id, wake, replaced)
        };
        if let Some(task) = replaced.and_then(|driver| driver.task) {
            task.abort();
        }
        // Not under the lock: a runtime that shuts down drops the future at once, and its watch
        // takes the lock.
        let watch = Watch { shared: Arc::clone(self), id };
        let handle = Handle::try_current().map_err(|_| NoRuntime)?;
        let task = handle.spawn(drive(watch, wake)).abort_handle();
        match &mut self.lock().driver {
            Some(driver) if driver.id == id => {
                driver.task = Some(task);
                Ok(())
            }
            // The runtime is shutting down and has dropped it.
            _ => {
                task.abort();
                Err(NoRuntime)
            }
        }
    }

    pub(super) fn wake_driver(&self) {
        if let Some(driver) = &self.lock().driver {
            driver.wake();
        }
    }

    pub(super) fn end_driver(&self) {
        let driver = self.lock().driver.take();
        if let Some(task) = driver.and_then(|driver| driver.task) {
            task.abort();
        }
    }

    /// When a driver that plans to act at `next` is taken to hang: a fetch takes up to its deadline,
    /// and a runtime may be busy that long again.
    fn overdue_at(&self, next: Duration) -> Duration {
        next.saturating_add(self.config.settings.fetch_timeout.saturating_mul(2))
    }

    /// Takes in the result of a fetch.
    fn finish(&self, id: u64, result: Result<Found, RefreshError>) {
        let jitter = (self.config.jitter)();
        let (report, skipped, age) = {
            let mut state = self.lock();
            if state.driver.as_ref().is_none_or(|driver| driver.id != id) {
                return;
            }
            let clocks = self.clocks();
            let now = clocks.monotonic;
            let before = state.memory.loaded.as_ref().map(|loaded| Arc::clone(&loaded.keys));
            let report = match result {
                Ok(found) => self.take_in(&mut state, found, now, jitter),
                Err(error) => {
                    state.schedule.failed(now, error.retry_after(), jitter);
                    state.last_error = Some(error.clone());
                    Refreshed::Failed(error)
                }
            };
            let loaded = state.memory.loaded.as_ref().map(|loaded| Arc::clone(&loaded.keys));
            let skipped = loaded.filter(|new| news_of_skipped(before.as_deref(), new));
            (report, skipped, state.schedule.good_since().map(|since| clocks.since(since)))
        };
        let name = &self.config.name;
        // The ages of tenants have one name, and would only overwrite each other.
        metrics::fetched(name, report.outcome(), age.filter(|_| self.config.on_demand.is_none()));
        match report {
            Refreshed::Changed { generation, keys } => {
                tracing::info!(issuer = %name, generation, keys, "the issuer's keys have changed");
            }
            Refreshed::Unchanged => tracing::debug!(issuer = %name, "the issuer's keys have not changed"),
            Refreshed::Failed(error) => tracing::warn!(issuer = %name, %error, "a key refresh failed"),
        }
        if let Some(skipped) = skipped {
            let (count, because) = (skipped.skipped().len(), reasons(skipped.skipped()));
            tracing::info!(issuer = %name, skipped = count, because, "keys of the issuer cannot be used");
        }
        self.tell_state();
        self.tell();
    }

    fn take_in(&self, state: &mut State, found: Found, now: Duration, jitter: f64) -> Refreshed {
        let old = state.memory.loaded.as_ref().map(|loaded| Arc::clone(&loaded.keys));
        let new = found.memory.loaded.as_ref().map(|loaded| Arc::clone(&loaded.keys));
        let changed = match (&old, &new) {
            (Some(old), Some(new)) => !old.has_same_keys(new),
            _ => true,
        };
        let found_new_key = new.as_ref().is_some_and(|new| {
            let usable = state.revoked.remaining(new);
            !is_known(&usable, old.as_deref(), state.previous.as_deref())
        });
        if changed {
            state.previous = old;
        }
        state.memory = found.memory;
        state.last_error = None;
        state.schedule.succeeded(now, Success { freshness: found.freshness, found_new_key }, jitter);
        match self.publish(state) {
            Some(generation) => {
                Refreshed::Changed { generation, keys: new.as_ref().map_or(0, |keys| keys.len()) }
            }
            None => Refreshed::Unchanged,
        }
    }

    /// Tells of a change of state, once.
    fn tell_state(&self) {
        let (was, is) = {
            let mut state = self.lock();
            let is = state.schedule.state(self.clocks());
            (std::mem::replace(&mut state.told, is), is)
        };
        if was == is {
            return;
        }
        let name = &self.config.name;
        match is {
            SourceState::Stale | SourceState::Dead | SourceState::Empty => {
                tracing::warn!(issuer = %name, from = %was, to = %is, "the key source is degraded");
            }
            _ => tracing::info!(issuer = %name, from = %was, to = %is, "the key source changed state"),
        }
    }
}

enum Refreshed {
    Changed { generation: u64, keys: usize },
    Unchanged,
    Failed(RefreshError),
}

impl Refreshed {
    /// Its name in metrics.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed(_) => "failed",
        }
    }
}

/// Whether a set passes entries over that the one before it did not.
fn news_of_skipped(old: Option<&KeySet>, new: &KeySet) -> bool {
    !new.skipped().is_empty() && old.is_none_or(|old| old.skipped() != new.skipped())
}

/// Whether every key was in one of the last two sets.
///
/// The set before the current one counts too: replicas that take turns with an old and a new set
/// would otherwise earn a fetch with each turn.
fn is_known(keys: &KeySet, current: Option<&KeySet>, previous: Option<&KeySet>) -> bool {
    let holds = |set: Option<&KeySet>, key| set.is_some_and(|set| set.holds(key));
    keys.iter().all(|key| holds(current, key) || holds(previous, key))
}

/// Whether a source that was made on demand needs no refresher for now: it is not used, or its
/// first fetch failed. The next request starts another.
fn is_over(source: &OnDemand, state: &State, now: Duration) -> bool {
    let unused = source.is_idle(now) && now >= state.schedule.due();
    state.schedule.has_given_up() || (unused && !state.schedule.is_fetching())
}

/// Where a fetch for this reason looks, after so many failures in a row.
const fn lookup(reason: FetchReason, failures: u32) -> Lookup {
    match reason {
        _ if failures % 2 == 1 => Lookup::AfterFailure,
        FetchReason::UnknownKey | FetchReason::Asked => Lookup::ForUnknownKey,
        // A key that is exchanged under its name is where it was.
        FetchReason::Due | FetchReason::BadSignature => Lookup::Scheduled,
    }
}

async fn drive(watch: Watch, wake: Arc<Notify>) {
    let shared = &watch.shared;
    let config = &shared.config;
    loop {
        let clocks = shared.clocks();
        let now = clocks.monotonic;
        let (step, memory, failures) = {
            let mut state = shared.lock();
            if config.on_demand.as_ref().is_some_and(|source| is_over(source, &state, now)) {
                return;
            }
            // Before the schedule takes a step: one that was replaced must not leave a fetch behind
            // that is not made.
            if state.driver.as_ref().is_none_or(|driver| driver.id != watch.id) {
                return;
            }
            let step = state.schedule.step(clocks);
            let memory = state.memory.clone();
            let next = match step {
                NextStep::Fetch(_) => now,
                NextStep::SleepUntil(until) => until,
            };
            let overdue_at = shared.overdue_at(next);
            if let Some(driver) = &mut state.driver {
                driver.overdue_at = overdue_at;
            }
            shared.set_attention(overdue_at);
            (step, memory, state.schedule.failures())
        };
        let reason = match step {
            NextStep::Fetch(reason) => reason,
            NextStep::SleepUntil(until) => {
                before(config.clock.sleep_until(until), wake.notified()).await;
                continue;
            }
        };
        let load = Load {
            client: &*config.client,
            clock: &*config.clock,
            location: &config.location,
            settings: &config.settings,
            deadline: now.saturating_add(config.settings.fetch_timeout),
            memory,
            lookup: lookup(reason, failures),
        };
        let result = load.run().await;
        shared.finish(watch.id, result);
    }
}

/// Notices the end of a driver, however it comes.
struct Watch {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let jitter = (self.shared.config.jitter)();
        {
            let mut state = self.shared.lock();
            match &state.driver {
                Some(driver) if driver.id == self.id => state.driver = None,
                // Replaced, or its source is gone.
                _ => return,
            }
            if std::thread::panicking() {
                let now = self.shared.now();
                state.schedule.failed(now, None, jitter);
                state.last_error = Some(RefreshError::Panicked);
            } else {
                state.schedule.abandoned();
            }
        }
        self.shared.set_attention(Duration::ZERO);
        self.shared.tell();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin, task::Waker};

    use super::*;
    use crate::{
        net::{Body, HttpClient, HttpFuture, Limits, SourceUrl},
        source::{IssuerCounts, KeyLocation, RefreshSettings, RemoteConfig, RemoteKeys, WaiterPools},
        test_util::ManualClock,
    };

    struct Silent;

    impl HttpClient for Silent {
        fn send(&self, _: http::Request<Body>, _: Limits) -> HttpFuture<'_> {
            Box::pin(pending())
        }
    }

    #[test]
    fn a_driver_that_was_replaced_leaves_no_fetch_behind() {
        for (name, own, fetches) in [("replaced", 1, false), ("in charge", 2, true)] {
            let keys = RemoteKeys::new(RemoteConfig {
                name: "https://login.example".into(),
                location: KeyLocation::Jwks(SourceUrl::parse("https://login.example/jwks", false).unwrap()),
                client: Arc::new(Silent),
                clock: Arc::new(ManualClock::default()),
                settings: RefreshSettings::default(),
                given: KeySet::default(),
                pools: WaiterPools::new(IssuerCounts { configured: 1, ..IssuerCounts::default() }),
                on_demand: None,
                jitter: || 0.5,
            });
            let wake = Arc::new(Notify::new());
            let current = Driver { id: 2, wake: Arc::clone(&wake), task: None, overdue_at: Duration::MAX };
            keys.shared.lock().driver = Some(current);

            let watch = Watch { shared: Arc::clone(&keys.shared), id: own };
            let mut driver = pin!(drive(watch, wake));
            let polled = driver.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
            assert_eq!(polled.is_pending(), fetches, "{name}");
            assert_eq!(keys.shared.lock().schedule.is_fetching(), fetches, "{name}");
        }
    }
}
