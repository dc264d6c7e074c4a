//! One API for the users of Keycloak, Auth0 and Microsoft Entra ID at once, and the nine things that differ among them.
//!
//! | | differs | here |
//! |---|---|---|
//! | 1 | the issuer, with or without a slash at the end | each is trusted by its exact name, with its own keys and profile |
//! | 2 | the audience that the API has there | [`TrustedIssuer::audience`] of each |
//! | 3 | where scopes are: `scope`, `scp`, `permissions` | [`TokenProfile::scope_claims`] of the presets |
//! | 4 | what scopes are called: `orders:read`, `Orders.Read` | [`TokenProfile::rename_scopes`] |
//! | 5 | where roles are: `realm_access.roles`, `permissions`, `roles`, `groups` | [`TokenProfile::role_claims`] of the presets |
//! | 6 | that a token of Entra with too many groups has none | an own answer, which asks the directory |
//! | 7 | which claim names the client: `azp`, in old tokens `appid` | [`Identity::client_id`] |
//! | 8 | what tells an ID token from an access token | the presets; each ID token is refused |
//! | 9 | who a user is: `sub` is unique within its issuer alone | [`Identity::principal`] |
//!
//! The providers are played here, so that the program runs without a network. A real server says
//! `keycloak::realm("https://id.shop.example", "shop")`, `auth0::tenant("shop.eu.auth0.com")` and `entra::v2(TENANT)`, and
//! fetches the keys.

use std::error::Error;

use serde_json::{Value, json};
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    policy::{Requirement, claim, role, scope},
    preset::{auth0, entra, keycloak},
    profile::TokenProfile,
};

const KEYCLOAK: &str = "https://id.shop.example/realms/shop";
const AUTH0: &str = "https://shop.eu.auth0.com/";
const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const ENTRA: &str = "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0";

const API: &str = "https://api.shop.example";
const KEYCLOAK_API: &str = "orders-api";
const ENTRA_API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

/// The group of the directory whose members may delete orders.
const ADMINS: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// A provider, as far as it is played here.
struct Provider(TokenIssuer);

impl Provider {
    fn new(name: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self(TokenIssuer::builder(name).signing_key(SigningKey::generate(Algorithm::RS256)?).build()?))
    }

    /// What `keycloak::realm` and the others make, with the keys at hand.
    fn trusted(
        &self,
        name: &str,
        access: TokenProfile,
        id: TokenProfile,
    ) -> Result<TrustedIssuer, Box<dyn Error>> {
        let keys = KeySet::from_jwks(self.0.jwks().to_string().as_bytes())?;
        Ok(TrustedIssuer::with_keys(name, keys, access).id_token_profile(id))
    }

    /// A token of these claims, for the next minutes.
    fn token(&self, name: &str, claims: &Value) -> Result<String, Box<dyn Error>> {
        let now = self.0.now();
        let mut token = self.0.token().typ("JWT").claim("iss", name).issued_at(now);
        token = token.expires_at(now.saturating_add(std::time::Duration::from_secs(300)));
        for (name, value) in claims.as_object().into_iter().flatten() {
            token = token.claim(name.as_str(), value.clone());
        }
        Ok(token.mint()?)
    }
}

/// What a request came to.
fn decide(who: &Identity, needed: &Requirement) -> &'static str {
    match who.require(needed) {
        Ok(()) => "yes",
        // The requirement is of roles alone, and what this token says of them is not all.
        Err(_) if lacks_its_groups(who) && directory_says_admin(who) => "yes, says the directory",
        Err(_) => "no",
    }
}

/// Entra leaves the groups out where there are more than 200, and says where to ask.
fn lacks_its_groups(who: &Identity) -> bool {
    who.issuer() == ENTRA && who.claim("/_claim_names/groups").is_some()
}

