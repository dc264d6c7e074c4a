//! A whole server under random events, signatures and cache of verified tokens included, against an
//! onlooker who knows only which keys the provider handed over, and when.
//!
//! The source alone is put to the same test, with slow answers and every number exact, next to it.
#![cfg(all(feature = "remote", feature = "test-util"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use http::Response;
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use tokio::task::JoinHandle;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    keys::Algorithm,
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    profile::TokenProfile,
    source::Health,
    test_util::{ManualClock, TestIssuer},
    time::{Clock, UnixTime},
};

const START: u64 = 1_700_000_000;
const STALE_IF_ERROR: Duration = secs(6 * 3600);
/// How many keys there can be in one run.
const KEYS: usize = 12;
/// How long the slowest request waits.
const LONGEST_WAIT: Duration = secs(2);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Up,
    Refuses,
    Hangs,
    Html,
}

#[derive(Clone, Debug)]
enum Event {
    Passes(u64),
    /// A new token of a key that was ever published; the number counts from the newest.
    NewToken(usize),
    /// The token of a key that is asked with again and again, and so comes to be remembered.
    KnownToken(usize),
    /// A token of a key that the provider never publishes, under the name of one that it does.
    Forged(usize),
    /// Tokens of keys that never were.
    Flood(usize),
    RotateAbruptly,
    PublishAhead,
    RetireOldest,
    Provider(Mode),
    Revoke(usize),
    WallClock(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Event::*;
    let millis = prop_oneof![4 => 0..3_000_u64, 3 => 0..90_000_u64, 3 => 60_000..1_000_000_u64, 1 => 3_600_000..25_000_000_u64];
    let mode = prop_oneof![3 => Just(Mode::Up), 1 => Just(Mode::Refuses), 1 => Just(Mode::Hangs), 1 => Just(Mode::Html)];
    let event = prop_oneof![
        12 => millis.prop_map(Passes),
        8 => (0..4_usize).prop_map(NewToken),
        8 => (0..4_usize).prop_map(KnownToken),
        2 => (0..4_usize).prop_map(Forged),
        4 => (1..10_usize).prop_map(Flood),
        3 => Just(RotateAbruptly),
        3 => Just(PublishAhead),
        2 => Just(RetireOldest),
        5 => mode.prop_map(Provider),
        1 => (0..4_usize).prop_map(Revoke),
        1 => (START..START + 100_000).prop_map(WallClock),
    ];
    vec(event, 1..80)
}

/// Who signed a token, and in whose name.
#[derive(Clone, Copy, Debug)]
enum Token {
    Of(usize),
    Forged { named: usize },
    Unknown,
}

/// A set of keys that was handed over, by a fetch that began then.
#[derive(Clone, Debug)]
struct Handed {
    keys: BTreeSet<usize>,
    since: Duration,
    /// The same by the wall clock.
    wall: UnixTime,
}

#[derive(Debug)]
struct Script {
    mode: Mode,
    published: BTreeSet<usize>,
    revoked: BTreeSet<usize>,
    handed: Option<Handed>,
    broken: Vec<String>,
}

#[derive(Clone)]
struct World {
    clock: ManualClock,
    script: Arc<Mutex<Script>>,
}

impl World {
    fn with<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap())
    }

    /// The keys that may be relied on at this moment, and since when they are known.
    fn current(&self) -> Option<Handed> {
        let (now, unix) = (self.clock.monotonic(), self.clock.unix());
        self.with(|script| {
            let Handed { keys, since, wall } = script.handed.clone()?;
            let lasts = now < since + STALE_IF_ERROR && unix.since(wall) < STALE_IF_ERROR;
            lasts.then(|| Handed { keys: &keys - &script.revoked, since, wall })
        })
    }

    /// Judges what a token was answered at this moment.
    fn judge(&self, token: Token, arrived: Duration, status: u16) {
        let now = self.clock.monotonic();
        let current = self.current();
        let holds = |key| current.as_ref().is_some_and(|it| it.keys.contains(&key));
        let is_evident = current.as_ref().is_some_and(|it| it.since >= arrived || now <= it.since + secs(10));
        let (is_good, is_bad) = match token {
            Token::Of(key) => (holds(key), is_evident && !holds(key)),
            // Here the signature is the evidence.
            Token::Forged { named } => (false, is_evident || holds(named)),
            Token::Unknown => (false, is_evident),
        };
        let right = match status {
            200 => is_good,
            401 => is_bad,
            503 => !is_good,
            _ => false,
        };
        if !right {
            let told = format!("{token:?} at {now:?}, arrived {arrived:?}: {status}");
            self.with(|script| script.broken.push(told));
        }
    }
}

