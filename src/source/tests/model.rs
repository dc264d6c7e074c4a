//! The whole source under random events: a provider that rotates, fails, hangs and answers slowly,
//! requests, floods, revocations and clock jumps, against what a plain onlooker knows.
//!
//! The onlooker keeps a list of what the provider handed over and when, and derives from it alone
//! what each request may have been told.

use std::collections::{BTreeSet, HashSet};

use proptest::{collection::vec, prelude::*};

use super::*;

const STALE_IF_ERROR: Duration = secs(6 * 3600);
/// How long the slowest request waits.
const LONGEST_WAIT: Duration = secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Up,
    Refuses,
    /// Answers 503 with `Retry-After`.
    Busy,
    Hangs,
    Html,
    EmptySet,
}

#[derive(Clone, Debug)]
enum Event {
    Passes(u64),
    /// A request with a token of one of the keys that ever were; the number counts from the newest.
    Request(u8),
    /// Requests with keys that never were.
    Flood(u8),
    /// A new key takes the place of the oldest.
    RotateAbruptly,
    PublishAhead,
    RetireOldest,
    Provider(Mode),
    /// While the gate is shut, answers are under way and do not arrive.
    Gate(bool),
    MaxAge(Option<u64>),
    Revoke(u8),
    WallClock(u64),
    RefreshNow,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Event::*;
    let millis = prop_oneof![4 => 0..3_000_u64, 3 => 0..90_000_u64, 3 => 60_000..1_000_000_u64, 1 => 3_600_000..25_000_000_u64];
    let mode = prop_oneof![
        6 => Just(Mode::Up),
        1 => Just(Mode::Refuses),
        1 => Just(Mode::Busy),
        1 => Just(Mode::Hangs),
        1 => Just(Mode::Html),
        1 => Just(Mode::EmptySet),
    ];
    let event = prop_oneof![
        12 => millis.prop_map(Passes),
        12 => (0..4_u8).prop_map(Request),
        4 => (1..20_u8).prop_map(Flood),
        3 => Just(RotateAbruptly),
        3 => Just(PublishAhead),
        2 => Just(RetireOldest),
        4 => mode.prop_map(Provider),
        2 => prop_oneof![1 => Just(false), 2 => Just(true)].prop_map(Gate),
        1 => prop::option::of(0..4_000_u64).prop_map(MaxAge),
        1 => (0..4_u8).prop_map(Revoke),
        1 => (0..4_000_000_000_u64).prop_map(WallClock),
        1 => Just(RefreshNow),
    ];
    vec(event, 1..100)
}

type Keys = BTreeSet<u8>;

/// A fetch, as the provider saw it.
#[derive(Clone, Debug)]
struct Fetched {
    started: Duration,
    /// The same by the wall clock.
    wall: UnixTime,
    ended: Option<Duration>,
    /// The keys that were handed over, and for how long they were said to be fresh.
    good: Option<(Keys, Duration)>,
    /// Asked for by the application.
    asked: bool,
    /// Brought a key that neither of the two sets before it had.
    found_new_key: bool,
}

struct Script {
    mode: Mode,
    max_age: Option<Duration>,
    published: Keys,
    log: Vec<Fetched>,
    revoked: Keys,
    /// Calls of `refresh_now` that no fetch has answered for yet.
    asked: usize,
    broken: Vec<String>,
}

/// The provider, and the onlooker's list.
#[derive(Clone)]
struct World {
    clock: ManualClock,
    script: Arc<Mutex<Script>>,
    gate: watch::Sender<bool>,
}

impl World {
    fn with<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap())
    }

    async fn answer(&self) -> Result<Response<Body>, HttpError> {
        let (now, wall) = (self.clock.monotonic(), self.clock.unix());
        // What is sent is decided when the request arrives, and may be old when it gets there.
        let (number, mode, published, max_age) = self.with(|script| {
            let asked = std::mem::take(&mut script.asked) > 0;
            script.log.push(Fetched {
                started: now,
                wall,
                ended: None,
                good: None,
                asked,
                found_new_key: false,
            });
            (script.log.len() - 1, script.mode, script.published.clone(), script.max_age)
        });
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
        if mode == Mode::Hangs {
            std::future::pending::<()>().await;
        }
        let names: Vec<_> = published.iter().map(|n| (format!("k{n}"), *n)).collect();
        let set: Vec<_> = names.iter().map(|(kid, n)| (kid.as_str(), *n)).collect();
        let now = self.clock.monotonic();
        self.with(|script| {
            if mode == Mode::Up {
                let before: Vec<_> = script.sets().collect();
                let is_known =
                    |key| script.revoked.contains(key) || before.iter().take(2).any(|set| set.contains(key));
                let found_new_key = !published.iter().all(is_known);
                let freshness = max_age.unwrap_or(secs(300)).clamp(secs(60), secs(900));
                script.log[number].good = Some((published.clone(), freshness));
                script.log[number].found_new_key = found_new_key;
            }
            script.log[number].ended = Some(now);
        });
        let document = match mode {
            Mode::Up => jwks(&set),
            Mode::Html => "<html>maintenance</html>".to_owned(),
            Mode::EmptySet => r#"{"keys":[]}"#.to_owned(),
            Mode::Busy => return Ok(busy(30)),
            Mode::Refuses | Mode::Hangs => return Err(HttpError::Connect),
        };
        Ok(FetchResponse { max_age, ..FetchResponse::document(document) }.into())
    }

    /// Judges what a request was told at this moment.
    fn judge(&self, key: u8, arrived: Duration, outcome: &Outcome) {
        let (now, wall) = (self.clock.monotonic(), self.clock.unix());
        self.with(|script| {
            let current = script.current(now, wall);
            let has_key = current.as_ref().is_some_and(|(keys, _)| keys.contains(&key));
            let right = match outcome {
                Outcome::Found => has_key,
                Outcome::Lacks => {
                    current.is_some_and(|(_, since)| since >= arrived || now <= since + secs(10)) && !has_key
                }
                Outcome::Unavailable(retry_after) => !has_key && (1..=60).contains(retry_after),
            };
            if !right {
                let told = format!("k{key} at {now:?}, arrived {arrived:?}: {outcome:?}; {:?}", script.log);
                script.broken.push(told);
            }
        });
    }
}

