//! Which recorder counts: the global one, also where it is installed after the server was built.
//!
//! A file of its own, since a program has one global recorder.
#![cfg(all(feature = "metrics", feature = "test-util"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread,
};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_global_recorder,
};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    keys::KeySet,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

/// Counts by the value of the label `result`.
#[derive(Clone, Default)]
struct Results(Arc<Mutex<BTreeMap<String, u64>>>);

struct Line(Results, String);

impl Results {
    fn read(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap().clone().into_iter().collect()
    }
}

impl CounterFn for Line {
    fn increment(&self, by: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += by;
    }

    fn absolute(&self, value: u64) {
        self.0.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl Recorder for Results {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let result = key.labels().find(|label| label.key() == "result");
        let result = result.map(|label| label.value().to_owned()).unwrap_or_default();
        Counter::from_arc(Arc::new(Line(self.clone(), result)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_recorder_that_is_installed_after_the_server_was_built_counts() {
    let issuer = TestIssuer::new();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(trusted)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let (good, expired) = (issuer.access_token("alice").mint().unwrap(), issuer.broken(Defect::Expired));
    let global = Results::default();
    assert!(set_global_recorder(global.clone()).is_ok());

    // On a thread of its own, as a runtime has them.
    thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut request = http::Request::new(()).into_parts().0;
            for token in [&good, &good, &expired, &expired] {
                let value = format!("Bearer {token}").parse().unwrap();
                request.headers.insert(http::header::AUTHORIZATION, value);
                let authenticated = runtime.block_on(api.authenticate(&request));
                assert_eq!(authenticated.is_ok(), token == &good);
            }
        });
    });
    let expected = [("expired", 2), ("good", 2), ("hit", 1), ("miss", 3)];
    assert_eq!(global.read(), expected.map(|(result, count)| (result.to_owned(), count)));
}
