//! A resource server, the issuer it trusts, and a clock that is moved by hand.

use std::{sync::OnceLock, time::Duration};

use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    net::ReqwestClient,
    profile::TokenProfile,
    source::{Health, RefreshError, RefreshSettings},
    test_util::{ManualClock, TestIssuer},
};

use crate::provider::{Answer, Provider};

pub const METADATA: &str = "/.well-known/openid-configuration";
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
pub const JWKS: &str = "/jwks";

pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What a request saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Served,
    Refused,
    /// 503, and when to come again.
    Unavailable(u64),
}

impl Seen {
    pub fn label(&self) -> String {
        match self {
            Self::Served => "200".into(),
            Self::Refused => "401".into(),
            Self::Unavailable(seconds) => format!("503/{seconds}s"),
        }
    }

    /// The longest back-off is a minute, give or take its jitter.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(1..=66))
    }
}

pub struct Site {
    pub provider: Provider,
    pub issuer: TestIssuer,
    pub api: ResourceServer,
    pub clock: ManualClock,
}

impl Site {
    /// A provider in good health, and a server that has asked it nothing yet.
    ///
    /// Hangs end with `fetch_timeout` of real time, all other waiting is on the clock.
    pub async fn new(fetch_timeout: Duration) -> Self {
        // One client is enough for all: it keeps no connections.
        static CLIENT: OnceLock<ReqwestClient> = OnceLock::new();
        let client = CLIENT.get_or_init(|| ReqwestClient::new().unwrap());
        let provider = Provider::start().await;
        let clock = ManualClock::default();
        let issuer = TestIssuer::builder().issuer(&*provider.address).clock(clock.clone()).build();
        let mut settings = RefreshSettings::default();
        settings.fetch_timeout = fetch_timeout;
        let trusted = TrustedIssuer::discover(&*provider.address, TokenProfile::rfc9068())
            .refresh(settings)
            .http_client(client.clone())
            .allow_loopback_http();
        let api =
            ResourceServer::builder(issuer.audience()).issuer(trusted).clock(clock.clone()).build().unwrap();
        let site = Self { provider, issuer, api, clock };
        site.heal();
        site
    }

    /// The provider publishes what it should, where it should.
    pub fn heal(&self) {
        self.provider.set(METADATA, self.metadata(JWKS));
        self.provider.set(OAUTH, Answer::status("404 Not Found"));
        self.provider.set(JWKS, Answer::Document(self.jwks()));
    }

    pub fn jwks(&self) -> String {
        self.issuer.jwks().to_string()
    }

    /// The current set with these entries before it.
    pub fn jwks_and(&self, entries: &[Value]) -> String {
        let keys = self.issuer.jwks()["keys"].as_array().unwrap().clone();
        json!({ "keys": entries.iter().cloned().chain(keys).collect::<Vec<_>>() }).to_string()
    }

    /// Metadata that leads to `jwks_uri`, a path of this provider or a whole URL.
    pub fn metadata(&self, jwks_uri: &str) -> Answer {
        let jwks_uri = match jwks_uri.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.provider.address),
            None => jwks_uri.to_owned(),
        };
        Answer::Document(json!({ "issuer": self.provider.address, "jwks_uri": jwks_uri }).to_string())
    }

    /// The key set moves to `jwks_uri`, and nothing is left where it was.
    pub fn lead_to(&self, jwks_uri: &str) {
        self.provider.set(METADATA, self.metadata(jwks_uri));
        self.provider.set(JWKS, Answer::status("410 Gone"));
    }

    /// Asks with a new token of the current key.
    pub async fn good(&self) -> Seen {
        self.ask(&self.issuer.access_token("alice").unique().mint().unwrap()).await
    }

    /// Asks with a new token of this key.
    pub async fn signed_with(&self, key: &SigningKey) -> Seen {
        self.ask(&self.issuer.access_token("alice").signed_with(key).unique().mint().unwrap()).await
    }

    /// Asks with a token whose `kid` no one has ever heard of.
    pub async fn unknown(&self) -> Seen {
        let token = self.issuer.access_token("alice").header("kid", "unheard-of").unique().mint().unwrap();
        self.ask(&token).await
    }

    pub async fn ask(&self, token: &str) -> Seen {
        match self.api.verify_access_token(token).await {
            Ok(_) => Seen::Served,
            Err(rejection) => match rejection.status().as_u16() {
                503 => Seen::Unavailable(rejection.retry_after().map_or(0, |after| after.as_secs())),
                401 => Seen::Refused,
                status => panic!("status {status}"),
            },
        }
    }

    pub async fn refresh(&self) -> Result<(), RefreshError> {
        self.api.refresh_now().await
    }

    pub fn health(&self) -> Health {
        self.api.health().remove(0).1
    }
}

/// An RSA key: making one takes longer than everything else here.
pub fn rsa() -> SigningKey {
    let pem = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");
    SigningKey::from_pem(tower_resource_server::keys::Algorithm::RS256, pem).unwrap()
}
