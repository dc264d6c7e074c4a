//! Auth0 and Okta.

use serde_json::json;
use tower_resource_server::{
    policy::role,
    preset::{auth0, okta},
};

use crate::{NOW, Provider};

fn auth0() -> Provider {
    Provider {
        issuer: "https://shop.eu.auth0.com/",
        audience: "https://api.example",
        client: "my_client_id",
        access_profile: auth0::access_token(),
        id_profile: auth0::id_token(),
        header: json!({"alg": "RS256", "typ": "JWT", "kid": "kid-1"}),
        access: json!({
            "iss": "https://shop.eu.auth0.com/", "sub": "auth0|123456",
            "aud": ["https://api.example", "https://shop.eu.auth0.com/userinfo"], "azp": "my_client_id",
            "exp": NOW + 86400, "iat": NOW, "scope": "openid profile read:orders", "permissions": ["read:orders"]
        }),
        id: json!({
            "iss": "https://shop.eu.auth0.com/", "sub": "auth0|123456", "aud": "my_client_id",
            "exp": NOW + 36000, "iat": NOW, "name": "Jane Doe", "sid": "QaFHJ"
        }),
    }
}

fn okta() -> Provider {
    Provider {
        issuer: "https://shop.okta.com/oauth2/default",
        audience: "api://default",
        client: "0oabv6kx4qq6h1U5l0h7",
        access_profile: okta::access_token(),
        id_profile: okta::id_token(),
        header: json!({"alg": "RS256", "kid": "kid-1"}),
        access: json!({
            "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://shop.okta.com/oauth2/default", "aud": "api://default", "sub": "alice@shop.example",
            "iat": NOW, "exp": NOW + 3600, "cid": "0oabv6kx4qq6h1U5l0h7", "uid": "00uid4BxXw6I6TV4m0g3",
            "scp": ["openid", "orders:read"], "auth_time": NOW
        }),
        id: json!({
            "ver": 1, "jti": "ID.4eAWJOCMB3SX8XewDfVR", "iss": "https://shop.okta.com/oauth2/default",
            "aud": "0oabv6kx4qq6h1U5l0h7", "sub": "00uid4BxXw6I6TV4m0g3", "iat": NOW, "exp": NOW + 3600,
            "amr": ["pwd"], "idp": "00ok1u7AsAkrwdZL3z0g3", "auth_time": NOW, "name": "Alice"
        }),
    }
}

#[tokio::test]
async fn a_tenant_of_auth0() {
    let provider = auth0();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!((who.client_id(), who.has_scope("read:orders")), (Some("my_client_id"), true));
    let rbac = provider.access_with(json!({"permissions": ["write:orders", "read:orders"]})).await.unwrap();
    assert!(rbac.has_scope("read:orders") && rbac.has_scope("write:orders"));
    assert_eq!(rbac.scopes().filter(|scope| *scope == "read:orders").count(), 1);
    let machine =
        json!({"sub": "my_client_id@clients", "gty": "client-credentials", "aud": "https://api.example"});
    provider
        .check_rows([
            ("client credentials", machine, None),
            ("userinfo alone", json!({"aud": "https://shop.eu.auth0.com/userinfo"}), Some("wrong_audience")),
            ("without the slash", json!({"iss": "https://shop.eu.auth0.com"}), Some("untrusted_issuer")),
            (
                "the other dialect",
                json!({"azp": null, "client_id": "my_client_id", "jti": "x"}),
                Some("missing_claim"),
            ),
            ("a nonce, like an ID token", json!({"nonce": "x"}), Some("foreign_claim")),
        ])
        .await;
}

#[tokio::test]
async fn a_custom_authorization_server_of_okta() {
    let provider = okta();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!((who.client_id(), who.has_scope("orders:read")), (Some("0oabv6kx4qq6h1U5l0h7"), true));
    let internal = provider.access_with_header(json!({"typ": "application/okta-internal-at+jwt"})).await;
    assert_eq!(internal.err(), Some("wrong_type"));
    provider
        .check_rows([
            ("the org server", json!({"iss": "https://shop.okta.com"}), Some("untrusted_issuer")),
            ("no client, like an ID token", json!({"cid": null}), Some("missing_claim")),
            ("client credentials", json!({"sub": "0oabv6kx4qq6h1U5l0h7", "uid": null}), None),
            ("scopes of a wrong type", json!({"scp": {}}), Some("invalid_claim")),
        ])
        .await;
}

#[test]
fn permissions_of_auth0_and_groups_of_okta_are_roles() {
    let (auth0, okta) = (auth0(), okta());
    for (name, provider, needed, claims, expected) in [
        (
            "a permission",
            &auth0,
            "write:orders",
            json!({"permissions": ["read:orders", "write:orders"]}),
            true,
        ),
        ("another permission", &auth0, "write:orders", json!({"permissions": ["write:order"]}), false),
        ("no permissions", &auth0, "read:orders", json!({"permissions": null}), false),
        ("a scope of Auth0 is none", &auth0, "profile", json!({}), false),
        ("a group", &okta, "Everyone", json!({"groups": ["Everyone", "Clerks of shops"]}), true),
        ("a group with spaces", &okta, "Clerks of shops", json!({"groups": ["Clerks of shops"]}), true),
        ("another group", &okta, "Clerks", json!({"groups": ["Clerks of shops"]}), false),
        ("no groups", &okta, "Everyone", json!({}), false),
        ("a scope of Okta is none", &okta, "orders:read", json!({}), false),
    ] {
        assert_eq!(provider.admits(role(needed), claims), expected, "{name}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn the_issuers() {
    assert_eq!(crate::issuer_name(auth0::tenant("shop.eu.auth0.com")), auth0().issuer);
    assert_eq!(crate::issuer_name(okta::authorization_server("shop.okta.com", "default")), okta().issuer);
}
