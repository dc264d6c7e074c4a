//! A server with API keys beside an issuer.

use std::time::Duration;

use tower_resource_server::{
    ApiKey, ApiKeys, ResourceServer, ResourceServerBuilder, test_util::TestIssuer, time::UnixTime,
};

/// The secrets of the keys.
pub const BILLING: &str = "shop_4Zt1mRkq8PwY2vLxN0bHcA";
pub const BILLING_NEXT: &str = "shop_Vd7QyT5oJ3uGfE9sKiMlWX";
pub const OLD: &str = "shop_q0W8eR7tY6uI5oP4aS3dF2";
pub const ENDING: &str = "shop_zX9cV8bN7mL6kJ5hG4fD3s";
pub const WITH_DOT: &str = "shop_1a2B3c4D5e6F7g8.H9i0JkLm";

/// Each secret, for tests that look whether one leaks.
pub const SECRETS: [&str; 5] = [BILLING, BILLING_NEXT, OLD, ENDING, WITH_DOT];

/// SHA-256 of [`BILLING`].
pub const BILLING_HASH: &str = "36bb2fb71baaaa0bc039ca5c27cc3b6bfcbc5cf1bf841ef307a95b79b7d04357";

pub struct Site {
    pub issuer: TestIssuer,
    pub api: ResourceServer,
}

pub fn keys(issuer: &TestIssuer) -> ApiKeys {
    let holder = |name: &str, secret: &str| {
        ApiKey::from_secret(name, secret, "billing")
            .client("billing-client")
            .scopes("read write")
            .roles(["clerk"])
    };
    ApiKeys::new()
        .key(
            ApiKey::from_sha256("billing-2026", BILLING_HASH, "billing")
                .client("billing-client")
                .scopes("read write")
                .roles(["clerk"]),
        )
        .key(holder("billing-2027", BILLING_NEXT))
        .key(ApiKey::from_secret("old", OLD, "reports").deprecated(true))
        .key(ApiKey::from_secret("ending", ENDING, "reports").not_after(end(issuer)))
        .key(ApiKey::from_secret("with a dot", WITH_DOT, "reports").issuer(issuer.issuer()))
}

/// When the key `ending` ends.
pub fn end(issuer: &TestIssuer) -> UnixTime {
    issuer.now().saturating_add(Duration::from_secs(60))
}

pub fn builder(issuer: &TestIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer.audience()).issuer(issuer.trusted()).clock(issuer.clock().clone())
}

impl Site {
    pub fn new() -> Self {
        let issuer = TestIssuer::new();
        let api = builder(&issuer).api_keys(keys(&issuer)).build().unwrap();
        Self { issuer, api }
    }
}
