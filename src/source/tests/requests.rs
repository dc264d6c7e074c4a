//! What requests see, and what they cause.

use super::*;

#[tokio::test]
async fn a_hundred_requests_on_a_cold_start_share_one_fetch() {
    let bench = Bench::new();
    bench.provider.publish(&[("a", 1)]);
    let requests = bench.spawn_requests(100, "a");
    assert!(outcomes(requests).await.iter().all(|it| *it == Outcome::Found));
    assert_eq!((bench.provider.fetches(), bench.keys.health().waiters), (1, 0));
}

#[tokio::test]
async fn the_first_request_of_a_rotated_in_key_succeeds() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.publish(&[("b", 2), ("c", 3)]);
    assert_eq!(bench.request("c").await, Outcome::Found);
    assert_eq!((bench.provider.fetches(), bench.generation()), (2, 2));
    assert_eq!(bench.keys.health().budget, 5, "a refresh that finds a new key returns its token");
    assert_eq!(bench.request("a").await, Outcome::Lacks, "the removed key is gone");
}

#[tokio::test]
async fn an_unknown_kid_is_refused_on_evidence_by_one_shared_fetch() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.open.send_replace(false);
    let requests = bench.spawn_requests(100, "x");
    settle().await;
    assert_eq!((bench.provider.fetches(), bench.keys.health().waiters), (2, 100));
    bench.provider.open.send_replace(true);
    assert!(outcomes(requests).await.iter().all(|it| *it == Outcome::Lacks));
    assert_eq!((bench.provider.fetches(), bench.keys.health().budget), (2, 4));
}

#[tokio::test]
async fn dropped_waiters_cancel_nothing_and_give_their_permits_back() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.open.send_replace(false);
    let mut requests = bench.spawn_requests(100, "c");
    settle().await;
    let last = requests.pop().unwrap();
    for request in requests {
        request.abort();
    }
    settle().await;
    assert_eq!(bench.keys.health().waiters, 1);
    bench.provider.publish(&[("c", 3)]);
    bench.provider.open.send_replace(true);
    assert_eq!(last.await.unwrap(), Outcome::Found);
    assert_eq!((bench.provider.fetches(), bench.keys.health().waiters), (2, 0));
}

#[tokio::test]
async fn a_hanging_fetch_is_503_after_the_wait_and_ends_at_its_deadline() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.set(JWKS, Answer::Hangs);
    let request = bench.spawn_requests(1, "x");
    settle().await;
    bench.advance(secs(1)).await;
    assert_eq!(outcomes(request).await, [Outcome::Unavailable(1)]);
    assert_eq!(bench.request("a").await, Outcome::Found, "known keys notice nothing");
    bench.advance(secs(4)).await;
    let error = RefreshError::KeySetFetch(HttpError::Timeout.into());
    assert_eq!(bench.keys.health().last_error, Some(error));
    assert_eq!(bench.request("x").await, Outcome::Unavailable(1), "in its back-off");
    assert_eq!(bench.provider.fetches(), 2);
}

#[tokio::test]
async fn a_cold_source_waits_two_seconds_and_then_backs_off() {
    let bench = Bench::new();
    bench.provider.set(JWKS, Answer::Hangs);
    let requests = bench.spawn_requests(3, "a");
    settle().await;
    bench.advance(Duration::from_millis(1999)).await;
    assert_eq!(bench.keys.health().waiters, 3);
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(outcomes(requests).await, [const { Outcome::Unavailable(1) }; 3]);

    bench.provider.set(JWKS, Answer::Responds(busy(30)));
    bench.advance(secs(3)).await;
    bench.advance(secs(1)).await;
    assert_eq!(bench.request("a").await, Outcome::Unavailable(30), "the rest of the back-off, at once");
    bench.provider.publish(&[("a", 1)]);
    bench.advance(secs(30)).await;
    assert_eq!(bench.request("a").await, Outcome::Found);
}

