//! AWS Application Load Balancer: the user claims of its `authenticate` action, in the header field
//! `x-amzn-oidc-data`.
//!
//! | checked | |
//! |---|---|
//! | header `signer` | the ARN of one of your load balancers: **this** binds a token to you |
//! | header `client` | one of your clients at the identity provider |
//! | header `exp` | after now, where it is there |
//! | `iss` | the identity provider that the load balancer is configured with |
//! | `exp`, `sub` | as in every token |
//! | algorithm | ES256 |
//!
//! Quirks:
//!
//! - **The keys of a region are those of all its customers**: what the signature says is that some load balancer of the
//!   region made the token. Its ARN in `signer` says which.
//! - Each key is a PEM at an address with its `kid`, which is a UUID:
//!   [`with_pem_per_kid`](crate::TrustedIssuer::with_pem_per_kid). Outside the public regions the address is another one.
//! - The three parts are padded base64url, and the padding is signed.
//! - The payload is what the userinfo endpoint of the provider said, with `exp` and `iss` of the load balancer. There is no
//!   `aud` and no `iat`.
//! - `x-amzn-oidc-accesstoken` has the provider's own access token, which is for the provider; `x-amzn-oidc-identity` is
//!   not signed.
//! - Let the security group of the server admit the load balancer alone.
//!
//! **Not checked**: what the user claims say, `email_verified` among them.
//!
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html>; AWS's own
//! verifier judges the same tokens in `tests/interop/vendors`.

use crate::{
    keys::Algorithm,
    policy::{claim, header},
    profile::TokenProfile,
};

/// The user claims that one of these load balancers signed, by their ARNs, for one of these clients.
pub fn user_claims<A: Into<Box<str>>, C: Into<Box<str>>>(
    load_balancers: impl IntoIterator<Item = A>,
    clients: impl IntoIterator<Item = C>,
) -> TokenProfile {
    super::proxy_assertion()
        .algorithms([Algorithm::ES256])
        .accept_padding(true)
        .require_kid(true)
        .rule(header("signer").one_of(load_balancers).binds_token())
        .rule(header("client").one_of(clients))
        .rule(header("exp").after_now().if_present())
        .rule(claim("sub").non_empty_string())
}

/// Load balancers of a region whose identity provider is `issuer`, by their ARNs, for one of these clients.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::aws_alb;
///
/// let balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
/// let issuer = aws_alb::region("eu-central-1", "https://login.example", [balancer], ["shop-web"]);
/// let api = aws_alb::server("https://app.example", issuer).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn region<A: Into<Box<str>>, C: Into<Box<str>>>(
    region: &str,
    issuer: &str,
    load_balancers: impl IntoIterator<Item = A>,
    clients: impl IntoIterator<Item = C>,
) -> crate::TrustedIssuer {
    let keys = format!("https://public-keys.auth.elb.{region}.amazonaws.com/{{kid}}");
    let profile = user_claims(load_balancers, clients);
    crate::TrustedIssuer::with_pem_per_kid(issuer, keys, crate::source::KidForm::Uuid, profile)
}

/// Begins a server behind a load balancer: it reads the field `x-amzn-oidc-data` and no other, and its refusals have no challenge.
///
/// For [`region`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "x-amzn-oidc-data", issuer)
}
