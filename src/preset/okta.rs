//! Okta, with a custom authorization server (API Access Management).
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://{domain}/oauth2/{authorization server}` |
//! | `cid`, the client, which an ID token does not have | there |
//! | `jti` | there |
//! | header `typ` | `JWT`, `at+jwt` or none; not `okta-internal-at+jwt` |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - Tokens of the *org* authorization server (`iss` is the bare domain) are for Okta's own APIs, and
//!   Okta asks that no one else verifies them.
//! - The predefined custom server's id is `default`, and its audience `api://default` unless changed.
//! - Scopes are in `scp`, an array of strings; groups, where the server is set to add them, are no scopes
//!   and in `groups`. A user's id is in `uid`; `sub` is the login name
//!   and may change.
//! - A token of the client credentials grant has the client as its `sub` and no `uid`.
//!
//! Source: <https://developer.okta.com/docs/reference/api/oidc/>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of a custom authorization server.
pub fn access_token() -> TokenProfile {
    super::rs256(super::access_token())
        .accept_types(["JWT", "at+jwt"])
        .without_rules_on("jti")
        .rule(claim("cid").non_empty_string())
        .rule(claim("jti").non_empty_string())
        .client_claims(["cid"])
        .scope_claims(["scp"])
        .role_claims(["groups"])
}

/// The ID tokens of a custom authorization server.
pub fn id_token() -> TokenProfile {
    super::rs256(TokenProfile::oidc_id_token()).rule(claim("cid").absent())
}

/// A custom authorization server by the organisation's domain and its own id, as in
/// `shop.okta.com` and `default`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::okta};
///
/// let api = ResourceServer::builder("api://default")
///     .issuer(okta::authorization_server("shop.okta.com", "default"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn authorization_server(domain: &str, id: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(format!("https://{domain}/oauth2/{id}"), access_token())
        .id_token_profile(id_token())
}
