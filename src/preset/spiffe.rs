//! SPIFFE: JWT-SVIDs of a trust domain.
//!
//! | checked | |
//! |---|---|
//! | `sub` | a SPIFFE ID of the trust domain, `spiffe://{trust domain}/{path}`, with a path as SPIFFE-ID section 2.2 has it |
//! | `aud` | this server |
//! | `exp` | after now |
//! | header `typ` | `JWT`, `JOSE` or none |
//! | header `kid` | there |
//! | algorithm | those of JWT-SVID section 2.1: RS, PS and ES, each with 256, 384 and 512 |
//!
//! Quirks:
//!
//! - The issuer of a JWT-SVID is its trust domain, which `sub` says. `iss` need not be there, and means nothing where it is:
//!   see [`TrustedIssuer`](crate::TrustedIssuer#issuers-that-are-named-by-sub).
//! - Keys are those of the bundle whose `use` is `jwt-svid`. **A bundle without any revokes all**, as the trust domain means
//!   it: `RefreshSettings` [`empty_set_revokes`](crate::source::RefreshSettings::empty_set_revokes).
//! - Every workload of the trust domain passes that has a JWT-SVID for this audience. Which of them may do what is for a
//!   rule on `sub`, or for a requirement.
//! - A workload that a JWT-SVID was sent to can send it on to whatever else is in its `aud`.
//!
//! **Not checked**: that the header has no members beside `alg`, `kid` and `typ`; they are read past. The
//! `spiffe_refresh_hint` and `spiffe_sequence` of the bundle: it is fetched as every key set is, every 15 minutes at the latest.
//!
//! Source: <https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md> and `SPIFFE_Trust_Domain_and_Bundle.md` beside
//! it.

use crate::{keys::Algorithm, policy::claim, profile::TokenProfile};

/// JWT-SVIDs.
pub fn jwt_svid() -> TokenProfile {
    TokenProfile::empty()
        .accept_types(["JWT", "JOSE"])
        .require_kid(true)
        .algorithms([
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::ES512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ])
        .rule(claim("sub").is_below_issuer())
        .rule(claim("aud").names_resource())
        .rule(claim("exp").after_now())
        .rule(claim("nbf").not_before().if_present())
}

/// A trust domain, `shop.example` of `spiffe://shop.example`, whose bundle is served at this address under a certificate
/// of the Web PKI.
///
/// A bundle at hand is read with [`KeySet::from_jwks_for`](crate::keys::KeySet::from_jwks_for).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::spiffe};
///
/// let api = ResourceServer::builder("spiffe://shop.example/orders")
///     .issuer(spiffe::trust_domain("shop.example", "https://spire.shop.example/bundle"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn trust_domain(name: &str, bundle: &str) -> crate::TrustedIssuer {
    let settings =
        crate::source::RefreshSettings::default().key_use(Some("jwt-svid".into())).empty_set_revokes(true);
    crate::TrustedIssuer::with_jwks_uri(format!("spiffe://{name}"), bundle, jwt_svid()).refresh(settings)
}
