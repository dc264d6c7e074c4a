use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::{
    store::seal::{BODY, CLOCK_SKEW, TEXT},
    test_util::ManualClock,
    time::Clock as _,
};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const SECRET: [u8; 32] = *b"thirty-two bytes for these tests";

fn later(millis: u64) -> UnixTime {
    NOW.saturating_add(Duration::from_millis(millis))
}

fn shared() -> Nonces {
    Nonces::with_secret(&SECRET).unwrap()
}

#[test]
fn promise_13_a_nonce_is_good_once_and_for_its_time() {
    let (used, expired) = (Err(NonceError::AlreadySpent), Err(NonceError::Expired));
    for (name, lifetime, steps) in [
        ("at once, then never", 600, &[(0, Ok(())), (0, used), (1, used), (600_000, expired)][..]),
        ("at the last millisecond", 600, &[(599_999, Ok(())), (599_999, used)]),
        ("at its end", 600, &[(600_000, expired)]),
        ("long after", 600, &[(u64::MAX, expired)]),
        ("of a knob's lifetime", 30, &[(29_999, Ok(())), (30_000, expired)]),
        ("of no lifetime at all", 0, &[(0, expired)]),
    ] {
        let nonces = Nonces::new().unwrap().lifetime(Duration::from_secs(lifetime));
        let nonce = nonces.issue(NOW).unwrap();
        for (millis, expected) in steps {
            assert_eq!(nonces.spend(&nonce, later(*millis)).now(), *expected, "{name}, {millis} ms");
        }
    }
}

#[test]
fn promise_13_a_nonce_follows_the_clock_that_it_is_given() {
    let clock = ManualClock::new(NOW);
    let nonces = Nonces::new().unwrap();
    let nonce = nonces.issue(clock.unix()).unwrap();
    clock.advance(Duration::from_secs(599));
    assert_eq!(nonces.check(&nonce, clock.unix()), Ok(()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(nonces.check(&nonce, clock.unix()), Err(NonceError::Expired));
    clock.set_unix(NOW);
    assert_eq!(nonces.check(&nonce, clock.unix()), Ok(()), "it was never spent");
}

#[test]
fn checking_spends_nothing_and_says_nothing_about_spending() {
    let nonces = Nonces::new().unwrap();
    let nonce = nonces.issue(NOW).unwrap();
    for _ in 0..3 {
        assert_eq!(nonces.check(&nonce, NOW), Ok(()));
    }
    assert_eq!(nonces.spend(&nonce, NOW).now(), Ok(()));
    assert_eq!(nonces.check(&nonce, NOW), Ok(()));
}

#[test]
fn clocks_of_two_processes_may_disagree_a_little() {
    let (here, there) = (shared(), shared());
    let minute = CLOCK_SKEW.as_millis() as u64;
    for (ahead, expected) in
        [(0, Ok(())), (1, Ok(())), (minute, Ok(())), (minute + 1, Err(NonceError::Expired))]
    {
        let nonce = there.issue(later(ahead)).unwrap();
        assert_eq!(here.check(&nonce, NOW), expected, "{ahead} ms ahead");
    }
}

#[test]
fn promise_13_nonces_of_others_and_texts_that_are_none_are_refused() {
    let nonces = shared();
    let nonce = nonces.issue(NOW).unwrap();
    assert_eq!(nonce.len(), TEXT);
    let other_key = Nonces::with_secret(b"another one for these tests only").unwrap().issue(NOW).unwrap();
    let random = Nonces::new().unwrap().issue(NOW).unwrap();
    let plain_mac = {
        let body = [0; BODY];
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), &body);
        URL_SAFE_NO_PAD.encode_to_string([&body[..], tag.as_ref()].concat())
    };
    let mut stray_bits = nonce.clone();
    // 56 bytes end in a character of which two bits count for nothing.
    let last = stray_bits.pop().unwrap();
    stray_bits.push(char::from(last as u8 + 1));
    let (malformed, forged) = (NonceError::Malformed, NonceError::Forged);
    for (name, text, expected) in [
        ("another key", other_key.as_str(), forged),
        ("another process", &random, forged),
        ("the same secret without the context", &plain_mac, forged),
        ("all zeros", &"A".repeat(TEXT), forged),
        ("empty", "", malformed),
        ("one character short", &nonce[1..], malformed),
        ("one character more", &format!("{nonce}A"), malformed),
        ("padded", &format!("{nonce}="), malformed),
        ("bits that count for nothing", &stray_bits, malformed),
        ("standard base64", &"+".repeat(TEXT), malformed),
        ("a tag cut short", &URL_SAFE_NO_PAD.encode_to_string([0; BODY + 16]), malformed),
        ("not ASCII", &"ä".repeat(TEXT / 2 + 1)[..TEXT - 1], malformed),
        ("a long text", &"A".repeat(1 << 20), malformed),
    ] {
        assert_eq!(nonces.check(text, NOW), Err(expected), "{name}");
        assert_eq!(nonces.spend(text, NOW).now(), Err(expected), "{name}");
    }
    assert_eq!(nonces.spend(&nonce, NOW).now(), Ok(()), "none of it spent the real one");
}

