//! Budgets and the cache: what one issuer's clients use up is not another's.

use tower_resource_server::{
    CacheSettings, ResourceServer, TrustedIssuer, profile::TokenProfile, test_util::TestIssuer,
};

use crate::cloud::Cloud;

#[tokio::test]
async fn one_patterns_flood_is_not_anothers() {
    let (cloud, keys) = (Cloud::default(), TestIssuer::new());
    let any = |pattern: &str| {
        let tenants = TrustedIssuer::tenants(pattern, TokenProfile::rfc9068()).dangerous().any_tenant();
        tenants.http_client(cloud.clone())
    };
    let api = ResourceServer::builder(keys.audience())
        .clock(keys.clock().clone())
        .issuer(any("https://one.test/{tenant}"))
        .issuer(any("https://other.test/{tenant}"))
        .build()
        .unwrap();
    let verify = async |issuer: &str| {
        let token = keys.access_token("alice").claim("iss", issuer).mint().unwrap();
        api.verify_access_token(&token).await.map_err(|refused| refused.reason().code()).map(drop)
    };
    for n in 0..100 {
        assert_eq!(verify(&format!("https://one.test/made-up-{n}")).await, Err("keys_unavailable"), "{n}");
    }
    for issuer in ["https://one.test/t-new", "https://other.test/t-new"] {
        cloud.publish(issuer, &keys);
    }
    assert_eq!(verify("https://one.test/t-new").await, Err("keys_unavailable"), "its budget is used up");
    assert_eq!(verify("https://other.test/t-new").await, Ok(()));
}

#[tokio::test]
async fn a_full_cache_refuses_no_token() {
    let keys = TestIssuer::new();
    let cache = CacheSettings::default().max_bytes(64 * 1024);
    let api = ResourceServer::builder(keys.audience())
        .clock(keys.clock().clone())
        .issuer(keys.trusted())
        .cache(cache)
        .build()
        .unwrap();
    let first = keys.access_token("first").mint().unwrap();
    assert!(api.verify_access_token(&first).await.is_ok());
    let mut cached = Vec::new();
    for n in 0..300 {
        let token = keys.access_token(format!("user-{n}")).mint().unwrap();
        assert!(api.verify_access_token(&token).await.is_ok(), "{n}");
        cached.push(token);
    }
    let kept = cached.iter().filter(|token| api.try_verify_cached(token).is_some()).count();
    assert!((1..150).contains(&kept), "{kept} of 300 are remembered");
    assert!(api.verify_access_token(&first).await.is_ok());
}
