//! Keys that are fetched one by one, each by its name.

use base64_simd::STANDARD;

use super::*;
use crate::keys::AlgorithmSet;

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";
const C: &str = "00000000-0000-4000-8000-00000000000c";

fn url(kid: &str) -> String {
    format!("https://keys.example/{kid}")
}

/// The PEM of an Ed25519 key, by a number that stands for it.
fn pem(n: u8) -> String {
    // RFC 8410 section 4.
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [&PREFIX[..], &[n; 32]].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode_to_string(der))
}

#[derive(Clone)]
struct ByKid {
    clock: ManualClock,
    provider: Arc<Provider>,
    keys: Arc<KeysByKid>,
}

impl ByKid {
    fn new() -> Self {
        Self::with(RefreshSettings::default(), pools(4096))
    }

    fn with(settings: RefreshSettings, pools: WaiterPools) -> Self {
        let (clock, provider) = (ManualClock::default(), Provider::new());
        let keys = KeysByKid::new(ByKidConfig {
            name: "https://login.example".into(),
            urls: KidUrls::parse("https://keys.example/{kid}", KidForm::Uuid, false.into()).unwrap(),
            algorithms: AlgorithmSet::ASYMMETRIC,
            client: Arc::clone(&provider) as Arc<dyn HttpClient>,
            clock: Arc::new(clock.clone()),
            settings,
            given: KeySet::default(),
            pools,
            jitter: || 0.5,
        });
        Self { clock, provider, keys }
    }

    fn publish(&self, kid: &str, n: u8) {
        self.provider.set(&url(kid), Answer::Document(FetchResponse::document(pem(n))));
    }

    fn clocks(&self) -> Clocks {
        Clocks::read(&self.clock)
    }

    async fn request(&self, kid: &str) -> Outcome {
        let arrived = self.clock.monotonic();
        let look_up = async {
            loop {
                let snapshot = Arc::clone(&self.keys.snapshot(self.clocks()).0);
                if snapshot.keys().iter().any(|key| key.kid() == Some(kid)) {
                    return Outcome::Found;
                }
                let answer = match self.keys.need_key(arrived, Some(snapshot.generation()), Some(kid)) {
                    KeyAnswer::Wait(wait) => wait.await,
                    answer => answer.map_wait(|_| panic!("it waited")),
                };
                match answer {
                    KeyAnswer::TryAgain => {}
                    KeyAnswer::Lacks => return Outcome::Lacks,
                    KeyAnswer::Unavailable { retry_after } => {
                        return Outcome::Unavailable(retry_after.as_secs());
                    }
                }
            }
        };
        tokio::time::timeout(secs(60), look_up).await.expect("a request hangs")
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        settle().await;
    }

    fn kids(&self) -> Vec<String> {
        let mut kids = self.keys.health().key_ids;
        kids.sort();
        kids
    }
}

#[tokio::test]
async fn each_key_is_fetched_once_by_its_name() {
    let source = ByKid::new();
    source.publish(A, 1);
    source.publish(B, 2);
    assert_eq!((source.keys.health().state, source.provider.fetches()), (SourceState::Fresh, 0));
    for kid in [A, A, B, A, B] {
        assert_eq!(source.request(kid).await, Outcome::Found);
    }
    assert_eq!(source.kids(), [A, B]);
    assert_eq!([A, B].map(|kid| source.provider.fetches_of(&url(kid))), [1, 1]);
    // What it found costs nothing of the budget.
    let health = source.keys.health();
    assert_eq!((health.budget, health.generation, health.fetches), (5, 3, 2));
}

#[tokio::test]
async fn a_hundred_at_once_cause_one_fetch() {
    let source = ByKid::new();
    source.publish(A, 1);
    source.provider.open.send_replace(false);
    let ask = |source: ByKid| tokio::spawn(async move { source.request(A).await });
    let requests: Vec<_> = (0..100).map(|_| ask(source.clone())).collect();
    settle().await;
    assert_eq!(source.keys.health().waiters, 100);
    requests.iter().skip(1).for_each(|request| request.abort());
    settle().await;
    source.provider.open.send_replace(true);
    let first = requests.into_iter().next().unwrap();
    assert_eq!(first.await.unwrap(), Outcome::Found);
    assert_eq!((source.provider.fetches(), source.keys.health().waiters), (1, 0));
}

