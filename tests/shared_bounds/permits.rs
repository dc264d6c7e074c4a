//! Permits to wait: unsigned tokens take none from issuers that they do not name.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tower_resource_server::{
    ResourceServer, TrustedIssuer, profile::TokenProfile, source::TenantSettings, test_util::TestIssuer,
};

use crate::cloud::{Cloud, PATTERN, issuer_of, unsigned};

const CONFIGURED: usize = 6;

/// The name of a configured issuer.
fn configured(n: usize) -> String {
    format!("https://own-{n}.test")
}

/// A server that trusts configured issuers, and any tenant.
struct Server {
    cloud: Cloud,
    keys: TestIssuer,
    api: ResourceServer,
}

impl Server {
    fn new(configured: impl IntoIterator<Item = String>) -> Self {
        let (cloud, keys) = (Cloud::default(), TestIssuer::new());
        let mut builder = ResourceServer::builder(keys.audience()).clock(keys.clock().clone());
        for issuer in configured {
            let trusted =
                TrustedIssuer::with_jwks_uri(&*issuer, format!("{issuer}/jwks"), TokenProfile::rfc9068());
            builder = builder.issuer(trusted.http_client(cloud.clone()));
            cloud.publish(&issuer, &keys);
        }
        // The budget for first fetches is not what is tested.
        let settings = TenantSettings::default().first_fetch_burst(1_000);
        let tenants = TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068())
            .dangerous()
            .any_tenant()
            .tenant_settings(settings)
            .http_client(cloud.clone());
        Self { cloud, api: builder.issuer(tenants).build().unwrap(), keys }
    }

    /// The status that a new token of this issuer is answered with.
    async fn status(&self, issuer: &str) -> u16 {
        let token = self.keys.access_token("alice").claim("iss", issuer).unique().mint().unwrap();
        match self.api.verify_access_token(&token).await {
            Ok(_) => 200,
            Err(refused) => refused.status().as_u16(),
        }
    }

    /// Sends so many unsigned tokens in the name of this issuer, each with a key id of its own.
    async fn forged(&self, count: usize, issuer: &str) -> Vec<JoinHandle<u16>> {
        let good = self.keys.access_token("eve").claim("iss", issuer).mint().unwrap();
        let requests = (0..count).map(|n| {
            let kid = format!("x-{n}");
            let token = unsigned(&good, json!({ "kid": kid }), json!({ "jti": kid }));
            let api = self.api.clone();
            tokio::spawn(async move { api.verify_access_token(&token).await.unwrap_err().status().as_u16() })
        });
        let requests = requests.collect();
        for _ in 0..30 {
            tokio::task::yield_now().await;
        }
        requests
    }

    /// From now on these issuers sign with another key, and no earlier fetch says that there is none.
    fn rotate(&self, issuers: &[String]) {
        self.keys.rotate();
        for issuer in issuers {
            self.cloud.publish(issuer, &self.keys);
        }
        self.keys.clock().advance(Duration::from_secs(20));
    }
}

fn waiting(requests: &[JoinHandle<u16>]) -> usize {
    requests.iter().filter(|request| !request.is_finished()).count()
}

#[tokio::test]
async fn others_cannot_take_a_configured_issuers_permits() {
    for (name, rotation) in [("a cold start", false), ("a rotation", true)] {
        let own = configured(0);
        let server = Server::new([own.clone()]);
        if rotation {
            assert_eq!(server.status(&own).await, 200, "{name}");
            server.rotate(std::slice::from_ref(&own));
        }
        let mut requests = Vec::new();
        for tenant in ["t-0", "t-1", "t-2", "t-3"] {
            server.cloud.hang(&issuer_of(tenant));
            requests.extend(server.forged(1_030, &issuer_of(tenant)).await);
        }
        assert_eq!(requests.len(), 4_120);
        assert_eq!(waiting(&requests), 4 * 4 + 128, "{name}: few for each, and few together");
        assert_eq!(server.status(&own).await, 200, "{name}");
    }
}

/// Whose keys do not come.
enum Hangs {
    Candidates(usize),
    Working(usize),
    Configured(usize),
}

#[tokio::test]
async fn foreign_requests_take_the_permits_of_no_other_issuer() {
    for (name, hangs, expected) in [
        ("one candidate", Hangs::Candidates(1), 4 + 128),
        ("as many candidates as there can be", Hangs::Candidates(31), 31 * 4 + 128),
        ("one tenant that works", Hangs::Working(1), 4 + 992),
        ("many tenants that work", Hangs::Working(40), 40 * 4 + 992),
        ("configured issuers", Hangs::Configured(4), 4 * 170 + 1028),
    ] {
        let server = Server::new((0..CONFIGURED).map(configured));
        let hanging: Vec<String> = match hangs {
            Hangs::Candidates(count) | Hangs::Working(count) => {
                (0..count).map(|n| issuer_of(&format!("t-{n}"))).collect()
            }
            Hangs::Configured(count) => (2..2 + count).map(configured).collect(),
        };
        let rotating = [configured(1), issuer_of("t-live")];
        let cold = [configured(0), issuer_of("t-new")];
        for issuer in rotating.iter().chain(&cold) {
            server.cloud.publish(issuer, &server.keys);
        }
        for issuer in &rotating {
            assert_eq!(server.status(issuer).await, 200, "{name}: {issuer}");
        }
        for issuer in hanging.iter().filter(|_| !matches!(hangs, Hangs::Candidates(_))) {
            server.cloud.publish(issuer, &server.keys);
            assert_eq!(server.status(issuer).await, 200, "{name}: {issuer}");
        }
        server.rotate(&[rotating.as_slice(), cold.as_slice()].concat());

        let mut requests = Vec::new();
        for (n, issuer) in hanging.iter().enumerate() {
            server.cloud.hang(issuer);
            // More than there is left each time.
            let count = [1_030, 400, 400, 400].get(n).copied().unwrap_or(50);
            requests.extend(server.forged(count, issuer).await);
        }
        assert_eq!(waiting(&requests), expected, "{name}");
        for issuer in rotating.iter().chain(&cold) {
            assert_eq!(server.status(issuer).await, 200, "{name}: {issuer}");
        }
        // Every permit comes back.
        server.keys.clock().advance(Duration::from_secs(2));
        for request in requests {
            assert_eq!(request.await.unwrap(), 503, "{name}");
        }
        assert!(server.api.health().iter().all(|issuer| issuer.keys.waiters == 0), "{name}");
    }
}