#[tokio::test]
async fn an_outage_is_survived_until_the_stale_if_error_limit_and_not_beyond() {
    let bench = Bench::loaded().await;
    bench.provider.fail();
    let bound = secs(6 * 3600);
    for (name, at, state, outcome) in [
        ("fresh", secs(299), SourceState::Fresh, Outcome::Found),
        ("stale", secs(301), SourceState::Stale, Outcome::Found),
        ("just under the bound", bound - secs(1), SourceState::Stale, Outcome::Found),
    ] {
        bench.advance(at - bench.clock.monotonic()).await;
        assert_eq!((bench.request("a").await, bench.state()), (outcome, state), "{name}");
    }
    assert_eq!(bench.generation(), 1);
    bench.advance(secs(1)).await;
    assert_eq!(bench.state(), SourceState::Dead);
    assert!(bench.keys.snapshot(bench.clocks()).is_none());
    assert!(matches!(bench.request("a").await, Outcome::Unavailable(_)));

    bench.provider.publish(&[("a", 1), ("b", 2)]);
    bench.pass(secs(60)).await;
    assert_eq!((bench.request("a").await, bench.state()), (Outcome::Found, SourceState::Fresh));
    assert_eq!(bench.generation(), 1, "the same keys are the same generation");
}

#[tokio::test]
async fn during_an_outage_an_unknown_kid_is_503_and_not_401() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.fail();
    for _ in 0..100 {
        assert!(matches!(bench.request("x").await, Outcome::Unavailable(_)));
        bench.advance(Duration::from_millis(100)).await;
    }
    assert!(bench.provider.fetches() <= 5, "{}: 1, 2, 4, 8 s apart", bench.provider.fetches());
}

#[tokio::test]
async fn a_flood_of_unknown_kids_is_bounded_and_good_tokens_notice_nothing() {
    let bench = Bench::loaded().await;
    let mut refused = 0;
    for _ in 0..1200 {
        bench.advance(Duration::from_millis(100)).await;
        for _ in 0..10 {
            refused += usize::from(bench.request("x").await == Outcome::Lacks);
        }
        assert_eq!(bench.request("a").await, Outcome::Found);
    }
    assert_eq!(refused, 12_000, "with a provider that answers, each is refused on evidence");
    assert!(bench.provider.fetches() <= 1 + 5 + 12, "{}", bench.provider.fetches());
    assert_eq!(bench.generation(), 1);
}

#[tokio::test]
async fn a_flood_does_not_use_up_the_scheduled_refresh() {
    let bench = Bench::loaded().await;
    for _ in 0..5 {
        bench.advance(Duration::from_millis(1)).await;
        assert_eq!(bench.request("x").await, Outcome::Lacks);
    }
    assert_eq!(bench.keys.health().budget, 0);
    bench.provider.publish(&[("c", 3)]);
    bench.advance(secs(271)).await;
    assert_eq!((bench.request("c").await, bench.provider.fetches()), (Outcome::Found, 7));
}

#[tokio::test]
async fn replicas_that_take_turns_earn_no_fetches() {
    let bench = Bench::loaded().await;
    for turn in 0..100_u8 {
        bench.advance(Duration::from_millis(10)).await;
        bench.provider.publish(if turn % 2 == 0 { &[("a", 1)] } else { &[("a", 1), ("b", 2)] });
        assert_eq!(bench.request("x").await, Outcome::Lacks);
    }
    assert_eq!(bench.provider.fetches(), 1 + 5);
}