impl HttpClient for World {
    fn send(&self, _: Request<Body>, _: Limits) -> HttpFuture<'_> {
        Box::pin(self.answer())
    }
}

impl Script {
    /// The different sets that were handed over, the latest first.
    fn sets(&self) -> impl Iterator<Item = &Keys> {
        let mut last = None;
        let all = self.log.iter().rev().filter_map(|it| it.good.as_ref().map(|(keys, _)| keys));
        all.filter(move |keys| last.replace(*keys) != Some(*keys))
    }

    /// The keys that may be relied on, and since when they are known.
    fn current(&self, now: Duration, wall: UnixTime) -> Option<(Keys, Duration)> {
        let last = self.log.iter().rev().find(|it| it.good.is_some())?;
        let keys = last.good.iter().flat_map(|(keys, _)| keys - &self.revoked).collect();
        let by_both = now < last.started + STALE_IF_ERROR && wall.since(last.wall) < STALE_IF_ERROR;
        by_both.then_some((keys, last.started))
    }

    /// Fetches that came before the schedule would have made them: unknown keys caused them.
    fn unscheduled(&self) -> usize {
        let (mut due, mut failures, mut count) = (Duration::ZERO, 0, 0);
        let mut last_good = None;
        for it in &self.log {
            // Keys that the wall clock ended are due at once.
            let ended = last_good.is_some_and(|wall| it.wall.since(wall) >= STALE_IF_ERROR);
            count += usize::from(it.started < due && !it.asked && !it.found_new_key && !ended);
            last_good = it.good.as_ref().map(|_| it.wall).or(last_good);
            // Hung until the deadline, or given up.
            let ended = it.ended.unwrap_or(it.started);
            due = match &it.good {
                Some((_, freshness)) => it.started + freshness.mul_f64(0.9) - Duration::from_millis(1),
                None => ended + secs(60).min(secs(1 << failures)),
            };
            failures = if it.good.is_some() { 0 } else { (failures + 1).min(6) };
        }
        count
    }
}

struct Model {
    bench: Bench,
    world: World,
    /// All keys that ever were: 1 to this.
    newest: u8,
    pending: Vec<(Duration, JoinHandle<Outcome>)>,
    /// Keys published while all was well, and when the source must know them at the latest. An
    /// outage in between voids the promise.
    promised: Vec<(u8, Duration)>,
}