#[test]
fn processes_with_one_secret_and_one_store_take_each_others_nonces_once() {
    let store = Arc::new(MemorySpentStore::default());
    let (one, two) = (shared().store(Arc::clone(&store)), shared().store(store));
    let nonce = one.issue(NOW).unwrap();
    assert_eq!(two.spend(&nonce, NOW).now(), Ok(()));
    assert_eq!(one.spend(&nonce, NOW).now(), Err(NonceError::AlreadySpent));
}

#[test]
fn promise_13_a_nonce_from_before_a_restart_is_refused_under_one_secret() {
    let (before, after) = (shared(), shared());
    let [spent, unspent] = [before.issue(NOW).unwrap(), before.issue(later(999)).unwrap()];
    assert_eq!(before.spend(&spent, NOW).now(), Ok(()));
    after.begin(UnixTime::from_duration(later(1_000).since(UnixTime::default()) + Duration::from_micros(7)));
    let [first, second] = [later(1_000), later(2_000)].map(|now| after.issue(now).unwrap());
    for (name, nonce, expected) in [
        ("spent before", &spent, Err(NonceError::Expired)),
        ("not spent before, which is not known", &unspent, Err(NonceError::Expired)),
        ("in the same millisecond", &first, Ok(())),
        ("in the same millisecond, again", &first, Err(NonceError::AlreadySpent)),
        ("later", &second, Ok(())),
    ] {
        assert_eq!(after.check(nonce, later(2_000)), Ok(()), "{name}");
        assert_eq!(after.peek(nonce, later(2_000)), expected, "{name}");
        assert_eq!(after.spend(nonce, later(2_000)).now(), expected, "{name}");
    }
    // One that another has issued, in a process that has issued none yet.
    assert_eq!(shared().spend(&second, later(2_001)).now(), Err(NonceError::Expired));
    // Where the store outlives what spends in it, it knows more than that.
    let store = Arc::new(MemorySpentStore::default());
    let [one, two] = [shared().store(Arc::clone(&store)), shared().store(store)];
    one.begin(NOW);
    let nonce = one.issue(NOW).unwrap();
    two.begin(later(5_000));
    assert_eq!(
        [two.spend(&nonce, later(5_000)).now(), one.spend(&nonce, later(5_000)).now()],
        [Ok(()), Err(NonceError::AlreadySpent)]
    );
}

#[test]
fn promise_13_of_a_thousand_uses_at_once_one_succeeds() {
    let nonces = Nonces::new().unwrap();
    let nonce = nonces.issue(NOW).unwrap();
    let (spent, threads) = (AtomicUsize::new(0), 50);
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                for _ in 0..1_000 / threads {
                    match nonces.clone().spend(&nonce, NOW).now() {
                        Ok(()) => drop(spent.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => assert_eq!(error, NonceError::AlreadySpent),
                    }
                }
            });
        }
    });
    assert_eq!(spent.into_inner(), 1);
}

#[test]
fn promise_13_a_million_issued_and_checked_nonces_leave_the_store_empty() {
    let store = Arc::new(MemorySpentStore::new(1));
    let nonces = shared().store(Arc::clone(&store));
    for millis in 0..1_000_000 {
        let nonce = nonces.issue(later(millis)).unwrap();
        if millis % 100 == 0 {
            nonces.check(&nonce, later(millis)).unwrap();
            assert_eq!(nonces.spend(&nonce, later(millis + 600_000)).now(), Err(NonceError::Expired));
        }
    }
    assert!(store.is_empty());
    assert_eq!(nonces.spend(&nonces.issue(NOW).unwrap(), NOW).now(), Ok(()));
}

