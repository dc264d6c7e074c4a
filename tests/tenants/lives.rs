//! How tenants come, work, and go.

use std::{
    collections::HashSet,
    sync::{Arc, RwLock},
    time::Duration,
};

use tower_resource_server::{
    KeyRevocation, TrustedIssuer,
    net::SourceUrl,
    source::{TenantKeys, TenantSettings},
    test_util::{Defect, TestIssuer},
};

use crate::{Stage, at_most, issuer_of, token_under};

#[tokio::test]
async fn a_tenant_is_resolved_by_its_first_token() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a", "t-b"]));
    stage.cloud.open("t-a", &stage.keys);
    let token = stage.token("t-a");
    assert_eq!(stage.verify(&token).await, Ok(issuer_of("t-a")));
    assert_eq!((stage.cloud.fetches(), stage.working()), (2, vec![issuer_of("t-a")]));
    assert!(stage.is_cached(&token));
    assert_eq!(stage.verify(&stage.token("t-a")).await, Ok(issuer_of("t-a")));
    assert_eq!(stage.cloud.fetches(), 2, "no fetch for what is known");
}

#[tokio::test]
async fn what_is_not_trusted_or_hopeless_causes_nothing() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a"]));
    stage.cloud.open("t-a", &stage.keys);
    stage.cloud.open("t-evil", &stage.keys);
    for (name, token, code) in [
        ("another tenant", stage.token("t-evil"), "unverified_tenant"),
        ("a path", stage.token("t-a/x"), "untrusted_issuer"),
        ("the pattern itself", stage.token("{tenant}"), "untrusted_issuer"),
        ("in capitals", stage.token("T-A"), "unverified_tenant"),
        (
            "expired",
            stage.keys.broken_from(
                &stage.keys.access_token("alice").claim("iss", issuer_of("t-a")),
                Defect::Expired,
            ),
            "expired",
        ),
    ] {
        assert_eq!(stage.verify(&token).await, Err(code), "{name}");
    }
    assert_eq!((stage.cloud.fetches(), stage.working().len()), (0, 0));
}

#[tokio::test]
async fn the_keys_of_one_tenant_verify_nothing_of_another() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a", "t-b"]));
    let other = TestIssuer::new();
    stage.cloud.open("t-a", &stage.keys);
    stage.cloud.open("t-b", &other);
    assert!(stage.verify(&stage.token("t-a")).await.is_ok());
    assert!(stage.verify(&token_under(&other, "t-b")).await.is_ok());
    // Both keys have the same id.
    assert_eq!(stage.verify(&token_under(&other, "t-a")).await, Err("unverified_tenant"));
    assert_eq!(stage.verify(&stage.token("t-b")).await, Err("unverified_tenant"));
}

#[tokio::test]
async fn the_least_recently_used_leaves_and_its_cached_tokens_with_it() {
    let stage = Stage::new(at_most(2), |issuer| issuer.dangerous().any_tenant());
    let mut tokens = Vec::new();
    for tenant in ["t-a", "t-b", "t-c"] {
        stage.cloud.open(tenant, &stage.keys);
        tokens.push(stage.token(tenant));
    }
    for (n, used) in [(0, 0), (1, 0), (2, 0)] {
        assert!(stage.verify(&tokens[n]).await.is_ok());
        stage.keys.clock().advance(Duration::from_secs(2));
        // A hit is a use.
        assert!(stage.is_cached(&tokens[used]));
        stage.keys.clock().advance(Duration::from_secs(2));
    }
    assert_eq!(stage.working(), [issuer_of("t-a"), issuer_of("t-c")]);
    let cached: Vec<_> = tokens.iter().map(|token| stage.is_cached(token)).collect();
    assert_eq!(cached, [true, false, true]);
    // It comes back, on new fetches, and is not taken for somebody who was there.
    let before = stage.cloud.fetches();
    assert!(stage.verify(&tokens[1]).await.is_ok());
    assert_eq!(stage.cloud.fetches() - before, 2);
}

#[tokio::test]
async fn a_forged_token_is_no_use_of_a_tenant() {
    let stage = Stage::new(at_most(2), |issuer| issuer.dangerous().any_tenant());
    for tenant in ["t-a", "t-b", "t-c"] {
        stage.cloud.open(tenant, &stage.keys);
    }
    let clock = stage.keys.clock();
    let tick = || clock.advance(Duration::from_secs(2));
    for tenant in ["t-a", "t-b"] {
        assert!(stage.verify(&stage.token(tenant)).await.is_ok());
        tick();
    }
    // Under the name of the right key, so that nothing but the signature is wrong.
    assert_eq!(stage.verify(&token_under(&TestIssuer::new(), "t-a")).await, Err("unverified_tenant"));
    tick();
    assert!(stage.verify(&stage.token("t-c")).await.is_ok());
    assert_eq!(stage.working(), [issuer_of("t-b"), issuer_of("t-c")], "t-a was used least recently");
}

