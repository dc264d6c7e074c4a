//! What a token must say, and what it must not.

use std::time::Duration;

use serde_json::json;

use super::*;

#[tokio::test]
async fn the_claims_of_an_access_token() {
    let api = server(settings());
    for (name, patch, expected) in [
        ("as the service writes it", json!({}), Ok(())),
        ("with scopes", json!({"imf.scope": {"realm": {"exp": NOW + 9, "mandatory": false}}}), Ok(())),
        ("nothing in scope", json!({"imf.scope": {}}), Ok(())),
        (
            "a scope in a raw value",
            json!({"imf.scope": {"$serde_json::private::RawValue": r#"{"admin":{}}"#}}),
            Err("malformed"),
        ),
        (
            "the end of a scope in a number",
            json!({"imf.scope": {"admin": {"exp": {"$serde_json::private::Number": "4e9"}}}}),
            Err("malformed"),
        ),
        ("one audience in an array", json!({"aud": [TENANT]}), Ok(())),
        ("several audiences", json!({"aud": ["x", TENANT]}), Ok(())),
        ("another audience", json!({"aud": "x"}), Err("wrong_audience")),
        ("other audiences", json!({"aud": ["x", "y"]}), Err("wrong_audience")),
        ("no audience in an array", json!({"aud": []}), Err("wrong_audience")),
        ("the audience in another case", json!({"aud": TENANT.to_uppercase()}), Err("wrong_audience")),
        ("no audience", json!({"aud": null}), Err("missing_claim")),
        ("an audience of another type", json!({"aud": {TENANT: 1}}), Err("invalid_claim")),
        ("no expiry", json!({"exp": null}), Err("missing_claim")),
        ("a second left", json!({"exp": NOW + 1}), Ok(())),
        ("less than a second left", json!({"exp": NOW as f64 + 0.5}), Ok(())),
        ("ends now", json!({"exp": NOW}), Err("expired")),
        ("ended", json!({"exp": NOW - 1}), Err("expired")),
        ("ended in 1970", json!({"exp": 0}), Err("expired")),
        ("a text for a date", json!({"exp": (NOW + 60).to_string()}), Err("invalid_claim")),
        ("begins now", json!({"nbf": NOW}), Ok(())),
        ("begins later", json!({"nbf": NOW + 1}), Err("not_yet_valid")),
        ("issued now", json!({"iat": NOW}), Ok(())),
        ("issued later", json!({"iat": NOW + 1}), Err("issued_in_future")),
        ("another issuer", json!({"iss": "https://mca.example/"}), Err("untrusted_issuer")),
        (
            "the issuer without its slash",
            json!({"iss": ISSUER.trim_end_matches('/')}),
            Err("untrusted_issuer"),
        ),
        ("no client", json!({"prn": null}), Err("missing_claim")),
        ("an empty client", json!({"prn": ""}), Err("invalid_claim")),
        ("a client of another type", json!({"prn": 7}), Err("invalid_claim")),
        ("a user", json!({"imf.user": {}}), Err("foreign_claim")),
        ("a device", json!({"imf.device": {}}), Err("foreign_claim")),
        ("an application", json!({"imf.application": {}}), Err("foreign_claim")),
        ("bound to its sender", json!({"cnf": {"jkt": "x"}}), Err("sender_constrained")),
    ] {
        assert_eq!(verdict(&api, &sign(&patched(&access(), &patch))).await, expected, "{name}");
    }
    assert_eq!(verdict(&api, &sign(&id())).await, Err("missing_claim"), "an ID token");
    let both = patched(&id(), &json!({"prn": CLIENT}));
    assert_eq!(verdict(&api, &sign(&both)).await, Err("foreign_claim"), "an ID token that names a client");
}

#[tokio::test]
async fn the_claims_of_an_id_token() {
    let api = server(settings());
    for (name, patch, expected) in [
        ("as the service writes it", json!({}), Ok(())),
        ("an anonymous client", json!({"sub": format!("::{CLIENT}"), "imf.user": null}), Ok(())),
        ("an unknown application", json!({"imf.application": {"id": null, "version": "1.0"}}), Ok(())),
        (
            "a user in a raw value",
            json!({"imf.user": {"$serde_json::private::RawValue": r#"{"id":"eve","id":"bob"}"#}}),
            Err("malformed"),
        ),
        (
            "attributes in a raw value",
            json!({"imf.user": {"id": "alice", "attributes": {"$serde_json::private::RawValue": "not json"}}}),
            Err("malformed"),
        ),
        ("several audiences", json!({"aud": [TENANT, "x"]}), Ok(())),
        ("another audience", json!({"aud": "x"}), Err("wrong_audience")),
        ("no audience", json!({"aud": null}), Err("missing_claim")),
        ("no expiry", json!({"exp": null}), Err("missing_claim")),
        ("ends now", json!({"exp": NOW}), Err("expired")),
        ("begins later", json!({"nbf": NOW + 1}), Err("not_yet_valid")),
        ("issued later", json!({"iat": NOW + 1}), Err("issued_in_future")),
        ("another issuer", json!({"iss": "https://mca.example/"}), Err("untrusted_issuer")),
        ("no subject", json!({"sub": null}), Err("missing_claim")),
        ("an empty subject", json!({"sub": ""}), Err("invalid_claim")),
        ("the mark of an access token", json!({"prn": CLIENT}), Err("foreign_claim")),
    ] {
        let token = sign(&patched(&id(), &patch));
        assert_eq!(verdict_of_pair(&api, &sign(&access()), &token).await, expected, "{name}");
        let alone = api.verify_id_token(&token, Default::default()).await;
        assert_eq!(alone.map(drop).map_err(|refusal| refusal.reason().code()), expected, "{name}, alone");
    }
    let twice = verdict_of_pair(&api, &sign(&access()), &sign(&access())).await;
    assert_eq!(twice, Err("missing_claim"), "an access token");
    let legacy = server(settings().legacy(true));
    let alone = legacy.verify_id_token(&sign(&id()), Default::default()).await;
    assert_eq!(alone.unwrap_err().reason().code(), "wrong_type", "where it may lack an audience");
}

#[tokio::test]
async fn the_header() {
    let api = server(settings());
    let forger = json!({"alg": "RSA", "exp": "AQAB", "mod": OTHER.public_jwk().unwrap()["n"]});
    for (name, patch, expected) in [
        ("as the service writes it", json!({}), Ok(())),
        ("without a key", json!({"jpk": null}), Ok(())),
        ("another key in it", json!({"jpk": forger}), Ok(())),
        ("members of any type", json!({"ver": 4, "x": [1, {"y": null}], "z": 1.5}), Ok(())),
        ("a type", json!({"typ": "JWT"}), Ok(())),
        ("App ID's type", json!({"typ": "JOSE"}), Ok(())),
        ("another type", json!({"typ": "logout+jwt"}), Err("wrong_type")),
        ("any key id", json!({"kid": "whatever"}), Ok(())),
        ("an extension", json!({"crit": ["x"], "x": 1}), Err("unsupported_extension")),
        ("no algorithm", json!({"alg": "none"}), Err("algorithm_not_allowed")),
        ("HMAC", json!({"alg": "HS256"}), Err("algorithm_not_allowed")),
        ("a longer hash", json!({"alg": "RS512"}), Err("algorithm_not_allowed")),
        ("another padding", json!({"alg": "PS256"}), Err("algorithm_not_allowed")),
    ] {
        let token = sign_with(&KEY, &patched(&header(), &patch), &access());
        assert_eq!(verdict(&api, &token).await, expected, "{name}");
    }
    let forged = sign_with(&OTHER, &patched(&header(), &json!({"jpk": forger})), &access());
    assert_eq!(verdict(&api, &forged).await, Err("unknown_key"), "signed by the key that it carries");
    let secret =
        SigningKey::from_hmac_secret(KEY.public_key_pem().unwrap().as_bytes(), Algorithm::HS256).unwrap();
    let forged = sign_with(&secret, &json!({"alg": "HS256"}), &access());
    assert_eq!(verdict(&api, &forged).await, Err("algorithm_not_allowed"), "the public key as a secret");
    let long = SigningKey::with_algorithm(&KEY, Algorithm::RS512).unwrap();
    let long = sign_with(&long, &json!({"alg": "RS512"}), &access());
    assert_eq!(verdict(&api, &long).await, Err("algorithm_not_allowed"), "a good RS512 signature");
}

#[tokio::test]
async fn what_was_signed_is_what_counts() {
    let api = server(settings());
    let (good, other) = (sign(&access()), sign(&patched(&access(), &json!({"prn": "x"}))));
    let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
    let (mine, theirs) = (parts(&good), parts(&other));
    for (name, token, expected) in [
        ("as signed", good.clone(), Ok(())),
        ("another payload", format!("{}.{}.{}", mine[0], theirs[1], mine[2]), Err("unknown_key")),
        ("another signature", format!("{}.{}.{}", mine[0], mine[1], theirs[2]), Err("unknown_key")),
        ("no signature", format!("{}.{}.", mine[0], mine[1]), Err("unknown_key")),
        ("more behind it", format!("{good}AAAA"), Err("unknown_key")),
        ("a part too many", format!("{good}.{}", mine[2]), Err("malformed")),
        ("padding", format!("{good}="), Err("malformed")),
        ("a foreign key", sign_with(&OTHER, &header(), &access()), Err("unknown_key")),
    ] {
        assert_eq!(verdict(&api, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn leeway_is_granted_when_told_and_to_the_second() {
    for leeway in [0, 5] {
        let api = server(settings().leeway(Duration::from_secs(leeway)));
        for (name, patch, good) in [
            ("ended within", json!({"exp": NOW + 1 - leeway}), true),
            ("ended beyond", json!({"exp": NOW - leeway}), false),
            ("begins within", json!({"nbf": NOW + leeway}), true),
            ("begins beyond", json!({"nbf": NOW + leeway + 1}), false),
        ] {
            let is_good = verdict(&api, &sign(&patched(&access(), &patch))).await.is_ok();
            assert_eq!(is_good, good, "{name}, leeway {leeway}");
        }
    }
}

#[tokio::test]
async fn a_remembered_pair_ends_with_the_first_of_its_tokens() {
    let clock = clock();
    let api = settings().into_builder().clock(clock.clone()).build().unwrap();
    let short = sign(&patched(&id(), &json!({"exp": NOW + 60})));
    let field = format!("Bearer {} {short}", sign(&access()));
    for (at, status) in [(0, 200), (59, 200), (60, 401), (61, 401)] {
        clock.set_unix(UnixTime::from_secs(NOW + at));
        assert_eq!(ask(&api, &[&field], "").await.status, status, "{at}");
    }
}