#[test]
fn promise_13_a_full_store_refuses_and_the_nonce_stays_good() {
    let nonces = Nonces::new().unwrap().store(MemorySpentStore::new(1));
    let (first, second) = (nonces.issue(NOW).unwrap(), nonces.issue(later(1)).unwrap());
    nonces.spend(&first, later(1)).now().unwrap();
    let refusal = nonces.spend(&second, later(1)).now().unwrap_err();
    assert!(refusal == NonceError::Full && refusal.is_temporary());
    assert_eq!(nonces.spend(&second, later(600_000)).now(), Ok(()), "the first has ended");
}

#[test]
fn a_peek_says_what_spending_would_and_spends_nothing() {
    let nonces = Nonces::new().unwrap().store(MemorySpentStore::new(1));
    let (first, second) = (nonces.issue(NOW).unwrap(), nonces.issue(later(1)).unwrap());
    for (name, nonce, at) in [
        ("good", &*first, NOW),
        ("spent", &first, NOW),
        ("no space", &second, later(1)),
        ("space again", &second, later(600_000)),
        ("ended", &second, later(600_001)),
        ("none of ours", "nonce", NOW),
    ] {
        let peeked = [nonces.peek(nonce, at), nonces.peek(nonce, at)];
        let spent = nonces.spend(nonce, at).now();
        assert_eq!(peeked, [spent, spent], "{name}");
    }
}

#[test]
fn a_store_that_cannot_be_reached_refuses() {
    struct Gone;
    impl SpentStore for Gone {
        fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
            Spending::Done(Err(SpendError::Unavailable))
        }

        fn peek(&self, _: &[u8], _: Life, _: UnixTime) -> Result<(), SpendError> {
            Err(SpendError::Unavailable)
        }
    }
    let nonces = Nonces::new().unwrap().store(Gone);
    let nonce = nonces.issue(NOW).unwrap();
    assert_eq!(nonces.peek(&nonce, NOW), Err(NonceError::Unavailable));
    assert_eq!(nonces.spend(&nonce, NOW).now(), Err(NonceError::Unavailable));
}

#[test]
fn secrets_are_long_enough_and_never_shown() {
    for length in [0, 1, 31] {
        let error = Nonces::with_secret(&vec![1; length]).unwrap_err();
        assert_eq!(error, NonceSetupError::SecretTooShort { length, minimum: 32 });
    }
    for (name, secret, expected) in [
        ("zeros", &[0; 32][..], WeakSecret::Repeats),
        ("a public key", include_bytes!("../issuer/testdata/rsa2048-public.pem"), WeakSecret::Public),
    ] {
        let error = Nonces::with_secret(secret).unwrap_err();
        assert_eq!(error, NonceSetupError::WeakSecret(expected), "{name}");
    }
    assert_eq!(format!("{:?}", shared()), "Nonces { lifetime: 600s, .. }");
}

#[test]
fn whatever_is_wrong_with_a_nonce_a_client_reads_the_same() {
    let texts: HashSet<String> =
        [NonceError::Malformed, NonceError::Forged, NonceError::Expired, NonceError::AlreadySpent]
            .iter()
            .map(ToString::to_string)
            .collect();
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), ["nonce not found or expired"]);
}

#[test]
fn no_two_nonces_are_alike() {
    let nonces = shared();
    let issued: HashSet<String> = (0..10_000).map(|_| nonces.issue(NOW).unwrap()).collect();
    assert_eq!(issued.len(), 10_000);
}

proptest! {
    #[test]
    fn one_changed_character_is_enough(at in 0..TEXT, to in "[A-Za-z0-9_-]") {
        let nonces = shared();
        let nonce = nonces.issue(NOW).unwrap();
        let mut changed = nonce.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != nonce);
        prop_assert!(matches!(
            nonces.check(&changed, NOW),
            Err(NonceError::Forged | NonceError::Malformed)
        ));
    }

    #[test]
    fn no_text_is_a_nonce(text in "\\PC{0,90}|[A-Za-z0-9_-]{75}", secs in any::<u64>()) {
        prop_assert!(shared().check(&text, UnixTime::from_secs(secs)).is_err());
    }

    /// Good from the moment of issue to the end of its lifetime, whatever those are.
    #[test]
    fn a_nonce_lives_exactly_its_lifetime(
        issued in 0_u64..10_000_000_000_000, life in 1_u64..10_000_000, after in 0_u64..20_000_000,
    ) {
        let moment = |millis| UnixTime::from_duration(Duration::from_millis(millis));
        let nonces = shared().lifetime(Duration::from_millis(life));
        let nonce = nonces.issue(moment(issued)).unwrap();
        prop_assert_eq!(nonces.check(&nonce, moment(issued + after)).is_ok(), after < life);
    }
}
