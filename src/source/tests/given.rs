//! Keys that the application gives beside those that are fetched.

use super::*;

/// A set of these keys, as the application would hold them.
fn set(keys: &[(&str, u8)]) -> KeySet {
    KeySet::from_jwks(jwks(keys).as_bytes()).unwrap()
}

fn with(given: &[(&str, u8)]) -> Bench {
    let location = KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap());
    Bench::with_given(location, pools(4096), RefreshSettings::default(), set(given))
}

impl Bench {
    /// The names of the keys in use.
    fn in_use(&self) -> Option<Vec<String>> {
        let snapshot = self.keys.snapshot(self.clocks())?;
        Some(snapshot.keys().iter().filter_map(|key| key.kid().map(str::to_owned)).collect())
    }

    /// Whether a token that this key verified is still good, whenever that was.
    fn is_current(&self, generation: u64, key: (&str, u8)) -> bool {
        let key = Arc::new(set(&[key]).iter().next().unwrap().clone());
        self.keys.is_current(generation, &key, self.clocks())
    }
}

#[tokio::test]
async fn given_keys_are_in_use_whether_the_fetched_ones_are_there_or_not() {
    let bench = with(&[("old", 7)]);
    bench.provider.fail();
    assert_eq!(bench.in_use().unwrap(), ["old"], "before any fetch");
    settle().await;
    assert!(matches!(bench.request("a").await, Outcome::Unavailable(_)), "503 and not 401");
    assert_eq!(bench.request("old").await, Outcome::Found, "the fetch has failed");
    assert!(bench.is_current(0, ("old", 7)));
    assert_eq!((bench.state(), bench.keys.health().key_ids), (SourceState::Empty, vec!["old".to_owned()]));

    bench.provider.publish(&[("a", 1), ("b", 2)]);
    bench.pass(secs(60)).await;
    assert_eq!(bench.in_use().unwrap(), ["a", "b", "old"]);
    assert!(bench.is_current(0, ("old", 7)), "what it verified before the fetch");
    assert_eq!((bench.state(), bench.generation()), (SourceState::Fresh, 1));

    // No refresh takes it away, and the fetched ones come and go beside it.
    bench.provider.publish(&[("b", 2), ("c", 3)]);
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(bench.in_use().unwrap(), ["b", "c", "old"]);
    assert!(bench.is_current(1, ("old", 7)) && !bench.is_current(1, ("a", 1)));

    // Past the stale-if-error limit it is what is left.
    bench.provider.fail();
    bench.pass(secs(6 * 3600 + 1)).await;
    assert_eq!((bench.in_use().unwrap(), bench.state()), (vec!["old".to_owned()], SourceState::Dead));
    assert!(bench.is_current(2, ("old", 7)) && !bench.is_current(2, ("b", 2)));
    assert!(matches!(bench.request("b").await, Outcome::Unavailable(_)), "503 and not 401");
}

#[tokio::test]
async fn a_given_and_a_fetched_key_of_one_name_are_both_in_use() {
    let bench = with(&[("a", 7)]);
    bench.provider.publish(&[("a", 1)]);
    bench.keys.ready().await.unwrap();
    assert_eq!(bench.in_use().unwrap(), ["a", "a"]);
    assert!(bench.is_current(1, ("a", 1)) && bench.is_current(1, ("a", 7)));
    // The very same key is one.
    bench.provider.publish(&[("a", 7)]);
    bench.keys.refresh_now().await.unwrap();
    assert_eq!((bench.in_use().unwrap(), bench.generation()), (vec!["a".to_owned()], 2));
}

#[tokio::test]
async fn a_given_key_is_withdrawn_in_every_state() {
    for (name, loaded, dead) in
        [("before a fetch", false, false), ("fresh", true, false), ("dead", true, true)]
    {
        let bench = with(&[("old", 7), ("other", 8)]);
        let thumbprint = set(&[("other", 8)]).iter().next().unwrap().thumbprint().to_owned();
        if loaded {
            bench.provider.publish(&[("a", 1)]);
            bench.keys.ready().await.unwrap();
        }
        bench.provider.fail();
        if dead {
            bench.pass(secs(6 * 3600 + 1)).await;
        }
        assert!(bench.keys.revoke_key("old"), "{name}");
        assert!(!bench.keys.revoke_key("old"), "{name}: it is gone");
        for generation in [0, 1] {
            assert!(!bench.is_current(generation, ("old", 7)), "{name}, generation {generation}");
            assert!(bench.is_current(generation, ("other", 8)), "{name}, generation {generation}");
        }
        assert!(bench.keys.revoke_key(&thumbprint), "{name}: by its thumbprint");
        bench.provider.publish(&[("a", 1), ("old", 7)]);
        bench.keys.refresh_now().await.unwrap();
        assert_eq!(bench.in_use().unwrap(), ["a"], "{name}: it stays withdrawn");
    }
}

#[tokio::test]
async fn only_fetched_keys_make_a_source_ready_and_given_ones_earn_no_budget() {
    let bench = with(&[("old", 7)]);
    bench.provider.open.send_replace(false);
    bench.provider.publish(&[("a", 1)]);
    let ready = tokio::spawn({
        let keys = Arc::clone(&bench.keys);
        async move { keys.ready().await }
    });
    settle().await;
    assert!(!ready.is_finished());
    bench.provider.open.send_replace(true);
    ready.await.unwrap().unwrap();
    bench.advance(secs(60)).await;
    assert_eq!(bench.request("x").await, Outcome::Lacks);
    assert_eq!(bench.keys.health().budget, 4);
}
