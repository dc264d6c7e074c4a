//! The tokens of the big providers, as tables: each preset is a function that returns a pre-filled
//! [`TrustedIssuer`](crate::TrustedIssuer) or [`TokenProfile`], in the terms that
//! everybody has.
//!
//! | preset | issuer | bound to this server by | told from an ID token by |
//! |---|---|---|---|
//! | [`auth0`] | `https://{domain}/` | `aud` | `azp`, `aud` |
//! | [`cognito`] | `https://cognito-idp.{region}.amazonaws.com/{pool}` | a list of clients | `token_use` |
//! | [`entra`] | by version 1 or 2, per tenant | `aud` | `appid` or `azp` |
//! | [`google`] | `https://accounts.google.com` | clients, or `aud` and accounts | there are only ID tokens |
//! | [`keycloak`] | `{server}/realms/{realm}` | `aud` | the claim `typ` |
//! | [`okta`] | `https://{domain}/oauth2/{id}` | `aud` | `cid` |
//!
//! Each page lists what is checked beyond what [`TokenProfile::jwt`] checks (`iss`, `aud`, `exp`,
//! `nbf`, `sub`, and that no mark of another kind of token is there), and the quirks to know.
//! `iat` must be there in all of them: every one of these providers writes it.
//!
//! Their ID tokens are those of [`TokenProfile::oidc_id_token`], which refuses the claims of access
//! tokens; a page says so where its provider writes one of them into ID tokens.
//!
//! A preset is a beginning: [`rule`](TokenProfile::rule) adds to it,
//! [`without_rules_on`](TokenProfile::without_rules_on) takes away. Where a provider can be set to
//! RFC 9068, [`TokenProfile::rfc9068`] is better than any of them.
//!
//! Systems with a way of their own on the wire have a page each: what a request looks like, what is
//! checked, and where that differs from the vendor's own software.
//!
//! | preset | begins with |
//! |---|---|
//! | [`app_id`] | [`app_id::server`] |
//! | [`layer`] | [`layer::server`] |
//! | [`mobile_client_access`] | [`mobile_client_access::server`] |
//! | [`sceyt`] | [`sceyt::server`] |

pub mod app_id;
pub mod auth0;
pub mod cognito;
pub mod entra;
pub mod google;
pub mod keycloak;
pub mod layer;
pub mod mobile_client_access;
pub mod okta;
pub mod sceyt;
mod vcap;

pub use self::vcap::VcapError;
use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// What the access tokens of all of them have in common.
fn access_token() -> TokenProfile {
    TokenProfile::jwt().without_rules_on("iat").rule(claim("iat").not_in_future())
}

/// Most of them sign with nothing but RS256, and say so nowhere in their keys: then the profile does.
fn rs256(profile: TokenProfile) -> TokenProfile {
    profile.algorithms([Algorithm::RS256])
}
