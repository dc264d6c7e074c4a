//! Tenants of a pattern: resolved on demand, apart from each other, within bounds.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, unreachable_pub, reason = "nobody imports a test")]

mod bounds;
mod config;
mod lives;
mod names;

use std::{
    collections::{HashMap, HashSet},
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use tower_resource_server::{
    Issuer, ResourceServer,
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    profile::TokenProfile,
    source::TenantSettings,
    test_util::TestIssuer,
};

/// The tenants of all tests here; names of tenants begin with `t-`.
pub const PATTERN: &str = "https://login.test/{tenant}/v2.0";

/// The issuer of a tenant.
pub fn issuer_of(tenant: &str) -> String {
    PATTERN.replace("{tenant}", tenant)
}

/// A provider with tenants.
#[derive(Clone, Default)]
pub struct Cloud(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    keys: HashMap<String, String>,
    asked: Vec<String>,
    down: bool,
}

impl Cloud {
    /// A tenant with these keys.
    pub fn open(&self, tenant: &str, keys: &TestIssuer) {
        self.0.lock().unwrap().keys.insert(issuer_of(tenant), keys.jwks().to_string());
    }

    /// Answers nobody, or again.
    pub fn down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    /// How many requests were made to it.
    pub fn fetches(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// How many tenants were asked for anything.
    pub fn tenants_asked(&self) -> usize {
        let tables = self.0.lock().unwrap();
        let name =
            |url: &String| url.split('/').find(|part| part.starts_with("t-")).unwrap_or("other").to_owned();
        tables.asked.iter().map(name).collect::<HashSet<_>>().len()
    }
}

impl HttpClient for Cloud {
    fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let mut tables = self.0.lock().unwrap();
        let url = request.uri().to_string();
        tables.asked.push(url.clone());
        let metadata = url.strip_suffix("/.well-known/openid-configuration");
        let answer = if tables.down {
            Err(HttpError::Connect)
        } else if let Some(issuer) = metadata.filter(|issuer| tables.keys.contains_key(*issuer)) {
            Ok(Response::new(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/jwks"}}"#).into()))
        } else if let Some(jwks) = url.strip_suffix("/jwks").and_then(|issuer| tables.keys.get(issuer)) {
            Ok(Response::new(jwks.clone().into()))
        } else {
            let mut not_found = Response::default();
            *not_found.status_mut() = StatusCode::NOT_FOUND;
            Ok(not_found)
        };
        Box::pin(ready(answer))
    }
}

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
    pub fn new(settings: TenantSettings, trust: impl FnOnce(Issuer) -> Issuer) -> Self {
        let (cloud, keys) = (Cloud::default(), TestIssuer::new());
        let tenants = Issuer::tenants(PATTERN)
            .profile(TokenProfile::rfc9068())
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

/// Room for this many tenants that work.
pub fn at_most(max_live: usize) -> TenantSettings {
    let mut settings = TenantSettings::default();
    settings.max_live = max_live;
    settings
}