#[tokio::test]
async fn a_remembered_token_of_a_revoked_key_is_no_use_either() {
    let stage = Stage::new(at_most(2), |issuer| issuer.dangerous().any_tenant());
    for tenant in ["t-a", "t-b", "t-c"] {
        stage.cloud.open(tenant, &stage.keys);
    }
    let tick = || stage.keys.clock().advance(Duration::from_secs(2));
    let remembered = stage.token("t-a");
    assert!(stage.verify(&remembered).await.is_ok() && stage.is_cached(&remembered));
    tick();
    assert!(stage.verify(&stage.token("t-b")).await.is_ok());
    assert_eq!(stage.api.revoke_key(&issuer_of("t-a"), "key-1"), Ok(KeyRevocation::WasInUse));
    tick();
    assert!(!stage.is_cached(&remembered));
    tick();
    assert!(stage.verify(&stage.token("t-c")).await.is_ok());
    assert_eq!(stage.working(), [issuer_of("t-b"), issuer_of("t-c")]);
}

#[tokio::test]
async fn tokens_that_are_refused_keep_no_refresher_going() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a"]));
    stage.cloud.open("t-a", &stage.keys);
    let access_token = stage.keys.access_token("alice").claim("iss", issuer_of("t-a"));
    let once_good = access_token.mint().unwrap();
    assert!(stage.verify(&once_good).await.is_ok() && stage.is_cached(&once_good));
    let forged = token_under(&TestIssuer::new(), "t-a");
    let idle = TenantSettings::default().idle;
    for _ in 0..100 {
        stage.keys.clock().advance(idle / 50);
        assert!(stage.verify(&forged).await.is_err());
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        // For the first ten minutes it is good.
        let _ = stage.is_cached(&once_good);
    }
    assert_eq!(stage.verify(&once_good).await, Err("expired"));
    assert_eq!(stage.keys.clock().sleepers(), 0, "no task waits");

    let before = stage.cloud.fetches();
    assert!(stage.verify(&stage.token("t-a")).await.is_ok(), "its keys are within the hard bound");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(stage.cloud.fetches() > before, "a tenant that comes back has its keys refreshed");
    assert_eq!(stage.keys.clock().sleepers(), 1);
}

#[tokio::test]
async fn a_tenant_that_the_application_lets_go_is_gone_at_once() {
    let customers = Arc::new(RwLock::new(HashSet::from(["t-a".to_owned()])));
    let known = Arc::clone(&customers);
    let stage = Stage::new(at_most(200), |issuer: TrustedIssuer| {
        issuer.tenant_resolver(move |tenant: &str| {
            let address = format!("{}/jwks", issuer_of(tenant));
            let url = SourceUrl::parse(&address, false).unwrap();
            known.read().unwrap().contains(tenant).then_some(TenantKeys::JwksUri(url))
        })
    });
    stage.cloud.open("t-a", &stage.keys);
    let token = stage.token("t-a");
    assert!(stage.verify(&token).await.is_ok() && stage.is_cached(&token));
    assert_eq!(stage.cloud.fetches(), 1, "the resolver knew the address");
    customers.write().unwrap().clear();
    assert!(!stage.is_cached(&token));
    assert_eq!(stage.verify(&token).await, Err("unverified_tenant"));
}

#[tokio::test]
async fn a_revoked_key_stays_revoked_when_its_tenant_comes_back() {
    let stage = Stage::new(at_most(1), |issuer| issuer.dangerous().any_tenant());
    for tenant in ["t-a", "t-b", "t-c"] {
        stage.cloud.open(tenant, &stage.keys);
    }
    let token = stage.token("t-a");
    assert!(stage.verify(&token).await.is_ok());
    assert_eq!(stage.api.revoke_key(&issuer_of("t-a"), "key-1"), Ok(KeyRevocation::WasInUse));
    assert_eq!(
        stage.api.revoke_key(&issuer_of("t-c"), "key-1"),
        Ok(KeyRevocation::WasNotInUse),
        "not here yet"
    );
    assert!(stage.verify(&token).await.is_err());
    stage.keys.clock().advance(Duration::from_secs(2));
    assert!(stage.verify(&stage.token("t-b")).await.is_ok());
    assert_eq!(stage.working(), [issuer_of("t-b")], "it is gone");
    assert!(stage.verify(&token).await.is_err());
    assert!(stage.verify(&stage.token("t-c")).await.is_err());
}

#[tokio::test]
async fn a_tenant_that_nobody_uses_is_not_refreshed_and_comes_back() {
    let stage = Stage::new(at_most(200), |issuer| issuer.allow_tenants(["t-a"]));
    stage.cloud.open("t-a", &stage.keys);
    let token = stage.token("t-a");
    assert!(stage.verify(&token).await.is_ok());
    let idle = TenantSettings::default().idle;
    // Every refresh that falls due within the time is made, and then none.
    for _ in 0..100 {
        stage.keys.clock().advance(idle / 50);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let after = stage.cloud.fetches();
    assert!((2..30).contains(&after), "{after} fetches");
    stage.keys.clock().advance(idle * 2);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.cloud.fetches(), after);
    assert_eq!(stage.keys.clock().sleepers(), 0, "no task waits");
    assert!(stage.verify(&stage.token("t-a")).await.is_ok(), "its keys are within the hard bound");
}