#[tokio::test]
async fn a_name_of_another_form_causes_nothing() {
    let source = ByKid::new();
    for kid in ["", "a", "../x", "00000000-0000-4000-8000-00000000000A", "%2e%2e"] {
        assert_eq!(source.request(kid).await, Outcome::Lacks, "{kid}");
    }
    let none = source.keys.need_key(source.clock.monotonic(), Some(1), None);
    assert!(matches!(none, KeyAnswer::Lacks));
    assert_eq!(source.provider.fetches(), 0);
}

#[tokio::test]
async fn that_there_is_no_key_is_remembered_for_a_time() {
    for status in [403, 404, 410] {
        let source = ByKid::new();
        source.provider.set(&url(A), Answer::Responds(super::status(status)));
        for (after, fetches) in [(0, 1), (1, 1), (28, 1), (1, 2), (29, 2)] {
            source.advance(secs(after)).await;
            assert_eq!(source.request(A).await, Outcome::Lacks, "{status}");
            assert_eq!(source.provider.fetches(), fetches, "{status}, {after}");
        }
        source.publish(A, 1);
        source.advance(secs(1)).await;
        assert_eq!(source.request(A).await, Outcome::Found, "{status}: it came");
    }
}

#[tokio::test]
async fn a_flood_of_names_is_bounded_and_leaves_known_keys_alone() {
    let source = ByKid::new();
    source.publish(A, 1);
    assert_eq!(source.request(A).await, Outcome::Found);
    let mut outcomes = Vec::new();
    for n in 0x1000..0x1000 + 1000 {
        outcomes.push(source.request(&format!("00000000-0000-4000-8000-{n:012x}")).await);
    }
    let lacks = outcomes.iter().filter(|outcome| **outcome == Outcome::Lacks).count();
    assert_eq!((lacks, source.provider.fetches()), (5, 6), "the burst, and the key");
    assert!(outcomes.iter().skip(5).all(|outcome| *outcome == Outcome::Unavailable(10)));
    assert_eq!(source.request(A).await, Outcome::Found);
    source.advance(secs(10)).await;
    source.publish(B, 2);
    assert_eq!(source.request(B).await, Outcome::Found, "as soon as the budget has earned a fetch");
}

#[tokio::test]
async fn while_the_host_fails_it_is_503_and_asked_ever_less() {
    let source = ByKid::new();
    source.publish(A, 1);
    assert_eq!(source.request(A).await, Outcome::Found);
    source.provider.set(&url(B), Answer::Responds(busy(17)));
    assert_eq!(source.request(B).await, Outcome::Unavailable(17));
    assert_eq!(source.request(C).await, Outcome::Unavailable(17), "the same host");
    assert_eq!(source.request(A).await, Outcome::Found, "it is here");
    assert_eq!(source.provider.fetches(), 2);
    source.advance(secs(17)).await;
    source.provider.set(&url(B), Answer::Fails(HttpError::Connect));
    assert_eq!(source.request(B).await, Outcome::Unavailable(2));
    let health = source.keys.health();
    assert_eq!(health.failures, 2);
    assert_eq!(health.last_error, Some(RefreshError::KeySetFetch(FetchError::Http(HttpError::Connect))));
    source.advance(secs(2)).await;
    source.publish(B, 2);
    assert_eq!(source.request(B).await, Outcome::Found);
    assert_eq!((source.keys.health().failures, source.keys.health().last_error), (0, None));
}

#[tokio::test]
async fn what_is_no_pem_of_a_fitting_key_is_503_and_says_why() {
    for body in ["", "<html>", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        let source = ByKid::new();
        source.provider.set(&url(A), Answer::Document(FetchResponse::document(body)));
        assert_eq!(source.request(A).await, Outcome::Unavailable(1), "{body}");
        assert!(matches!(source.keys.health().last_error, Some(RefreshError::Key(_))), "{body}");
        assert_eq!(source.keys.health().state, SourceState::Empty, "{body}");
    }
}

