//! Google: its access tokens are opaque, so what a server gets as a bearer token is an ID token, of
//! a user or of a service account.
//!
//! | checked | [`users`] | [`service_accounts`] |
//! |---|---|---|
//! | `iss` | `https://accounts.google.com` | the same |
//! | `aud` | one of your clients | this server, as the caller named it |
//! | `azp` | one of your clients | there |
//! | `email` | – | one of the accounts |
//! | `sub`, `exp`, `iat` | as in every ID token; a lifetime of at most a day, as Google's own library has it | the same |
//! | algorithm | RS256 | RS256 |
//!
//! Quirks:
//!
//! - **Every** service account of the world gets an ID token for any `aud`, yours included. So the audience
//!   alone admits the whole world: [`service_accounts`] wants their list. For the same reason
//!   [`users`] looks at `azp`, which is Google's word for whom a token was issued to.
//! - An account that is deleted and made again has the same address and another `sub`.
//! - On Android `azp` is the app's client and `aud` the server's: list both.
//! - A Workspace domain is in `hd`; the domain of an `email` proves nothing:
//!   `google::user_token(clients).rule(claim("hd").equals("shop.example"))`.
//! - `iss` without `https://`, which Google's documents allow for, is refused: discovery says
//!   otherwise, and so do today's tokens.
//! - ID tokens live for an hour, and signing out ends none of them.
//!
//! Source: <https://developers.google.com/identity/openid-connect/openid-connect> and, for service accounts,
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>.

use std::time::Duration;

use crate::{policy::claim, profile::TokenProfile};

/// The ID token of a user, as a bearer token, issued to one of these clients for one of them.
pub fn user_token<C: Into<Box<str>>>(clients: impl IntoIterator<Item = C>) -> TokenProfile {
    let clients: Vec<Box<str>> = clients.into_iter().map(Into::into).collect();
    bearer_id_token()
        .rule(claim("aud").contains_any(clients.clone()).binds_token())
        .rule(claim("azp").one_of(clients))
}

/// The ID token of one of these service accounts, as a bearer token for this server.
pub fn service_account_token<A: Into<Box<str>>>(accounts: impl IntoIterator<Item = A>) -> TokenProfile {
    bearer_id_token()
        .rule(claim("aud").names_resource())
        .rule(claim("azp").non_empty_string())
        .rule(claim("email").one_of(accounts))
        .rule(claim("email_verified").is_true())
        .rule(claim("nonce").absent())
}

fn bearer_id_token() -> TokenProfile {
    // What `google-auth-library` takes at most.
    let longest = Duration::from_secs(24 * 60 * 60);
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .rule(claim("iss").is_issuer())
        .rule(claim("exp").after_now())
        .rule(claim("exp").ends_lifetime(Duration::ZERO, Some(longest)))
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string())
        .client_claims(["azp"])
}

/// Google's users, who signed in to one of these clients.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::google};
///
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(google::users(["1234987819200.apps.googleusercontent.com"]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn users<C: Into<Box<str>>>(clients: impl IntoIterator<Item = C>) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover("https://accounts.google.com", user_token(clients))
        .id_token_profile(super::rs256(TokenProfile::oidc_id_token()))
}

/// These service accounts of Google Cloud, calling with ID tokens for this server.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::google};
///
/// let api = ResourceServer::builder("https://orders-abc.run.app")
///     .issuer(google::service_accounts(["shop@example-project.iam.gserviceaccount.com"]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn service_accounts<A: Into<Box<str>>>(accounts: impl IntoIterator<Item = A>) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover("https://accounts.google.com", service_account_token(accounts))
        .id_token_profile(super::rs256(TokenProfile::oidc_id_token()))
}