#[tokio::test]
async fn waiting_is_bounded_by_issuer_and_by_server() {
    for (name, of_server, expected) in [("issuer", 4096, 1024), ("server", 7, 7)] {
        let location = KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap());
        let bench = Bench::with(location, pools(of_server));
        bench.provider.set(JWKS, Answer::Hangs);
        let requests = bench.spawn_requests(5000, "a");
        // So many take more turns than the few that are enough elsewhere.
        for _ in 0..100 {
            settle().await;
        }
        assert_eq!(bench.keys.health().waiters, expected, "{name}");
        assert_eq!(requests.iter().filter(|it| it.is_finished()).count(), 5000 - expected, "{name}");
        bench.advance(secs(2)).await;
        assert!(outcomes(requests).await.iter().all(|it| *it == Outcome::Unavailable(1)), "{name}");
        assert_eq!((bench.keys.health().waiters, bench.provider.fetches()), (0, 1), "{name}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_stays_gone() {
    let bench = Bench::loaded().await;
    assert!(bench.keys.revoke_key("a"));
    assert!(!bench.keys.revoke_key("a"));
    assert_eq!(bench.generation(), 2);
    bench.advance(secs(1)).await;
    assert_eq!(bench.request("a").await, Outcome::Lacks);
    bench.advance(secs(300)).await;
    bench.provider.publish(&[("a", 1), ("c", 3)]);
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(bench.request("a").await, Outcome::Lacks);
    assert_eq!(bench.request("c").await, Outcome::Found);
    assert_eq!(bench.keys.health().key_ids, ["c"]);
}

#[tokio::test]
async fn a_key_revoked_by_thumbprint_is_gone_under_any_name() {
    let bench = Bench::loaded().await;
    let thumbprint = {
        let snapshot = bench.keys.snapshot(bench.clocks()).unwrap();
        snapshot.keys().iter().next().unwrap().thumbprint().to_owned()
    };
    assert!(bench.keys.revoke_key(&thumbprint));
    bench.provider.publish(&[("renamed", 1), ("b", 2)]);
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(bench.keys.health().key_ids, ["b"]);
}

#[tokio::test]
async fn a_stepped_wall_clock_costs_a_fetch_at_most() {
    let bench = Bench::loaded().await;
    for (name, unix, fetches) in [
        ("set back", 0, 1),
        ("ahead by less than the stale-if-error limit", 1_700_000_000 + 6 * 3600 - 1, 1),
        ("ahead by more", 4_000_000_000, 2),
        ("back to where it was", 1_700_000_000, 2),
    ] {
        bench.clock.set_unix(UnixTime::from_secs(unix));
        settle().await;
        let told = (bench.request("a").await, bench.state(), bench.provider.fetches());
        assert_eq!(told, (Outcome::Found, SourceState::Fresh, fetches), "{name}");
    }
}

#[tokio::test]
async fn a_machine_that_was_suspended_serves_no_removed_key_for_longer() {
    // Monotonic time stands still while a machine is suspended; the provider removes `a` meanwhile.
    let asleep = |hours: u64| UnixTime::from_secs(1_700_000_000 + hours * 3600);
    for (name, hours, reachable, of_a, of_b, state) in [
        (
            "for less than the stale-if-error limit",
            5,
            false,
            Outcome::Found,
            Outcome::Found,
            SourceState::Fresh,
        ),
        ("for longer", 6, true, Outcome::Lacks, Outcome::Found, SourceState::Fresh),
        (
            "for longer, and the issuer is away",
            7,
            false,
            Outcome::Unavailable(1),
            Outcome::Unavailable(1),
            SourceState::Dead,
        ),
    ] {
        let bench = Bench::loaded().await;
        let vouched = {
            let snapshot = bench.keys.snapshot(bench.clocks()).unwrap();
            let key = snapshot.keys().iter().find(|key| key.kid() == Some("a")).cloned();
            (snapshot.generation(), Arc::new(key.unwrap()))
        };
        if reachable {
            bench.provider.publish(&[("b", 2)]);
        } else {
            bench.provider.fail();
        }
        bench.clock.set_unix(asleep(hours));
        settle().await;
        let live = hours < 6;
        let (generation, key) = &vouched;
        assert_eq!(bench.keys.is_current(*generation, key, bench.clocks()), live, "{name}, remembered");
        assert_eq!(bench.request("a").await, of_a, "{name}");
        assert_eq!((bench.request("b").await, bench.state()), (of_b, state), "{name}");
    }
}

#[tokio::test]
async fn a_look_at_dead_keys_has_them_fetched() {
    let bench = Bench::loaded().await;
    bench.clock.set_unix(UnixTime::from_secs(1_800_000_000));
    settle().await;
    assert_eq!((bench.state(), bench.provider.fetches()), (SourceState::Dead, 1));
    settle().await;
    assert_eq!((bench.state(), bench.provider.fetches()), (SourceState::Fresh, 2));
}
