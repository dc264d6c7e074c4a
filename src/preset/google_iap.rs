//! Google Cloud Identity-Aware Proxy: its signed assertion, in the header field `x-goog-iap-jwt-assertion`.
//!
//! | checked | |
//! |---|---|
//! | `iss` | `https://cloud.google.com/iap` |
//! | `aud` | one of the backends that you name |
//! | `exp`, `iat` | as in every token; a lifetime of at most 10 minutes, and 30 s of leeway |
//! | `sub` | there |
//! | algorithm | ES256 |
//!
//! The audience is, as the console shows it, `/projects/{project number}/global/backendServices/{id}` for Compute
//! Engine and GKE, `/projects/{project number}/apps/{project id}` for App Engine.
//!
//! Quirks:
//!
//! - `sub` and `email` have a prefix where IAP names the source of the account: `accounts.google.com:`.
//! - The fields `x-goog-authenticated-user-email` and `-id` are not signed: anyone who reaches the server past the proxy
//!   can write them. Never read them.
//! - Who may use the application is decided by IAP. It says nothing of groups, and there are no scopes.
//! - A Workspace domain is in `hd`.
//!
//! **Not checked**: access levels and the members of `google` and `gcip`.
//!
//! Source: <https://cloud.google.com/iap/docs/signed-headers-howto>; Google's own verifier judges the same tokens in
//! `tests/interop/vendors`.

use std::time::Duration;

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The issuer that every assertion names.
pub const ISSUER: &str = "https://cloud.google.com/iap";

/// The assertions for one of these backends.
pub fn assertion<A: Into<Box<str>>>(audiences: impl IntoIterator<Item = A>) -> TokenProfile {
    let longest = Duration::from_secs(600);
    super::proxy_assertion()
        .algorithms([Algorithm::ES256])
        .rule(claim("aud").one_of(audiences).binds_token())
        .rule(claim("exp").ends_lifetime(Duration::ZERO, Some(longest)))
        .rule(claim("iat").not_in_future())
        .leeway(Duration::from_secs(30))
}

/// Identity-Aware Proxy, in front of one of these backends.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::google_iap;
///
/// let issuer = google_iap::proxy(["/projects/123456789012/global/backendServices/4242"]);
/// let api = google_iap::server("https://app.example", issuer).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn proxy<A: Into<Box<str>>>(audiences: impl IntoIterator<Item = A>) -> crate::TrustedIssuer {
    let keys = "https://www.gstatic.com/iap/verify/public_key-jwk";
    crate::TrustedIssuer::with_jwks_uri(ISSUER, keys, assertion(audiences))
}

/// Begins a server behind Identity-Aware Proxy: it reads the field `x-goog-iap-jwt-assertion` and no other, and its refusals have no challenge.
///
/// For [`proxy`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "x-goog-iap-jwt-assertion", issuer)
}
