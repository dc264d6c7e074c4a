//! Stytch: session JWTs.
//!
//! | checked | |
//! |---|---|
//! | `iss` | `stytch.com/{project}`, without a scheme |
//! | `aud` | has the project |
//! | `https://stytch.com/session` | there |
//! | `exp`, `iat`, `nbf`, `sub` | as in every token |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - A session JWT lives for 5 minutes, and is good that long whatever becomes of its session.
//! - With a domain of your own the issuer is its address:
//!   [`also_known_as`](crate::TrustedIssuer::also_known_as).
//! - `roles` in the claim of the session are roles here.
//! - The access tokens of Connected Apps have no session, and are refused.
//!
//! **Not checked**: which factors the session was authenticated with.
//!
//! Source: <https://github.com/stytchauth/stytch-node>, `lib/shared/sessions.ts` and `lib/b2c/client.ts`.

use crate::{policy::claim, profile::TokenProfile};

/// The session JWTs of a project.
pub fn session_token(project: &str) -> TokenProfile {
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .rule(claim("iss").is_issuer())
        .rule(claim("aud").contains_any([project]).binds_token())
        .rule(claim("exp").after_now())
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string())
        .rule(claim("https://stytch.com/session").present())
        .role_claims(["/https:~1~1stytch.com~1session/roles"])
}

/// A project by its id, whose `environment` is `api` or `test`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::stytch};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(stytch::project("api", "project-live-8aed2e54-0266-4793-9b5e-0cc9c56064da"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn project(environment: &str, id: &str) -> crate::TrustedIssuer {
    let keys = format!("https://{environment}.stytch.com/v1/sessions/jwks/{id}");
    crate::TrustedIssuer::with_jwks_uri(format!("stytch.com/{id}"), keys, session_token(id))
}
