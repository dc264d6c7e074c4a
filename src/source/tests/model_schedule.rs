//! The schedule alone under random events, against what may be said of it from outside.

use proptest::{collection::vec, prelude::*};

use super::{
    super::schedule::{FetchReason, NextStep, Schedule, ScheduleAnswer, Success},
    *,
};

/// With the default settings.
const STALE_IF_ERROR: Duration = secs(6 * 3600);
/// The longest back-off, and what jitter adds to it.
const LONGEST_RETRY: Duration = secs(66);

#[derive(Clone, Debug)]
enum Event {
    Passes(u64),
    /// The wall clock alone: the machine was suspended, or the clock was set.
    WallClock(u64),
    /// Requests with unknown keys arrive; each is asked again with everything that happens.
    Arrive,
    /// A request with a bad signature under a key that is there; the same.
    ArriveForged,
    Succeeds {
        freshness: Option<u64>,
        found_new_key: bool,
    },
    Fails {
        retry_after: Option<u64>,
    },
    Asked,
    RuntimeEnds,
}

fn events() -> impl Strategy<Value = Vec<(Event, f64)>> {
    let millis = prop_oneof![0..2_500_u64, 0..90_000_u64, 200_000..2_000_000_u64, 20_000_000..30_000_000_u64];
    let freshness = prop::option::of(0..4_000_u64);
    let wall = prop_oneof![0..100_000_u64, 0..4_000_000_000_u64];
    let event = prop_oneof![
        6 => millis.prop_map(Event::Passes),
        1 => wall.prop_map(Event::WallClock),
        6 => Just(Event::Arrive),
        3 => Just(Event::ArriveForged),
        4 => (freshness, any::<bool>()).prop_map(|(freshness, found_new_key)| Event::Succeeds { freshness, found_new_key }),
        3 => prop::option::of(0..300_u64).prop_map(|retry_after| Event::Fails { retry_after }),
        1 => Just(Event::Asked),
        1 => Just(Event::RuntimeEnds),
    ];
    vec((event, 0.0..1.0), 1..150)
}

/// What an onlooker notes down.
struct Model {
    schedule: Schedule,
    now: Duration,
    wall: UnixTime,
    /// The fetch under way, when it began by the wall clock, and why it is made.
    flight: Option<(Duration, UnixTime, FetchReason)>,
    /// The start of the last fetch that succeeded, and the end of the freshness it brought.
    good: Option<(Duration, Duration)>,
    /// The same start by the wall clock.
    good_wall: UnixTime,
    /// From when on the schedule may fetch of itself.
    due_from: Duration,
    /// Requests that still have no answer.
    waiting: Vec<(Duration, Wanted)>,
    fetches: u64,
    /// Fetches that neither unknown keys nor bad signatures answer for.
    others: u64,
    /// Fetches that bad signatures caused.
    forged: u64,
    found_new_key: u64,
    abandoned: bool,
}

impl Model {
    fn new() -> Self {
        Self {
            schedule: Schedule::new(RefreshSettings::default().refetch_on_bad_signature(true)),
            now: secs(1000),
            wall: UnixTime::from_secs(50_000),
            flight: None,
            good: None,
            good_wall: UnixTime::default(),
            due_from: Duration::ZERO,
            waiting: Vec::new(),
            fetches: 0,
            others: 0,
            forged: 0,
            found_new_key: 0,
            abandoned: false,
        }
    }

    fn happens(&mut self, event: &Event, jitter: f64) {
        match event {
            Event::Passes(millis) => {
                self.now += Duration::from_millis(*millis);
                self.wall = self.wall.saturating_add(Duration::from_millis(*millis));
            }
            Event::WallClock(unix) => self.wall = UnixTime::from_secs(*unix),
            Event::Arrive => self.waiting.push((self.now, Wanted::UnknownKey)),
            Event::ArriveForged => self.waiting.push((self.now, Wanted::ExchangedKey)),
            // The driver gives up on a fetch that takes longer.
            Event::Succeeds { .. } if self.flight.is_some_and(|(since, ..)| self.now > since + secs(5)) => {
                self.fails(None, jitter);
            }
            Event::Succeeds { freshness, found_new_key } => {
                self.succeeds(freshness.map(secs), *found_new_key, jitter)
            }
            Event::Fails { retry_after } => self.fails(retry_after.map(secs), jitter),
            Event::Asked => self.schedule.request(FetchReason::Asked, self.now),
            Event::RuntimeEnds => {
                self.schedule.abandoned();
                self.abandoned |= self.flight.take().is_some();
            }
        }
        self.answer_requests();
        self.drive();
        self.check_state();
    }

    fn succeeds(&mut self, freshness: Option<Duration>, found_new_key: bool, jitter: f64) {
        let success = Success { freshness, found_new_key };
        self.schedule.succeeded(self.now, success, jitter);
        let Some((started, wall, reason)) = self.flight.take() else { return };
        self.good_wall = wall;
        let freshness = freshness.unwrap_or(secs(300)).clamp(secs(60), secs(900));
        self.good = Some((started, started + freshness));
        // Ten percent of jitter either way, ahead of the end.
        self.due_from = (started + freshness.mul_f64(0.8)).max(self.now + secs(1));
        self.found_new_key += u64::from(found_new_key && reason == FetchReason::UnknownKey);
    }

    fn fails(&mut self, retry_after: Option<Duration>, jitter: f64) {
        self.schedule.failed(self.now, retry_after, jitter);
        if self.flight.take().is_some() {
            // The shortest back-off, and the most that jitter takes off it.
            self.due_from = self.now + Duration::from_millis(900);
        }
    }

