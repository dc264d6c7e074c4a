//! A key that the issuer exchanged under the same `kid`: what its bad signatures may cause.

use super::*;

/// A source that has loaded keys `a` and `b`, where bad signatures may cause a fetch or may not.
async fn loaded(refetch_on_bad_signature: bool) -> Bench {
    let location = KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap());
    let settings = RefreshSettings::default().refetch_on_bad_signature(refetch_on_bad_signature);
    let bench = Bench::with_settings(location, pools(4096), settings);
    bench.provider.publish(&[("a", 1), ("b", 2)]);
    bench.keys.ready().await.unwrap();
    bench.advance(secs(60)).await;
    bench
}

#[tokio::test]
async fn an_exchange_under_the_same_kid_is_noticed_by_opt_in() {
    for (name, opt_in, seen, fetches, generation) in
        [("opted in", true, Outcome::Found, 2, 2), ("not opted in", false, Outcome::Lacks, 1, 1)]
    {
        let bench = loaded(opt_in).await;
        bench.provider.publish(&[("a", 9), ("b", 2)]);
        assert_eq!(bench.signed_by(("a", 9)).await, seen, "{name}");
        assert_eq!((bench.provider.fetches(), bench.generation()), (fetches, generation), "{name}");
        assert_eq!(bench.signed_by(("b", 2)).await, Outcome::Found, "{name}: the other key notices nothing");
        // In either case the scheduled refresh notices.
        bench.pass(secs(300)).await;
        assert_eq!(bench.signed_by(("a", 9)).await, Outcome::Found, "{name}");
    }
}

#[tokio::test]
async fn requests_that_come_while_the_exchange_is_looked_up_wait_for_it() {
    let bench = loaded(true).await;
    bench.provider.publish(&[("a", 9), ("b", 2)]);
    bench.provider.open.send_replace(false);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn({
                let bench = bench.clone();
                async move { bench.signed_by(("a", 9)).await }
            })
        })
        .collect();
    settle().await;
    assert_eq!((bench.provider.fetches(), bench.keys.health().waiters), (2, 100));
    bench.provider.open.send_replace(true);
    assert!(outcomes(requests).await.iter().all(|it| *it == Outcome::Found));
    assert_eq!((bench.provider.fetches(), bench.keys.health().waiters), (2, 0));
}

#[tokio::test]
async fn a_flood_of_bad_signatures_causes_one_fetch_a_minute_and_takes_nothing_from_unknown_keys() {
    for (name, opt_in, fetches) in [("opted in", true, 10), ("not opted in", false, 0)] {
        let bench = loaded(opt_in).await;
        // Ten minutes of them, and none of the scheduled refreshes counts.
        for n in 0..10_000_u64 {
            bench.clock.advance(Duration::from_millis(60));
            assert_eq!(bench.signed_by(("a", 7)).await, Outcome::Lacks, "{name}");
            if n % 100 == 0 {
                settle().await;
                assert_eq!(bench.keys.health().budget, 5, "{name}");
            }
        }
        let caused = bench.provider.fetches() - 1;
        let scheduled = if opt_in { 0 } else { 3 };
        assert!(caused <= fetches + scheduled, "{name}: {caused} fetches in ten minutes");
        assert!(!opt_in || caused >= 10, "{name}: {caused} fetches in ten minutes");
        bench.provider.publish(&[("c", 3)]);
        assert_eq!(bench.request("c").await, Outcome::Found, "{name}: a new key is looked up all the same");
    }
}

#[tokio::test]
async fn bad_signatures_leave_permits_to_unknown_keys() {
    let bench = loaded(true).await;
    bench.provider.set(JWKS, Answer::Hangs);
    let forged: Vec<_> = (0..5_000)
        .map(|_| {
            tokio::spawn({
                let bench = bench.clone();
                async move { bench.signed_by(("a", 7)).await }
            })
        })
        .collect();
    for _ in 0..100 {
        settle().await;
    }
    assert_eq!(bench.keys.health().waiters, 1024 / 8);
    assert_eq!(forged.iter().filter(|it| it.is_finished()).count(), 5_000 - 128);
    let unknown = bench.spawn_requests(1, "x");
    settle().await;
    assert_eq!(bench.keys.health().waiters, 129);
    bench.advance(secs(1)).await;
    assert!(outcomes(forged).await.iter().all(|it| *it == Outcome::Lacks), "never 503");
    assert_eq!(outcomes(unknown).await, [Outcome::Unavailable(1)], "never 401 without evidence");
}

#[tokio::test]
async fn a_bad_signature_is_refused_at_once_where_nothing_can_be_fetched() {
    for (name, opt_in) in [("opted in", true), ("not opted in", false)] {
        let bench = loaded(opt_in).await;
        bench.provider.fail();
        assert_eq!(bench.signed_by(("a", 7)).await, Outcome::Lacks, "{name}: the fetch failed");
        let fetches = bench.provider.fetches();
        assert_eq!(bench.signed_by(("a", 7)).await, Outcome::Lacks, "{name}: in the back-off");
        assert_eq!(bench.provider.fetches(), fetches, "{name}");
    }
}
