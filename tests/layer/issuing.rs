//! Step 4 of the guide: the issuer mints what the preset takes.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tower_resource_server::{
    issuer::{IssueError, SigningKey, TokenIssuer},
    keys::Algorithm,
    test_util::ManualClock,
};

use crate::{KEY, NOW, PROVIDER, RSA, Service};

fn back_end(key: SigningKey) -> TokenIssuer {
    let clock = ManualClock::default();
    TokenIssuer::builder("https://backend.example").signing_key(key).clock(clock).build().unwrap()
}

fn part(token: &str, number: usize) -> Value {
    let json = URL_SAFE_NO_PAD.decode_to_vec(token.split('.').nth(number).unwrap()).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn the_issuer_mints_the_guides_token() {
    let service = Service::new();
    let nonce = service.nonce();
    let token =
        back_end(RSA.clone().with_kid(KEY)).layer_identity_token(PROVIDER, "frodo", &nonce).mint().unwrap();
    let header = json!({"typ": "JWS", "alg": "RS256", "cty": "layer-eit;v=1", "kid": KEY});
    assert_eq!(part(&token, 0), header);
    let claims = json!({"iss": PROVIDER, "prn": "frodo", "iat": NOW, "exp": NOW + 600, "nce": nonce});
    assert_eq!(part(&token, 1), claims);
    assert_eq!(service.verify(&token).await.unwrap().subject(), "frodo");
}

#[test]
fn no_other_algorithm_signs_it() {
    let issuer = back_end(SigningKey::generate(Algorithm::ES256).unwrap());
    let minted = issuer.layer_identity_token(PROVIDER, "frodo", "a").mint();
    assert!(matches!(minted, Err(IssueError::UnknownKey)), "{minted:?}");
}
