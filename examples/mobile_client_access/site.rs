//! The parties on loopback, each a task of its own.

use std::{error::Error, sync::Arc};

use axum::{Router, body::Body};
use http::HeaderValue;
use tokio::net::TcpListener;
use tower_resource_server::{
    identity_provider::{IdentityProviderClient, IdentityProviderService},
    net::ReqwestClient,
    policy::scope,
    preset,
};

use crate::{
    authorization_service::{self, AuthorizationService},
    back_end,
    bank::Bank,
    tokens::Tokens,
    transcript::Transcript,
};

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

/// The tenant, as in the vendor's credentials: the `aud` of tokens, and part of every path.
pub(crate) const TENANT: &str = "6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61";

/// The bank's realm; also the scope that its customers get.
pub(crate) const REALM: &str = "bankRealm";

/// The scope of who may ask the identity provider: the authorization service.
pub(crate) const ASKING: &str = "identity-provider";

/// Where the parties are. They end with the runtime.
pub(crate) struct Site {
    pub(crate) back_end: String,
    /// The authorization service, as the vendor's credentials have it: before `/authorization/…`.
    pub(crate) server_url: String,
    pub(crate) provider: String,
}

impl Site {
    pub(crate) async fn start(bank: Bank, transcript: &Transcript) -> Result<Self, AnyError> {
        let (service_listener, service) = bind().await?;
        let (provider_listener, provider) = bind().await?;
        let (back_end_listener, back_end) = bind().await?;
        let server_url = format!("{service}/imf-authserver");

        // The back end and the provider trust the same service. Neither needs it to be up yet.
        let protected = || {
            preset::mobile_client_access::server(TENANT)
                .server_url(server_url.as_str())
                .allow_loopback_http(true)
                .build()
        };
        spawn(back_end_listener, back_end::router(&protected()?, scope(REALM)));

        let bank: IdentityProviderService<_, Body> =
            IdentityProviderService::builder(bank, TENANT, REALM).base_path("/bank/v1").build()?;
        // Tokens of customers are for the same tenant, so it takes a scope that only the service has.
        let service_only = protected()?.layer().requirements(scope(ASKING));
        spawn(provider_listener, Router::new().fallback_service(bank).layer(service_only));
        let provider = format!("{provider}/bank/v1");

        let tokens = Tokens::new(TENANT, &server_url)?;
        let asks = IdentityProviderClient::builder(&provider, TENANT, REALM, ReqwestClient::new()?)
            .allow_loopback_http(true)
            .build()?;
        let service = AuthorizationService::new(TENANT, REALM, tokens, asks, transcript.clone());
        let routes = authorization_service::router(Arc::new(service));
        spawn(service_listener, Router::new().nest("/imf-authserver", routes));

        Ok(Self { back_end, server_url, provider })
    }
}

/// A free port, and the URL that leads to it.
async fn bind() -> Result<(TcpListener, String), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

fn spawn(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// `Authorization: Bearer …` of one or two tokens.
pub(crate) fn bearer(tokens: &str) -> Result<HeaderValue, AnyError> {
    let mut value = HeaderValue::try_from(format!("Bearer {tokens}"))?;
    value.set_sensitive(true);
    Ok(value)
}
