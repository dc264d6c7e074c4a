//! A clock that moves only when a test moves it.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use crate::time::{Clock, Sleep, UnixTime};

/// A [`Clock`] that stands still until it is told to move.
///
/// Clones share one clock. The wall clock can be set to any moment, back as well as forth, without
/// touching the monotonic one: that is what a stepped system clock looks like. A task that sleeps on
/// the clock is woken by [`advance`](Self::advance), in the order of the deadlines.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::{test_util::ManualClock, time::{Clock, UnixTime}};
///
/// let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.unix().as_secs(), 1_700_000_060);
/// assert_eq!(clock.monotonic(), Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    unix: UnixTime,
    monotonic: Duration,
    next_sleeper: u64,
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    id: u64,
    deadline: Duration,
    waker: Waker,
}

impl ManualClock {
    /// A clock at `unix`, its monotonic time zero.
    #[must_use]
    pub fn new(unix: UnixTime) -> Self {
        let state = State { unix, monotonic: Duration::ZERO, next_sleeper: 0, sleepers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Moves both clocks forward and wakes every sleeper whose deadline has come.
    pub fn advance(&self, by: Duration) {
        let mut due = {
            let mut state = self.lock();
            state.monotonic = state.monotonic.saturating_add(by);
            state.unix = state.unix.saturating_add(by);
            let now = state.monotonic;
            let (due, rest) = state.sleepers.drain(..).partition::<Vec<_>, _>(|it| it.deadline <= now);
            state.sleepers = rest;
            due
        };
        due.sort_by_key(|it| (it.deadline, it.id));
        // Outside the lock: a waker may run the sleeper at once, and that one reads the clock.
        for sleeper in due {
            sleeper.waker.wake();
        }
    }

    /// Steps the wall clock to `unix`; monotonic time and sleepers notice nothing.
    pub fn set_unix(&self, unix: UnixTime) {
        self.lock().unix = unix;
    }

    /// Moves forward to the earliest deadline somebody sleeps for and returns that deadline; `None`
    /// when no task sleeps.
    pub fn advance_to_next_sleeper(&self) -> Option<Duration> {
        let (deadline, now) = {
            let state = self.lock();
            (state.sleepers.iter().map(|it| it.deadline).min()?, state.monotonic)
        };
        self.advance(deadline.saturating_sub(now));
        Some(deadline)
    }

    /// How many sleepers wait at this moment.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    /// A clock at 2023-11-14T22:13:20Z, which is 1 700 000 000 seconds after the epoch.
    fn default() -> Self {
        Self::new(UnixTime::from_secs(1_700_000_000))
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualClock")
            .field("unix", &state.unix)
            .field("monotonic", &state.monotonic)
            .field("sleepers", &state.sleepers.len())
            .finish()
    }
}

impl Clock for ManualClock {
    fn unix(&self) -> UnixTime {
        self.lock().unix
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    fn sleep_until(&self, deadline: Duration) -> Sleep {
        let mut sleeping = Sleeping { clock: self.clone(), id: None };
        Box::pin(poll_fn(move |cx| sleeping.poll(deadline, cx.waker())))
    }
}

/// One sleep; takes itself off the list when it is dropped before its time.
struct Sleeping {
    clock: ManualClock,
    id: Option<u64>,
}

impl Sleeping {
    fn poll(&mut self, deadline: Duration, waker: &Waker) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.monotonic >= deadline {
            return Poll::Ready(());
        }
        let id = *self.id.get_or_insert_with(|| {
            state.next_sleeper += 1;
            state.next_sleeper
        });
        match state.sleepers.iter_mut().find(|it| it.id == id) {
            Some(sleeper) => sleeper.waker.clone_from(waker),
            None => state.sleepers.push(Sleeper { id, deadline, waker: waker.clone() }),
        }
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.lock().sleepers.retain(|it| it.id != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Wake},
    };

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_sleeper_wakes_at_its_deadline_and_not_before() {
        let clock = ManualClock::default();
        let wakes = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut sleep = clock.sleep_until(Duration::from_secs(10));

        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        clock.advance(Duration::from_secs(9));
        assert_eq!((wakes.0.load(Ordering::Relaxed), clock.sleepers()), (0, 1));
        clock.advance(Duration::from_secs(1));
        assert_eq!((wakes.0.load(Ordering::Relaxed), clock.sleepers()), (1, 0));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn a_dropped_sleeper_is_forgotten() {
        let clock = ManualClock::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut sleep = clock.sleep_until(Duration::from_secs(10));
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        drop(sleep);
        assert_eq!((clock.sleepers(), clock.advance_to_next_sleeper()), (0, None));
    }

    #[test]
    fn a_stepped_wall_clock_leaves_monotonic_time_alone() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(5));
        clock.set_unix(UnixTime::from_secs(1));
        assert_eq!((clock.unix().as_secs(), clock.monotonic()), (1, Duration::from_secs(5)));
    }
}
