//! Supabase Auth.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://{project}.supabase.co/auth/v1` |
//! | `aud` | `authenticated`: every user of the project |
//! | `role` | `authenticated` |
//! | `session_id` | there |
//! | algorithm | ES256 or RS256 |
//!
//! Quirks:
//!
//! - The audience is a role, not a server: every application of the project takes the same tokens.
//! - The keys of `anon` and `service_role` are signed JWTs of the same project: they have no session, and are refused.
//! - An anonymous login is a user with `is_anonymous`; refuse it with `claim("is_anonymous").none_of(..)` where that matters,
//!   or with a requirement.
//! - `aal` says how strong the login was: `aal2` with a second factor.
//! - Projects that sign with their old shared secret (HS256) have no such keys: give the secret with
//!   [`VerifyingKey::from_hmac_secret`](crate::keys::VerifyingKey::from_hmac_secret), or move to signing keys.
//!
//! **Not checked**: `aal`, `amr`, `app_metadata`; and `user_metadata`, which the user writes.
//!
//! Source: <https://supabase.com/docs/guides/auth/jwt-fields>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The access tokens of a project's users.
pub fn access_token() -> TokenProfile {
    super::access_token()
        .algorithms([Algorithm::ES256, Algorithm::RS256])
        .without_rules_on("aud")
        .rule(claim("aud").contains_any(["authenticated"]).binds_token())
        .rule(claim("role").equals("authenticated"))
        .rule(claim("session_id").non_empty_string())
        .role_claims(["role"])
}

/// A project by its reference, the first part of its address.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::supabase};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(supabase::project("abcdefghijklmnopqrst"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn project(reference: &str) -> crate::TrustedIssuer {
    let issuer = format!("https://{reference}.supabase.co/auth/v1");
    let keys = format!("{issuer}/.well-known/jwks.json");
    crate::TrustedIssuer::with_jwks_uri(issuer, keys, access_token())
}
