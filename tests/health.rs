//! The health service: what a probe sees of an issuer's good and bad days.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, unreachable_pub, reason = "tests are not imported")]

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;
use tower_resource_server::{
    ResourceServer, TrustedIssuer, profile::TokenProfile, source::RefreshSettings, test_util::TestIssuer,
};

use support::Scripted;

async fn probe(api: &ResourceServer) -> (StatusCode, Value) {
    let response =
        api.health_service::<Bytes>().oneshot(Request::get("/any").body(()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

/// The status code, the overall status, and the states of the issuers.
async fn seen(api: &ResourceServer) -> (u16, String, Vec<String>) {
    let (code, report) = probe(api).await;
    let states = report["issuers"].as_array().unwrap().iter();
    let states = states.map(|issuer| issuer["state"].as_str().unwrap().to_owned()).collect();
    (code.as_u16(), report["status"].as_str().unwrap().to_owned(), states)
}

fn expected(code: u16, status: &str, states: &[&str]) -> (u16, String, Vec<String>) {
    (code, status.to_owned(), states.iter().map(|state| (*state).to_owned()).collect())
}

#[tokio::test]
async fn a_probe_sees_every_state() {
    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    let never_again = RefreshSettings::default()
        .max_backoff(Duration::from_secs(3600 * 24))
        .min_backoff(Duration::from_secs(3600 * 24));
    let remote = TrustedIssuer::with_jwks_uri(
        "https://remote.test",
        "https://remote.test/jwks",
        TokenProfile::rfc9068(),
    )
    .refresh(never_again)
    .http_client(fetcher.clone());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .issuer(remote)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    assert_eq!(seen(&api).await, expected(503, "unavailable", &["fixed", "empty"]));

    api.start().unwrap();
    while fetcher.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(seen(&api).await, expected(503, "unavailable", &["fixed", "loading"]));

    fetcher.answer(&issuer.jwks());
    api.ready().await.unwrap();
    assert_eq!(seen(&api).await, expected(200, "ok", &["fixed", "fresh"]));
    let (_, report) = probe(&api).await;
    let remote = &report["issuers"][1];
    assert_eq!((&remote["issuer"], &remote["keys"]), (&"https://remote.test".into(), &1.into()));
    assert_eq!((&remote["key_ids"][0], &remote["generation"]), (&"key-1".into(), &1.into()));
    assert_eq!((&remote["age_seconds"], &remote["last_error"]), (&0.into(), &Value::Null));

    // Half an hour without an answer: everything is still verified.
    fetcher.fail();
    issuer.clock().advance(Duration::from_secs(1800));
    assert!(api.refresh_now().await.is_err());
    assert_eq!(seen(&api).await, expected(200, "degraded", &["fixed", "stale"]));
    let (_, report) = probe(&api).await;
    let remote = &report["issuers"][1];
    assert_eq!(remote["last_error"], "key set: the connection failed");
    assert_eq!((&remote["failures"], &remote["age_seconds"]), (&1.into(), &1800.into()));

    // Past the stale-if-error limit.
    issuer.clock().advance(Duration::from_secs(6 * 3600));
    assert_eq!(seen(&api).await, expected(503, "unavailable", &["fixed", "dead"]));

    fetcher.answer(&issuer.jwks());
    api.refresh_now().await.unwrap();
    assert_eq!(seen(&api).await, expected(200, "ok", &["fixed", "fresh"]));
}

#[tokio::test]
async fn it_is_read_only_and_says_so() {
    let api = TestIssuer::new().server();
    for (method, code, empty) in [
        (Method::GET, 200, false),
        (Method::HEAD, 200, true),
        (Method::POST, 405, true),
        (Method::DELETE, 405, true),
    ] {
        let request = Request::builder().method(&method).body(()).unwrap();
        let response = api.health_service::<Bytes>().oneshot(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().is_empty()), (code, empty), "{method}");
        assert_eq!(response.headers().contains_key("allow"), code == 405, "{method}");
    }
}
