//! The server's side: an axum service, the same behind the layer, and one that always refuses.

use axum::{
    Router,
    http::{StatusCode, header::WWW_AUTHENTICATE},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Builder};
use tower_resource_server::{ResourceServer, TrustedIssuer, keys::KeySet, profile::TokenProfile};

use crate::{AnyError, child, tokens::AUDIENCE};

/// What the server is told.
#[derive(Deserialize, Serialize)]
pub(crate) struct Setup {
    pub(crate) keys: Keys,
    pub(crate) threads: usize,
}

/// Where the keys are.
#[derive(Deserialize, Serialize)]
pub(crate) enum Keys {
    /// Here, as a JWK Set, of the issuer `https://login.example`.
    Fixed(Value),
    /// At this issuer on loopback.
    Issuer(String),
}

pub(crate) fn run() -> Result<(), AnyError> {
    let setup: Setup = child::setup()?;
    let mut runtime =
        if setup.threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    runtime.worker_threads(setup.threads).enable_all().build()?.block_on(serve(setup.keys))
}

async fn serve(keys: Keys) -> Result<(), AnyError> {
    let issuer = match keys {
        Keys::Fixed(jwks) => TrustedIssuer::with_keys(
            "https://login.example",
            KeySet::from_jwks(jwks.to_string().as_bytes())?,
            TokenProfile::rfc9068(),
        ),
        Keys::Issuer(url) => TrustedIssuer::discover(url, TokenProfile::rfc9068()).allow_loopback_http(true),
    };
    let api = ResourceServer::builder(AUDIENCE).issuer(issuer).build()?;
    api.ready().await?;
    let refreshed = api.clone();
    let refresh = async move || match refreshed.refresh_now().await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::BAD_GATEWAY,
    };
    let challenge = format!(r#"Bearer error="invalid_token", resource_metadata="{AUDIENCE}""#);
    let refuse = async move || (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]);
    let app = Router::new()
        .route("/guarded", get(async || "served"))
        .layer(api.layer())
        .route("/bare", get(async || "served"))
        .route("/refused", get(refuse))
        .route("/refresh", get(refresh));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    child::announce(listener.local_addr()?)?;
    Ok(axum::serve(listener, app).await?)
}
