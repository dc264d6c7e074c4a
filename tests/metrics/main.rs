//! What is counted: verdicts by reason, the cache, fetches; with bounded labels.
#![cfg(all(feature = "metrics", feature = "remote", feature = "test-util"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, unreachable_pub, reason = "no other crate imports a test")]

#[cfg(feature = "redis")]
#[path = "../stores/fake.rs"]
#[expect(dead_code, reason = "its own suite has it do more")]
mod fake;
#[cfg(all(feature = "axum", feature = "tonic"))]
mod proofs;
#[cfg(all(feature = "axum", feature = "tonic"))]
mod reasons;
#[cfg(feature = "redis")]
mod store;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tower_resource_server::{
    ApiKey, ApiKeys, ResourceServer, TrustedIssuer,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use support::Scripted;

/// Keeps what is counted, by name and labels.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<BTreeMap<String, f64>>>);

struct Line {
    book: Book,
    name: String,
}

impl Book {
    fn line(&self, key: &Key) -> Arc<Line> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = key.name().trim_start_matches("resource_server_");
        Arc::new(Line { book: self.clone(), name: format!("{name} {}", labels.join(" ")) })
    }

    fn read(&self) -> Vec<(String, f64)> {
        self.0.lock().unwrap().clone().into_iter().collect()
    }
}

impl CounterFn for Line {
    fn increment(&self, by: u64) {
        *self.book.0.lock().unwrap().entry(self.name.clone()).or_default() += by as f64;
    }

    fn absolute(&self, _: u64) {
        panic!("nothing here is absolute")
    }
}

impl GaugeFn for Line {
    fn increment(&self, _: f64) {
        panic!("ages are set")
    }

    fn decrement(&self, _: f64) {
        panic!("ages are set")
    }

    fn set(&self, value: f64) {
        self.book.0.lock().unwrap().insert(self.name.clone(), value);
    }
}

impl Recorder for Book {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("there are none")
    }
}

#[test]
fn verdicts_cache_and_fetches_are_counted() {
    let book = Book::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&book, || runtime.block_on(live()));
    let expected = [
        ("authentications_total result=expired verified=no", 1.0),
        ("authentications_total result=good verified=yes", 3.0),
        ("authentications_total result=invalid_signature verified=no", 1.0),
        ("authentications_total result=malformed verified=no", 1.0),
        ("authentications_total result=pair_mismatch verified=yes", 1.0),
        ("authentications_total result=untrusted_issuer verified=no", 1.0),
        ("key_age_seconds issuer=https://issuer.test", 90.0),
        ("key_fetches_total issuer=https://issuer.test outcome=changed", 1.0),
        ("key_fetches_total issuer=https://issuer.test outcome=failed", 1.0),
        ("key_fetches_total issuer=https://issuer.test outcome=unchanged", 1.0),
        ("token_cache_total result=hit", 1.0),
        ("token_cache_total result=miss", 7.0),
    ];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(book.read(), expected);
}

#[test]
fn keys_are_counted_by_their_kind_and_not_by_their_name() {
    let issuer = TestIssuer::new();
    let (billing, old) = ("shop_4Zt1mRkq8PwY2vLxN0bHcA", "shop_q0W8eR7tY6uI5oP4aS3dF2");
    let keys = ApiKeys::new()
        .key(ApiKey::from_secret("billing", billing, "billing"))
        .key(ApiKey::from_secret("old", old, "old").deprecated(true));
    let book = Book::default();
    metrics::with_local_recorder(&book, || {
        let api = ResourceServer::builder(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .api_keys(keys)
            .build()
            .unwrap();
        let token = issuer.access_token("alice").mint().unwrap();
        for credential in [billing, billing, old, "shop_AAAAAAAAAAAAAAAAAAAAAA", &token] {
            drop(api.verify_now(credential));
        }
    });
    let expected = [
        ("authentications_total result=good verified=yes", 4.0),
        ("authentications_total result=unknown_credential verified=no", 1.0),
        ("credentials_total kind=api_key", 2.0),
        ("credentials_total kind=deprecated_api_key", 1.0),
        ("token_cache_total result=miss", 5.0),
    ];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(book.read(), expected);
}

/// A morning in the life of a server.
async fn live() {
    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    let remote =
        TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks", TokenProfile::rfc9068())
            .http_client(fetcher.clone());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(remote)
        .client_id(issuer.client_id())
        .id_token(tower_resource_server::http::IdTokenLocation::AfterAccessToken)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    fetcher.answer(&issuer.jwks());
    api.refresh_now().await.unwrap();

    let good = issuer.access_token("alice").mint().unwrap();
    for token in [
        &good,
        &good,
        &issuer.access_token("bob").mint().unwrap(),
        &issuer.broken(Defect::Expired),
        &issuer.broken(Defect::TamperedSignature),
        "no token",
        &TestIssuer::builder().issuer("https://evil.test").build().access_token("eve").mint().unwrap(),
    ] {
        let _ = api.verify_access_token(token).await;
    }
    let foreign = issuer.id_token("mallory").mint().unwrap();
    let mut request = http::Request::new(()).into_parts().0;
    let pair = format!("Bearer {good} {foreign}");
    request.headers.insert(http::header::AUTHORIZATION, pair.parse().unwrap());
    assert!(api.authenticate(&request).await.is_err());

    fetcher.answer(&issuer.jwks());
    api.refresh_now().await.unwrap();
    fetcher.fail();
    issuer.clock().advance(Duration::from_secs(90));
    assert!(api.refresh_now().await.is_err());
}
