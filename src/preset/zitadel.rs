//! Zitadel, with JWT access tokens.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | the address of the instance |
//! | `aud` | this server: the id of its project or client |
//! | `jti`, which an ID token does not have | there |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - Access tokens are opaque unless the application (or the machine user) is set to JWT.
//! - `aud` has the ids of the clients of the project, and that of the project where a client asks for the scope
//!   `urn:zitadel:iam:org:project:id:{project}:aud`. Name it as the audience of the issuer.
//! - Roles are the *members* of an object, `urn:zitadel:iam:org:project:roles`: they are there if the project asserts roles
//!   or the client asks for them. For one project of several, name
//!   `urn:zitadel:iam:org:project:{project}:roles` with [`role_claims`](TokenProfile::role_claims).
//! - A role in that object was granted in some organisation, which its value says.
//!
//! **Not checked**: in which organisation a role was granted.
//!
//! Source: <https://zitadel.com/docs/apis/openidoauth/claims>.

use crate::{policy::claim, profile::TokenProfile};

/// The JWT access tokens of an instance.
pub fn access_token() -> TokenProfile {
    super::rs256(super::access_token())
        .without_rules_on("jti")
        .rule(claim("jti").non_empty_string())
        .role_claims(["urn:zitadel:iam:org:project:roles"])
        .roles_as_members(true)
}

/// An instance by its address, as in `https://shop-abc123.zitadel.cloud`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::zitadel};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(zitadel::instance("https://shop-abc123.zitadel.cloud").audience("69234237810729019"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn instance(address: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(address, access_token())
}
