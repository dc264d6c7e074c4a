//! What a provider remembers between two steps of a login.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand;
use base64_simd::URL_SAFE_NO_PAD;

use super::StateError;
use crate::time::{Clock, SystemClock};

/// How long a user may take for one answer, unless told otherwise.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How many logins may be under way, unless told otherwise: a few MB of small states.
const CAPACITY: usize = 10_000;

/// States of logins that are under way: each is kept for a while, and for one use.
///
/// - An id is 128 random bits in base64url: having one is the right to go on with that login.
/// - [`take`](Self::take) hands a state to the first who asks; an answer that is sent twice, or at
///   the same time from two sides, is judged once. A step that goes on puts the next state, and so
///   gets a new id.
/// - A state that is older than the lifetime is gone, by the monotonic time of the [`Clock`].
/// - When it is full, [`put`](Self::put) refuses.
///
/// Everything is in the memory of this process: several instances have
/// [`SealedStates`](super::SealedStates) instead.
///
/// It counts and expires by itself instead of leaving both to a cache: a cache that is full throws
/// out somebody's login that is under way for everyone who merely starts one, and its clock cannot
/// be driven by ours.
///
/// A cheap handle: clones share the states. `Debug` shows no id and no state.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::identity_provider::States;
///
/// struct PinStep {
///     user: String,
///     tries_left: u32,
/// }
///
/// let states = States::new().lifetime(Duration::from_secs(60)).capacity(1_000);
/// let id = states.put(PinStep { user: "bob".into(), tries_left: 3 })?;
/// let step = states.take(&id).expect("it was put");
/// assert_eq!((step.user.as_str(), step.tries_left), ("bob", 3));
/// assert!(states.take(&id).is_none());
/// # Ok::<(), tower_resource_server::identity_provider::StateError>(())
/// ```
#[must_use]
pub struct States<T> {
    held: Arc<Mutex<Held<T>>>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    capacity: usize,
}

struct Held<T> {
    states: HashMap<String, State<T>>,
    /// The ids by age.
    by_deadline: BTreeMap<Turn, String>,
    next: u64,
}

struct State<T> {
    value: T,
    turn: Turn,
}

/// When a state ends, and a number that tells those of one moment apart.
type Turn = (Duration, u64);

impl<T> States<T> {
    /// 10 000 states of 5 minutes each.
    pub fn new() -> Self {
        let held = Held { states: HashMap::new(), by_deadline: BTreeMap::new(), next: 0 };
        Self {
            held: Arc::new(Mutex::new(held)),
            clock: Arc::new(SystemClock),
            lifetime: LIFETIME,
            capacity: CAPACITY,
        }
    }

