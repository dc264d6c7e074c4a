//! AWS Verified Access: the user context, in the header field `x-amzn-ava-user-context`.
//!
//! | checked | |
//! |---|---|
//! | header `signer` | the ARN of one of your instances: **this** binds a token to you |
//! | header `iss` | the identity provider, or the ARN of the trust provider for IAM Identity Center |
//! | header `exp` | after now |
//! | `sub`, or `user_id` in `user` | a non-empty string |
//! | algorithm | ES384 |
//!
//! Quirks:
//!
//! - `iss` and `exp` are in the **header**; the payload has user claims alone. So the payload need not name its issuer.
//! - IAM Identity Center writes no `sub`: the user is in `user`.
//! - A context lives for 2 minutes.
//! - As with [`aws_alb`](super::aws_alb), the keys of a region are those of all its customers, each a PEM at an address with
//!   its `kid`.
//!
//! **Not checked**: `additional_user_context`, which repeats claims of the identity provider.
//!
//! Source: <https://docs.aws.amazon.com/verified-access/latest/ug/user-claims-passing.html>.

use crate::{keys::Algorithm, policy::header, profile::TokenProfile};

/// The user contexts that one of these instances signed, by their ARNs. The issuer must take [tokens without
/// an issuer](crate::TrustedIssuer::tokens_without_issuer).
pub fn user_context<A: Into<Box<str>>>(instances: impl IntoIterator<Item = A>) -> TokenProfile {
    TokenProfile::empty()
        .accept_types(["JWT"])
        .algorithms([Algorithm::ES384])
        .accept_padding(true)
        .require_kid(true)
        .rule(header("signer").one_of(instances).binds_token())
        .rule(header("iss").is_issuer())
        .rule(header("exp").after_now())
        .subject_claims(["sub", "/user/user_id"])
        .role_claims(["groups"])
}

/// Instances of a region whose trust provider is `issuer`, by their ARNs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::aws_verified_access;
///
/// let instance = "arn:aws:ec2:us-east-1:123456789012:verified-access-instance/vai-abc123xzy321a2b3c";
/// let issuer = aws_verified_access::region("us-east-1", "https://login.example", [instance]);
/// let api = aws_verified_access::server("https://app.example", issuer).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn region<A: Into<Box<str>>>(
    region: &str,
    issuer: &str,
    instances: impl IntoIterator<Item = A>,
) -> crate::TrustedIssuer {
    let keys = format!("https://public-keys.prod.verified-access.{region}.amazonaws.com/{{kid}}");
    let profile = user_context(instances);
    crate::TrustedIssuer::with_pem_per_kid(issuer, keys, crate::source::KidForm::Uuid, profile)
        .tokens_without_issuer(true)
}

/// Begins a server behind Verified Access: it reads the field `x-amzn-ava-user-context` and no other, and its refusals have no challenge.
///
/// For [`region`], or an issuer with the same profile and keys from elsewhere. The proxy must remove what a
/// client sends in this field, and the server must be reached through the proxy alone.
pub fn server(resource: impl Into<String>, issuer: crate::TrustedIssuer) -> crate::ResourceServerBuilder {
    super::behind_proxy(resource, "x-amzn-ava-user-context", issuer)
}
