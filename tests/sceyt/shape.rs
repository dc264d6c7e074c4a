//! What a token has to look like beside its dates, and what it comes to.

use std::time::Duration;

use serde_json::{Value, json};
use tower_resource_server::{
    issuer::SigningKey,
    keys::{Algorithm, VerifyingKey},
    preset,
    preset::sceyt::{Application, Context, WILL_EXPIRE},
    time::UnixTime,
};

use crate::{HEADER, HOUR, KEY_ONE, KEY_TWO, NOW, ONE, Service, claims, claims_but};

const INVALID: Option<u64> = Some(1021);
const BAD_USER_NAME: Option<u64> = Some(40005);

#[tokio::test]
async fn header_and_signature() {
    let service = Service::plain();
    let key = &KEY_ONE.private;
    let body = claims().to_string();
    let sign = |key: &SigningKey, header: &str| key.sign_raw(header, body.as_bytes()).unwrap();
    let good = sign(key, HEADER);
    let pem_as_secret = SigningKey::from_hmac_secret(KEY_ONE.public.as_bytes(), Algorithm::HS256).unwrap();
    let rs512 = SigningKey::from_pem(include_str!("one.private.pem"), Algorithm::RS512).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let unsigned = {
        let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none"}"#);
        format!("{text}.{}.", head.split_once('.').unwrap().1)
    };
    let other_claims = KEY_ONE.sign(&claims_but(json!({ "sub": "mallory" })));
    let transplanted = format!("{}.{signature}", other_claims.rsplit_once('.').unwrap().0);
    for (name, token, expected) in [
        ("as every official issuer writes it", good.clone(), None),
        ("without typ", sign(key, r#"{"alg":"RS256"}"#), None),
        ("typ in lower case", sign(key, r#"{"alg":"RS256","typ":"jwt"}"#), None),
        ("with a kid, which counts for nothing", sign(key, r#"{"alg":"RS256","kid":"x"}"#), None),
        ("another typ", sign(key, r#"{"alg":"RS256","typ":"at+jwt"}"#), INVALID),
        ("a critical extension", sign(key, r#"{"alg":"RS256","crit":["x"],"x":1}"#), INVALID),
        ("of another key", KEY_TWO.sign(&claims()), INVALID),
        ("with somebody's claims", transplanted, INVALID),
        ("RS512 by the right key", sign(&rs512, r#"{"alg":"RS512","typ":"JWT"}"#), INVALID),
        ("HS256 by the public key's text", sign(&pem_as_secret, r#"{"alg":"HS256","typ":"JWT"}"#), INVALID),
        ("unsigned", unsigned, INVALID),
        ("two parts", head.to_owned(), INVALID),
        ("no payload to speak of", key.sign_raw(HEADER, b"[]").unwrap(), INVALID),
    ] {
        assert_eq!(service.verdict(ONE, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_user_has_a_name() {
    let service = Service::plain();
    for (name, sub, expected) in [
        ("a name", json!("alice"), None),
        ("any name at all", json!("::ålice/ 1"), None),
        ("absent", Value::Null, BAD_USER_NAME),
        ("empty", json!(""), BAD_USER_NAME),
        ("a number", json!(7), BAD_USER_NAME),
        ("a list", json!(["alice"]), BAD_USER_NAME),
    ] {
        let token = KEY_ONE.sign(&claims_but(json!({ "sub": sub })));
        assert_eq!(service.verdict(ONE, &token).await, expected, "{name}");
    }
    let null = KEY_ONE.private.sign_raw(HEADER, br#"{"sub":null,"exp":1700003600}"#).unwrap();
    assert_eq!(service.verdict(ONE, &null).await, BAD_USER_NAME);
}

#[tokio::test]
async fn a_key_may_come_as_a_jwk_under_a_name() {
    let jwk = KEY_ONE.private.clone().with_kid("console").public_jwk().unwrap();
    let application = Application::new(ONE, VerifyingKey::from_jwk(&jwk.to_string()).unwrap());
    let service = Service::new(preset::sceyt::server(application));
    assert_eq!(service.verdict(ONE, &KEY_ONE.sign(&claims())).await, None);
    assert_eq!(service.verdict(ONE, &KEY_TWO.sign(&claims())).await, INVALID);
}

#[tokio::test]
async fn the_context_says_who_and_for_how_long() {
    let service = Service::plain();
    let token = KEY_ONE.sign(&claims_but(json!({ "exp": NOW + HOUR })));
    let expected = |remaining: u64, will_expire: bool| {
        json!({
            "user": "alice", "application": ONE, "expires_at": NOW + HOUR,
            "remaining": remaining, "will_expire": will_expire,
        })
    };
    let mut at = 0;
    for (remaining, will_expire) in [(HOUR, false), (301, false), (300, true), (299, true), (1, true)] {
        service.clock.advance(Duration::from_secs(HOUR - remaining - at));
        at = HOUR - remaining;
        let answer: Value = serde_json::from_str(&service.ask(ONE, &token).await.body).unwrap();
        assert_eq!(answer, expected(remaining, will_expire));
    }

    let identity = service.api.verify_access_token_of(ONE, &token).await.unwrap();
    for (name, now, remaining, will_expire) in [
        ("a moment before the hint", (NOW + HOUR - 300) as f64 - 0.5, 300.5, false),
        ("a moment after it", (NOW + HOUR - 300) as f64 + 0.5, 299.5, true),
        ("at the end", (NOW + HOUR) as f64, 0.0, true),
        ("after the end", (NOW + HOUR) as f64 + 9.0, 0.0, true),
    ] {
        let context = Context::at(&identity, UnixTime::from_secs_f64(now).unwrap()).unwrap();
        assert_eq!(context.remaining, Duration::from_secs_f64(remaining), "{name}");
        assert_eq!(context.will_expire, will_expire, "{name}");
        assert!(!format!("{context:?}").contains("alice"), "{name}");
    }
    assert_eq!(WILL_EXPIRE, Duration::from_secs(300));
}