    /// How long a state is kept: the time that a user has for one answer. States that are there
    /// already keep the time they were given.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How many states are kept at most. Memory is that many times the size of `T` and some 200
    /// bytes.
    pub const fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Reads time from `clock`; for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Keeps a state, and returns its id.
    ///
    /// # Errors
    /// [`StateError::Full`], and [`StateError::Randomness`].
    pub fn put(&self, value: T) -> Result<String, StateError> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| StateError::Randomness)?;
        let id = URL_SAFE_NO_PAD.encode_to_string(bytes);

        let now = self.clock.monotonic();
        let mut held = self.lock();
        held.forget_until(now);
        if held.states.len() >= self.capacity {
            return Err(StateError::Full);
        }
        let turn = (now.saturating_add(self.lifetime), held.next);
        held.next += 1;
        held.by_deadline.insert(turn, id.clone());
        held.states.insert(id.clone(), State { value, turn });
        Ok(id)
    }

    /// Hands out a state, once. `None`: there is none of that id, it was taken, or its time is over.
    #[must_use]
    pub fn take(&self, id: &str) -> Option<T> {
        let now = self.clock.monotonic();
        let mut held = self.lock();
        held.forget_until(now);
        let State { value, turn } = held.states.remove(id)?;
        held.by_deadline.remove(&turn);
        Some(value)
    }

    /// How many states there are; those whose time is over do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        let now = self.clock.monotonic();
        let mut held = self.lock();
        held.forget_until(now);
        held.states.len()
    }

    /// Whether no login is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing panics while it is held, short of a state's own `Drop`.
    fn lock(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Held<T> {
    fn forget_until(&mut self, now: Duration) {
        while let Some(oldest) = self.by_deadline.first_entry()
            && oldest.key().0 <= now
        {
            let id = oldest.remove();
            self.states.remove(&id);
        }
    }
}

impl<T> Default for States<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for States<T> {
    fn clone(&self) -> Self {
        let Self { held, clock, lifetime, capacity } = self;
        Self { held: Arc::clone(held), clock: Arc::clone(clock), lifetime: *lifetime, capacity: *capacity }
    }
}

impl<T> fmt::Debug for States<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lifetime, capacity, .. } = self;
        f.debug_struct("States")
            .field("lifetime", lifetime)
            .field("capacity", capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;
    use crate::test_util::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn states(clock: &ManualClock) -> States<u32> {
        States::new().clock(clock.clone()).lifetime(60 * SECOND).capacity(3)
    }

    #[test]
    fn a_state_is_there_once_and_under_its_own_id_only() {
        let states = states(&ManualClock::default());
        let (one, two) = (states.put(1).unwrap(), states.put(2).unwrap());
        for unknown in ["", "x", &one[1..], &format!("{one} "), &one.to_lowercase()] {
            assert_eq!(states.take(unknown), None, "{unknown:?}");
        }
        assert_eq!((states.take(&two), states.take(&one)), (Some(2), Some(1)));
        assert_eq!((states.take(&two), states.take(&one)), (None, None));
        assert!(states.is_empty() && states.lock().by_deadline.is_empty());
    }

    #[test]
    fn its_time_ends_with_the_lifetime_and_not_before() {
        let clock = ManualClock::default();
        let states = states(&clock);
        let (kept, lost) = (states.put(1).unwrap(), states.put(2).unwrap());
        clock.advance(60 * SECOND - Duration::from_nanos(1));
        assert_eq!(states.take(&kept), Some(1));
        clock.advance(Duration::from_nanos(1));
        assert_eq!((states.take(&lost), states.len()), (None, 0));
        assert!(states.lock().by_deadline.is_empty());
    }

    #[test]
    fn a_stepped_wall_clock_changes_nothing() {
        let clock = ManualClock::default();
        let states = states(&clock);
        let id = states.put(1).unwrap();
        clock.set_unix(crate::time::UnixTime::from_secs(9_999_999_999));
        assert_eq!(states.take(&id), Some(1));
    }

    #[test]
    fn when_it_is_full_it_refuses_and_forgets_no_login() {
        let clock = ManualClock::default();
        let states = states(&clock);
        let first = states.put(0).unwrap();
        clock.advance(30 * SECOND);
        let later: Vec<_> = (1..3).map(|n| states.put(n).unwrap()).collect();
        assert_eq!(states.put(9), Err(StateError::Full));

        // A place that is given back, and one whose time is over, can be had again.
        assert_eq!(states.take(&later[0]), Some(1));
        let replaced = states.put(3).unwrap();
        assert_eq!(states.put(9), Err(StateError::Full));
        clock.advance(30 * SECOND);
        assert_eq!(states.take(&first), None);
        let last = states.put(4).unwrap();
        for (id, value) in [(&later[1], 2), (&replaced, 3), (&last, 4)] {
            assert_eq!(states.take(id), Some(value));
        }
    }

    #[test]
    fn many_steps_leave_nothing_behind() {
        let states = states(&ManualClock::default());
        for n in 0..1000 {
            let id = states.put(n).unwrap();
            assert_eq!(states.take(&id), Some(n));
        }
        let held = states.lock();
        assert_eq!((held.states.len(), held.by_deadline.len()), (0, 0));
    }

    #[test]
    fn of_many_who_take_at_once_one_gets_it() {
        let states = states(&ManualClock::default());
        let id = states.put(7).unwrap();
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let (states, id) = (states.clone(), id.clone());
                thread::spawn(move || states.take(&id))
            })
            .collect();
        let got: Vec<_> = takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect();
        assert_eq!(got, [7]);
    }

    #[test]
    fn ids_have_128_bits_and_differ() {
        let states = States::new();
        let ids: HashSet<_> = (0..1000).map(|n| states.put(n).unwrap()).collect();
        assert!(ids.len() == 1000 && ids.iter().all(|id| id.len() == 22));
        let debug = format!("{states:?}");
        assert!(ids.iter().all(|id| !debug.contains(id.as_str())), "{debug}");
    }
}
