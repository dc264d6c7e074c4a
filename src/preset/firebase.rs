//! Firebase Authentication and Google Cloud Identity Platform: ID tokens.
//!
//! | checked | |
//! |---|---|
//! | `iss` | `https://securetoken.google.com/{project}` |
//! | `aud` | the project |
//! | `sub` | a non-empty string of at most 128 characters |
//! | `auth_time`, `iat` | in the past |
//! | `exp` | after now |
//! | header `kid` | there |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - These are ID tokens, and all that there is: applications send them as bearer tokens. Every application of the project
//!   takes the same.
//! - Session cookies have another issuer and other keys, and custom tokens another audience: both are refused.
//! - Signing out ends no token, and neither does disabling a user: it is good for its hour.
//! - Tenants of Identity Platform are in `firebase.tenant`: `claim("/firebase/tenant").equals("shop-a")`. Without that rule,
//!   users of every tenant pass.
//!
//! **Not checked**: `email_verified`, `firebase.sign_in_provider` (`anonymous` is one), the tenant; whether a token was
//! revoked.
//!
//! Source: <https://firebase.google.com/docs/auth/admin/verify-id-tokens>; Firebase's own verifier judges the same tokens in
//! `tests/interop/vendors`.

use crate::{policy::claim, profile::TokenProfile};

/// The ID tokens of a project.
pub fn id_token(project: &str) -> TokenProfile {
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .require_kid(true)
        .rule(claim("iss").is_issuer())
        .rule(claim("aud").equals(project).binds_token())
        .rule(claim("exp").after_now())
        .rule(claim("iat").not_in_future())
        .rule(claim("auth_time").not_in_future())
        .rule(claim("sub").non_empty_string())
        .rule(claim("sub").string_up_to(128))
}

/// A project by its id.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::firebase};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(firebase::project("shop-12345"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn project(id: &str) -> crate::TrustedIssuer {
    let keys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
    crate::TrustedIssuer::with_jwks_uri(format!("https://securetoken.google.com/{id}"), keys, id_token(id))
}
