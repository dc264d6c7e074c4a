//! The vendor's context, as a value and as JSON.

use serde_json::{Value, json};
use tower_resource_server::{Identity, preset::app_id::AuthorizationContext, test_util::ManualClock};

use crate::{access, access_with, ask, built, header, id, id_with, patched, settings, sign};

fn as_json(who: &Identity) -> Value {
    serde_json::to_value(who.context::<AuthorizationContext>().unwrap()).unwrap()
}

#[tokio::test]
async fn payloads_are_the_claims_and_the_version_of_the_header() {
    let api = built(settings());
    let payload = |claims: Value, ver: Value| patched(claims, json!({ "ver": ver }));
    let without_version = patched(header(), json!({"ver": null}));
    let odd = patched(header(), json!({"ver": {"a": [1]}}));
    let own = patched(access(), json!({"ver": "mine"}));
    let both = format!("{} {}", access_with(json!({})), sign(&odd, &id()));
    for (name, tokens, expected) in [
        ("alone", access_with(json!({})), json!({"accessTokenPayload": payload(access(), json!(4))})),
        (
            "with an ID token",
            format!("{} {}", access_with(json!({})), id_with(json!({}))),
            json!({
                "accessTokenPayload": payload(access(), json!(4)),
                "identityTokenPayload": payload(id(), json!(4)),
            }),
        ),
        (
            "each its own version, whatever that is",
            both,
            json!({
                "accessTokenPayload": payload(access(), json!(4)),
                "identityTokenPayload": payload(id(), json!({"a": [1]})),
            }),
        ),
        ("no version", sign(&without_version, &access()), json!({"accessTokenPayload": access()})),
        (
            "a claim of that name gives way",
            sign(&header(), &own),
            json!({"accessTokenPayload": payload(access(), json!(4))}),
        ),
        (
            "also where the header has none",
            sign(&without_version, &own),
            json!({"accessTokenPayload": access()}),
        ),
    ] {
        // From the cache, too.
        for round in 1..=2 {
            let who = ask(&api, &[&format!("Bearer {tokens}")]).await.unwrap();
            assert_eq!(as_json(&who), expected, "{name}, round {round}");
        }
    }
}

#[tokio::test]
async fn tokens_are_there_where_they_are_retained() {
    let retaining =
        settings().into_builder().retain_tokens(true).clock(ManualClock::default()).build().unwrap();
    let (access, id) = (access_with(json!({})), id_with(json!({})));
    let alone = as_json(&ask(&retaining, &[&format!("Bearer {access}")]).await.unwrap());
    assert_eq!((&alone["accessToken"], alone.get("identityToken")), (&json!(access), None));
    let who = ask(&retaining, &[&format!("Bearer {access} {id}")]).await.unwrap();
    let pair = as_json(&who);
    assert_eq!((&pair["accessToken"], &pair["identityToken"]), (&json!(access), &json!(id)));
    let shown = format!("{:?}", who.context::<AuthorizationContext>().unwrap());
    assert_eq!(shown, "AuthorizationContext { .. }", "no token, no claim");

    let who = ask(&built(settings()), &[&format!("Bearer {access} {id}")]).await.unwrap();
    let kept = as_json(&who);
    assert_eq!((kept.get("accessToken"), kept.get("identityToken")), (None, None));
}
