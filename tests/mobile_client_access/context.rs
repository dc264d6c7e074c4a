//! The context, as JSON and as types.

use serde_json::json;
use tower_resource_server::Authentication;

use super::*;

async fn context(id_patch: Option<Value>) -> SecurityContext {
    let api = server(settings());
    let mut field = format!("Bearer {}", sign(&access()));
    if let Some(patch) = &id_patch {
        field += &format!(" {}", sign(&patched(&id(), patch)));
    }
    let request = Request::builder().header(AUTHORIZATION, field).body(()).unwrap();
    match api.authenticate(&request.into_parts().0).await.unwrap() {
        Authentication::Verified(who) => who.context().unwrap(),
        Authentication::Anonymous => panic!("the request has credentials"),
    }
}

#[tokio::test]
async fn debug_shows_nothing_that_a_token_says() {
    let context = context(Some(json!({}))).await;
    let shown = format!("{context:?} {:?}", context.user().unwrap());
    assert_eq!(shown, "SecurityContext { .. } User { .. }");
}

#[tokio::test]
async fn its_json_has_the_four_members_that_the_package_gives() {
    let sub = format!("alice:{CLIENT}");
    let full = json!({
        "imf.sub": sub, "imf.user": id()["imf.user"], "imf.device": id()["imf.device"],
        "imf.application": id()["imf.application"],
    });
    // `null` in an expectation: the member is absent, and not null.
    for (name, patch, expected) in [
        (
            "without an ID token",
            None,
            json!({
                "imf.sub": CLIENT, "imf.user": {}, "imf.device": {}, "imf.application": {},
            }),
        ),
        ("with one", Some(json!({})), full.clone()),
        ("no user", Some(json!({"imf.user": null})), patched(&full, &json!({"imf.user": {}}))),
        ("no device", Some(json!({"imf.device": null})), patched(&full, &json!({"imf.device": null}))),
        (
            "no application",
            Some(json!({"imf.application": null})),
            patched(&full, &json!({"imf.application": null})),
        ),
        (
            "a device of another type",
            Some(json!({"imf.device": [1]})),
            patched(&full, &json!({"imf.device": [1]})),
        ),
        ("more claims", Some(json!({"imf.other": 1, "name": "x"})), full.clone()),
    ] {
        let got = serde_json::to_value(context(patch).await).unwrap();
        assert_eq!(got, expected, "{name}");
    }

    // A claim that is null is there, and null.
    let payload = id().to_string().replace(r#""imf.user":{"#, r#""imf.user":null,"imf.was":{"#);
    let token = KEY.sign_raw(&header().to_string(), payload.as_bytes()).unwrap();
    let answer = ask(&server(settings()), &[&format!("Bearer {} {token}", sign(&access()))], "").await;
    assert_eq!(answer.context.unwrap(), {
        let mut with_null = full.clone();
        with_null["imf.user"] = Value::Null;
        with_null
    });
}

#[tokio::test]
async fn its_parts_have_types() {
    let full = context(Some(json!({}))).await;
    assert_eq!(full.sub(), format!("alice:{CLIENT}"));
    let user = full.user().unwrap();
    assert_eq!((user.id, user.auth_by, user.display_name), ("alice", Some("myRealm"), Some("Alice")));
    assert_eq!(user.attributes.unwrap()["age"], 30);
    let device = full.device().unwrap();
    assert_eq!((device.id, device.platform), (Some("d-1"), Some("android")));
    assert_eq!((device.model, device.os_version), (Some("m"), Some("14")));
    let application = full.application().unwrap();
    assert_eq!((application.id, application.version), (Some("org.example.app"), Some("1.0")));

    let alone = context(None).await;
    assert_eq!(alone.sub(), CLIENT);
    assert_eq!((alone.user(), alone.device(), alone.application()), (None, None, None));

    let odd = context(Some(json!({
        "imf.user": {"displayName": "no one"},
        "imf.device": "d",
        "imf.application": {"id": null, "version": 7},
    })))
    .await;
    assert_eq!((odd.user(), odd.device()), (None, None));
    let application = odd.application().unwrap();
    assert_eq!((application.id, application.version), (None, None));

    let bare = context(Some(json!({"imf.user": {"id": "alice", "attributes": [1]}}))).await;
    let user = bare.user().unwrap();
    assert_eq!((user.auth_by, user.display_name, user.attributes), (None, None, None));
}