#[tokio::test]
async fn a_key_is_fetched_anew_when_it_is_used_past_its_freshness() {
    let source = ByKid::new();
    source.publish(A, 1);
    assert_eq!(source.request(A).await, Outcome::Found);
    // 5 minutes less a tenth, as the jitter is one half.
    source.advance(secs(269)).await;
    assert_eq!(source.request(A).await, Outcome::Found);
    settle().await;
    assert_eq!(source.provider.fetches(), 1);
    source.advance(secs(1)).await;
    assert_eq!(source.request(A).await, Outcome::Found);
    settle().await;
    assert_eq!((source.provider.fetches(), source.keys.health().generation), (2, 2), "the same key");

    source.publish(A, 7);
    source.advance(secs(270)).await;
    assert_eq!(source.request(A).await, Outcome::Found);
    settle().await;
    assert_eq!(source.keys.health().generation, 3, "another key under its name");

    source.provider.set(&url(A), Answer::Responds(super::status(404)));
    source.advance(secs(270)).await;
    assert_eq!(source.request(A).await, Outcome::Found, "not known yet");
    settle().await;
    assert_eq!(source.request(A).await, Outcome::Lacks, "it was withdrawn");
    assert!(source.kids().is_empty());
}

#[tokio::test]
async fn a_key_that_cannot_be_refreshed_ends_with_the_limit_by_either_clock() {
    for wall in [false, true] {
        let source = ByKid::new();
        source.publish(A, 1);
        assert_eq!(source.request(A).await, Outcome::Found);
        let key = source.keys.peek().keys().iter().next().map(|key| Arc::new(key.clone())).unwrap();
        let generation = source.keys.peek().generation();
        source.provider.set(&url(A), Answer::Fails(HttpError::Connect));
        let limit = secs(6 * 3600);
        let almost = limit - secs(1);
        let (clocks, end) = if wall {
            let unix = source.clock.unix();
            let at = |by| Clocks { monotonic: secs(10), unix: unix.saturating_add(by) };
            (at(almost), at(limit))
        } else {
            let (from, unix) = (source.clock.monotonic(), source.clock.unix());
            let at = |by| Clocks { monotonic: from + by, unix };
            (at(almost), at(limit))
        };
        assert!(source.keys.is_current(generation, &key, clocks), "{wall}");
        assert!(!source.keys.is_current(generation, &key, end), "{wall}");
    }
}

#[tokio::test]
async fn keys_that_verified_nothing_leave_first() {
    let source = ByKid::with(RefreshSettings::default().unknown_key_burst(100), pools(4096));
    let kid = |n: u8| format!("00000000-0000-4000-8000-0000000000{n:02x}");
    for n in 0..40 {
        source.publish(&kid(n), n);
        assert_eq!(source.request(&kid(n)).await, Outcome::Found);
        if n < 2 {
            let key = source.keys.peek().keys().iter().find(|key| key.kid() == Some(&*kid(n))).cloned();
            source.keys.verified(&key.unwrap());
        }
        source.advance(secs(1)).await;
    }
    let kids = source.kids();
    assert_eq!(kids.len(), 32);
    let left = |n: u8| kids.contains(&kid(n));
    assert!(left(0) && left(1), "they work");
    assert!((2..10).all(|n| !left(n)) && (10..40).all(left), "the oldest of the others have left");
}

#[tokio::test]
async fn a_key_that_was_revoked_does_not_come_back() {
    let source = ByKid::new();
    source.publish(A, 1);
    assert!(!source.keys.revoke_key(B));
    assert_eq!(source.request(A).await, Outcome::Found);
    assert!(source.keys.revoke_key(A));
    assert_eq!(source.request(A).await, Outcome::Lacks);
    source.publish(B, 2);
    assert_eq!(source.request(B).await, Outcome::Lacks, "it was revoked before it came");
}

#[tokio::test]
async fn the_application_can_refresh_and_a_panic_is_a_failure() {
    let source = ByKid::new();
    source.publish(A, 1);
    assert_eq!(source.keys.refresh_now().await, Ok(()), "there is nothing");
    assert_eq!(source.request(A).await, Outcome::Found);
    assert_eq!(source.keys.refresh_now().await, Ok(()));
    assert_eq!(source.provider.fetches(), 2);
    source.provider.set(&url(A), Answer::Panics);
    assert_eq!(source.keys.refresh_now().await, Err(RefreshError::Panicked));
    assert_eq!(source.request(A).await, Outcome::Found, "it is still here");
}

#[test]
fn without_a_runtime_it_is_503() {
    let source = ByKid::new();
    let answer = source.keys.need_key(source.clock.monotonic(), Some(1), Some(A));
    assert!(matches!(answer, KeyAnswer::Unavailable { .. }));
    assert_eq!(source.keys.health().last_error, Some(NoRuntime.into()));
}
