//! Keys that cannot be had: nobody's fault who asks.

use axum::{Router, routing};
use tower_resource_server::{
    Issuer, ResourceServer,
    http::Json,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::{
    door::{Scripted, ask, get},
    grpc::call,
};

#[tokio::test]
async fn promise_11_keys_that_cannot_be_had_are_503_and_never_401() {
    let issuer = TestIssuer::new();
    let fetcher = Scripted::new();
    fetcher.fail();
    let remote = Issuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks")
        .profile(TokenProfile::rfc9068())
        .fetcher(fetcher.clone());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(remote)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let app = Router::new().route("/", routing::any(|| async { "ok" })).layer(api.layer().reject_with(Json));
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
        ("nobody", None, 401),
        ("expired", Some(issuer.broken(Defect::Expired)), 401),
        ("untrusted", Some(issuer.broken(Defect::WrongIssuer)), 401),
        ("two words", Some("a b".to_owned()), 400),
    ] {
        assert_eq!(ask(&app, get("/", token.as_deref())).await.status().as_u16(), status, "{name}");
    }
    assert_eq!(fetcher.fetches(), 1);
}
