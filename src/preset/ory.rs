//! Ory Hydra and Ory Network, with JWT access tokens.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | the issuer as it is configured, byte for byte |
//! | `aud` | this server, which the client must ask for: `audience` |
//! | `client_id`, which an ID token does not have | there |
//! | `jti` | there |
//! | algorithm | RS256 or ES256 |
//!
//! Quirks:
//!
//! - Access tokens are opaque unless `strategies.access_token` is `jwt`, for all clients or for one.
//! - A client that asks for no audience gets a token with an empty `aud`, which is refused.
//! - Scopes are in `scp`, an array, unless `strategies.jwt.scope_claim` says otherwise.
//! - What the consent application adds is in `ext`, or at the top level too, where Hydra is set so.
//! - A token of the client credentials grant has the client as its `sub`.
//!
//! **Not checked**: what is in `ext`.
//!
//! Source: <https://github.com/ory/hydra/issues/3524> and
//! <https://github.com/ory/hydra/blob/3838cdc580ad0a684b4120fb9dc057aa328a11b3/docs/docs/advanced.md>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The JWT access tokens of an issuer.
pub fn access_token() -> TokenProfile {
    super::access_token()
        .algorithms([Algorithm::RS256, Algorithm::ES256])
        .without_rules_on("client_id")
        .without_rules_on("jti")
        .rule(claim("client_id").non_empty_string())
        .rule(claim("jti").non_empty_string())
        .client_claims(["client_id"])
        .scope_claims(["scp", "scope"])
}

/// Hydra, or a project of Ory Network, by its issuer: `https://{slug}.projects.oryapis.com` there.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::ory};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(ory::hydra("https://hydra.example/"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn hydra(issuer: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(issuer, access_token())
}
