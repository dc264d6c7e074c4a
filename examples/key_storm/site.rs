//! What is under attack: an identity provider and an API, each on a loopback port.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    routing::get,
};
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
    source::{Health, RefreshSettings},
};

use crate::AnyError;

const AUDIENCE: &str = "https://api.example";

/// The identity provider, the API and their addresses.
pub(crate) struct Site {
    pub(crate) issuer: TokenIssuer,
    api: ResourceServer,
    /// HOST:PORT of the API: `/api` is what is protected; `/control` costs the same and knows all
    /// its keys.
    pub(crate) address: String,
    down: Arc<AtomicBool>,
    keys_made: AtomicU32,
}

impl Site {
    pub(crate) async fn start(settings: RefreshSettings) -> Result<Self, AnyError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let issuer = TokenIssuer::builder(format!("http://{}", listener.local_addr()?))
            .signing_key(SigningKey::generate(Algorithm::ES256)?.with_kid("key-1"))
            .default_audience(AUDIENCE)
            .build()?;
        let down = Arc::new(AtomicBool::new(false));
        let is_down = Arc::clone(&down);
        let hang = from_fn(move |request: Request, next: Next| {
            let hangs = is_down.load(Ordering::Relaxed);
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                next.run(request).await
            }
        });
        let provider = Router::new().fallback_service(issuer.service::<Body>()).layer(hang);
        tokio::spawn(async move { axum::serve(listener, provider).await });

        let server = |issuer: TrustedIssuer| ResourceServer::builder(AUDIENCE).issuer(issuer).build();
        let api = server(
            TrustedIssuer::discover(issuer.issuer(), TokenProfile::rfc9068())
                .refresh(settings)
                .allow_loopback_http(true),
        )?;
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
        let control = server(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))?;
        let routes = Router::new()
            .route("/api", get(async || "served").layer(api.layer()))
            .route("/control", get(async || "served").layer(control.layer()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        api.ready().await?;
        Ok(Self { issuer, api, address, down, keys_made: AtomicU32::new(1) })
    }

    pub(crate) fn health(&self) -> Option<Health> {
        self.api.health().pop().map(|issuer| issuer.keys)
    }

    /// The provider accepts connections and says nothing, or is back.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Publishes a new key, which signs nothing yet.
    pub(crate) fn publish(&self) -> Result<String, AnyError> {
        let kid = format!("key-{}", self.keys_made.fetch_add(1, Ordering::Relaxed) + 1);
        self.issuer.publish(SigningKey::generate(Algorithm::ES256)?.with_kid(&*kid))?;
        Ok(kid)
    }

    /// Signs with a published key from now on, and withdraws the one that did until now.
    pub(crate) fn switch_to(&self, kid: &str) -> Result<(), AnyError> {
        let old = self.issuer.signing_key();
        self.issuer.sign_with(kid)?;
        self.issuer.retire(old.kid().unwrap_or_default())?;
        Ok(())
    }
}
