//! A tenant that exchanges its key under the same `kid`.

use std::time::Duration;

use tower_resource_server::{
    ResourceServer, TrustedIssuer, issuer::SigningKey, keys::Algorithm, profile::TokenProfile,
    source::RefreshSettings, test_util::TestIssuer,
};

use crate::{
    Stage,
    cloud::{Cloud, PATTERN, issuer_of},
    token_under,
};

fn keys() -> TestIssuer {
    TestIssuer::builder().signing_key(SigningKey::generate(Algorithm::EdDSA).unwrap().with_kid("a")).build()
}

/// A server that has verified a token of each tenant, a minute ago.
async fn stage(refetch: bool, tenants: &[&str]) -> Stage {
    let (cloud, keys) = (Cloud::default(), keys());
    let issuer = TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068())
        .dangerous()
        .any_tenant()
        .refresh(RefreshSettings::default().refetch_on_bad_signature(refetch))
        .http_client(cloud.clone());
    let builder = ResourceServer::builder(keys.audience()).issuer(issuer).clock(keys.clock().clone());
    let stage = Stage { cloud, api: builder.build().unwrap(), keys };
    for tenant in tenants {
        stage.cloud.open(tenant, &stage.keys);
        assert!(stage.verify(&stage.token(tenant)).await.is_ok());
    }
    stage.keys.clock().advance(Duration::from_secs(60));
    stage
}

#[tokio::test]
async fn a_tenant_that_exchanges_its_key_is_noticed_by_opt_in() {
    for (name, opt_in, before) in
        [("opted in", true, Ok(issuer_of("t-a"))), ("not opted in", false, Err("unverified_tenant"))]
    {
        let stage = stage(opt_in, &["t-a", "t-b"]).await;
        let (fetches, new) = (stage.cloud.fetches(), keys());
        stage.cloud.open("t-a", &new);
        assert_eq!(stage.verify(&token_under(&new, "t-a")).await, before, "{name}");
        assert_eq!(stage.cloud.fetches() - fetches, usize::from(opt_in), "{name}");
        assert_eq!(stage.verify(&stage.token("t-b")).await, Ok(issuer_of("t-b")), "{name}: the other");
    }
}

#[tokio::test]
async fn promise_11_bad_signatures_of_tenants_cause_a_fetch_a_minute_for_each() {
    for (name, opt_in, each) in [("opted in", true, 3), ("not opted in", false, 0)] {
        let tenants = ["t-a", "t-b"];
        let stage = stage(opt_in, &tenants).await;
        let (fetches, forger) = (stage.cloud.fetches(), keys());
        let forged = tenants.map(|tenant| token_under(&forger, tenant));
        // A little more than two minutes.
        for _ in 0..5_000 {
            for token in &forged {
                assert_eq!(stage.verify(token).await, Err("unverified_tenant"), "{name}");
            }
            stage.keys.clock().advance(Duration::from_millis(25));
        }
        assert_eq!(stage.cloud.fetches() - fetches, each * tenants.len(), "{name}");
        let budgets: Vec<_> = stage.api.health().iter().map(|tenant| tenant.keys.budget).collect();
        assert_eq!(budgets, [5, 5], "{name}: nothing of what unknown keys may cause");
    }
}

#[tokio::test]
async fn promise_11_a_tenant_that_is_not_trusted_causes_nothing() {
    let (cloud, own, forger) = (Cloud::default(), keys(), keys());
    let issuer = TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068())
        .allow_tenants(["t-a"])
        .refresh(RefreshSettings::default().refetch_on_bad_signature(true))
        .http_client(cloud.clone());
    let api = ResourceServer::builder(own.audience()).issuer(issuer).clock(own.clock().clone());
    let stage = Stage { cloud, api: api.build().unwrap(), keys: own };
    for tenant in ["t-b", "t-c"] {
        stage.cloud.open(tenant, &stage.keys);
        assert_eq!(stage.verify(&token_under(&forger, tenant)).await, Err("unverified_tenant"), "{tenant}");
    }
    assert_eq!(stage.cloud.fetches(), 0);
}
