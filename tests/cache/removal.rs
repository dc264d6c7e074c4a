//! Keys from the network that come and go, and what becomes of cached verdicts.

use std::time::Duration;

use tower_resource_server::{
    KeyRevocation, ResourceServer, TrustedIssuer, profile::TokenProfile, test_util::TestIssuer,
};

use crate::{is_cached, support::Scripted};

struct Stage {
    issuer: TestIssuer,
    fetcher: Scripted,
    api: ResourceServer,
}

impl Stage {
    async fn new() -> Self {
        let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
        let remote = TrustedIssuer::with_jwks_uri(
            issuer.issuer(),
            "https://issuer.test/jwks",
            TokenProfile::rfc9068(),
        )
        .http_client(fetcher.clone());
        let clock = issuer.clock().clone();
        let api = ResourceServer::builder(issuer.audience()).issuer(remote).clock(clock).build().unwrap();
        let stage = Self { issuer, fetcher, api };
        stage.refresh().await;
        stage
    }

    async fn refresh(&self) {
        self.fetcher.answer(&self.issuer.jwks());
        self.api.refresh_now().await.unwrap();
    }

    /// A token of the current key, verified and so cached.
    async fn cached(&self, subject: &str) -> String {
        let lifetime = Duration::from_secs(24 * 3600);
        let token = self.issuer.access_token(subject).lifetime(lifetime).mint().unwrap();
        assert!(self.api.verify_access_token(&token).await.is_ok());
        assert!(is_cached(&self.api, &token));
        token
    }
}

#[tokio::test]
async fn promise_6_a_removed_key_ends_its_tokens_and_survivors_stay_cached() {
    let stage = Stage::new().await;
    let first = stage.cached("first").await;
    stage.issuer.rotate();
    stage.refresh().await;
    assert!(is_cached(&stage.api, &first), "a new key takes nothing from the old one");
    let second = stage.cached("second").await;

    stage.refresh().await;
    assert!(is_cached(&stage.api, &first) && is_cached(&stage.api, &second), "a refresh without change");

    stage.issuer.token_issuer().retire("key-1").unwrap();
    assert!(is_cached(&stage.api, &first), "it is not known yet");
    stage.refresh().await;
    assert!(!is_cached(&stage.api, &first), "the removed key's");
    assert!(is_cached(&stage.api, &second), "the survivor's");
    assert_eq!(stage.api.verify_access_token(&second).await.unwrap().subject(), "second");
}

#[tokio::test]
async fn promise_6_another_key_under_the_same_name_is_another_key() {
    let stage = Stage::new().await;
    let token = stage.cached("alice").await;
    let impostor = TestIssuer::builder().issuer(stage.issuer.issuer()).build();
    assert_eq!(impostor.jwks()["keys"][0]["kid"], stage.issuer.jwks()["keys"][0]["kid"]);
    stage.fetcher.answer(&impostor.jwks());
    stage.api.refresh_now().await.unwrap();
    assert!(!is_cached(&stage.api, &token));
    assert!(stage.api.verify_access_token(&token).await.is_err());
    // It comes back, and so does the verdict.
    stage.refresh().await;
    assert!(stage.api.verify_access_token(&token).await.is_ok());
}

#[tokio::test]
async fn promise_6_a_revoked_key_stays_revoked_across_refreshes() {
    let stage = Stage::new().await;
    let token = stage.cached("alice").await;
    assert_eq!(stage.api.revoke_key(stage.issuer.issuer(), "key-1"), Ok(KeyRevocation::WasInUse));
    assert!(!is_cached(&stage.api, &token));
    stage.issuer.rotate();
    stage.refresh().await;
    assert!(!is_cached(&stage.api, &token));
    stage.cached("bob").await;
}

#[tokio::test]
async fn promise_6_the_stale_if_error_limit_of_the_keys_ends_cached_verdicts() {
    let stage = Stage::new().await;
    let token = stage.cached("alice").await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    stage.issuer.clock().advance(hours(5));
    assert!(is_cached(&stage.api, &token), "keys are served stale");
    stage.issuer.clock().advance(hours(1));
    assert!(!is_cached(&stage.api, &token), "and not for ever");
    stage.refresh().await;
    assert!(is_cached(&stage.api, &token), "the same keys again");
}
