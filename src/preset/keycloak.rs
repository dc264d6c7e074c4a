//! Keycloak.
//!
//! | checked beyond [`TokenProfile::jwt`] | |
//! |---|---|
//! | `iss` | `{server}/realms/{realm}` |
//! | the claim `typ` | `Bearer`: not `ID`, `Refresh`, `Offline`, `Logout`, nor `DPoP` |
//! | `azp` | there |
//! | `nonce` | tolerated: before version 24 access tokens repeated it |
//!
//! Quirks:
//!
//! - `aud` is `account` unless the client (or a client scope) has an *audience mapper*; without one
//!   every token is refused here, and rightly: it is for every API of the realm at once.
//! - `sub` comes from the client scope `basic` since version 25; without it tokens are refused.
//! - Roles are not scopes. [`role`](crate::policy::role) looks at those of the realm; at those of clients too with
//!   `.map_profile(keycloak::client_roles(["orders-api"]))`. For roles that count as scopes, name where they are:
//!   `.map_profile(|profile| profile.scope_claims(["scope", "/realm_access/roles"]))`; clients may ask
//!   for any scope of theirs, so no scope may be called like a role.
//! - The issuer follows the host name that the *client* saw, unless the server has a fixed one.
//! - Before version 17 the server's address ended in `/auth`.
//! - The ID token of a service account has `client_id`, which the mapper "Client ID" writes into both
//!   kinds of token. It is tolerated: the claim `typ` of an ID token is `ID`, and must be there.
//! - The algorithm is a setting of the realm; RS256 unless changed.
//!
//! Source: <https://www.keycloak.org/docs/latest/server_admin/> and
//! <https://www.keycloak.org/nightly/admin-api/protocol-mappers>.

use crate::{policy::claim, profile::TokenProfile};

/// Where the roles of the realm are.
const REALM_ROLES: &str = "/realm_access/roles";

/// The access tokens of a realm.
pub fn access_token() -> TokenProfile {
    super::access_token()
        .without_rules_on("typ")
        .without_rules_on("azp")
        .without_rules_on("nonce")
        .rule(claim("typ").equals("Bearer"))
        .rule(claim("azp").non_empty_string())
        .client_claims(["azp"])
        .scope_claims(["scope"])
        .role_claims([REALM_ROLES])
}

/// Counts the roles of these clients (`resource_access.{client id}.roles`) as roles, beside those of the realm: for
/// [`map_profile`](crate::TrustedIssuer::map_profile).
///
/// Name those whose roles are meant for this API, mostly its own. A role of one of them and a role of the realm with the
/// same name are one role here; to tell them apart, ask for the claim:
/// `Requirement::claim("/resource_access/orders-api/roles").contains_any(["clerk"])`. The roles of other clients, such as
/// `account`, which every user has some of, do not count.
///
/// ```
/// use tower_resource_server::{policy::role, preset::keycloak};
///
/// let profile = keycloak::client_roles(["orders-api"])(keycloak::access_token());
/// let needed = role("clerk");
/// # #[cfg(feature = "remote")]
/// let issuer = keycloak::realm("https://keycloak.example", "shop")
///     .map_profile(keycloak::client_roles(["orders-api"]));
/// # let _ = (profile, needed);
/// ```
pub fn client_roles<C: AsRef<str>>(
    clients: impl IntoIterator<Item = C>,
) -> impl FnOnce(TokenProfile) -> TokenProfile {
    let of_client = |client: C| {
        // As a part of a JSON Pointer (RFC 6901 section 3): client ids may be URLs.
        let escaped = client.as_ref().replace('~', "~0").replace('/', "~1");
        format!("/resource_access/{escaped}/roles")
    };
    let mut places = vec![REALM_ROLES.to_owned()];
    places.extend(clients.into_iter().map(of_client));
    move |profile| profile.role_claims(places)
}

/// The ID tokens of a realm.
pub fn id_token() -> TokenProfile {
    TokenProfile::oidc_id_token()
        .without_rules_on("typ")
        .without_rules_on("client_id")
        .rule(claim("typ").equals("ID"))
}

/// A realm of the server at this address, as in `https://keycloak.example` and `shop`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::keycloak};
///
/// let api = ResourceServer::builder("orders-api")
///     .issuer(keycloak::realm("https://keycloak.example", "shop"))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn realm(server: &str, realm: &str) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(format!("{}/realms/{realm}", server.trim_end_matches('/')), access_token())
        .id_token_profile(id_token())
}
