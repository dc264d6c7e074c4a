//! Cloudflare Access: the application token, in the header field `Cf-Access-Jwt-Assertion`.
//!
//! | checked | [`user_token`] | [`service_token`] |
//! |---|---|---|
//! | `iss` | `https://{team}.cloudflareaccess.com` | the same |
//! | `aud`, an array | has the tag of one of your applications | the same |
//! | `type` | `app` | `app` |
//! | `sub` | there | the empty string |
//! | `common_name` | not there | the client id of one of your service tokens |
//! | `exp`, `iat`, `nbf` | as in every token; `nbf` where it is there | the same |
//! | algorithm | RS256 | RS256 |
//!
//! Quirks:
//!
//! - The cookie `CF_Authorization` has the same token for browsers, and Cloudflare does not promise to pass it on. The
//!   field is what to read.
//! - A service token has no user: its `sub` is empty, and the identity is called by its `common_name`.
//! - The session of a user at Cloudflare has a token of its own, whose `type` is `org`: it is refused.
//! - Keys are exchanged every 6 weeks, and the old one stays for 7 days. The document has members of Cloudflare's own
//!   beside `keys`, which are passed over.
//! - Groups are in no token; Cloudflare's `get-identity` has them.
//!
//! **Not checked**: `identity_nonce`, `country`, and what custom claims say.
//!
//! Source: <https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/application-token/>.

use crate::{policy::claim, profile::TokenProfile};

/// The application tokens of users, for one of these application tags.
pub fn user_token<A: Into<Box<str>>>(tags: impl IntoIterator<Item = A>) -> TokenProfile {
    application_token(tags).rule(claim("sub").non_empty_string()).rule(claim("common_name").absent())
}

/// The application tokens of these service tokens, by their client ids, for one of these application tags.
pub fn service_token<A: Into<Box<str>>, C: Into<Box<str>>>(
    tags: impl IntoIterator<Item = A>,
    client_ids: impl IntoIterator<Item = C>,
) -> TokenProfile {
    application_token(tags)
        .rule(claim("sub").equals(""))
        .rule(claim("common_name").one_of(client_ids))
        .subject_claims(["sub", "common_name"])
        .pass_over_empty_subjects(true)
        .client_claims(["common_name"])
}

fn application_token<A: Into<Box<str>>>(tags: impl IntoIterator<Item = A>) -> TokenProfile {
    super::rs256(super::proxy_assertion())
        .rule(claim("aud").contains_any(tags).binds_token())
        .rule(claim("type").equals("app"))
        .rule(claim("iat").not_in_future())
        .rule(claim("nbf").not_before().if_present())
}

/// The users of a team, `shop` of `shop.cloudflareaccess.com`, for one of these applications.
///
/// For service tokens beside them:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{policy::claim, preset::cloudflare_access};
///
/// let tag = "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228";
/// let services = cloudflare_access::service_token([tag], ["e367826f93b8d71185e03fe518aff3b4.access"]);
/// let issuer = cloudflare_access::team("shop", [tag]).access_tokens_where([claim("sub").equals("")], services);
/// let api = cloudflare_access::server("https://app.example", issuer).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn team<A: Into<Box<str>>>(team: &str, tags: impl IntoIterator<Item = A>) -> crate::TrustedIssuer {
    let issuer = format!("https://{team}.cloudflareaccess.com");
    let keys = format!("{issuer}/cdn-cgi/access/certs");
    crate::TrustedIssuer::with_jwks_uri(issuer, keys, user_token(tags))
}

/// Begins a server behind Cloudflare Access: it reads the field `cf-access-jwt-assertion` and no other, and its refusals have no challenge.
///
/// For [`team`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "cf-access-jwt-assertion", issuer)
}
