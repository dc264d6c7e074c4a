//! FusionAuth.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | what the tenant is set to: any text |
//! | `aud`, `applicationId` | one of your applications; an ID token does not have `applicationId` |
//! | `jti` | there |
//! | algorithm | RS256 or ES256 |
//!
//! Quirks:
//!
//! - An access token has the audience of an ID token, the client, which is the application. It has `applicationId` only where the
//!   user is registered for the application: a token without is refused. Before version 1.24, ID tokens had it, too.
//! - The issuer is `acme.com` until the tenant is set otherwise.
//! - A new application signs with a shared secret (HS256): choose a key for its access tokens.
//! - `roles` are the user's roles in the application.
//! - Tokens of the client credentials grant are for an entity, and have another shape: `map_profile` with rules of your own.
//!
//! **Not checked**: the tenant, `tid`.
//!
//! Source: <https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/tokens>.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// The access tokens of users of one of these applications, by their ids.
pub fn access_token<A: Into<Box<str>>>(applications: impl IntoIterator<Item = A>) -> TokenProfile {
    let applications: Vec<Box<str>> = applications.into_iter().map(Into::into).collect();
    super::access_token()
        .algorithms([Algorithm::RS256, Algorithm::ES256])
        .without_rules_on("aud")
        .without_rules_on("jti")
        .rule(claim("aud").contains_any(applications.clone()).binds_token())
        .rule(claim("applicationId").one_of(applications))
        .rule(claim("jti").non_empty_string())
        .client_claims(["applicationId"])
        .scope_claims(["scope"])
}

/// A tenant by its issuer, whose keys are at the host of the installation, for these applications.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::fusion_auth};
///
/// let application = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(fusion_auth::tenant("shop.example", "fusionauth.example", [application]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn tenant<A: Into<Box<str>>>(
    issuer: &str,
    host: &str,
    applications: impl IntoIterator<Item = A>,
) -> crate::TrustedIssuer {
    let keys = format!("https://{host}/.well-known/jwks.json");
    crate::TrustedIssuer::with_jwks_uri(issuer, keys, access_token(applications))
}
