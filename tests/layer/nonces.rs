//! Promise 13 over a whole server: a nonce counts once, and only for a token that is good.

use std::sync::Arc;

use http::Request;
use serde_json::json;
use tower_resource_server::{
    CacheSettings, IdTokenExpectations, Identity, ResourceServer, TrustedIssuer,
    http::{IdTokenLocation, Reason},
    keys::KeySet,
    policy::scope,
    preset,
    profile::TokenProfile,
    store::{MemorySpentStore, Nonces},
    test_util::TestIssuer,
};

use crate::{OTHER_RSA, RSA, Service, provider, sign};

fn token(nonce: &str) -> String {
    sign(&RSA, &json!({}), &json!({}), nonce)
}

#[tokio::test]
async fn promise_13_a_replayed_token_is_refused() {
    let service = Service::new();
    let token = token(&service.nonce());
    assert!(service.verify(&token).await.is_ok());
    for _ in 0..3 {
        assert_eq!(service.verify(&token).await.map(drop), Err("stale_nonce"));
    }
    assert!(service.server.try_verify_cached(&token).is_none());
}

/// Another token of the same challenge: for another user, and good in every other respect.
#[tokio::test]
async fn promise_13_a_nonce_makes_one_session_and_not_two() {
    let service = Service::new();
    let nonce = service.nonce();
    assert!(service.verify(&token(&nonce)).await.is_ok());
    let second = sign(&RSA, &json!({}), &json!({"prn": "sam"}), &nonce);
    assert_eq!(service.verify(&second).await.map(drop), Err("stale_nonce"));
}

#[tokio::test]
async fn promise_13_a_token_that_is_refused_does_not_spend_its_nonce() {
    let service = Service::new();
    let nonce = service.nonce();
    let nothing = || json!({});
    let bad: Vec<(&str, String)> = vec![
        ("expired", sign(&RSA, &nothing(), &json!({"exp": 1}), &nonce)),
        ("no user", sign(&RSA, &nothing(), &json!({"prn": null}), &nonce)),
        ("another provider", sign(&RSA, &nothing(), &json!({"iss": "other"}), &nonce)),
        ("an unknown key", sign(&RSA, &json!({"kid": "other"}), &nothing(), &nonce)),
        ("a forged signature", sign(&OTHER_RSA, &nothing(), &nothing(), &nonce)),
        ("another content type", sign(&RSA, &json!({"cty": "JWT"}), &nothing(), &nonce)),
        ("a name too long", sign(&RSA, &nothing(), &json!({"display_name": "a".repeat(129)}), &nonce)),
        ("metadata of the wrong shape", sign(&RSA, &nothing(), &json!({"metadata": [1]}), &nonce)),
        ("bound to a sender", sign(&RSA, &nothing(), &json!({"cnf": {}}), &nonce)),
    ];
    for (name, token) in bad {
        assert!(service.verify(&token).await.is_err(), "{name}");
    }
    assert!(service.verify(&token(&nonce)).await.is_ok());
}

#[tokio::test]
async fn promise_13_a_nonce_lives_ten_minutes_however_long_the_token() {
    let long = json!({"exp": crate::NOW + 1_000_000});
    for (seconds, expected) in
        [(0, Ok(())), (599, Ok(())), (600, Err("stale_nonce")), (7_200, Err("stale_nonce"))]
    {
        let service = Service::new();
        let token = sign(&RSA, &json!({}), &long, &service.nonce());
        service.advance(seconds);
        assert_eq!(service.verify(&token).await.map(drop), expected, "after {seconds} s");
    }
}

#[tokio::test]
async fn promise_12_nonces_of_another_server_are_not_this_ones() {
    let (one, two) = (Service::new(), Service::new());
    assert_eq!(two.verify(&token(&one.nonce())).await.map(drop), Err("stale_nonce"));
}

