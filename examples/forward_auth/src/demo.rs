//! Without an issuer of your own: one that lives in this process, and lines to try.

use std::time::Duration;

use serde_json::json;
use tower_resource_server::{
    TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
};

use crate::AnyError;

/// Stands for the address in the greeting until it is known.
pub(crate) const ADDRESS: &str = "{address}";

const HOUR: Duration = Duration::from_secs(3600);

/// An issuer, and a token of each kind.
pub(crate) struct Demo {
    issuer: TokenIssuer,
    /// With `orders:read`, and with roles, of which one has a comma.
    pub(crate) reader: String,
    /// With `orders:write` alone, and without roles.
    pub(crate) writer: String,
    pub(crate) expired: String,
}

impl Demo {
    pub(crate) fn new(resource: &str) -> Result<Self, AnyError> {
        let issuer = TokenIssuer::builder("https://login.example")
            .signing_key(SigningKey::generate(Algorithm::ES256)?)
            .access_token_lifetime(HOUR)
            .default_audience(resource)
            .build()?;
        let token = |subject: &str, scopes: &str| issuer.access_token(subject).client_id("web").scope(scopes);
        let roles = json!({ "roles": ["clerk", "a,b"] });
        let reader = token("alice", "orders:read").claim("realm_access", roles).mint()?;
        let writer = token("Zoë", "orders:write").mint()?;
        let expired =
            token("alice", "orders:read").issued_at(issuer.now().saturating_sub(2 * HOUR)).mint()?;
        Ok(Self { issuer, reader, writer, expired })
    }

    /// The issuer as the server trusts it.
    pub(crate) fn trusted(&self) -> Result<TrustedIssuer, AnyError> {
        let keys = KeySet::from_jwks(self.issuer.jwks().to_string().as_bytes())?;
        Ok(TrustedIssuer::with_keys(self.issuer.issuer(), keys, TokenProfile::rfc9068()))
    }

    /// Lines for a shell.
    pub(crate) fn greeting(&self) -> String {
        let Self { reader, writer, expired, .. } = self;
        let mut text = format!(
            "# A forward-auth server, and an issuer to go with it. To be pasted into another shell:\n\
             auth={ADDRESS}\nreader={reader}\nwriter={writer}\nexpired={expired}\n"
        );
        let nginx = |method: &str, target: &str| {
            format!("-H 'X-Original-Method: {method}' -H 'X-Original-URI: {target}' $auth/nginx")
        };
        let traefik =
            "-H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Uri: /api/orders/7' $auth/traefik".to_owned();
        let envoy = "-X POST $auth/envoy/api/orders".to_owned();
        for (what, token, asked) in [
            ("nginx, no token: 401 with a challenge", None, nginx("GET", "/api/orders")),
            ("nginx, orders:read: 200 with the identity", Some("reader"), nginx("GET", "/api/orders")),
            (
                "nginx, orders:read where orders:write is needed: 403",
                Some("reader"),
                nginx("POST", "/api/orders"),
            ),
            ("nginx, expired: 401, invalid_token", Some("expired"), nginx("GET", "/api/orders")),
            ("nginx, an open row: 200 without an identity", None, nginx("GET", "/api/public/news")),
            ("Traefik, orders:read: 200", Some("reader"), traefik),
            ("Envoy, orders:write: 200", Some("writer"), envoy),
        ] {
            let token =
                token.map(|name| format!("-H \"Authorization: Bearer ${name}\" ")).unwrap_or_default();
            text += &format!("\n# {what}\ncurl -i {token}{asked}\n");
        }
        text + "\n# Ctrl-C stops it.\n"
    }
}
