//! Teleport application access: its assertion, in the header field `Teleport-Jwt-Assertion`.
//!
//! | checked | |
//! |---|---|
//! | `iss` | the name of the cluster, which is no URL |
//! | `aud` | the URI of one of your applications, as it is configured in Teleport |
//! | `exp`, `nbf`, `sub` | as in every token |
//! | algorithm | RS256 or ES256 |
//!
//! Quirks:
//!
//! - `aud` is the *internal* URI, such as `http://127.0.0.1:34679`: two applications at one address have one audience.
//! - `sub` and `username` are the name of the user. Accounts can be removed and made again under the same name.
//! - `roles` are the roles in Teleport, which are roles here; `traits` has one array for each trait.
//! - Older versions name no key in the header: each key of the cluster is then tried.
//!
//! **Not checked**: what `traits` say.
//!
//! Source: <https://goteleport.com/docs/enroll-resources/application-access/jwt/introduction/>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The assertions for one of these applications, by their URIs.
pub fn assertion<U: Into<Box<str>>>(applications: impl IntoIterator<Item = U>) -> TokenProfile {
    super::proxy_assertion()
        .algorithms([Algorithm::RS256, Algorithm::ES256])
        .rule(claim("aud").contains_any(applications).binds_token())
        .rule(claim("nbf").not_before())
        .rule(claim("iat").not_in_future().if_present())
        .rule(claim("sub").non_empty_string())
        .role_claims(["roles"])
}

/// A cluster by its name, whose proxy is at this host, for one of these applications.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::teleport;
///
/// let issuer = teleport::cluster("shop", "teleport.example", ["http://127.0.0.1:34679"]);
/// let api = teleport::server("https://app.example", issuer).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn cluster<U: Into<Box<str>>>(
    name: &str,
    proxy: &str,
    applications: impl IntoIterator<Item = U>,
) -> crate::TrustedIssuer {
    let keys = format!("https://{proxy}/.well-known/jwks.json");
    crate::TrustedIssuer::with_jwks_uri(name, keys, assertion(applications))
}

/// Begins a server behind Teleport: it reads the field `teleport-jwt-assertion` and no other, and its refusals have no challenge.
///
/// For [`cluster`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "teleport-jwt-assertion", issuer)
}
