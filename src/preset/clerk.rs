//! Clerk: session tokens.
//!
//! | checked | |
//! |---|---|
//! | `iss` | the Frontend API of the instance, `https://clerk.{domain}` |
//! | `azp` | one of your origins: **this**, and not `aud`, binds a token to you |
//! | `sid` | there |
//! | `sts` | not `pending` |
//! | `exp`, `iat`, `nbf`, `sub` | as in every token |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - A session token lives for a minute, and has no `aud`.
//! - `azp` is the origin of the page that asked for the token. Cookies of a domain are seen by its subdomains, so a token of
//!   another page of the domain must not pass, and neither must one that names none.
//! - Tokens of JWT templates are signed by the same keys and have no `sid`: they are for others, and refused.
//! - A session with tasks left to do is `pending`.
//! - In version 2 of the tokens the organisation is in `o`; in version 1, in `org_id` and `org_role`.
//! - On the same origin the token is in the cookie `__session`.
//!
//! **Not checked**: `fva`, how long ago each factor was verified; the organisation.
//!
//! Source: <https://clerk.com/docs/guides/sessions/manual-jwt-verification>; Clerk's own verifier judges the same tokens in
//! `tests/interop/vendors`.

use crate::{policy::claim, profile::TokenProfile};

/// The session tokens of pages of one of these origins.
pub fn session_token<O: Into<Box<str>>>(origins: impl IntoIterator<Item = O>) -> TokenProfile {
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .rule(claim("iss").is_issuer())
        .rule(claim("azp").one_of(origins).binds_token())
        .rule(claim("exp").after_now())
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string())
        .rule(claim("sid").non_empty_string())
        .rule(claim("sts").none_of(["pending"]).if_present())
        .client_claims(["azp"])
        .role_claims(["org_role"])
}

/// An instance by the address of its Frontend API, for pages of these origins.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::clerk};
///
/// let api = ResourceServer::builder("https://api.shop.example")
///     .issuer(clerk::instance("https://clerk.shop.example", ["https://shop.example"]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn instance<O: Into<Box<str>>>(
    frontend_api: &str,
    origins: impl IntoIterator<Item = O>,
) -> crate::TrustedIssuer {
    let keys = format!("{frontend_api}/.well-known/jwks.json");
    crate::TrustedIssuer::with_jwks_uri(frontend_api, keys, session_token(origins))
}
