//! Many tenants, and many that do not exist.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;

use crate::{Stage, at_most, issuer_of};

/// Resident memory in KiB, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn promise_11_a_thousand_tenants_with_space_for_200() {
    let stage = Stage::new(at_most(200), |issuer| issuer.dangerous().any_tenant());
    for n in 0..1_000 {
        stage.cloud.open(&format!("t-{n}"), &stage.keys);
    }
    let before = (resident(), tasks());
    let mut most_tasks = 0;
    for n in 0..1_000 {
        assert_eq!(stage.verify(&stage.token(&format!("t-{n}"))).await, Ok(issuer_of(&format!("t-{n}"))));
        stage.keys.clock().advance(Duration::from_millis(10));
        // What was told to end gets its turn.
        tokio::task::yield_now().await;
        most_tasks = most_tasks.max(tasks() - before.1);
    }
    let grown = resident().zip(before.0).map(|(after, before)| after.saturating_sub(before));
    let (fetches, live) = (stage.cloud.fetches(), stage.working().len());
    let Stage { api, .. } = stage;
    drop(api);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let left = tasks() - before.1;
    println!(
        "1000 tenants, space for 200: {live} live, {fetches} fetches, at most {most_tasks} tasks, {left} after drop, {} KiB more memory",
        grown.unwrap_or_default()
    );
    assert_eq!((live, fetches, left), (200, 2_000, 0));
    assert!(most_tasks <= 200, "{most_tasks} tasks");
    assert!(grown.is_none_or(|grown| grown <= 64 * 1024), "{grown:?} KiB");
}

#[tokio::test]
async fn promise_11_a_hundred_thousand_made_up_tenants_stay_within_the_budget() {
    let stage = Stage::new(at_most(200), |issuer| issuer.dangerous().any_tenant());
    stage.cloud.open("t-good", &stage.keys);
    let good = stage.token("t-good");
    assert!(stage.verify(&good).await.is_ok());
    let forged = stage.token("t-0");
    let mut parts = forged.split('.');
    let (header, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap();

    let (before, mut unavailable, mut refused_good) = (resident(), 0, 0);
    for n in 0..100_000 {
        let made_up = payload.replace("t-0/", &format!("t-{n}/"));
        let token = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode_to_string(made_up));
        match stage.verify(&token).await {
            Err("keys_unavailable") => unavailable += 1,
            other => panic!("tenant {n}: {other:?}"),
        }
        if n % 100 == 0 {
            refused_good += usize::from(stage.verify(&good).await.is_err());
            refused_good += usize::from(stage.verify(&stage.token("t-good")).await.is_err());
            stage.keys.clock().advance(Duration::from_millis(100));
        }
    }
    let grown = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    let asked = stage.cloud.tenants_asked() - 1;
    println!(
        "100000 made-up tenants in 100 s: {unavailable} answered 503, {asked} looked for, {} fetches, {refused_good} good tokens refused, {} KiB more memory",
        stage.cloud.fetches(),
        grown.unwrap_or_default()
    );
    // 20 at once, then one a second.
    assert!((20..=120).contains(&asked), "{asked} were looked for");
    assert_eq!((refused_good, stage.working()), (0, vec![issuer_of("t-good")]));
    assert!(grown.is_none_or(|grown| grown <= 64 * 1024), "{grown:?} KiB");
}

#[tokio::test]
async fn promise_11_tokens_that_only_name_real_tenants_displace_none() {
    let stage = Stage::new(at_most(2), |issuer| issuer.dangerous().any_tenant());
    let untrusted = tower_resource_server::test_util::TestIssuer::new();
    for n in 0..100 {
        stage.cloud.open(&format!("t-{n}"), &stage.keys);
    }
    let good = [stage.token("t-0"), stage.token("t-1")];
    for token in &good {
        assert!(stage.verify(token).await.is_ok());
    }
    for n in 2..100 {
        // Their keys are found, and verify nothing.
        let forged = crate::token_under(&untrusted, &format!("t-{n}"));
        assert_eq!(stage.verify(&forged).await, Err("unverified_tenant"), "t-{n}");
        stage.keys.clock().advance(Duration::from_secs(1));
    }
    assert!(stage.is_cached(&good[0]) && stage.is_cached(&good[1]));
    assert_eq!(stage.working(), [issuer_of("t-0"), issuer_of("t-1")]);
}

#[tokio::test]
async fn a_bad_start_is_not_repeated_of_itself_and_not_held_against_anybody() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a"]));
    stage.cloud.open("t-a", &stage.keys);
    stage.cloud.down(true);
    let token = stage.token("t-a");
    for _ in 0..10 {
        assert_eq!(stage.verify(&token).await, Err("keys_unavailable"));
    }
    let failed = stage.cloud.fetches();
    stage.keys.clock().advance(Duration::from_secs(3600));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!((stage.cloud.fetches(), failed), (failed, 1), "one try for all of them");
    stage.cloud.down(false);
    assert_eq!(stage.verify(&token).await, Ok(issuer_of("t-a")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_first_requests_of_a_tenant_share_its_fetches() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a"]));
    stage.cloud.open("t-a", &stage.keys);
    let requests = (0..100).map(|_| {
        let (api, token) = (stage.api.clone(), stage.token("t-a"));
        tokio::spawn(async move { api.verify_access_token(&token).await.is_ok() })
    });
    for request in requests.collect::<Vec<_>>() {
        assert!(request.await.unwrap());
    }
    assert_eq!((stage.cloud.fetches(), stage.working()), (2, vec![issuer_of("t-a")]));
}

#[tokio::test]
async fn a_new_tenant_during_a_flood_is_told_to_come_again_and_gets_its_turn() {
    let stage = Stage::new(at_most(200), |issuer| issuer.dangerous().any_tenant());
    stage.cloud.open("t-new", &stage.keys);
    for n in 0..100 {
        assert_eq!(stage.verify(&stage.token(&format!("t-{n}"))).await, Err("keys_unavailable"));
    }
    let customer = stage.token("t-new");
    let refusal = stage.api.verify_access_token(&customer).await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.retry_after()), (503, Some(Duration::from_secs(1))));
    stage.keys.clock().advance(Duration::from_secs(1));
    assert_eq!(stage.verify(&customer).await, Ok(issuer_of("t-new")));
    // And as it works, it has given its turn back.
    assert_eq!(stage.verify(&stage.token("t-100")).await, Err("keys_unavailable"));
    assert_eq!(stage.cloud.tenants_asked(), 20 + 2);
}
