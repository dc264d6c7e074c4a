//! Pomerium: its assertion, in the header field `X-Pomerium-Jwt-Assertion`.
//!
//! | checked | |
//! |---|---|
//! | `iss` | the host of the route, without a scheme |
//! | `aud` | the host of the route |
//! | `exp`, `iat`, `sub` | as in every token |
//! | algorithm | ES256 |
//!
//! Quirks:
//!
//! - Names of hosts, not URLs: `app.example`. Where `jwt_issuer_format` is `uri`, name that with
//!   [`also_known_as`](crate::TrustedIssuer::also_known_as).
//! - An assertion says nothing of the path of a route: two routes of one host have the same.
//! - Keys are at `/.well-known/pomerium/jwks.json` of the route, if Pomerium has a `signing_key`.
//! - `groups` are roles here.
//!
//! **Not checked**: `email`, and further claims that Pomerium is set to pass on.
//!
//! Source: <https://www.pomerium.com/docs/capabilities/getting-users-identity>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The assertions of the routes of one of these hosts.
pub fn assertion<H: Into<Box<str>>>(hosts: impl IntoIterator<Item = H>) -> TokenProfile {
    super::proxy_assertion()
        .algorithms([Algorithm::ES256])
        .rule(claim("aud").contains_any(hosts).binds_token())
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string())
        .role_claims(["groups"])
}

/// Pomerium in front of the routes of a host, as in `app.example`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::pomerium;
///
/// let api = pomerium::server("https://app.example", pomerium::route("app.example")).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn route(host: &str) -> crate::TrustedIssuer {
    let keys = format!("https://{host}/.well-known/pomerium/jwks.json");
    crate::TrustedIssuer::with_jwks_uri(host, keys, assertion([host]))
}

/// Begins a server behind Pomerium: it reads the field `x-pomerium-jwt-assertion` and no other, and its refusals have no challenge.
///
/// For [`route`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "x-pomerium-jwt-assertion", issuer)
}
