//! Keys that cannot be had: not the client's fault.

use std::{future::Future, pin::Pin, task::Poll, time::Duration};

use axum::{Router, routing};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    http::Json,
    profile::TokenProfile,
    source::RefreshSettings,
    test_util::{Defect, TestIssuer},
};

use crate::{
    grpc::call,
    support::{Scripted, ask, get},
};

fn app(issuer: &TestIssuer, fetcher: &Scripted, settings: RefreshSettings) -> Router {
    let remote =
        TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks", TokenProfile::rfc9068())
            .refresh(settings)
            .http_client(fetcher.clone());
    let clock = issuer.clock().clone();
    let api = ResourceServer::builder(issuer.audience()).issuer(remote).clock(clock).build().unwrap();
    Router::new().route("/", routing::any(|| async { "ok" })).layer(api.layer().reject_with(Json))
}

#[tokio::test]
async fn promise_11_keys_that_cannot_be_had_are_503_and_never_401() {
    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    fetcher.fail();
    let app = app(&issuer, &fetcher, RefreshSettings::default());
    let token = issuer.access_token("alice").mint().unwrap();

    let answer = ask(&app, get("/", Some(&token))).await;
    assert_eq!((answer.status().as_u16(), answer.challenge()), (503, None));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(
        answer.body,
        r#"{"status":503,"error_description":"the issuer's keys are not available right now"}"#
    );

    let answer = ask(&app, call("/", "application/grpc", Some(&token))).await;
    assert_eq!((answer.status().as_u16(), answer.header("grpc-status")), (200, Some("14")));
    assert_eq!((answer.challenge(), &*answer.body, answer.header("retry-after")), (None, "", None));
    assert!(answer.header("grpc-retry-pushback-ms").unwrap().parse::<u64>().unwrap() >= 1000);

    // What needs no key to be judged is judged all the same, and fetches nothing.
    for (name, token, status) in [
        ("no token", None, 401),
        ("expired", Some(issuer.broken(Defect::Expired)), 401),
        ("untrusted", Some(issuer.broken(Defect::WrongIssuer)), 401),
        ("two words", Some("a b".to_owned()), 400),
    ] {
        assert_eq!(ask(&app, get("/", token.as_deref())).await.status().as_u16(), status, "{name}");
    }
    assert_eq!(fetcher.fetches(), 1);
}

async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn promise_11_beyond_the_places_for_waiting_it_is_503_at_once() {
    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    let settings = RefreshSettings::default().max_waiters(2);
    let app = app(&issuer, &fetcher, settings);
    let token = issuer.access_token("alice").mint().unwrap();
    let mut first = Box::pin(ask(&app, get("/", Some(&token))));
    let mut second = Box::pin(ask(&app, get("/", Some(&token))));
    assert!(is_pending(first.as_mut()).await && is_pending(second.as_mut()).await);
    let turned_away = ask(&app, get("/", Some(&token))).await;
    assert_eq!(turned_away.status().as_u16(), 503);
    assert!(turned_away.header("retry-after").is_some());

    // A request that gives up leaves its permit.
    drop(first);
    let mut third = Box::pin(ask(&app, get("/", Some(&token))));
    assert!(is_pending(third.as_mut()).await);
    fetcher.answer(&issuer.jwks());
    assert_eq!((second.await.status().as_u16(), third.await.status().as_u16()), (200, 200));
    assert_eq!(fetcher.fetches(), 1);
}

#[tokio::test]
async fn promise_11_unknown_keys_cause_a_bounded_number_of_fetches() {
    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    let app = app(&issuer, &fetcher, RefreshSettings::default());
    let good = issuer.access_token("alice").mint().unwrap();
    for _ in 0..1000 {
        fetcher.answer(&issuer.jwks());
    }
    let mut number = 0;
    // One to begin with, then the budget: five at once, and one for every ten seconds.
    for (seconds, at_most) in [(0, 6), (10, 7), (10, 8), (60, 14)] {
        issuer.clock().advance(Duration::from_secs(seconds));
        for _ in 0..50 {
            number += 1;
            // A fetch that began at this very instant would be evidence enough.
            issuer.clock().advance(Duration::from_millis(1));
            let kid = format!("unknown-{number}");
            let unknown = issuer.access_token("mallory").header("kid", kid).mint().unwrap();
            assert_eq!(ask(&app, get("/", Some(&unknown))).await.status().as_u16(), 401);
        }
        assert_eq!(ask(&app, get("/", Some(&good))).await.status().as_u16(), 200);
        assert!(fetcher.fetches() <= at_most, "{} after {number}", fetcher.fetches());
    }
    assert!(fetcher.fetches() >= 6, "{}", fetcher.fetches());

    // A key that the issuer has by now is found with the first request.
    fetcher.take_back().await;
    issuer.clock().advance(Duration::from_secs(10));
    issuer.rotate();
    fetcher.answer(&issuer.jwks());
    let rotated = issuer.access_token("alice").mint().unwrap();
    assert_eq!(ask(&app, get("/", Some(&rotated))).await.status().as_u16(), 200);
}
