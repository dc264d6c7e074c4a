//! WorkOS AuthKit: the access tokens of sessions.
//!
//! | checked | |
//! |---|---|
//! | `iss` | `https://api.workos.com` |
//! | `sid` | there |
//! | `jti` | there |
//! | `exp`, `iat`, `sub` | as in every token |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - **Nothing in a token says for whom it is**: there is no `aud`. Its keys are those of one client, and every application of
//!   that client takes the same tokens. Add a rule on `org_id` where the server is for one organisation.
//! - `permissions` are scopes and roles here, and `role` and `roles` are roles.
//! - `act` is the administrator who acts as the user.
//! - With a domain of your own the issuer is another: [`also_known_as`](crate::TrustedIssuer::also_known_as).
//! - Applications that are registered in WorkOS Connect get tokens of another issuer, with an audience.
//!
//! **Not checked**: the organisation, `entitlements`.
//!
//! Source: <https://workos.com/docs/reference/authkit/session-tokens>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of sessions.
pub fn access_token() -> TokenProfile {
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .require_kid(true)
        .rule(claim("iss").is_issuer())
        .rule(claim("exp").after_now())
        .rule(claim("iat").not_in_future())
        .rule(claim("sub").non_empty_string())
        .rule(claim("sid").non_empty_string())
        .rule(claim("jti").non_empty_string())
        .scope_claims(["permissions"])
        .role_claims(["role", "roles", "permissions"])
        .for_any_resource()
}

/// The sessions of a client, `client_…`, whose keys are its own.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::workos};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(workos::client("client_01HBEQKA6K4QJAS93VPE39W1JT"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn client(client: &str) -> crate::TrustedIssuer {
    let keys = format!("https://api.workos.com/sso/jwks/{client}");
    crate::TrustedIssuer::with_jwks_uri("https://api.workos.com", keys, access_token())
}
