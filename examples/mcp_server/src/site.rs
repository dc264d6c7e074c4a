//! An issuer and the guarded server, in one process.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    mcp::McpRequirements,
    policy::scope,
    profile::TokenProfile,
};

use crate::{AnyError, orders::Orders};

/// What each tool takes. A tool without a row takes everything that any row asks for.
fn requirements() -> McpRequirements {
    McpRequirements::new()
        .tool("list_orders", scope("orders:read"))
        .tool("cancel_order", scope("orders:read orders:write"))
        .tool("reset", scope("orders:admin"))
}

pub(crate) struct Site {
    issuer: TokenIssuer,
    pub(crate) app: Router,
    /// Where the MCP server is.
    pub(crate) url: String,
}

impl Site {
    pub(crate) fn new(address: SocketAddr) -> Result<Self, AnyError> {
        let url = format!("http://{address}/mcp");
        let issuer = TokenIssuer::builder("https://login.example")
            .signing_key(SigningKey::generate(Algorithm::ES256)?)
            .default_audience(&url)
            .build()?;
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
        let api = ResourceServer::builder(&url)
            .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
            .build()?;

        let mcp = StreamableHttpService::new(
            || Ok(Orders::new()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let app = Router::new()
            .route_service("/mcp", mcp)
            .layer(api.mcp_guard(requirements()))
            .merge(api.metadata_routes());
        Ok(Self { issuer, app, url })
    }

    /// A token of an hour.
    pub(crate) fn token(&self, subject: &str, scopes: &str) -> Result<String, AnyError> {
        Ok(self.issuer.access_token(subject).client_id("demo").scope(scopes).mint()?)
    }
}