impl HttpClient for World {
    fn send(&self, _: http::Request<Body>, _: Limits) -> HttpFuture<'_> {
        Box::pin(async move {
            let (since, wall) = (self.clock.monotonic(), self.clock.unix());
            let (mode, published) = self.with(|script| (script.mode, script.published.clone()));
            match mode {
                Mode::Hangs => std::future::pending().await,
                Mode::Refuses => Err(HttpError::Connect),
                Mode::Html => Ok(Response::new("<html>".into())),
                Mode::Up => {
                    let jwks: Vec<_> = published.iter().map(|key| keys()[*key].public_jwk()).collect();
                    self.with(|script| script.handed = Some(Handed { keys: published, since, wall }));
                    Ok(Response::new(json!({ "keys": jwks }).to_string().into()))
                }
            }
        })
    }
}

/// The keys of the provider, and after them one that it never publishes.
fn keys() -> &'static [SigningKey] {
    static MADE: OnceLock<Vec<SigningKey>> = OnceLock::new();
    let make = |n| SigningKey::generate(Algorithm::EdDSA).unwrap().with_kid(format!("k{n}"));
    MADE.get_or_init(|| (0..=KEYS).map(make).collect())
}

struct Model {
    world: World,
    issuer: TestIssuer,
    api: ResourceServer,
    /// The token of each key that is asked with again and again.
    tokens: Vec<Arc<str>>,
    newest: usize,
    pending: Vec<(Duration, JoinHandle<u16>)>,
}

impl Model {
    fn new() -> Self {
        let clock = ManualClock::new(UnixTime::from_secs(START));
        let script = Script {
            mode: Mode::Up,
            published: BTreeSet::from([0, 1]),
            revoked: BTreeSet::new(),
            handed: None,
            broken: Vec::new(),
        };
        let world = World { clock: clock.clone(), script: Arc::new(Mutex::new(script)) };
        let issuer = TestIssuer::builder().signing_key(keys()[0].clone()).clock(clock.clone()).build();
        let trusted = TrustedIssuer::with_jwks_uri(
            TestIssuer::ISSUER,
            "https://issuer.test/jwks",
            TokenProfile::rfc9068(),
        )
        .http_client(world.clone());
        let api = ResourceServer::builder(issuer.audience()).issuer(trusted).clock(clock).build().unwrap();
        let tokens = keys().iter().map(|key| mint(&issuer, key)).collect();
        Self { world, issuer, api, tokens, newest: 1, pending: Vec::new() }
    }

    fn health(&self) -> Health {
        self.api.health().remove(0).keys
    }

    fn key(&self, back: usize) -> usize {
        self.newest - back.min(self.newest)
    }

    /// Whether the provider answers, and did the last time.
    fn is_well(&self) -> bool {
        let health = self.health();
        let is_idle = health.next_refresh.is_some_and(|wait| !wait.is_zero());
        is_idle && health.failures == 0 && self.world.with(|script| script.mode == Mode::Up)
    }

