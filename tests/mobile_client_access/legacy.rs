//! The switch for old deployments: three things and no other.

use serde_json::json;

use super::*;

#[tokio::test]
async fn legacy_tolerates_exactly_what_it_says() {
    let (strict, legacy) = (server(settings()), server(settings().legacy(true)));
    let none = json!({});
    for (name, access_patch, id_patch, tolerated) in [
        ("no expiry", json!({"exp": null}), None, true),
        ("no audience", json!({"aud": null}), None, true),
        ("neither", json!({"aud": null, "exp": null}), None, true),
        ("no expiry of the ID token", none.clone(), Some(json!({"exp": null})), true),
        ("no audience of the ID token", none.clone(), Some(json!({"aud": null})), true),
        ("no audience of the access token", json!({"aud": null}), Some(none.clone()), true),
        ("another client's ID token", none.clone(), Some(json!({"sub": "alice:x"})), true),
        ("a subject without a colon", none.clone(), Some(json!({"sub": "alice"})), true),
        ("ended", json!({"exp": NOW}), None, false),
        ("a text for a date", json!({"exp": "x"}), None, false),
        ("another audience", json!({"aud": "x"}), None, false),
        ("an empty list of audiences", json!({"aud": []}), None, false),
        ("no issuer", json!({"iss": null, "x": "/"}), None, false),
        ("another issuer", json!({"iss": "https://x.example/"}), None, false),
        ("begins later", json!({"nbf": NOW + 1}), None, false),
        ("issued later", json!({"iat": NOW + 1}), None, false),
        ("no client", json!({"prn": null}), None, false),
        ("an ID token in the first place", json!({"prn": null, "sub": "alice:x"}), None, false),
        ("an ended ID token", none.clone(), Some(json!({"exp": NOW})), false),
        ("an ID token of another audience", none.clone(), Some(json!({"aud": "x"})), false),
        ("an ID token of another issuer", none.clone(), Some(json!({"iss": "https://x.example/"})), false),
        ("an ID token without subject", none.clone(), Some(json!({"sub": null})), false),
        ("an access token in the second place", none.clone(), Some(json!({"prn": "x"})), false),
    ] {
        let access = sign(&patched(&access(), &access_patch));
        let field = match &id_patch {
            Some(patch) => format!("Bearer {access} {}", sign(&patched(&id(), patch))),
            None => format!("Bearer {access}"),
        };
        for round in 1..=2 {
            assert_eq!(ask(&strict, &[&field], "").await, Answer::invalid_token(), "{name}, round {round}");
            let status = ask(&legacy, &[&field], "").await.status;
            assert_eq!(status, if tolerated { 200 } else { 401 }, "{name}, legacy, round {round}");
        }
    }
}

#[tokio::test]
async fn legacy_changes_nothing_about_headers_keys_and_requests() {
    let legacy = server(settings().legacy(true));
    for (name, patch) in [
        ("HMAC", json!({"alg": "HS256"})),
        ("RS512", json!({"alg": "RS512"})),
        ("no algorithm", json!({"alg": "none"})),
        ("an extension", json!({"crit": ["x"], "x": 1})),
        ("another type", json!({"typ": "logout+jwt"})),
    ] {
        let token = sign_with(&KEY, &patched(&header(), &patch), &access());
        assert!(verdict(&legacy, &token).await.is_err(), "{name}");
    }
    assert_eq!(verdict(&legacy, &sign_with(&OTHER, &header(), &access())).await, Err("unknown_key"));
    for (name, field) in [("case", format!("bearer {}", sign(&access()))), ("scheme", "Basic x".to_owned())] {
        assert_eq!(ask(&legacy, &[&field], "").await, Answer::refused(400, None), "{name}");
    }
}
