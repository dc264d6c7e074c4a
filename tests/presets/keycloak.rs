//! Keycloak.

use serde_json::json;
use tower_resource_server::{policy::role, preset::keycloak};

use crate::{NOW, Provider};

fn realm() -> Provider {
    Provider {
        issuer: "https://keycloak.example/realms/shop",
        audience: "orders-api",
        client: "shop-web",
        access_profile: keycloak::access_token(),
        id_profile: keycloak::id_token(),
        header: json!({"alg": "RS256", "typ": "JWT", "kid": "kid-1"}),
        access: json!({
            "exp": NOW + 300, "iat": NOW, "auth_time": NOW, "jti": "onrtac:7bb0",
            "iss": "https://keycloak.example/realms/shop", "aud": ["orders-api", "account"],
            "sub": "f7a9c5d2-1c34-4f2c-a8c7-4c1e6e2a9b10", "typ": "Bearer", "azp": "shop-web",
            "sid": "1a2b", "acr": "1", "allowed-origins": ["https://shop.example"],
            "realm_access": {"roles": ["offline_access", "buyer"]},
            "resource_access": {"account": {"roles": ["view-profile"]}},
            "scope": "openid email profile", "email_verified": true, "preferred_username": "alice"
        }),
        id: json!({
            "exp": NOW + 300, "iat": NOW, "auth_time": NOW, "jti": "7bb0",
            "iss": "https://keycloak.example/realms/shop", "aud": "shop-web",
            "sub": "f7a9c5d2-1c34-4f2c-a8c7-4c1e6e2a9b10", "typ": "ID", "azp": "shop-web", "sid": "1a2b",
            "acr": "1", "email_verified": true, "preferred_username": "alice"
        }),
    }
}

#[tokio::test]
async fn a_realm() {
    let provider = realm();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!((who.client_id(), who.has_scope("email")), (Some("shop-web"), true));
    assert_eq!(who.claim("/realm_access/roles/1"), Some("buyer".into()));
    assert!(!who.has_scope("buyer"), "a role is no scope, unless the server says so");
    let with_roles = keycloak::access_token().scope_claims(["scope", "/realm_access/roles"]);
    let with_roles = Provider { access_profile: with_roles, ..realm() };
    let who = with_roles.access_with(json!({})).await.unwrap();
    assert!(who.scopes().eq(["openid", "email", "profile", "offline_access", "buyer"]));
    let refused = with_roles.access_with(json!({"realm_access": {"roles": "buyer", "x": 1}})).await;
    assert!(refused.unwrap().has_scope("buyer"), "a string is a list");
    let refused = with_roles.access_with(json!({"realm_access": {"roles": [{"name": "buyer"}]}})).await;
    assert_eq!(refused.err(), Some("invalid_claim"));
    let old_id_token = json!({"nonce": "n", "aud": "orders-api"});
    assert_eq!(provider.id_as_access(old_id_token).await.err(), Some("invalid_claim"));
    let refused = Some("invalid_claim");
    provider
        .check_rows([
            ("a nonce, as before version 24", json!({"nonce": "n"}), None),
            ("no kind", json!({"typ": null}), Some("missing_claim")),
            ("a refresh token", json!({"typ": "Refresh"}), refused),
            ("an offline token", json!({"typ": "Offline"}), refused),
            ("a logout token", json!({"typ": "Logout"}), refused),
            ("an ID token", json!({"typ": "ID"}), refused),
            ("bound by DPoP", json!({"typ": "DPoP"}), refused),
            ("no audience mapper", json!({"aud": "account"}), Some("wrong_audience")),
            ("no client", json!({"azp": null}), Some("missing_claim")),
            ("of a service account", json!({"client_id": "shop-web", "clientHost": "10.0.0.1"}), None),
            (
                "another realm",
                json!({"iss": "https://keycloak.example/realms/master"}),
                Some("untrusted_issuer"),
            ),
        ])
        .await;
}

#[tokio::test]
async fn roles_are_those_of_the_realm_and_of_the_clients_that_are_named() {
    let access = json!({"resource_access": {
        "account": {"roles": ["view-profile"]},
        "orders-api": {"roles": ["clerk", "buyer"]},
        "https://sp.example/~a": {"roles": ["auditor"]},
        "stock": {"roles": "keeper"},
        "broken": ["owner"],
    }});
    let of = |clients: &[&str]| keycloak::client_roles(clients)(keycloak::access_token());
    for (name, profile, expected) in [
        ("the realm alone", keycloak::access_token(), "offline_access buyer"),
        ("no client", of(&[]), "offline_access buyer"),
        ("one client", of(&["orders-api"]), "offline_access buyer clerk"),
        ("two", of(&["stock", "orders-api"]), "offline_access buyer keeper clerk"),
        ("a URL", of(&["https://sp.example/~a"]), "offline_access buyer auditor"),
        ("a client without roles here", of(&["else"]), "offline_access buyer"),
        ("of another type", of(&["broken"]), "offline_access buyer"),
        ("a part of a name", of(&["orders"]), "offline_access buyer"),
        ("a path in a name", of(&["orders-api/roles"]), "offline_access buyer"),
        ("the account client", of(&["account"]), "offline_access buyer view-profile"),
    ] {
        let provider = Provider { access_profile: profile, ..realm() };
        let who = provider.access_with(access.clone()).await.unwrap();
        assert_eq!(who.roles().join(" "), expected, "{name}");
        for known in ["buyer", "clerk", "keeper", "auditor", "view-profile", "owner"] {
            let held = expected.split(' ').any(|role| role == known);
            assert_eq!(provider.admits(role(known), access.clone()), held, "{name}: {known}");
        }
    }
}

#[tokio::test]
async fn the_claim_typ_alone_tells_the_id_token_of_a_service_account() {
    let provider = realm();
    let account = json!({"client_id": "shop-web", "sub": "service-account"});
    for (name, patch, expected) in [
        ("of a service account", account.clone(), None),
        (
            "as an access token says it",
            json!({"client_id": "shop-web", "typ": "Bearer"}),
            Some("invalid_claim"),
        ),
        ("of no kind", json!({"client_id": "shop-web", "typ": null}), Some("missing_claim")),
        ("with a scope", json!({"scope": "openid"}), Some("foreign_claim")),
    ] {
        assert_eq!(provider.id_with(patch).await.err(), expected, "{name}");
    }
    assert_eq!(provider.id_as_access(account).await.err(), Some("wrong_audience"));
}

#[cfg(feature = "remote")]
#[test]
fn the_issuer_is_of_the_realm() {
    for server in ["https://keycloak.example", "https://keycloak.example/"] {
        assert_eq!(crate::issuer_name(keycloak::realm(server, "shop")), realm().issuer);
    }
}
