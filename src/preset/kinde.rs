//! Kinde.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `https://{name}.kinde.com` |
//! | `aud` | this server |
//! | `azp` | there |
//! | `scp`, an array, which an ID token does not have | there |
//! | `jti` | there |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - A machine's token has no `sub`: the identity is called by its `azp`.
//! - `aud` is empty unless the application is registered for an API and asks for its audience.
//! - `permissions` are scopes and roles here; they are of the organisation in `org_code`.
//!
//! **Not checked**: the organisation, feature flags.
//!
//! Source: <https://docs.kinde.com/build/tokens/about-access-tokens/> and
//! <https://docs.kinde.com/machine-to-machine-applications/about-m2m/token-structure-and-claims-for-m2m-applications>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of users and machines.
pub fn access_token() -> TokenProfile {
    let profile = ["azp", "scp", "jti"]
        .into_iter()
        .fold(super::access_token(), |profile, claim| profile.without_rules_on(claim));
    super::rs256(profile)
        .rule(claim("azp").non_empty_string())
        .rule(claim("scp").strings())
        .rule(claim("jti").non_empty_string())
        .subject_claims(["sub", "azp"])
        .client_claims(["azp"])
        .scope_claims(["scp", "permissions"])
        .role_claims(["permissions"])
}

/// A business by the address of its Kinde domain.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::kinde};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(kinde::business("https://shop.kinde.com"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn business(domain: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(domain, access_token())
}
