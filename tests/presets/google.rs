//! Google: ID tokens as bearer tokens.

use serde_json::{Value, json};
use tower_resource_server::{preset::google, profile::TokenProfile};

use crate::{NOW, Provider};

const SERVER: &str = "1234987819200.apps.googleusercontent.com";
const ANDROID: &str = "9876987819200.apps.googleusercontent.com";
const ACCOUNT: &str = "shop@example-project.iam.gserviceaccount.com";

fn provider(access_profile: TokenProfile, access: Value) -> Provider {
    let user = json!({
        "iss": "https://accounts.google.com", "azp": SERVER, "aud": SERVER, "sub": "10769150350006150715113082367",
        "hd": "shop.example", "email": "jsmith@shop.example", "email_verified": true, "iat": NOW, "exp": NOW + 3600
    });
    Provider {
        issuer: "https://accounts.google.com",
        audience: "https://orders-abc.run.app",
        client: SERVER,
        access_profile,
        id_profile: TokenProfile::oidc_id_token(),
        header: json!({"alg": "RS256", "typ": "JWT", "kid": "kid-1"}),
        access: if access.is_null() { user.clone() } else { access },
        id: user,
    }
}

fn users() -> Provider {
    provider(google::user_token([SERVER, ANDROID]), Value::Null)
}

fn accounts() -> Provider {
    let token = json!({
        "iss": "https://accounts.google.com", "aud": "https://orders-abc.run.app", "azp": "113774264463038321964",
        "sub": "113774264463038321964", "email": ACCOUNT, "email_verified": true, "iat": NOW, "exp": NOW + 3600
    });
    provider(google::service_account_token([ACCOUNT]), token)
}

#[tokio::test]
async fn users_of_our_clients() {
    let provider = users();
    provider.check_the_common_rows().await;
    // Every service account gets a token for any audience, a client of ours included.
    let foreign_account = json!({"azp": "999", "sub": "999", "email": "evil@evil.iam.gserviceaccount.com"});
    provider
        .check_rows([
            ("an app of ours for our server", json!({"azp": ANDROID}), None),
            ("a service account for our client", foreign_account, Some("invalid_claim")),
            (
                "another client",
                json!({"aud": "evil.apps.googleusercontent.com", "azp": "evil.apps.googleusercontent.com"}),
                Some("wrong_audience"),
            ),
            ("another client for our server", json!({"azp": "evil"}), Some("invalid_claim")),
            ("no client", json!({"azp": null}), Some("missing_claim")),
            ("without the scheme", json!({"iss": "accounts.google.com"}), Some("untrusted_issuer")),
        ])
        .await;
}

#[tokio::test]
async fn service_accounts_on_the_list() {
    let provider = accounts();
    provider.check_the_common_rows().await;
    provider
        .check_rows([
            (
                "somebody else's account for our audience",
                json!({"email": "evil@evil.iam.gserviceaccount.com"}),
                Some("invalid_claim"),
            ),
            ("no account", json!({"email": null}), Some("missing_claim")),
            ("a life of a day", json!({"exp": NOW + 86_400}), None),
            ("a longer life", json!({"exp": NOW + 86_401}), Some("lifetime_out_of_bounds")),
            ("a user's login", json!({"nonce": "x"}), Some("foreign_claim")),
        ])
        .await;
}

#[cfg(feature = "remote")]
#[test]
fn the_issuer() {
    assert_eq!(crate::issuer_name(google::users([SERVER])), users().issuer);
    assert_eq!(crate::issuer_name(google::service_accounts([ACCOUNT])), accounts().issuer);
}
