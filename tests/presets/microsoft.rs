//! Entra ID.

use serde_json::json;
use tower_resource_server::{
    policy::{claim, role},
    preset::entra,
};

use crate::{NOW, Provider};

const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn v2() -> Provider {
    Provider {
        issuer: "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
        audience: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        client: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        access_profile: entra::access_token_v2().rule(claim("tid").equals(TENANT)),
        id_profile: entra::id_token().rule(claim("tid").equals(TENANT)),
        header: json!({"typ": "JWT", "alg": "RS256", "kid": "kid-1"}),
        access: json!({
            "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
            "iss": "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
            "iat": NOW, "nbf": NOW, "exp": NOW + 4000, "aio": "AXQAi/8IAAAA", "azp": "b4dd1f7a",
            "azpacr": "0", "name": "Abe Lincoln", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "preferred_username": "abeli@microsoft.com", "rh": "I", "scp": "access_as_user orders.read",
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": TENANT, "uti": "fqiB", "ver": "2.0"
        }),
        id: json!({
            "ver": "2.0", "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
            "iss": "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
            "name": "Abe Lincoln", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "tid": TENANT, "aio": "Df2U"
        }),
    }
}

fn v1() -> Provider {
    let v2 = v2();
    Provider {
        issuer: "https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/",
        audience: "api://orders",
        access_profile: entra::access_token_v1().rule(claim("tid").equals(TENANT)),
        header: json!({"typ": "JWT", "alg": "RS256", "x5t": "kid-1", "kid": "kid-1"}),
        access: json!({
            "aud": "api://orders", "iss": "https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/",
            "iat": NOW, "nbf": NOW, "exp": NOW + 4000, "acr": "1", "aio": "E2RgY", "amr": ["pwd", "mfa"],
            "appid": "b4dd1f7a", "appidacr": "0", "oid": "690222be", "scp": "orders.read",
            "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "tid": TENANT, "ver": "1.0"
        }),
        id: json!({
            "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "ver": "1.0",
            "iss": "https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/",
            "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "amr": ["pwd"], "oid": "690222be", "tid": TENANT,
            "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "unique_name": "abeli@microsoft.com"
        }),
        ..v2
    }
}

#[tokio::test]
async fn version_2() {
    let provider = v2();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!(who.client_id(), Some("b4dd1f7a"));
    assert!(who.scopes().eq(["access_as_user", "orders.read"]));
    let app = json!({"scp": null, "roles": ["orders.read"], "idtyp": "app"});
    let app = provider.access_with(app).await.unwrap();
    assert!(app.scopes().eq(["orders.read"]), "an application permission");
    let user = provider.access_with(json!({"roles": ["clerk", "orders.read"]})).await.unwrap();
    assert!(
        user.scopes().eq(["access_as_user", "orders.read", "clerk"]),
        "each once, those of the client first"
    );
    let scp_alone = Provider { access_profile: entra::access_token_v2().scope_claims(["scp"]), ..v2() };
    let user = scp_alone.access_with(json!({"roles": ["clerk"]})).await.unwrap();
    assert!(user.scopes().eq(["access_as_user", "orders.read"]));
    let renamed = entra::access_token_v2().rename_scopes([("Orders.Read", "orders:read")]);
    let renamed = Provider { access_profile: renamed, ..v2() };
    let written = json!({"scp": null, "roles": ["Orders.Read", "Orders.Write"]});
    let written = renamed.access_with(written).await.unwrap();
    assert!(written.scopes().eq(["orders:read", "Orders.Write"]));
    assert_eq!(app.claim("/roles/0"), Some("orders.read".into()));
    let version_1 = provider.access_with(json!({"iss": format!("https://sts.windows.net/{TENANT}/")})).await;
    assert_eq!(version_1.err(), Some("untrusted_issuer"));
    provider
        .check_rows([
            ("of version 1", json!({"ver": "1.0"}), Some("invalid_claim")),
            ("no client, like an ID token", json!({"azp": null}), Some("missing_claim")),
            ("another tenant", json!({"tid": OTHER}), Some("invalid_claim")),
            ("no tenant", json!({"tid": null}), Some("missing_claim")),
            ("a nonce, like an ID token", json!({"nonce": "x"}), Some("foreign_claim")),
            ("scopes of a wrong type", json!({"scp": 7}), Some("invalid_claim")),
            ("roles of a wrong type", json!({"roles": [7]}), Some("invalid_claim")),
        ])
        .await;
}

#[tokio::test]
async fn version_1() {
    let provider = v1();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!((who.client_id(), who.has_scope("orders.read")), (Some("b4dd1f7a"), true));
    provider
        .check_rows([
            ("of version 2", json!({"ver": "2.0"}), Some("invalid_claim")),
            ("no client, like an ID token", json!({"appid": null}), Some("missing_claim")),
            ("another tenant", json!({"tid": OTHER}), Some("invalid_claim")),
            (
                "without the slash",
                json!({"iss": format!("https://sts.windows.net/{TENANT}")}),
                Some("untrusted_issuer"),
            ),
        ])
        .await;
}

/// App roles are names, groups the object ids of groups.
#[test]
fn app_roles_and_groups_are_roles() {
    const GROUP: &str = "0760b6cf-170e-4a14-91b3-4b78e0739963";
    for (version, provider) in [("1", v1()), ("2", v2())] {
        for (name, needed, claims, expected) in [
            ("a role", role("clerk"), json!({"roles": ["boss", "clerk"]}), true),
            ("a group", role(GROUP), json!({"groups": [GROUP]}), true),
            (
                "one of each",
                role("clerk").and(role(GROUP)),
                json!({"roles": ["clerk"], "groups": [GROUP]}),
                true,
            ),
            ("none", role("clerk"), json!({}), false),
            ("another role", role("clerk"), json!({"roles": ["clerks"]}), false),
            ("another group", role(GROUP), json!({"groups": [TENANT]}), false),
            ("a scope is none", role("orders.read"), json!({}), false),
        ] {
            assert_eq!(provider.admits(needed, claims), expected, "version {version}: {name}");
        }
    }
}

#[cfg(feature = "remote")]
#[test]
fn the_issuers_are_of_one_tenant() {
    assert_eq!(crate::issuer_name(entra::v1(TENANT)), v1().issuer);
    assert_eq!(crate::issuer_name(entra::v2(TENANT)), v2().issuer);
}
