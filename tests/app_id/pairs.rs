//! An access token and an ID token in one request.

use serde_json::json;

use crate::{
    CLIENT, NOW, SERVER, access_with, ask, built, header, id, id_with, patched, settings, sign, verdict,
};

#[tokio::test]
async fn a_pair_belongs_together() {
    let api = built(settings());
    let mine = access_with(json!({}));
    let mismatch = Some("pair_mismatch");
    let of_client = |client: &str| access_with(json!({ "aud": [client] }));
    for (name, access, id, expected) in [
        ("mine", &mine, id_with(json!({})), None),
        ("version 3 beside version 4", &mine, id_with(json!({"iss": "us-south.appid.cloud.ibm.com"})), None),
        ("one audience in a string", &mine, id_with(json!({"aud": CLIENT})), None),
        ("an audience in common", &mine, id_with(json!({"aud": ["x", CLIENT]})), None),
        ("anonymous", &mine, id_with(json!({"name": null, "email": null, "identities": null})), None),
        ("another user's", &mine, id_with(json!({"sub": "bob"})), mismatch),
        ("the subject in another case", &mine, id_with(json!({"sub": "Alice"})), mismatch),
        ("another client's", &mine, id_with(json!({"aud": ["x"]})), mismatch),
        ("of no client", &mine, id_with(json!({"aud": []})), mismatch),
        ("the access token another client's", &of_client("x"), id_with(json!({})), mismatch),
        ("no audience", &mine, id_with(json!({"aud": null})), Some("missing_claim")),
        ("another tenant's", &mine, id_with(json!({"tenant": "x"})), Some("wrong_audience")),
        (
            "another issuer's",
            &mine,
            id_with(json!({"iss": SERVER.replace("v4", "v5")})),
            Some("untrusted_issuer"),
        ),
        ("expired", &mine, id_with(json!({"exp": NOW})), Some("expired")),
        ("no expiry", &mine, id_with(json!({"exp": null})), Some("missing_claim")),
        ("with a scope", &mine, id_with(json!({"scope": "appid_default"})), Some("foreign_claim")),
        (
            "hash of another access token",
            &mine,
            id_with(json!({"at_hash": "x"})),
            Some("wrong_access_token_hash"),
        ),
        ("no key id", &mine, sign(&patched(header(), json!({"kid": null})), &id()), Some("unknown_key")),
        ("not signed", &mine, format!("{}AAAA", id_with(json!({}))), Some("invalid_signature")),
        ("no token", &mine, "abc".into(), Some("malformed")),
        ("a bad access token", &access_with(json!({"exp": NOW})), id_with(json!({})), Some("expired")),
    ] {
        // Twice: nothing of the first time may help the second.
        for round in 1..=2 {
            assert_eq!(verdict(&api, access, Some(&id)).await, expected, "{name}, round {round}");
        }
    }
}

/// My access token and somebody else's ID token, with the cache warm for each of them.
#[tokio::test]
async fn promise_7_my_access_token_does_not_make_me_somebody_else() {
    let api = built(settings());
    let (mine, my_id) = (access_with(json!({})), id_with(json!({})));
    let (theirs, their_id) =
        (access_with(json!({"sub": "bob"})), id_with(json!({"sub": "bob", "name": "Bob"})));
    for round in 1..=3 {
        for (name, access, id, expected) in [
            ("my access token alone", &mine, None, None),
            ("my own", &mine, Some(&my_id), None),
            ("their own", &theirs, Some(&their_id), None),
            ("mine with theirs", &mine, Some(&their_id), Some("pair_mismatch")),
            ("theirs with mine", &theirs, Some(&my_id), Some("pair_mismatch")),
        ] {
            let got = verdict(&api, access, id.map(String::as_str)).await;
            assert_eq!(got, expected, "{name}, round {round}");
        }
        // The name of one, the signature of the other.
        let (head, _) = their_id.rsplit_once('.').unwrap();
        let (_, tail) = my_id.rsplit_once('.').unwrap();
        let crossed = format!("{head}.{tail}");
        assert_eq!(verdict(&api, &mine, Some(&crossed)).await, Some("invalid_signature"), "round {round}");
    }
    let who = ask(&api, &[&format!("Bearer {mine} {my_id}")]).await.unwrap();
    assert_eq!(who.id_token().unwrap().claim("name").unwrap(), "Alice");
}

#[tokio::test]
async fn an_optional_layer_lets_pass_what_lacks_credentials_whatever_the_server_requires() {
    let layer = built(settings()).layer().optional(true);
    let service = tower::service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let service = tower::Layer::layer(&layer, service);
    let answer = tower::ServiceExt::oneshot(service, http::Request::new(())).await.unwrap();
    assert_eq!(answer.status(), 200);
}
