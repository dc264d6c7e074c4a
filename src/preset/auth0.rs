//! Auth0.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://{domain}/`, with the slash |
//! | `azp` | there |
//! | algorithm | RS256, PS256 |
//!
//! Quirks:
//!
//! - This is the *access token dialect* `access_token`, the default of an API. For one that is set
//!   to the RFC 9068 dialect, add `.map_profile(|_| TokenProfile::rfc9068())`: its tokens have
//!   `client_id` and `at+jwt`, and are refused here for want of `azp`.
//! - `aud` has the userinfo endpoint beside your API where the client asked for `openid`. A client
//!   that names no audience gets an opaque token, or one for the tenant's default audience.
//! - `scope` is what the client asked for and got; `permissions`, which an API may be set to add
//!   (*Add Permissions in the Access Token*), is all that role-based access control gives the user or the
//!   machine. Both count as scopes here. Where the client must have asked, count `scope` alone:
//!   `.map_profile(|profile| profile.scope_claims(["scope"]))`.
//! - A token of the client credentials grant has `gty` and a `sub` that ends in `@clients`.
//! - With a custom domain, the issuer is that domain for logins that came through it.
//! - HS256 APIs are refused: their secret would be the API's, and keys from the network never are.
//!
//! Source: <https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The access tokens of the default dialect.
pub fn access_token() -> TokenProfile {
    super::access_token()
        .without_rules_on("azp")
        .rule(claim("azp").non_empty_string())
        .algorithms([Algorithm::RS256, Algorithm::PS256])
        .client_claims(["azp"])
        .scope_claims(["scope", "permissions"])
        .role_claims(["permissions"])
}

/// The ID tokens of a tenant.
pub fn id_token() -> TokenProfile {
    TokenProfile::oidc_id_token().algorithms([Algorithm::RS256, Algorithm::PS256])
}

/// A tenant by its domain, as in `shop.eu.auth0.com` or a custom domain.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::auth0};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(auth0::tenant("shop.eu.auth0.com"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn tenant(domain: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(format!("https://{domain}/"), access_token()).id_token_profile(id_token())
}
