//! Cognito.

use serde_json::json;
use tower_resource_server::preset::cognito;

use crate::{NOW, Provider};

fn pool() -> Provider {
    let clients = ["1example23456789", "2example23456789"];
    Provider {
        issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example",
        audience: "https://api.example",
        client: "1example23456789",
        access_profile: cognito::access_token(clients),
        id_profile: cognito::id_token(),
        header: json!({"alg": "RS256", "kid": "kid-1"}),
        access: json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testgroup"],
            "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example", "version": 2,
            "client_id": "1example23456789", "origin_jti": "aaaaaaaa", "event_id": "64f513be",
            "token_use": "access", "scope": "orders/read openid", "auth_time": NOW, "exp": NOW + 3600,
            "iat": NOW, "jti": "dddddddd", "username": "my-test-user"
        }),
        id: json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testgroup"],
            "email_verified": true, "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example",
            "cognito:username": "my-test-user", "origin_jti": "aaaaaaaa", "aud": "1example23456789",
            "event_id": "64f513be", "token_use": "id", "auth_time": NOW, "exp": NOW + 3600, "iat": NOW,
            "jti": "dddddddd", "email": "my-test-user@example.com"
        }),
    }
}

#[tokio::test]
async fn a_user_pool() {
    let provider = pool();
    provider.check_the_common_rows().await;
    let who = provider.access_with(json!({})).await.unwrap();
    assert_eq!((who.client_id(), who.has_scope("orders/read")), (Some("1example23456789"), true));
    let id_with_a_client = json!({"client_id": "1example23456789", "aud": null});
    assert_eq!(provider.id_as_access(id_with_a_client).await.err(), Some("invalid_claim"), "token_use");
    provider
        .check_rows([
            ("the other client", json!({"client_id": "2example23456789"}), None),
            ("somebody else's client", json!({"client_id": "3example"}), Some("wrong_audience")),
            ("no client", json!({"client_id": null}), Some("missing_claim")),
            ("several clients", json!({"client_id": ["1example23456789"]}), Some("invalid_claim")),
            ("a resource that is this one", json!({"aud": "https://api.example"}), None),
            ("no use", json!({"token_use": null}), Some("missing_claim")),
            ("the use of an ID token", json!({"token_use": "id"}), Some("invalid_claim")),
            (
                "another pool of the region",
                json!({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"}),
                Some("untrusted_issuer"),
            ),
        ])
        .await;
}

#[cfg(feature = "remote")]
#[test]
fn the_issuer_is_of_the_pool() {
    assert_eq!(
        crate::issuer_name(cognito::user_pool("us-east-1", "us-east-1_example", ["a"])),
        pool().issuer
    );
}
