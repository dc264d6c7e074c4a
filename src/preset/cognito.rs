//! Amazon Cognito user pools.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://cognito-idp.{region}.amazonaws.com/{user pool}` |
//! | `token_use` | `access` |
//! | `client_id` | one of your app clients: **this**, and not `aud`, binds a token to you |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - Access tokens have no `aud` as a rule. Every app client of the pool gets tokens that differ
//!   in `client_id` and `scope` alone, so list only the clients that may call this server. Where
//!   resource binding puts an `aud` in, it must name this server too.
//! - ID tokens have `aud` and no `client_id`, and `token_use` is `id`.
//! - Custom scopes read `{resource server}/{name}`; groups are in `cognito:groups`.
//! - A token of the client credentials grant has the client as its `sub`.
//! - The custom domain of a pool is not its issuer.
//!
//! Claims: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of a user pool, issued to one of these app clients.
pub fn access_token<C: Into<Box<str>>>(clients: impl IntoIterator<Item = C>) -> TokenProfile {
    super::rs256(super::access_token())
        .without_rules_on("aud")
        .without_rules_on("client_id")
        .without_rules_on("token_use")
        .rule(claim("aud").names_resource().if_present())
        .rule(claim("token_use").equals("access"))
        .rule(claim("client_id").one_of(clients).binds_token())
        .client_claims(["client_id"])
        .scope_claims(["scope"])
        .role_claims(["cognito:groups"])
}

/// The ID tokens of a user pool.
pub fn id_token() -> TokenProfile {
    super::rs256(TokenProfile::oidc_id_token())
        .without_rules_on("token_use")
        .rule(claim("token_use").equals("id"))
}

/// A user pool, for tokens that were issued to one of these app clients.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::cognito};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(cognito::user_pool("eu-central-1", "eu-central-1_AbCdEf123", ["4bm1gnhqfo8"]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn user_pool<C: Into<Box<str>>>(
    region: &str,
    user_pool: &str,
    clients: impl IntoIterator<Item = C>,
) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(
        format!("https://cognito-idp.{region}.amazonaws.com/{user_pool}"),
        access_token(clients),
    )
    .id_token_profile(id_token())
}
