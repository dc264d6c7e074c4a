//! A proof counts once, for its key, and last of all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tower_resource_server::{
    Dpop,
    policy::scope,
    store::{Life, MemorySpentStore, SpendError, Spending, SpentStore},
    test_util::DpopKey,
    time::UnixTime,
};

use crate::{Site, support::ask, told, with_proof};

const REPLAYED: &str = "401 DPoP invalid_dpop_proof proof_replayed";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn promise_8_of_a_thousand_uses_of_one_proof_at_once_one_passes() {
    let site = Site::new(Dpop::required());
    let proof = site.proof();
    let uses: Vec<_> = (0..1_000)
        .map(|_| {
            let (app, request) = (site.app.clone(), with_proof(&proof));
            tokio::spawn(async move { told(&ask(&app, request).await) })
        })
        .collect();
    let mut passed = 0;
    for each in uses {
        match &*each.await.unwrap() {
            "200" => passed += 1,
            other => assert_eq!(other, REPLAYED),
        }
    }
    assert_eq!(passed, 1);
}

#[tokio::test]
async fn promise_8_a_proof_is_known_until_its_time_is_over() {
    let site = Site::new(Dpop::required());
    let proof = site.proof().claim("jti", "one");
    let ahead = site.proof().claim("jti", "ahead").claim("iat", site.issuer.now().as_secs() + 120);
    assert_eq!((site.told_of(&proof).await, site.told_of(&ahead).await), ("200".into(), "200".into()));
    let outside = "401 DPoP invalid_dpop_proof proof_outside_window";
    for (seconds, of_one, of_ahead) in [
        (0, REPLAYED, REPLAYED),
        (60, REPLAYED, REPLAYED),
        (60, REPLAYED, REPLAYED),
        (1, outside, REPLAYED),
        (119, outside, REPLAYED),
        (1, outside, outside),
    ] {
        site.issuer.clock().advance(Duration::from_secs(seconds));
        assert_eq!((&*site.told_of(&proof).await, &*site.told_of(&ahead).await), (of_one, of_ahead));
    }
    assert_eq!(site.told_of(&site.proof().claim("jti", "one")).await, "200", "a new proof under an old name");
}

#[tokio::test]
async fn promise_8_a_proof_is_spent_for_its_own_key() {
    let site = Site::new(Dpop::required());
    let other = DpopKey::new();
    let token = site.issuer.access_token("bob").bound_to_key(other.thumbprint()).mint().unwrap();
    let of_other = other.proof("GET", crate::URL, &token, site.issuer.now()).claim("jti", "same");
    assert_eq!(site.told_of(&site.proof().claim("jti", "same")).await, "200");
    assert_eq!(site.told_of(&of_other).await, "200", "the jti of another key");
    assert_eq!(site.told_of(&of_other).await, REPLAYED);
    // A jti is what its bytes are: a proof with more of them is another.
    let in_another_spelling = site.proof().claim("jti", "same ");
    assert_eq!(site.told_of(&in_another_spelling).await, "200");
    // The method and the URL are no part of it (RFC 9449 section 11.1 allows it, and this is stricter).
    let elsewhere = site.proof().claim("jti", "same").claim("htu", "https://api.test/orders?again");
    assert_eq!(site.told_of(&elsewhere).await, REPLAYED);
}

#[tokio::test]
async fn promise_13_nothing_else_about_a_request_uses_its_proof_up() {
    let site = Site::with(|server| server.dpop(Dpop::required()).require(scope("a")));
    let narrow = site.issuer.access_token("alice").bound_to_key(site.key.thumbprint()).mint().unwrap();
    let of_narrow = || site.key.proof("GET", crate::URL, &narrow, site.issuer.now()).claim("jti", "kept");
    for (name, proof, expected) in [
        ("a scope is lacking", of_narrow(), "403 DPoP insufficient_scope insufficient_scope"),
        ("another URL", site.proof().claim("htu", "https://a.test/"), {
            "401 DPoP invalid_dpop_proof proof_wrong_url"
        }),
        ("another token", of_narrow().without("ath"), {
            "401 DPoP invalid_dpop_proof proof_wrong_token_hash"
        }),
        ("the proof that was kept", site.proof(), "200"),
    ] {
        assert_eq!(site.told_of(&proof.claim("jti", "kept")).await, expected, "{name}");
    }
    assert_eq!(site.told_of(&site.proof().claim("jti", "kept")).await, REPLAYED);
}

#[tokio::test]
async fn promise_13_a_full_store_refuses_and_one_client_fills_its_share_alone() {
    let store = Arc::new(MemorySpentStore::new(10).share(3));
    let site = Site::new(Dpop::required().store(Arc::clone(&store)));
    const FULL: &str = "503 spent_store_unavailable";
    for n in 0..5 {
        assert_eq!(site.told_of(&site.proof()).await, if n < 3 { "200" } else { FULL });
    }
    let mut told = Vec::new();
    for _ in 0..4 {
        let key = DpopKey::new();
        let token = site.issuer.access_token("bob").bound_to_key(key.thumbprint()).mint().unwrap();
        for _ in 0..2 {
            told.push(site.told_of(&key.proof("GET", crate::URL, &token, site.issuer.now())).await);
        }
    }
    assert_eq!(told, ["200", "200", "200", "200", "200", "200", "200", FULL], "three and seven are ten");
    assert_eq!(store.len(), 10);
    let answer = site.ask(with_proof(&site.proof())).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    site.issuer.clock().advance(Duration::from_secs(121));
    assert_eq!(site.told_of(&site.proof()).await, "200", "when their time is over");
    assert_eq!(store.len(), 1);
}

/// Answers later, and not at all where it is down.
struct Slow {
    inner: MemorySpentStore,
    asked: AtomicUsize,
    is_down: bool,
}

impl SpentStore for Slow {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let result =
            if self.is_down { Err(SpendError::Unavailable) } else { self.inner.spend(id, life.until, now) };
        Spending::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            result
        }))
    }
}

#[tokio::test]
async fn promise_13_a_store_that_answers_later_is_asked_once() {
    for (is_down, expected) in
        [(false, ["200", REPLAYED]), (true, ["503 spent_store_unavailable", "503 spent_store_unavailable"])]
    {
        let store =
            Arc::new(Slow { inner: MemorySpentStore::default(), asked: AtomicUsize::new(0), is_down });
        let site = Site::new(Dpop::required().store(Arc::clone(&store)));
        let proof = site.proof();
        assert_eq!([site.told_of(&proof).await, site.told_of(&proof).await], expected);
        assert_eq!(store.asked.load(Ordering::SeqCst), 2);
        let head = with_proof(&site.proof()).into_parts().0;
        assert_eq!(site.api.authenticate(&head).await.is_ok(), !is_down);
    }
}
