//! PingOne.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://auth.pingone.{region}/{environment}/as` |
//! | `aud` | this server: the audience of its custom resource |
//! | `client_id`, which an ID token does not have | there |
//! | header `kid` | there |
//! | header `typ` | `JWT`, `at+jwt` or none |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - From 2 March 2027 the header says `at+jwt`; then [`TokenProfile::rfc9068`] is better.
//! - A token of the client credentials grant has no user: where there is no `sub`, the identity is called by its `client_id`.
//! - Tokens for PingOne's own APIs have `https://api.pingone.{region}` as their audience, and are refused.
//! - `acr` is the name or the id of the policy that the user signed on with.
//!
//! **Not checked**: `env` and `org`, which the issuer says already.
//!
//! Source: <https://developer.pingidentity.com/pingone-api/foundations/authentication-concepts/access-tokens-and-id-tokens/token-claims.html>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of an environment.
pub fn access_token() -> TokenProfile {
    super::rs256(super::access_token())
        .accept_types(["JWT", "at+jwt"])
        .require_kid(true)
        .without_rules_on("client_id")
        .rule(claim("client_id").non_empty_string())
        .subject_claims(["sub", "client_id"])
        .client_claims(["client_id"])
        .scope_claims(["scope"])
}

/// An environment by its id, in a region: `com`, `eu`, `ca`, `asia`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::ping_one};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(ping_one::environment("eu", "4e98b8f5-6b2c-4c7a-9f7e-0c2b1d8a9e10"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn environment(region: &str, id: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(format!("https://auth.pingone.{region}/{id}/as"), access_token())
}