    async fn happens(&mut self, event: &Event) {
        // Two things do not happen at the very same moment.
        self.world.clock.advance(Duration::from_nanos(1));
        match *event {
            Event::Passes(millis) => self.world.clock.advance(Duration::from_millis(millis)),
            Event::NewToken(back) => {
                let key = self.key(back);
                self.good(key, mint(&self.issuer, &keys()[key])).await;
            }
            Event::KnownToken(back) => {
                let key = self.key(back);
                self.good(key, Arc::clone(&self.tokens[key])).await;
            }
            Event::Forged(back) => {
                let named = self.key(back);
                let token = mint(&self.issuer, &keys()[KEYS].clone().with_kid(format!("k{named}")));
                self.ask(Token::Forged { named }, token);
            }
            Event::Flood(count) => {
                for n in 0..count {
                    self.ask(
                        Token::Unknown,
                        mint(&self.issuer, &keys()[KEYS].clone().with_kid(format!("x{n}"))),
                    );
                }
            }
            Event::RotateAbruptly => {
                self.publish();
                self.retire();
            }
            Event::PublishAhead => self.publish(),
            Event::RetireOldest => self.retire(),
            Event::Provider(mode) => self.world.with(|script| script.mode = mode),
            Event::Revoke(back) => {
                let key = self.key(back);
                self.world.with(|script| script.revoked.insert(key));
                let _ = self.api.revoke_key(TestIssuer::ISSUER, &format!("k{key}")).unwrap();
            }
            Event::WallClock(unix) => self.world.clock.set_unix(UnixTime::from_secs(unix)),
        }
        settle().await;
        self.check();
    }

    fn publish(&mut self) {
        if self.newest + 1 < KEYS {
            self.newest += 1;
            self.world.with(|script| script.published.insert(self.newest));
        }
    }

    fn retire(&self) {
        self.world.with(|script| (script.published.len() > 1).then(|| script.published.pop_first()));
    }

    fn ask(&mut self, kind: Token, token: Arc<str>) {
        let (api, world) = (self.api.clone(), self.world.clone());
        let arrived = world.clock.monotonic();
        let request = async move {
            let status = match api.verify_access_token(&token).await {
                Ok(_) => 200,
                Err(rejection) => rejection.status().as_u16(),
            };
            world.judge(kind, arrived, status);
            status
        };
        self.pending.push((arrived, tokio::spawn(request)));
    }

    /// Asks with a token of this key, which must be served at once where it can be.
    async fn good(&mut self, key: usize, token: Arc<str>) {
        let is_known = self.world.current().is_some_and(|it| it.keys.contains(&key));
        let can_be_had =
            self.world.with(|script| script.published.contains(&key) && !script.revoked.contains(&key));
        let must_be_served = is_known || can_be_had && self.is_well() && self.health().budget > 0;
        self.ask(Token::Of(key), token);
        settle().await;
        if must_be_served {
            let (_, request) = self.pending.pop().unwrap();
            assert!(request.is_finished(), "a good token of k{key} waits");
            assert_eq!(request.await.unwrap(), 200, "a good token of k{key} is turned away");
        }
    }

    fn check(&mut self) {
        self.world.with(|script| assert_eq!(script.broken, Vec::<String>::new()));
        let now = self.world.clock.monotonic();
        self.pending.retain(|(arrived, request)| {
            assert!(request.is_finished() || now < *arrived + LONGEST_WAIT, "a request hangs");
            !request.is_finished()
        });
        let health = self.health();
        assert_eq!(health.waiters, self.pending.len(), "places are lost");
        let current = self.world.current();
        assert_eq!(health.state.serves(), current.is_some(), "{}", health.state);
        if let Some(current) = current {
            let expected: BTreeSet<_> = current.keys.iter().map(|key| format!("k{key}")).collect();
            assert_eq!(BTreeSet::from_iter(health.key_ids), expected);
        }
    }
}

/// A token that outlives every run.
fn mint(issuer: &TestIssuer, key: &SigningKey) -> Arc<str> {
    let lifetime = secs(100 * 365 * 86_400);
    let token = issuer.access_token("alice").issued_at(UnixTime::from_secs(START)).lifetime(lifetime);
    token.signed_with(key).unique().mint().unwrap().into()
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_server_keeps_its_word(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new();
            for event in &events {
                model.happens(event).await;
            }
        });
    }
}