    fn clocks(&self) -> Clocks {
        Clocks { monotonic: self.now, unix: self.wall }
    }

    fn is_live(&self) -> bool {
        let by_wall = self.wall.since(self.good_wall) < STALE_IF_ERROR;
        self.good.is_some_and(|(started, _)| self.now < started + STALE_IF_ERROR) && by_wall
    }

    fn answer_requests(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting = waiting.into_iter().filter(|request| !self.is_answered(*request)).collect();
    }

    /// Judges one request, which must be told nothing that it may not be told.
    fn is_answered(&mut self, (arrived, wanted): (Duration, Wanted)) -> bool {
        let budget = self.schedule.budget_left(self.now);
        match self.schedule.judge(wanted, arrived, self.clocks()) {
            // The bad signature is evidence by itself.
            ScheduleAnswer::Lacks if wanted == Wanted::ExchangedKey => true,
            ScheduleAnswer::Lacks => {
                let (started, _) = self.good.expect("refused without a single good fetch");
                assert!(self.is_live(), "refused past the stale-if-error limit");
                let is_recent = budget == 0 && self.now <= started + secs(10);
                assert!(started >= arrived || is_recent, "refused without evidence");
                true
            }
            ScheduleAnswer::Unavailable { retry_after } => {
                assert_eq!(wanted, Wanted::UnknownKey, "a bad signature is refused");
                assert!((secs(1)..=LONGEST_RETRY).contains(&retry_after), "{retry_after:?}");
                assert!(!self.good.is_some_and(|(started, _)| started >= arrived && self.is_live()));
                true
            }
            ScheduleAnswer::Wait { until, request } => {
                let longest = if self.is_live() { secs(1) } else { secs(2) };
                assert!(self.now < until && until == arrived + longest, "waits until {until:?}");
                if let Some(reason) = request {
                    let expected = match wanted {
                        Wanted::ExchangedKey => FetchReason::BadSignature,
                        Wanted::UnknownKey if self.is_live() => FetchReason::UnknownKey,
                        Wanted::UnknownKey => FetchReason::Due,
                    };
                    assert_eq!(reason, expected);
                    assert!(self.flight.is_none(), "a second fetch is requested while one is under way");
                    self.schedule.request(reason, self.now);
                }
                let is_coming = self.flight.is_some() || self.drive();
                assert!(is_coming, "a request waits, and no fetch comes of it");
                false
            }
        }
    }

    /// What the driver does; true when a fetch begins.
    fn drive(&mut self) -> bool {
        let dead = self.good.is_some() && !self.is_live();
        match self.schedule.step(self.clocks()) {
            NextStep::Fetch(reason) => {
                assert!(self.flight.is_none(), "two fetches at a time");
                let again = std::mem::take(&mut self.abandoned);
                // Keys that the wall clock ended are due at once.
                if reason == FetchReason::Due && !again && !dead {
                    assert!(self.now >= self.due_from, "{:?} too early", self.due_from - self.now);
                }
                match reason {
                    FetchReason::BadSignature if !again => self.forged += 1,
                    FetchReason::UnknownKey if !again => {}
                    _ => self.others += 1,
                }
                self.fetches += 1;
                self.flight = Some((self.now, self.wall, reason));
                true
            }
            NextStep::SleepUntil(until) => {
                assert!(until > self.now, "the driver would spin");
                assert!(self.flight.is_some() || until <= self.now + secs(15 * 60), "it sleeps too long");
                false
            }
        }
    }

    fn check_state(&self) {
        let fetching = self.flight.is_some();
        let expected = match self.good {
            None if fetching => SourceState::Loading,
            None => SourceState::Empty,
            Some(_) if !self.is_live() => SourceState::Dead,
            Some((_, fresh_until)) if self.now >= fresh_until => SourceState::Stale,
            Some(_) if fetching => SourceState::Refreshing,
            Some(_) => SourceState::Fresh,
        };
        assert_eq!(self.schedule.state(self.clocks()), expected);
        let intervals = (self.now - secs(1000)).as_nanos().div_ceil(secs(10).as_nanos());
        let minutes =
            u64::try_from((self.now - secs(1000)).as_nanos().div_ceil(secs(60).as_nanos())).unwrap();
        assert!(self.forged <= 1 + minutes, "{} fetches for bad signatures", self.forged);
        let bound = 5 + u64::try_from(intervals).unwrap() + self.found_new_key + self.others + self.forged;
        assert!(self.fetches <= bound, "{} fetches, at most {bound}", self.fetches);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_schedule_keeps_its_word(events in events()) {
        let mut model = Model::new();
        for (event, jitter) in events {
            model.happens(&event, jitter);
        }
    }
}

/// A flood, as fast as it may come, against a provider that answers at once.
#[test]
fn the_formula_holds_over_every_stretch_of_a_flood() {
    let mut model = Model::new();
    let mut seen = Vec::new();
    for _ in 0..5_000 {
        model.happens(&Event::Passes(97), 0.5);
        model.happens(&Event::Arrive, 0.5);
        model.happens(&Event::Succeeds { freshness: None, found_new_key: false }, 0.5);
        seen.push((model.now, model.fetches - model.others));
    }
    for (n, (from, before)) in seen.iter().enumerate().step_by(50) {
        for (to, after) in &seen[n..] {
            let bound = 5 + (*to - *from).as_nanos().div_ceil(secs(10).as_nanos());
            assert!(u128::from(after - before) <= bound, "{} in {:?}", after - before, *to - *from);
        }
    }
}
