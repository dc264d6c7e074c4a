//! Microsoft Entra ID (Azure AD).
//!
//! Which version of access token an API gets is a property of the API's own registration
//! (`requestedAccessTokenVersion`, `api.requestedAccessTokenVersion` in the manifest), not of the
//! endpoint that the client used: look at `ver` in a token.
//!
//! | checked beyond [`TokenProfile::jwt`] | version 1 | version 2 |
//! |---|---|---|
//! | `iss` | `https://sts.windows.net/{tenant}/` | `https://login.microsoftonline.com/{tenant}/v2.0` |
//! | `ver` | `1.0` | `2.0` |
//! | client, which an ID token does not name | `appid` | `azp` |
//! | `tid` | the tenant | the tenant |
//! | algorithm | RS256 | RS256 |
//!
//! Quirks:
//!
//! - The keys carry no `alg`; the profile names the only one in use.
//! - Scopes of a user's token are in `scp`. A token that an application got for itself has no `scp`,
//!   and `roles` if it was granted any application permissions. Both count as scopes here, as they do in
//!   Microsoft's own library. **Neither** is also possible: any application of the tenant gets a token
//!   for an API that does not demand an assignment. So demand a scope.
//! - A user's token has in `roles` what the *user* was assigned, whatever the client was granted. Where
//!   the two must not mix, give them different names, or count `scp` alone:
//!   `.map_profile(|profile| profile.scope_claims(["scp"]))`.
//! - Application permissions are often written `Orders.Read`:
//!   [`rename_scopes`](TokenProfile::rename_scopes).
//! - `aud` is the application id URI in version 1, or the bare application id; in version 2 always
//!   the application id. Name both with
//!   [`audience`](crate::ResourceServerBuilder::audience) where needed.
//! - `sub` is another one for each application; `oid` with `tid` is the same in all.
//! - `common`, `organizations` and names such as `contoso.onmicrosoft.com` never stand in `iss`:
//!   the tenant here is the directory's GUID.
//! - Tokens for Microsoft Graph have a `nonce` in their header and are signed over something else;
//!   they are for Graph alone and fail here.
//!
//! Claims: <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>.

use crate::{policy::claim, profile::TokenProfile};

/// The access tokens of version 1.
pub fn access_token_v1() -> TokenProfile {
    super::rs256(super::access_token())
        .rule(claim("ver").equals("1.0"))
        .rule(claim("appid").non_empty_string())
        .rule(claim("tid").non_empty_string())
        .client_claims(["appid"])
        .scope_claims(["scp", "roles"])
        .role_claims(["roles", "groups"])
}

/// The access tokens of version 2.
pub fn access_token_v2() -> TokenProfile {
    super::rs256(super::access_token())
        .without_rules_on("azp")
        .rule(claim("ver").equals("2.0"))
        .rule(claim("azp").non_empty_string())
        .rule(claim("tid").non_empty_string())
        .client_claims(["azp"])
        .scope_claims(["scp", "roles"])
        .role_claims(["roles", "groups"])
}

/// ID tokens of both versions: those of OpenID Connect, signed with RS256. An access token names the
/// client in `azp` or `appid`, which they do not have.
pub fn id_token() -> TokenProfile {
    super::rs256(TokenProfile::oidc_id_token())
        .rule(claim("tid").non_empty_string())
        .rule(claim("scp").absent())
        .rule(claim("appid").absent())
        .rule(claim("azpacr").absent())
}

/// Several tenants, for an API that is registered for tokens of version 1; name them with
/// [`allow_tenants`](crate::TrustedIssuer::allow_tenants), by their GUIDs.
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn tenants_v1() -> crate::TrustedIssuer {
    crate::TrustedIssuer::tenants("https://sts.windows.net/{tenant}/", access_token_v1())
        .id_token_profile(id_token())
}

/// Several tenants, for an API that is registered for tokens of version 2; name them with
/// [`allow_tenants`](crate::TrustedIssuer::allow_tenants), by their GUIDs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::entra};
///
/// let api = ResourceServer::builder("6e74172b-be56-4843-9ff4-e66a39bb12e3")
///     .issuer(entra::tenants_v2().allow_tenants([
///         "6babcaad-604b-40ac-a9d7-9fd97c0b779f",
///         "9188040d-6c67-4c5b-b112-36a304b66dad",
///     ]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn tenants_v2() -> crate::TrustedIssuer {
    crate::TrustedIssuer::tenants("https://login.microsoftonline.com/{tenant}/v2.0", access_token_v2())
        .id_token_profile(id_token())
}

/// One tenant, by the GUID of its directory, whose API is registered for tokens of version 1.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::entra};
///
/// let api = ResourceServer::builder("api://orders")
///     .issuer(entra::v1("6babcaad-604b-40ac-a9d7-9fd97c0b779f"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn v1(tenant: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(
        format!("https://sts.windows.net/{tenant}/"),
        access_token_v1().rule(claim("tid").equals(tenant)),
    )
    .id_token_profile(id_token().rule(claim("tid").equals(tenant)))
}

/// One tenant, by the GUID of its directory, whose API is registered for tokens of version 2.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::entra};
///
/// let api = ResourceServer::builder("6e74172b-be56-4843-9ff4-e66a39bb12e3")
///     .issuer(entra::v2("6babcaad-604b-40ac-a9d7-9fd97c0b779f"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn v2(tenant: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(
        format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        access_token_v2().rule(claim("tid").equals(tenant)),
    )
    .id_token_profile(id_token().rule(claim("tid").equals(tenant)))
}
