//! Tenants of a pattern: resolved on demand, apart from each other, within bounds.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, unreachable_pub, reason = "a test is imported nowhere")]

mod bounds;
mod cloud;
mod config;
mod customers;
mod lives;
mod names;
mod revoked;

use std::time::Duration;

use tower_resource_server::{
    ResourceServer, TrustedIssuer, profile::TokenProfile, source::TenantSettings, test_util::TestIssuer,
};

use crate::cloud::{Cloud, PATTERN, issuer_of};

/// A server for tenants, its cloud, and keys that tokens can be signed with.
pub struct Stage {
    /// The provider.
    pub cloud: Cloud,
    /// The keys of tenants that are opened with them.
    pub keys: TestIssuer,
    /// The server under test.
    pub api: ResourceServer,
}

impl Stage {
    /// `trust` says which tenants there are.
    pub fn new(settings: TenantSettings, trust: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Self {
        let (cloud, keys) = (Cloud::default(), TestIssuer::new());
        let tenants = TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068())
            .tenant_settings(settings)
            .http_client(cloud.clone());
        let api = ResourceServer::builder(keys.audience())
            .issuer(trust(tenants))
            .clock(keys.clock().clone())
            .build()
            .unwrap();
        Self { cloud, keys, api }
    }

    /// A token of a tenant, under the keys that `Cloud::open` was given.
    pub fn token(&self, tenant: &str) -> String {
        token_under(&self.keys, tenant)
    }

    /// The code of the reason against it.
    pub async fn verify(&self, token: &str) -> Result<String, &'static str> {
        match self.api.verify_access_token(token).await {
            Ok(who) => Ok(who.issuer().to_owned()),
            Err(refusal) => Err(refusal.reason().code()),
        }
    }

    /// Whether its verdict is remembered, and stands.
    pub fn is_cached(&self, token: &str) -> bool {
        self.api.try_verify_cached(token).is_some()
    }

    /// The tenants that work.
    pub fn working(&self) -> Vec<String> {
        self.api.health().into_iter().map(|(issuer, _)| issuer.to_string()).collect()
    }
}

/// A token of a tenant under these keys.
pub fn token_under(keys: &TestIssuer, tenant: &str) -> String {
    let lifetime = Duration::from_secs(24 * 3600);
    keys.access_token("alice").claim("iss", issuer_of(tenant)).lifetime(lifetime).mint().unwrap()
}

/// Space for this many tenants that work.
pub fn at_most(max_live: usize) -> TenantSettings {
    let mut settings = TenantSettings::default();
    settings.max_live = max_live;
    settings
}
