//! Promise 13: a client that asks for nonces, or is refused, costs the service no memory. By itself in a
//! program, since it looks at the memory of the whole of it.
#![cfg(all(target_os = "linux", feature = "axum", feature = "test-util"))]
#![allow(clippy::unwrap_used, reason = "tests stop where they are wrong")]
#![allow(missing_docs, reason = "a test is imported nowhere")]

#[path = "../../examples/layer_sessions/service/mod.rs"]
mod service;

use std::{fs, ops::Range, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use tower::ServiceExt as _;
use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    store::{MemorySpentStore, Nonces},
    test_util::ManualClock,
};

/// A million requests: half of them ask for a nonce, half are refused with one.
const REQUESTS: u32 = 1_000_000;
/// What the allocator may do on its own.
const NOISE_KIB: u64 = 2_048;

/// What the program holds in memory.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Asks from two clients at once, each with half of the requests.
async fn ask(router: &Router, requests: u32) {
    let half = requests / 2;
    let clients = [0..half, half..requests].map(|numbers| tokio::spawn(ask_in_turn(router.clone(), numbers)));
    for client in clients {
        client.await.unwrap();
    }
}

async fn ask_in_turn(router: Router, numbers: Range<u32>) {
    for number in numbers {
        let (method, path, expected) = match number % 2 {
            0 => ("POST", "/nonces", StatusCode::CREATED),
            _ => ("GET", "/conversations", StatusCode::UNAUTHORIZED),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", "application/vnd.layer+json; version=2.0")
            .header("authorization", format!("Layer session-token=\"stale.token.{number}\""))
            .body(Body::empty())
            .unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_13_a_million_requests_half_of_each_leave_nothing_behind() {
    let spent = Arc::new(MemorySpentStore::default());
    let service = service::Service::new(
        service::Settings {
            url: "http://layer.test".to_owned(),
            customer_key: SigningKey::generate(Algorithm::RS256).unwrap(),
            session_key: SigningKey::generate(Algorithm::EdDSA).unwrap(),
            session_lifetime: Duration::from_secs(60),
            nonces: Nonces::new().unwrap().store(Arc::clone(&spent)),
            ended: spent.clone(),
        },
        ManualClock::default(),
    )
    .unwrap();
    let router = service.router();

    ask(&router, REQUESTS / 20).await;
    let before = resident_kib();
    ask(&router, REQUESTS).await;
    let grown = resident_kib().saturating_sub(before);

    assert!(spent.is_empty());
    assert!(grown <= NOISE_KIB, "{grown} KiB more than after the first {} requests", REQUESTS / 20);
}
