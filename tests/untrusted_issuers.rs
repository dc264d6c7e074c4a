//! Tokens of issuers that a server does not trust, or did not mean: refused, and nothing comes of them.
#![cfg(feature = "test-util")]
#![allow(unreachable_pub, reason = "a test is imported nowhere")]

#[cfg(all(feature = "axum", feature = "remote"))]
mod support;

use tower_resource_server::{ResourceServer, TrustedIssuer, keys::KeySet, test_util::TestIssuer};

#[cfg(all(feature = "axum", feature = "remote"))]
#[tokio::test]
async fn promise_11_a_token_of_an_untrusted_issuer_causes_no_fetch() {
    use tower_resource_server::profile::TokenProfile;

    let (ours, other, fetcher) = (TestIssuer::new(), TestIssuer::new(), support::Scripted::new());
    let remote =
        TrustedIssuer::with_jwks_uri("https://ours.test", "https://ours.test/jwks", TokenProfile::rfc9068())
            .http_client(fetcher.clone());
    let clock = ours.clock().clone();
    let api = ResourceServer::builder(ours.audience()).issuer(remote).clock(clock).build().unwrap();
    for _ in 0..3 {
        let refused = api.verify_access_token(&other.access_token("eve").mint().unwrap()).await;
        assert_eq!(refused.unwrap_err().reason().code(), "untrusted_issuer");
        tokio::task::yield_now().await;
    }
    assert_eq!(fetcher.fetches(), 0);
}

#[tokio::test]
async fn a_token_of_another_trusted_issuer_is_not_the_one_that_was_asked_for() {
    let issuer = TestIssuer::new();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted().also_known_as("https://alias.test"))
        .issuer(TrustedIssuer::with_keys(
            "https://other.test",
            keys,
            tower_resource_server::profile::TokenProfile::jwt(),
        ))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let token = issuer.access_token("alice").mint().unwrap();
    for name in [issuer.issuer(), "https://alias.test"] {
        assert_eq!(api.verify_access_token_of(name, &token).await.unwrap().subject(), "alice", "{name}");
    }
    let refused = api.verify_access_token_of("https://other.test", &token).await;
    assert_eq!(refused.unwrap_err().reason().code(), "untrusted_issuer");
}
