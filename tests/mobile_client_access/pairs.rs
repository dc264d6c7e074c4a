//! Promise 7: two tokens of one request belong together.

use serde_json::json;
use tower_resource_server::issuer::TokenIssuer;

use super::*;

#[tokio::test]
async fn promise_7_my_access_token_with_another_users_id_token_is_refused() {
    const MALLORY: &str = "0badc0de-0000-4000-8000-000000000666";
    let mine = format!("Bearer {}", sign(&patched(&access(), &json!({"prn": MALLORY}))));
    let (alice_access, alice) = (sign(&access()), sign(&id()));
    let api = server(settings());
    let stolen = format!("{mine} {alice}");
    assert_eq!(ask(&api, &[&stolen], "").await, Answer::invalid_token(), "on a cold cache");
    // Everything that is good by itself or together is remembered now.
    assert_eq!(ask(&api, &[&mine], "").await.status, 200);
    assert_eq!(ask(&api, &[&format!("Bearer {alice_access} {alice}")], "").await.status, 200);
    for round in 1..=3 {
        assert_eq!(ask(&api, &[&stolen], "").await, Answer::invalid_token(), "round {round}");
    }
}

#[tokio::test]
async fn promise_7_the_subject_ends_with_the_client_and_the_audience_is_shared() {
    let api = server(settings());
    for (name, access_patch, id_patch, good) in [
        ("the user's", json!({}), json!({}), true),
        ("anonymous", json!({}), json!({"sub": format!("::{CLIENT}")}), true),
        ("colons in the user's name", json!({}), json!({"sub": format!("a:b:c:{CLIENT}")}), true),
        ("no user in front", json!({}), json!({"sub": format!(":{CLIENT}")}), true),
        ("no colon", json!({}), json!({"sub": CLIENT}), false),
        ("another character", json!({}), json!({"sub": format!("alice/{CLIENT}")}), false),
        ("another client", json!({}), json!({"sub": "alice:x"}), false),
        ("a client that ends alike", json!({"prn": "b"}), json!({"sub": "alice:ab"}), false),
        ("a client with a colon", json!({"prn": "a:b"}), json!({"sub": "alice:a:b"}), true),
        ("the client in front", json!({}), json!({"sub": format!("{CLIENT}:alice")}), false),
        ("in another case", json!({"prn": "abc"}), json!({"sub": "alice:ABC"}), false),
        (
            "several audiences, ours shared",
            json!({"aud": ["x", TENANT]}),
            json!({"aud": [TENANT, "y"]}),
            true,
        ),
    ] {
        let (access, id) = (sign(&patched(&access(), &access_patch)), sign(&patched(&id(), &id_patch)));
        let expected = if good { Ok(()) } else { Err("pair_mismatch") };
        for round in 1..=2 {
            assert_eq!(verdict_of_pair(&api, &access, &id).await, expected, "{name}, round {round}");
        }
    }
}

#[tokio::test]
async fn promise_7_an_id_token_that_names_its_access_token_goes_with_no_other() {
    let (one, two) = (sign(&access()), sign(&patched(&access(), &json!({"jti": "two"}))));
    let of_one = patched(&id(), &json!({"at_hash": half_hash(&one)}));
    for (kind, api) in [("strict", server(settings())), ("legacy", server(settings().legacy(true)))] {
        for (name, access, id, expected) in [
            ("its own", &one, of_one.clone(), Ok(())),
            ("another", &two, of_one.clone(), Err("wrong_access_token_hash")),
            ("empty", &one, patched(&id(), &json!({"at_hash": ""})), Err("wrong_access_token_hash")),
            ("a number", &one, patched(&id(), &json!({"at_hash": 1})), Err("invalid_claim")),
            ("names none", &two, id(), Ok(())),
        ] {
            for round in 1..=2 {
                let got = verdict_of_pair(&api, access, &sign(&id)).await;
                assert_eq!(got, expected, "{kind}, {name}, round {round}");
            }
        }
    }
}

/// The `at_hash` of an access token signed with RS256.
fn half_hash(access: &str) -> String {
    let issuer = TokenIssuer::builder(ISSUER).signing_key(KEY.clone()).build().unwrap();
    let id = issuer.token().for_access_token(access).mint().unwrap();
    let payload = URL_SAFE_NO_PAD.decode_to_vec(id.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["at_hash"].as_str().unwrap().to_owned()
}
