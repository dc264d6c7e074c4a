//! The header grammar, the statuses and the challenges.

use serde_json::json;

use super::*;

const BARE: &str = r#"Bearer realm="imfAuthentication""#;

#[tokio::test]
async fn every_header_shape_has_its_status_and_challenge() {
    let api = server(settings());
    let (access, id) = (sign(&access()), sign(&id()));
    let single = json!({"imf.sub": CLIENT, "imf.user": {}, "imf.device": {}, "imf.application": {}});
    let pair = json!({
        "imf.sub": format!("alice:{CLIENT}"),
        "imf.user": super::id()["imf.user"],
        "imf.device": super::id()["imf.device"],
        "imf.application": super::id()["imf.application"],
    });
    let is = |context: &Value| Answer::good(context.clone());
    let malformed = || Answer::refused(400, None);
    for (name, fields, expected) in [
        ("nothing", &[][..], Answer::refused(401, Some(BARE))),
        ("an empty field", &["".to_owned()], Answer::refused(401, Some(BARE))),
        ("one token", &[format!("Bearer {access}")], is(&single)),
        ("two tokens", &[format!("Bearer {access} {id}")], is(&pair)),
        ("runs of white space", &[format!("Bearer \t {access}\t\t{id}  ")], is(&pair)),
        ("a tab", &[format!("Bearer\t{access}")], is(&single)),
        ("in front", &[format!(" \tBearer {access}")], is(&single)),
        ("lower case", &[format!("bearer {access}")], malformed()),
        ("upper case", &[format!("BEARER {access}")], malformed()),
        ("another scheme", &["Basic dTpw".to_owned()], malformed()),
        ("a longer scheme", &[format!("BearerX {access}")], malformed()),
        ("a scheme alone", &["Bearer".to_owned()], malformed()),
        ("a token alone", std::slice::from_ref(&access), malformed()),
        ("three tokens", &[format!("Bearer {access} {id} {id}")], malformed()),
        ("joined", &[format!("Bearer {access}, Bearer {access}")], malformed()),
        ("a quoted token", &[format!("Bearer \"{access}\"")], malformed()),
        ("two fields", &[format!("Bearer {access}"), format!("Bearer {access}")], malformed()),
        ("two fields, one empty", &[format!("Bearer {access}"), String::new()], malformed()),
        ("no token of three parts", &["Bearer a.b".to_owned()], Answer::invalid_token()),
        ("a broken ID token", &[format!("Bearer {access} a.b.c")], Answer::invalid_token()),
        ("the pair reversed", &[format!("Bearer {id} {access}")], Answer::invalid_token()),
        ("an ID token for an access token", &[format!("Bearer {id}")], Answer::invalid_token()),
        ("an access token twice", &[format!("Bearer {access} {access}")], Answer::invalid_token()),
    ] {
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        // Twice: the second time from the cache, where that can be.
        for round in 1..=2 {
            assert_eq!(ask(&api, &fields, "").await, expected, "{name}, round {round}");
        }
    }
}

#[tokio::test]
async fn where_scopes_are_required_every_401_names_them() {
    let api = server(settings());
    let with = |scopes: Value| format!("Bearer {}", sign(&patched(&access(), &scopes)));
    let both = || json!({"imf.scope": {"read": {"exp": NOW + 60, "mandatory": true}, "write": {}}});
    let none = r#"Bearer realm="imfAuthentication", scope="write read""#;
    let invalid = r#"Bearer realm="imfAuthentication", error="invalid_token", scope="write read""#;
    let lacking = r#"Bearer realm="imfAuthentication", error="insufficient_scope", scope="write read""#;
    for (name, fields, expected) in [
        ("nothing", vec![], Err(none)),
        ("a bad token", vec!["Bearer a.b.c".to_owned()], Err(invalid)),
        ("no scope", vec![with(json!({}))], Err(lacking)),
        ("one of two", vec![with(json!({"imf.scope": {"read": {}}}))], Err(lacking)),
        ("both", vec![with(both())], Ok(())),
        (
            "both, one ended",
            vec![with(json!({"imf.scope": {"read": {"exp": NOW}, "write": {}}}))],
            Err(lacking),
        ),
        ("both in one name", vec![with(json!({"imf.scope": {"read write": {}}}))], Err(lacking)),
        ("as a list", vec![with(json!({"scope": "write read"}))], Ok(())),
        ("no list and no object", vec![with(json!({"imf.scope": 7}))], Err(invalid)),
    ] {
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        let got = ask(&api, &fields, "write read").await;
        let told = if got.status == 200 { Ok(()) } else { Err(got.challenge.as_deref().unwrap_or_default()) };
        assert_eq!(told, expected, "{name}");
        assert_eq!(got.status, if expected.is_ok() { 200 } else { 401 }, "{name}");
    }
    assert_eq!(ask(&api, &["Basic dTpw"], "write read").await, Answer::refused(400, None));
}

#[tokio::test]
async fn a_scope_ends_though_the_token_is_remembered() {
    let clock = clock();
    let api = settings().into_builder().clock(clock.clone()).build().unwrap();
    let scopes = json!({"imf.scope": {"read": {"exp": NOW + 60}}});
    let field = format!("Bearer {}", sign(&patched(&access(), &scopes)));
    for (at, read, any) in [(0, 200, 200), (59, 200, 200), (60, 401, 200), (3599, 401, 200), (3600, 401, 401)]
    {
        clock.set_unix(UnixTime::from_secs(NOW + at));
        for round in 1..=2 {
            assert_eq!(ask(&api, &[&field], "read").await.status, read, "{at}, round {round}");
            assert_eq!(ask(&api, &[&field], "").await.status, any, "{at}, round {round}");
        }
    }
}
