//! Runtimes come and go; the source is noticed, restarted, and ended.

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn without_a_runtime_there_is_a_typed_error_and_no_panic() {
    let bench = Bench::new();
    bench.provider.publish(&[("a", 1)]);
    let now = bench.clocks();
    assert!(bench.keys.snapshot(now).is_none());
    assert_eq!(bench.keys.start(), Err(NoRuntime));
    assert!(matches!(
        bench.keys.need_key(now.monotonic, None, Wanted::UnknownKey),
        KeyAnswer::Unavailable { .. }
    ));
    assert_eq!(bench.keys.health().last_error, Some(RefreshError::NoRuntime(NoRuntime)));
    assert_eq!(bench.provider.fetches(), 0);
    // And it starts as soon as there is one.
    assert_eq!(runtime().block_on(bench.request("a")), Outcome::Found);
    assert_eq!(bench.keys.health().last_error, None);
}

#[tokio::test]
async fn the_last_handle_ends_the_task() {
    let bench = Bench::loaded().await;
    let shared = Arc::downgrade(&bench.keys.shared);
    let Bench { clock, provider, keys } = bench;
    assert_eq!((Arc::strong_count(&keys), clock.sleepers()), (1, 1));
    drop(keys);
    settle().await;
    assert!(shared.upgrade().is_none(), "the task holds the source");
    assert_eq!(clock.sleepers(), 0);
    clock.advance(secs(3600));
    settle().await;
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn the_last_handle_ends_a_fetch_under_way() {
    let bench = Bench::new();
    bench.provider.set(JWKS, Answer::Hangs);
    bench.keys.start().unwrap();
    settle().await;
    assert_eq!(bench.state(), SourceState::Loading);
    let shared = Arc::downgrade(&bench.keys.shared);
    drop(bench);
    settle().await;
    assert!(shared.upgrade().is_none());
}

#[tokio::test]
async fn a_waiting_request_keeps_its_source_alive() {
    let bench = Bench::new();
    bench.provider.open.send_replace(false);
    bench.provider.publish(&[("a", 1)]);
    let KeyAnswer::Wait(wait) = bench.keys.need_key(secs(0), None, Wanted::UnknownKey) else {
        panic!("no wait")
    };
    let Bench { provider, keys, .. } = bench;
    drop(keys);
    settle().await;
    provider.open.send_replace(true);
    assert_eq!(wait.await, KeyAnswer::TryAgain);
}

#[test]
fn two_runtimes_one_after_the_other() {
    let bench = Bench::new();
    bench.provider.publish(&[("a", 1)]);
    assert_eq!(runtime().block_on(bench.request("a")), Outcome::Found);
    // The first one is gone, the source is not.
    bench.provider.publish(&[("b", 2)]);
    bench.clock.advance(secs(60));
    assert_eq!(runtime().block_on(bench.request("b")), Outcome::Found);
    assert_eq!((bench.provider.fetches(), bench.keys.health().failures), (2, 0));
}

#[test]
fn a_fetch_that_dies_with_its_runtime_is_made_again() {
    let bench = Bench::new();
    bench.provider.open.send_replace(false);
    bench.provider.publish(&[("a", 1)]);
    runtime().block_on(async {
        bench.keys.start().unwrap();
        settle().await;
    });
    assert_eq!(bench.provider.fetches(), 1);
    bench.provider.open.send_replace(true);
    assert_eq!(runtime().block_on(bench.request("a")), Outcome::Found);
    assert_eq!((bench.provider.fetches(), bench.keys.health().failures), (2, 0));
}

#[test]
fn known_keys_are_kept_fresh_by_the_next_runtime() {
    let bench = Bench::new();
    bench.provider.publish(&[("a", 1)]);
    assert_eq!(runtime().block_on(bench.request("a")), Outcome::Found);
    bench.clock.advance(secs(400));
    runtime().block_on(async {
        assert_eq!(bench.request("a").await, Outcome::Found, "served while it is looked after");
        settle().await;
    });
    assert_eq!((bench.provider.fetches(), bench.keys.health().age), (2, Some(secs(0))));
}

#[test]
fn a_runtime_that_no_longer_runs_is_overdue_and_its_late_answer_ignored() {
    let bench = Bench::new();
    bench.provider.open.send_replace(false);
    bench.provider.publish(&[("old", 1)]);
    let stopped = runtime();
    stopped.block_on(async {
        bench.keys.start().unwrap();
        settle().await;
    });
    bench.clock.advance(secs(60));
    bench.provider.open.send_replace(true);
    bench.provider.publish(&[("new", 2)]);
    assert_eq!(runtime().block_on(bench.request("new")), Outcome::Found);
    let generation = bench.generation();
    stopped.block_on(settle());
    assert_eq!((bench.generation(), bench.keys.health().key_ids), (generation, vec!["new".to_owned()]));
}

#[tokio::test]
async fn a_client_that_panics_is_a_failure_and_the_source_recovers() {
    let bench = Bench::loaded().await;
    bench.advance(secs(60)).await;
    bench.provider.set(JWKS, Answer::Panics);
    assert_eq!(bench.request("x").await, Outcome::Unavailable(1));
    assert_eq!(bench.keys.health().last_error, Some(RefreshError::Panicked));
    assert_eq!(bench.request("a").await, Outcome::Found);
    bench.provider.publish(&[("c", 3)]);
    bench.advance(secs(1)).await;
    assert_eq!(bench.request("c").await, Outcome::Found);
    assert_eq!(bench.keys.health().failures, 0);
}

#[tokio::test]
async fn ready_waits_for_the_first_keys_through_failures() {
    let bench = Bench::new();
    bench.provider.fail();
    let keys = Arc::clone(&bench.keys);
    let ready = tokio::spawn(async move { keys.ready().await });
    bench.pass(secs(20)).await;
    assert!(!ready.is_finished());
    bench.provider.publish(&[("a", 1)]);
    bench.pass(secs(20)).await;
    assert_eq!(ready.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn refresh_now_fetches_anew_whatever_else_is_going_on() {
    let bench = Bench::loaded().await;
    bench.provider.fail();
    let error = RefreshError::KeySetFetch(HttpError::Connect.into());
    assert_eq!(bench.keys.refresh_now().await, Err(error), "and does not wait for the back-off");
    bench.provider.publish(&[("c", 3)]);
    assert_eq!(bench.keys.refresh_now().await, Ok(()));
    assert_eq!(bench.request("c").await, Outcome::Found);
    assert_eq!((bench.provider.fetches(), bench.keys.health().budget), (3, 5));

    // One that is under way began before the call, so it does not count.
    bench.provider.open.send_replace(false);
    bench.advance(secs(271)).await;
    assert_eq!(bench.provider.fetches(), 4);
    let keys = Arc::clone(&bench.keys);
    let refresh = tokio::spawn(async move { keys.refresh_now().await });
    settle().await;
    bench.provider.open.send_replace(true);
    assert_eq!(refresh.await.unwrap(), Ok(()));
    assert_eq!(bench.provider.fetches(), 5);
}