/// In a real server: a request to Microsoft Graph with the server's own token (`/users/{oid}/checkMemberGroups`), never to
/// the address in the token. Cache the answer for minutes.
fn directory_says_admin(who: &Identity) -> bool {
    who.claim("oid").is_some_and(|user| user == "oid-of-erin")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (of_keycloak, of_auth0, of_entra) =
        (Provider::new(KEYCLOAK)?, Provider::new(AUTH0)?, Provider::new(ENTRA)?);
    let names = [("Orders.Read", "orders:read"), ("Orders.Write", "orders:write")];
    let server = ResourceServer::builder(API)
        .issuer(
            of_keycloak
                .trusted(KEYCLOAK, keycloak::access_token(), keycloak::id_token())?
                .audience(KEYCLOAK_API),
        )
        .issuer(of_auth0.trusted(AUTH0, auth0::access_token(), auth0::id_token())?)
        .issuer(
            of_entra
                .trusted(
                    ENTRA,
                    entra::access_token_v2().rule(claim("tid").equals(TENANT)).rename_scopes(names),
                    entra::id_token(),
                )?
                .audience(ENTRA_API),
        )
        .build()?;
    let reading = scope("orders:read");
    let deleting = role("orders-admin").or(role("orders:delete")).or(role(ADMINS));

    let keycloak = |more: Value| {
        let usual = json!({
            "typ": "Bearer", "aud": [KEYCLOAK_API, "account"], "azp": "shop-web", "sub": "1", "scope": "openid orders:read",
            "realm_access": {"roles": ["offline_access", "orders-admin"]}
        });
        of_keycloak.token(KEYCLOAK, &with(usual, more))
    };
    let auth0 = |more: Value| {
        let usual = json!({
            "aud": [API, "https://shop.eu.auth0.com/userinfo"], "azp": "shop-spa", "sub": "auth0|1", "scope": "openid profile",
            "permissions": ["orders:read", "orders:delete"]
        });
        of_auth0.token(AUTH0, &with(usual, more))
    };
    let entra_claims = |more: Value| {
        let usual = json!({
            "ver": "2.0", "tid": TENANT, "aud": ENTRA_API, "azp": "5a2b9d1e-desk", "sub": "1", "oid": "oid-of-dana",
            "scp": "Orders.Read", "groups": [ADMINS]
        });
        with(usual, more)
    };
    let entra = |more: Value| of_entra.token(ENTRA, &entra_claims(more));
    let overage = |user: &str| {
        json!({
            "oid": user,
            "groups": null, "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://evil.example/asks-for-your-token"}}
        })
    };
    for (what, token) in [
        ("Keycloak, a user", keycloak(json!({}))?),
        ("Keycloak, no role", keycloak(json!({"realm_access": {"roles": ["offline_access"]}}))?),
        ("Keycloak, the audience of another", keycloak(json!({"aud": [API, ENTRA_API]}))?),
        ("Keycloak, an ID token", keycloak(json!({"typ": "ID", "aud": KEYCLOAK_API, "azp": "shop-web"}))?),
        ("Auth0, a user", auth0(json!({}))?),
        (
            "Auth0, an application",
            auth0(json!({"sub": "worker@clients", "gty": "client-credentials", "azp": "worker"}))?,
        ),
        ("Auth0, the issuer without its slash", auth0(json!({"iss": "https://shop.eu.auth0.com"}))?),
        (
            "Auth0, an ID token",
            auth0(json!({"aud": API, "azp": null, "scope": null, "permissions": null, "nonce": "n"}))?,
        ),
        ("Entra, a user", entra(json!({}))?),
        ("Entra, an application", entra(json!({"scp": null, "roles": ["Orders.Read"], "groups": null}))?),
        ("Entra, an application without roles", entra(json!({"scp": null, "groups": null}))?),
        ("Entra, too many groups, an admin", entra(overage("oid-of-erin"))?),
        ("Entra, too many groups, another", entra(overage("oid-of-dana"))?),
        ("Entra, another tenant", entra(json!({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}))?),
        ("Entra, an ID token", entra(json!({"azp": null, "scp": null, "nonce": "n"}))?),
        ("Entra, signed by Auth0", of_auth0.token(ENTRA, &entra_claims(json!({})))?),
    ] {
        match server.verify_access_token(&token).await {
            Ok(who) => println!(
                "{what:36} reads: {}; deletes: {}; client {}; {} of {}",
                if who.require(&reading).is_ok() { "yes" } else { "no" },
                decide(&who, &deleting),
                who.client_id().unwrap_or("none"),
                who.principal().subject,
                who.principal().issuer,
            ),
            Err(refused) => println!("{what:36} refused ({})", refused.reason().code()),
        }
    }
    Ok(())
}

/// The claims with these in their place; null takes one away.
fn with(mut claims: Value, more: Value) -> Value {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
        claims.retain(|_, value| !value.is_null());
    }
    claims
}