impl Model {
    async fn new() -> Self {
        let clock = ManualClock::default();
        let script = Script {
            mode: Mode::Up,
            max_age: None,
            published: Keys::from([1, 2]),
            log: Vec::new(),
            revoked: Keys::new(),
            asked: 0,
            broken: Vec::new(),
        };
        let gate = watch::Sender::new(true);
        let world = World { clock: clock.clone(), script: Arc::new(Mutex::new(script)), gate };
        let keys = RemoteKeys::new(RemoteConfig {
            name: "https://login.example".into(),
            location: KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap()),
            client: Arc::new(world.clone()),
            clock: Arc::new(clock.clone()),
            settings: RefreshSettings::default(),
            given: KeySet::default(),
            pools: pools(4096),
            on_demand: None,
            jitter: || 0.5,
        });
        let bench = Bench { clock, provider: Provider::new(), keys };
        Self { bench, world, newest: 2, pending: Vec::new(), promised: Vec::new() }
    }

    fn key(&self, back: u8) -> u8 {
        self.newest - back % self.newest
    }

    /// Whether nothing is wrong with the provider, nothing was in the last attempt, and no answer of
    /// before is still under way.
    fn is_well(&self) -> bool {
        let is_idle = |script: &mut Script| script.log.last().is_none_or(|it| it.ended.is_some());
        self.world.with(|script| script.mode == Mode::Up && is_idle(script))
            && *self.world.gate.borrow()
            && self.bench.keys.health().failures == 0
    }

    async fn happens(&mut self, event: &Event) {
        let well = self.is_well();
        // Two things do not happen at the very same moment.
        self.bench.clock.advance(Duration::from_nanos(1));
        let now = self.bench.clock.monotonic();
        match event {
            Event::Passes(millis) => self.bench.advance(Duration::from_millis(*millis)).await,
            Event::Request(back) => self.request(self.key(*back), well).await,
            Event::Flood(count) => {
                for n in 0..*count {
                    self.spawn(200 + n % 50);
                }
                settle().await;
            }
            Event::RotateAbruptly => {
                self.publish_new();
                self.retire_oldest();
            }
            Event::PublishAhead => {
                self.publish_new();
                let last = self.world.with(|script| script.log.iter().rev().find_map(|it| it.good.clone()));
                if let Some((_, freshness)) = last.filter(|_| well) {
                    self.promised.push((self.newest, now + freshness));
                }
            }
            Event::RetireOldest => self.retire_oldest(),
            Event::Provider(mode) => self.world.with(|script| script.mode = *mode),
            Event::Gate(open) => {
                self.world.gate.send_replace(*open);
            }
            Event::MaxAge(max_age) => self.world.with(|script| script.max_age = max_age.map(secs)),
            Event::Revoke(back) => {
                let key = self.key(*back);
                self.bench.keys.revoke_key(&format!("k{key}"));
                self.world.with(|script| script.revoked.insert(key));
            }
            Event::WallClock(unix) => self.bench.clock.set_unix(UnixTime::from_secs(*unix)),
            Event::RefreshNow => {
                self.world.with(|script| script.asked += 1);
                let keys = Arc::clone(&self.bench.keys);
                tokio::spawn(async move { keys.refresh_now().await });
            }
        }
        settle().await;
        self.check();
    }

    fn publish_new(&mut self) {
        if self.newest < 199 {
            self.newest += 1;
            self.world.with(|script| script.published.insert(self.newest));
        }
    }

    /// The last key stays: an empty set is another event.
    fn retire_oldest(&mut self) {
        let oldest = self
            .world
            .with(|script| (script.published.len() > 1).then(|| script.published.pop_first()).flatten());
        self.promised.retain(|(key, _)| Some(*key) != oldest);
    }

    fn spawn(&mut self, key: u8) {
        let (bench, world) = (self.bench.clone(), self.world.clone());
        let arrived = bench.clock.monotonic();
        let request = async move {
            let outcome = bench.look_up(&format!("k{key}")).await;
            world.judge(key, arrived, &outcome);
            outcome
        };
        self.pending.push((arrived, tokio::spawn(request)));
    }

    async fn request(&mut self, key: u8, well: bool) {
        let Clocks { monotonic: now, unix } = self.bench.clocks();
        let health = self.bench.keys.health();
        let known =
            self.world.with(|script| script.current(now, unix).is_some_and(|(keys, _)| keys.contains(&key)));
        let valid =
            self.world.with(|script| script.published.contains(&key) && !script.revoked.contains(&key));
        // Without a flood there is budget, and then a key that is published is found at once.
        let must_be_found = known || valid && well && health.budget > 0;
        self.spawn(key);
        settle().await;
        if must_be_found {
            let (_, request) = self.pending.pop().unwrap();
            assert!(
                request.is_finished(),
                "k{key} waits although it {}",
                if known { "is known" } else { "can be had" }
            );
            assert_eq!(request.await.unwrap(), Outcome::Found, "k{key}");
        }
    }

    fn check(&mut self) {
        let Clocks { monotonic: now, unix } = self.bench.clocks();
        let health = self.bench.keys.health();
        self.world.with(|script| {
            assert_eq!(script.broken, Vec::<String>::new());
            let name = |n: &u8| format!("k{n}");
            let expected: Option<HashSet<_>> =
                script.current(now, unix).map(|(keys, _)| keys.iter().map(name).collect());
            let snapshot = self.bench.keys.snapshot(self.bench.clocks());
            let ids =
                snapshot.map(|it| it.keys().iter().filter_map(|key| key.kid().map(str::to_owned)).collect());
            assert_eq!(ids, expected, "the snapshot is not what was handed over");

            let (unscheduled, intervals) =
                (script.unscheduled(), now.as_nanos().div_ceil(secs(10).as_nanos()));
            assert!(
                unscheduled as u128 <= 5 + intervals,
                "{unscheduled} fetches for unknown keys in {now:?}"
            );
        });
        self.pending.retain(|(arrived, request)| {
            assert!(request.is_finished() || now < *arrived + LONGEST_WAIT, "a request hangs");
            !request.is_finished()
        });
        assert_eq!(health.waiters, self.pending.len(), "permits are lost");
        if !self.is_well() {
            self.promised.clear();
        }
        let revoked = self.world.with(|script| script.revoked.clone());
        self.promised.retain(|(key, by)| {
            let is_known = health.key_ids.contains(&format!("k{key}")) || revoked.contains(key);
            assert!(is_known || now < *by, "k{key} was published ahead and is late");
            !is_known
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_source_keeps_its_word(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new().await;
            for event in &events {
                model.happens(event).await;
            }
        });
    }
}
