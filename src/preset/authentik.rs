//! authentik.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://{host}/application/o/{application}/`, with the slash |
//! | `aud` | the client of the provider, or this server |
//! | `azp`, which an ID token does not have | there |
//! | `uid`, which an ID token does not have | there |
//! | algorithm | RS256 or ES256 |
//!
//! Quirks:
//!
//! - An access token is the ID token with `azp` and `uid` added: it has `nonce`, `at_hash` and `c_hash` where the ID token has
//!   them, so they are no mark of another kind here.
//! - `aud` is the client. Every application that logs in with this client takes the same tokens: name the client as the
//!   audience of the issuer.
//! - A provider without a signing key signs with the client's secret (HS256): choose a key.
//! - The issuer may be set to be the same for all providers; then it is `https://{host}/`.
//! - `groups` are there with the scope `profile`, and are roles here.
//!
//! **Not checked**: how `sub` is made: a provider may be set to put in the user's address or name, which can change.
//!
//! Source: `authentik/providers/oauth2/id_token.py` of <https://github.com/goauthentik/authentik>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The access tokens of a provider.
pub fn access_token() -> TokenProfile {
    let profile = ["azp", "nonce", "at_hash", "c_hash"]
        .into_iter()
        .fold(super::access_token(), |profile, claim| profile.without_rules_on(claim));
    profile
        .algorithms([Algorithm::RS256, Algorithm::ES256])
        .rule(claim("azp").non_empty_string())
        .rule(claim("uid").non_empty_string())
        .client_claims(["azp"])
        .role_claims(["groups"])
}

/// The provider of an application, by the host and the slug of the application, for this client.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::authentik};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(authentik::application("authentik.example", "shop", "9n3SEbTzlKDlxhhJ"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn application(host: &str, slug: &str, client: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(format!("https://{host}/application/o/{slug}/"), access_token())
        .audience(client)
}
