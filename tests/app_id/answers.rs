//! Statuses and challenges, byte for byte.

use std::convert::Infallible;

use http::{HeaderValue, Request, Response, header};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_resource_server::{ResourceServer, policy::scope};

use crate::{CLIENT, NOW, access_with, ask, built, id_with, settings};

const INVALID: &str = r#"Bearer realm="imfAuthentication", scope="appid_default", error="invalid_token""#;
const INSUFFICIENT: &str =
    r#"Bearer realm="imfAuthentication", scope="appid_default", error="insufficient_scope""#;
const SEVERAL: &str = r#"Bearer realm="imfAuthentication", error="invalid_request", error_description="the request has several Authorization fields""#;

/// The status and the challenge; 200 and nothing where it is taken.
async fn answer(api: &ResourceServer, fields: &[&str]) -> (u16, String) {
    match ask(api, fields).await {
        Ok(_) => (200, String::new()),
        Err(refusal) => {
            let challenge = refusal.challenge().map(|value| value.to_str().unwrap().to_owned());
            (refusal.status().as_u16(), challenge.unwrap_or_default())
        }
    }
}

#[tokio::test]
async fn the_grammar_is_the_sdks() {
    let api = built(settings());
    let (access, id) = (access_with(json!({})), id_with(json!({})));
    let (ok, invalid) = ((200, ""), (401, INVALID));
    for (name, field, expected) in [
        ("one token", format!("Bearer {access}"), ok),
        ("two tokens", format!("Bearer {access} {id}"), ok),
        ("small letters", format!("bearer {access}"), invalid),
        ("capitals", format!("BEARER {access}"), invalid),
        ("a longer scheme", format!("BearerX {access}"), invalid),
        ("another scheme", "Basic dTpw".into(), invalid),
        ("the scheme alone", "Bearer".into(), invalid),
        ("a space and nothing", "Bearer ".into(), invalid),
        ("two spaces", format!("Bearer  {access}"), invalid),
        ("two spaces between the tokens", format!("Bearer {access}  {id}"), invalid),
        ("a space at the end", format!("Bearer {access} "), invalid),
        ("a space in front", format!(" Bearer {access}"), invalid),
        ("a tab", format!("Bearer\t{access}"), invalid),
        ("a tab between the tokens", format!("Bearer {access}\t{id}"), invalid),
        ("three tokens", format!("Bearer {access} {id} {id}"), invalid),
        ("a comma", format!("Bearer {access}, {id}"), invalid),
        ("the token alone", access.clone(), invalid),
        ("no token68", "Bearer \"a.b.c\"".into(), invalid),
        ("no ASCII", "Bearer ä.b.c".into(), invalid),
    ] {
        assert_eq!(answer(&api, &[&field]).await, (expected.0, expected.1.to_owned()), "{name}");
    }
    let good = format!("Bearer {access}");
    assert_eq!(answer(&api, &[&good, &good]).await, (400, SEVERAL.to_owned()));
    assert_eq!(answer(&api, &["Basic dTpw", &good]).await, (400, SEVERAL.to_owned()));
}

#[tokio::test]
async fn a_scope_that_is_missing_is_401_or_403() {
    let unauthorized = built(settings());
    let forbidden = built(settings().scope_status_403(true));
    let with = |scope: &str| access_with(json!({ "scope": scope }));
    let id = id_with(json!({}));
    for (name, tokens, missing) in [
        ("no default scope", with("openid read"), true),
        ("in another case", with("APPID_DEFAULT"), true),
        ("a longer one", with("appid_defaults"), true),
        ("the scopes of a client of its own", with("tenant_test data_integrator"), true),
        ("with an ID token", format!("{} {id}", with("openid")), true),
        ("the default scope alone", with("appid_default"), false),
        ("among others", with("a  appid_default b"), false),
    ] {
        let field = format!("Bearer {tokens}");
        // Twice: the token itself is good, and cached.
        for round in 1..=2 {
            for (api, status) in [(&unauthorized, 401), (&forbidden, 403)] {
                let expected = if missing { (status, INSUFFICIENT) } else { (200, "") };
                let got = answer(api, &[&field]).await;
                assert_eq!(got, (expected.0, expected.1.to_owned()), "{name}, round {round}");
            }
        }
    }
}