#[tokio::test]
async fn servers_that_share_a_secret_and_a_store_share_nonces() {
    let nonces = || Nonces::with_secret(b"a secret of thirty-two bytes, or").unwrap();
    let store = Arc::new(MemorySpentStore::default());
    let service = |nonces: Nonces| Service::of(preset::layer::server(provider()).nonces(nonces));
    let (one, two) =
        (service(nonces().store(Arc::clone(&store))), service(nonces().store(Arc::clone(&store))));
    let token = token(&one.nonce());
    assert!(two.verify(&token).await.is_ok());
    assert_eq!(one.verify(&token).await.map(drop), Err("stale_nonce"));
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn promise_13_a_full_store_is_503_and_the_nonce_can_be_tried_again() {
    let nonces = Nonces::new().unwrap().store(MemorySpentStore::new(1));
    let service = Service::of(preset::layer::server(provider()).nonces(nonces));
    assert!(service.verify(&token(&service.nonce())).await.is_ok());
    service.advance(10);
    let waiting = token(&service.nonce());
    let refusal = service.server.verify_access_token(&waiting).await.unwrap_err();
    assert_eq!(refusal.reason(), &Reason::SpentStoreUnavailable);
    assert_eq!(refusal.status(), 503);
    assert!(refusal.retry_after().is_some() && refusal.challenge().is_none());
    let bad = service.judge(json!({}), json!({"prn": null})).await;
    assert_eq!(bad.map(drop), Err("missing_claim"), "a bad token is bad all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn promise_13_of_a_thousand_tokens_at_once_one_succeeds() {
    for cache in [CacheSettings::default(), { CacheSettings::default().max_bytes(0) }] {
        let service = Service::of(preset::layer::server(provider()).cache(cache));
        let nonce = service.nonce();
        let start = Arc::new(tokio::sync::Barrier::new(1_000));
        let tasks: Vec<_> = (0..1_000)
            .map(|n| {
                let (server, start) = (service.server.clone(), Arc::clone(&start));
                // Half of them the very same token, half another of the same challenge.
                let claims = if n % 2 == 0 { json!({}) } else { json!({"prn": "sam"}) };
                let token = sign(&RSA, &json!({}), &claims, &nonce);
                tokio::spawn(async move {
                    start.wait().await;
                    server.verify_access_token(&token).await.map_err(|refusal| refusal.reason().code())
                })
            })
            .collect();
        let mut good: Vec<Identity> = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(who) => good.push(who),
                Err(code) => assert_eq!(code, "stale_nonce"),
            }
        }
        assert_eq!(good.len(), 1);
    }
}

#[tokio::test]
async fn servers_whose_tokens_spend_nothing_have_no_nonces() {
    let issuer = TestIssuer::new();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let server = ResourceServer::builder("https://api.test")
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::jwt()))
        .build()
        .unwrap();
    assert!(server.issue_nonce().is_err());
}

/// `Debug` of a server that has one, and of what refuses: nothing of the nonce.
#[tokio::test]
async fn promise_10_no_nonce_is_shown() {
    let service = Service::new();
    let nonce = service.nonce();
    let token = token(&nonce);
    let who = service.verify(&token).await.unwrap();
    let refusal = service.server.verify_access_token(&token).await.unwrap_err();
    for shown in [format!("{:?}", service.server), format!("{who:?}"), format!("{refusal:?} {refusal}")] {
        assert!(!shown.contains(&nonce) && !shown.contains(&token), "{shown}");
    }
}

/// Nonces are for any profile: here the `nonce` of ID tokens, alone and beside an access token.
#[tokio::test]
async fn promise_13_id_tokens_spend_nonces_too() {
    let issuer = TestIssuer::new();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let spends = TokenProfile::oidc_id_token().without_rules_on("nonce").spends_nonce("nonce");
    let server = ResourceServer::builder(issuer.audience())
        .client_id(issuer.client_id())
        .issuer(
            TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()).id_token_profile(spends),
        )
        .id_token(IdTokenLocation::AfterAccessToken)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let access = issuer.access_token("alice").mint().unwrap();
    let request = async |id_token: &str| {
        let authorization = format!("Bearer {access} {id_token}");
        let (parts, ()) =
            Request::builder().header("authorization", authorization).body(()).unwrap().into_parts();
        server.authenticate(&parts).await.map(drop).map_err(|refusal| refusal.reason().code())
    };
    let id_token = |subject: &str, nonce: &str| issuer.id_token(subject).nonce(nonce).mint().unwrap();

    let nonce = server.issue_nonce().unwrap();
    assert_eq!(request(&id_token("bob", &nonce)).await, Err("pair_mismatch"));
    assert_eq!(request(&id_token("alice", &nonce)).await, Ok(()), "the wrong pair did not spend it");
    assert_eq!(request(&id_token("alice", &nonce)).await, Err("stale_nonce"));

    let alone = id_token("alice", &server.issue_nonce().unwrap());
    let verify = async || {
        let verdict = server.verify_id_token(&alone, IdTokenExpectations::default()).await;
        verdict.map(drop).map_err(|refusal| refusal.reason().code())
    };
    assert_eq!(verify().await, Ok(()));
    assert_eq!(verify().await, Err("stale_nonce"));
}

#[tokio::test]
async fn promise_13_a_token_without_the_scopes_of_every_request_keeps_its_nonce() {
    let service = Service::of(preset::layer::server(provider()).require(scope("chat")));
    let token = token(&service.nonce());
    for _ in 0..2 {
        assert_eq!(service.verify(&token).await.map(drop), Err("insufficient_scope"));
    }
}
