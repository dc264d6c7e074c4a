//! Which application, which key: `app-id`, `aid`, and a key that is replaced.

use http::HeaderValue;
use serde_json::{Value, json};
use tower_resource_server::{
    ReplaceKeysError,
    http::Reason,
    keys::{Algorithm, KeySet, VerifyingKey},
    preset,
    preset::sceyt::Application,
};

use crate::{HEADER, KEY_ONE, KEY_TWO, ONE, Pair, Service, TWO, ask, claims, claims_but, request, verdict};

const INVALID: Option<u64> = Some(1021);
const UNAUTHORIZED: Option<u64> = Some(1302);
const MALFORMED: Option<u64> = Some(40000);

fn both() -> Service {
    Service::new(preset::sceyt::server(KEY_ONE.application(ONE)).application(KEY_TWO.application(TWO)))
}

fn keys(pair: &Pair) -> KeySet {
    KeySet::from_keys([VerifyingKey::from_pem(pair.public, Algorithm::RS256).unwrap()])
}

#[tokio::test]
async fn promise_6_the_header_names_the_application_on_a_warm_cache_too() {
    let upper = ONE.to_uppercase();
    let longer = format!("{ONE}0");
    let twice_in_one = format!("{ONE},{ONE}");
    let cases: [(&str, &[&str], u16, Option<u64>); 10] = [
        ("its application", &[ONE], 200, None),
        ("none", &[], 401, UNAUTHORIZED),
        ("empty", &[""], 401, UNAUTHORIZED),
        ("unknown", &["unknown"], 401, UNAUTHORIZED),
        ("in another case", &[&upper], 401, UNAUTHORIZED),
        ("with something behind it", &[&longer], 401, UNAUTHORIZED),
        ("a list in one field", &[&twice_in_one], 401, UNAUTHORIZED),
        ("another application", &[TWO], 401, INVALID),
        ("two fields", &[ONE, TWO], 400, MALFORMED),
        ("the same twice", &[ONE, ONE], 400, MALFORMED),
    ];
    let token = KEY_ONE.sign(&claims());
    let warm = both();
    for (name, applications, status, code) in cases {
        // On a server that has not seen the token, and on one that remembers it.
        for (service, which) in [(&both(), "cold"), (&warm, "warm")] {
            if which == "warm" {
                assert_eq!(warm.verdict(ONE, &token).await, None, "{name}");
            }
            let answer = ask(&service.app, request(applications, Some(&token))).await;
            assert_eq!((answer.status().as_u16(), verdict(&answer)), (status, code), "{name}, {which}");
        }
    }
    let mut bytes = request(&[], Some(&token));
    bytes.headers_mut().insert("app-id", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(verdict(&ask(&warm.app, bytes).await), UNAUTHORIZED);
    assert_eq!(warm.verdict(ONE, &token).await, None, "and what was good still is");
}

#[tokio::test]
async fn each_application_has_its_own_users() {
    let service = both();
    for (application, pair) in [(ONE, &KEY_ONE), (TWO, &KEY_TWO)] {
        let context: Value =
            serde_json::from_str(&service.ask(application, &pair.sign(&claims())).await.body).unwrap();
        assert_eq!((&context["user"], &context["application"]), (&json!("alice"), &json!(application)));
    }
}

#[tokio::test]
async fn aid_binds_where_it_is() {
    // One key for both applications where it may be, so that nothing but `aid` tells them apart.
    let sharing = preset::sceyt::server(KEY_ONE.application(ONE)).application(KEY_ONE.application(TWO));
    let (lax, strict) = (both(), Service::new(sharing.require_aid(true)));
    for (name, aid, accepted, accepted_when_required) in [
        ("absent", Value::Null, true, false),
        ("equal", json!(ONE), true, true),
        ("another application", json!(TWO), false, false),
        ("unknown", json!("unknown"), false, false),
        ("in another case", json!(ONE.to_uppercase()), false, false),
        ("empty", json!(""), false, false),
        ("a number", json!(4), false, false),
        ("a list with it", json!([ONE]), false, false),
        ("an object", json!({ "id": ONE }), false, false),
    ] {
        let token = KEY_ONE.sign(&claims_but(json!({ "aid": aid })));
        for (service, accepted) in [(&lax, accepted), (&strict, accepted_when_required)] {
            let expected = if accepted { None } else { INVALID };
            assert_eq!(service.verdict(ONE, &token).await, expected, "{name}");
        }
    }
    // `null` in the token itself is a value, and not that of the application.
    let null = KEY_ONE.private.sign_raw(HEADER, br#"{"sub":"alice","exp":1700003600,"aid":null}"#).unwrap();
    assert_eq!(lax.verdict(ONE, &null).await, INVALID);

    let token = KEY_ONE.sign(&claims_but(json!({ "aid": ONE })));
    assert_eq!(strict.verdict(ONE, &token).await, None);
    assert_eq!(strict.verdict(TWO, &token).await, INVALID, "remembered for the other application alone");
}

#[tokio::test]
async fn a_new_key_ends_every_earlier_token_at_once() {
    let service = both();
    let (old, other) = (KEY_ONE.sign(&claims()), KEY_TWO.sign(&claims()));
    let unseen = KEY_ONE.sign(&claims_but(json!({ "sub": "bob" })));
    assert_eq!(service.verdict(ONE, &old).await, None);
    assert_eq!(service.verdict(TWO, &other).await, None);

    assert_eq!(service.api.replace_keys(ONE, keys(&KEY_ONE)), Ok(()), "by itself: nothing changes");
    assert_eq!(service.verdict(ONE, &old).await, None);

    service.api.replace_keys(ONE, keys(&KEY_TWO)).unwrap();
    assert_eq!(service.verdict(ONE, &old).await, INVALID, "remembered");
    assert_eq!(service.verdict(ONE, &unseen).await, INVALID, "never seen");
    assert_eq!(service.verdict(ONE, &KEY_TWO.sign(&claims())).await, None, "of the new key");
    assert_eq!(service.verdict(TWO, &other).await, None, "of another application");

    service.api.replace_keys(ONE, keys(&KEY_ONE)).unwrap();
    assert_eq!(service.verdict(ONE, &other).await, INVALID, "no overlap in the other direction either");

    let refused = |application, keys| service.api.replace_keys(application, keys);
    assert_eq!(refused("unknown", keys(&KEY_ONE)), Err(ReplaceKeysError::UnknownIssuer));
    assert_eq!(refused(ONE, KeySet::default()), Err(ReplaceKeysError::Empty));
    let ed25519 = VerifyingKey::from_ed25519_bytes(&[1; 32]).unwrap();
    assert_eq!(refused(ONE, KeySet::from_keys([ed25519])), Err(ReplaceKeysError::Unusable));
    assert_eq!(service.verdict(ONE, &old).await, None, "neither took the key away");
}

#[tokio::test]
async fn by_hand_as_for_the_first_frame_of_a_web_socket() {
    let service = both();
    let token = KEY_ONE.sign(&claims());
    let identity = service.api.verify_access_token_of(ONE, &token).await.unwrap();
    assert_eq!((identity.issuer(), identity.subject()), (ONE, "alice"));
    for application in [TWO, "unknown", ""] {
        let refused = service.api.verify_access_token_of(application, &token).await.unwrap_err();
        assert!(matches!(refused.reason(), Reason::InvalidToken { .. }), "{application}");
    }
    assert!(service.api.verify_access_token(&token).await.is_err(), "no application");
}

#[test]
fn an_application_has_a_name_and_one_key_for_rs256() {
    let ec = "-----BEGIN PUBLIC KEY-----\n\
              MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
              -----END PUBLIC KEY-----\n";
    assert!(Application::from_pem(ONE, ec).is_err(), "of another type");
    assert!(Application::from_pem(ONE, include_str!("one.private.pem")).is_err(), "the private half");
    assert!(Application::from_pem(ONE, "").is_err());

    let ed25519 = VerifyingKey::from_pem(ec, Algorithm::EdDSA).unwrap();
    let one = || preset::sceyt::server(KEY_ONE.application(ONE));
    for (name, settings, said) in [
        ("twice", one().application(KEY_TWO.application(ONE)), "it is there twice"),
        ("a key of another", one().application(KEY_ONE.application(TWO)), "it has the key of"),
        ("nameless", one().application(KEY_TWO.application("")), "its name is empty"),
        ("another algorithm", one().application(Application::new(TWO, ed25519)), "none of its keys fits"),
        ("far too lenient", one().leeway(std::time::Duration::from_secs(601)), "leeway"),
    ] {
        let error = settings.build().unwrap_err();
        assert!(error.problems().iter().any(|problem| problem.text().contains(said)), "{name}: {error}");
    }
}
