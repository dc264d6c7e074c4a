//! `verify_now` says what `verify_access_token` says, as far as that is known without waiting.
#![cfg(all(feature = "remote", feature = "test-util"))]

use std::future::ready;

use http::{Request, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    http::Reason,
    net::{Body, HttpClient, HttpFuture, Limits},
    profile::TokenProfile,
    store::Nonces,
    test_util::{Defect, TestIssuer},
};

/// Serves one key set.
struct Serves(String);

impl HttpClient for Serves {
    fn send(&self, _: Request<Body>, _: Limits) -> HttpFuture<'_> {
        Box::pin(ready(Ok(Response::new(self.0.clone().into()))))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn with_keys_at_hand_it_says_the_same_without_a_runtime() {
    let issuer = TestIssuer::new();
    let (api, runtime) = (issuer.server(), runtime());
    let good = issuer.access_token("alice").mint().unwrap();
    assert_eq!(api.verify_now(&good).unwrap().subject(), "alice");
    let tokens = Defect::ALL.iter().map(|defect| (defect.to_string(), issuer.broken(*defect)));
    for (name, token) in tokens.chain([("good".to_owned(), good), ("nothing".to_owned(), String::new())]) {
        let now = api.verify_now(&token).map(|who| who.subject().to_owned());
        let waited = runtime.block_on(api.verify_access_token(&token)).map(|who| who.subject().to_owned());
        let told = |refused: tower_resource_server::http::Rejection| refused.reason().clone();
        assert_eq!(now.map_err(told), waited.map_err(told), "{name}");
    }
}

#[test]
fn with_keys_to_be_fetched_it_is_503_until_they_are_there() {
    let issuer = TestIssuer::new();
    let trusted =
        TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://login.test/jwks", TokenProfile::rfc9068())
            .http_client(Serves(issuer.jwks().to_string()));
    let api = ResourceServer::builder(issuer.audience())
        .issuer(trusted)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let (good, expired) = (issuer.access_token("alice").mint().unwrap(), issuer.broken(Defect::Expired));
    let refused = api.verify_now(&good).unwrap_err();
    assert_eq!(
        (refused.status(), refused.reason()),
        (StatusCode::SERVICE_UNAVAILABLE, &Reason::KeysUnavailable)
    );
    assert_eq!(api.verify_now(&expired).unwrap_err().status(), StatusCode::UNAUTHORIZED, "hopeless anyway");

    runtime().block_on(async {
        let refused = api.verify_now(&good).unwrap_err();
        assert_eq!(
            *refused.reason(),
            Reason::KeysUnavailable,
            "it does not wait for the fetch that it begins"
        );
        api.ready().await.unwrap();
        assert_eq!(api.verify_now(&good).unwrap().subject(), "alice");
    });
}

#[test]
fn a_nonce_counts_once() {
    let issuer = TestIssuer::new();
    let nonces = Nonces::new().unwrap();
    let nonce = nonces.issue(issuer.now()).unwrap();
    let keys = issuer.jwks().to_string();
    let keys = tower_resource_server::keys::KeySet::from_jwks(keys.as_bytes()).unwrap();
    let profile = TokenProfile::rfc9068().spends_nonce("nce");
    let api = ResourceServer::builder(issuer.audience())
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, profile))
        .nonces(nonces)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let token = issuer.access_token("alice").claim("nce", nonce).mint().unwrap();
    assert!(api.verify_now(&token).is_ok());
    assert_eq!(api.verify_now(&token).unwrap_err().status(), StatusCode::UNAUTHORIZED, "it was spent");
}
