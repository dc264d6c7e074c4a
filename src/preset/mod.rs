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
//! | [`authentik`] | `https://{host}/application/o/{application}/` | `aud`, the client | `azp`, `uid` |
//! | [`clerk`] | the Frontend API | a list of origins | `sid`; there are only session tokens |
//! | [`firebase`] | `https://securetoken.google.com/{project}` | `aud`, the project | there are only ID tokens |
//! | [`fusion_auth`] | what the tenant is set to | a list of applications | `applicationId` |
//! | [`kinde`] | `https://{name}.kinde.com` | `aud` | `scp` |
//! | [`ory`] | as configured | `aud` | `client_id` |
//! | [`ping_one`] | `https://auth.pingone.{region}/{environment}/as` | `aud` | `client_id` |
//! | [`stytch`] | `stytch.com/{project}` | `aud`, the project | there are only session tokens |
//! | [`supabase`] | `https://{project}.supabase.co/auth/v1` | `aud`, every user of the project | `session_id`, `role` |
//! | [`workos`] | `https://api.workos.com` | the keys of the client alone | `sid` |
//! | [`zitadel`] | the address of the instance | `aud` | `jti` |
//!
//! Proxies that verify a login and pass on an assertion of their own, in a header field of their own:
//!
//! | preset | field | bound to this server by |
//! |---|---|---|
//! | [`aws_alb`] | `x-amzn-oidc-data` | the header's `signer` and `client` |
//! | [`aws_verified_access`] | `x-amzn-ava-user-context` | the header's `signer` |
//! | [`cloudflare_access`] | `Cf-Access-Jwt-Assertion` | the tag of the application |
//! | [`google_iap`] | `x-goog-iap-jwt-assertion` | the backend |
//! | [`pomerium`] | `X-Pomerium-Jwt-Assertion` | the host of the route |
//! | [`teleport`] | `Teleport-Jwt-Assertion` | the URI of the application |
//!
//! Workloads, of issuers that many get tokens of: `build()` refuses a profile that pins no claim to values of yours.
//!
//! | preset | issuer | pinned |
//! |---|---|---|
//! | [`github_actions`] | `https://token.actions.githubusercontent.com` | id of the repository, its owner or the enterprise |
//! | [`gitlab_ci`] | the instance | id of the project or its namespace |
//! | [`google`] (service accounts) | `https://accounts.google.com` | address of the account |
//! | [`kubernetes`] | the cluster | account, its uid, or the namespace |
//! | [`spiffe`] | the trust domain of `sub` | – |
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
pub mod authentik;
pub mod aws_alb;
pub mod aws_verified_access;
pub mod clerk;
pub mod cloudflare_access;
pub mod cognito;
pub mod entra;
pub mod firebase;
pub mod fusion_auth;
pub mod github_actions;
pub mod gitlab_ci;
pub mod google;
pub mod google_iap;
pub mod keycloak;
pub mod kinde;
pub mod kubernetes;
pub mod layer;
pub mod mobile_client_access;
pub mod okta;
pub mod ory;
pub mod ping_one;
pub mod pomerium;
pub mod sceyt;
pub mod spiffe;
pub mod stytch;
pub mod supabase;
pub mod teleport;
mod vcap;
pub mod workos;
pub mod zitadel;

pub use self::vcap::VcapError;
use http::StatusCode;

use crate::{
    http::{ChallengeRow, ChallengeTable, TokenLocation},
    keys::Algorithm,
    policy::{Rule, claim},
    profile::TokenProfile,
};

/// What the access tokens of all of them have in common.
fn access_token() -> TokenProfile {
    TokenProfile::jwt().without_rules_on("iat").rule(claim("iat").not_in_future())
}

/// Most of them sign with nothing but RS256, and say so nowhere in their keys: then the profile does.
fn rs256(profile: TokenProfile) -> TokenProfile {
    profile.algorithms([Algorithm::RS256])
}

/// What the assertions of proxies have in common. Each has an audience or a signer that no other token has.
fn proxy_assertion() -> TokenProfile {
    TokenProfile::empty().accept_types(["JWT"]).rule(claim("iss").is_issuer()).rule(claim("exp").after_now())
}

/// Answers without challenges: behind a proxy there is no token that a client could get.
pub(crate) fn without_challenges() -> ChallengeTable {
    let row = |status| ChallengeRow::new(status).challenge(false);
    ChallengeTable::rfc6750()
        .no_credentials(row(StatusCode::UNAUTHORIZED))
        .several_fields(row(StatusCode::BAD_REQUEST))
        .invalid_request(row(StatusCode::BAD_REQUEST))
        .invalid_token(row(StatusCode::UNAUTHORIZED))
        .insufficient_scope(row(StatusCode::FORBIDDEN))
        .insufficient_user_authentication(row(StatusCode::UNAUTHORIZED))
}

/// A server that reads assertions in this field alone.
fn behind_proxy(
    resource: impl Into<String>,
    field: &str,
    issuer: crate::TrustedIssuer,
) -> crate::ResourceServerBuilder {
    crate::ResourceServer::builder(resource)
        .issuer(issuer)
        .token_location(TokenLocation::header(field))
        .challenges(without_challenges())
}

/// What the tokens of workloads have in common, where a rule must name values of one of these claims.
fn workload_token<const N: usize>(rules: impl IntoIterator<Item = Rule>, pinned: [&str; N]) -> TokenProfile {
    let profile = rs256(TokenProfile::empty())
        .accept_types(["JWT"])
        .pin_one_of(pinned)
        .rule(claim("iss").is_issuer())
        .rule(claim("aud").names_resource())
        .rule(claim("exp").after_now())
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string());
    rules.into_iter().fold(profile, TokenProfile::rule)
}