/// What the layer answers on an operation that needs more.
async fn through_layer(api: &ResourceServer, needed: &str, field: Option<&str>) -> (u16, String) {
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(bytes::Bytes::new())));
    let guarded = api.layer().requirements(scope(needed)).layer(inner);
    let mut request = Request::new(());
    if let Some(field) = field {
        request.headers_mut().insert(header::AUTHORIZATION, field.parse().unwrap());
    }
    let response = guarded.oneshot(request).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE).map(HeaderValue::to_str);
    (response.status().as_u16(), challenge.map(|text| text.unwrap().to_owned()).unwrap_or_default())
}

#[tokio::test]
async fn challenges_name_the_default_scope_first_and_then_those_of_the_operation() {
    let api = built(settings());
    let demanding = built(settings().require(scope("write")));
    let challenge = |scopes: &str, error: &str| {
        format!(r#"Bearer realm="imfAuthentication", scope="{scopes}", error="{error}""#)
    };
    let good = format!("Bearer {}", access_with(json!({})));
    let reader = format!("Bearer {}", access_with(json!({"scope": "appid_default read"})));
    let expired = format!("Bearer {}", access_with(json!({"exp": NOW})));
    let (empty, invalid, lacking) = (String::new(), "invalid_token", "insufficient_scope");
    for (name, api, needed, field, expected) in [
        ("an empty field", &api, "", Some(&empty), (401, challenge("appid_default", invalid))),
        ("no credentials", &api, "", None, (401, challenge("appid_default", invalid))),
        (
            "no credentials, two scopes",
            &api,
            "write admin",
            None,
            (401, challenge("appid_default write admin", invalid)),
        ),
        ("named again", &api, "read appid_default", None, (401, challenge("appid_default read", invalid))),
        ("of the server", &demanding, "read", None, (401, challenge("appid_default write read", invalid))),
        ("expired", &api, "read", Some(&expired), (401, challenge("appid_default read", invalid))),
        (
            "one is missing",
            &api,
            "write read",
            Some(&reader),
            (401, challenge("appid_default write read", lacking)),
        ),
        (
            "the server's",
            &demanding,
            "read",
            Some(&reader),
            (401, challenge("appid_default write read", lacking)),
        ),
        ("all there", &demanding, "read", Some(&good), (200, String::new())),
    ] {
        assert_eq!(through_layer(api, needed, field.map(String::as_str)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn promise_10_no_text_of_a_token_is_in_a_challenge() {
    let api = built(settings().audience(CLIENT));
    let hostile = "evil\", scope=\"admin\r\nSet-Cookie: a=b";
    for (name, patch) in [
        ("audience", json!({ "aud": [hostile] })),
        ("audience, a string", json!({ "aud": hostile })),
        ("scope", json!({ "scope": hostile })),
        ("issuer", json!({ "iss": hostile })),
        ("tenant", json!({ "tenant": hostile })),
        ("subject of a pair", json!({ "sub": hostile })),
    ] {
        let access = access_with(patch);
        for fields in [format!("Bearer {access}"), format!("Bearer {access} {}", id_with(json!({})))] {
            let (status, challenge) = answer(&api, &[&fields]).await;
            if status != 200 {
                assert_eq!(status, 401, "{name}");
                assert!([INVALID, INSUFFICIENT].contains(&&*challenge), "{name}: {challenge}");
            }
        }
    }
    // Good by itself, whatever its subject is called.
    let named = access_with(json!({ "sub": hostile }));
    assert_eq!(answer(&api, &[&format!("Bearer {named}")]).await.0, 200);
}
