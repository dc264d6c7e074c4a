//! An issuer and the guarded server, in one process; or the server alone, with tokens of an issuer elsewhere.

use std::sync::Arc;

use axum::{Router, body::Body};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tower_resource_server::{
    ResourceServer, TrustedIssuer, issuer::TokenIssuer, keys::KeySet, mcp::McpRequirements, policy::scope,
    profile::TokenProfile,
};

use crate::{AnyError, issuer, orders::Orders};

/// What each tool takes. A tool without a row takes everything that any row asks for.
fn requirements() -> McpRequirements {
    McpRequirements::new()
        .tool("list_orders", scope("orders:read"))
        .tool("cancel_order", scope("orders:read orders:write"))
        .tool("reset", scope("orders:admin"))
}

/// Whose tokens are good.
pub(crate) enum Issuer {
    /// Of this process, with a token endpoint for the client that knows the secret.
    Embedded { client_secret: Option<String> },
    /// Elsewhere; its keys are fetched.
    Remote { url: String },
}

pub(crate) struct Site {
    issuer: Option<TokenIssuer>,
    pub(crate) app: Router,
    /// Where clients find the MCP server; the audience of their tokens.
    pub(crate) url: String,
}

impl Site {
    pub(crate) fn new(origin: &str, issuer: Issuer) -> Result<Self, AnyError> {
        let url = format!("{origin}/mcp");
        let profile = TokenProfile::rfc9068();
        let (embedded, trusted, others) = match issuer {
            Issuer::Remote { url } => {
                // Plain http is for an issuer on this machine alone, as in a test.
                let trusted = TrustedIssuer::discover(url, profile).allow_loopback_http(true);
                (None, trusted, Router::new())
            }
            Issuer::Embedded { client_secret } => {
                let issuer = issuer::new(origin, &url)?;
                let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
                let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, profile);
                let documents = Router::new().fallback_service(issuer.service::<Body>());
                (
                    Some(issuer.clone()),
                    trusted,
                    documents.merge(issuer::token_endpoint(issuer, client_secret)),
                )
            }
        };
        // What every client needs is required of every request: the 401 names it, and clients ask for that
        // alone, instead of for each scope that the metadata lists.
        let api = ResourceServer::builder(&url).issuer(trusted).require(scope("orders:read")).build()?;

        let mcp = StreamableHttpService::new(
            || Ok(Orders::new()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let app = Router::new()
            .route_service("/mcp", mcp)
            .layer(api.mcp_guard(requirements()))
            .merge(api.metadata_routes())
            .merge(others);
        Ok(Self { issuer: embedded, app, url })
    }

    /// Whether tokens can be made here.
    pub(crate) const fn has_tokens(&self) -> bool {
        self.issuer.is_some()
    }

    /// A token of an hour.
    pub(crate) fn token(&self, subject: &str, scopes: &str) -> Result<String, AnyError> {
        let issuer = self.issuer.as_ref().ok_or("tokens are made elsewhere")?;
        Ok(issuer.access_token(subject).client_id("demo").scope(scopes).mint()?)
    }
}
