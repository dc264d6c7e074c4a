//! One token at a time: its header, its claims, and which slot it may stand in.

use serde_json::{Value, json};
use tower_resource_server::{ResourceServer, issuer::SigningKey, keys::Algorithm, preset};

use crate::{
    CLIENT, KID, NOW, SERVER, TENANT, access, access_with, built, header, id_with, keys, patched, seconds,
    settings, sign, verdict,
};

#[tokio::test]
async fn the_claims_of_an_access_token() {
    let api = built(settings());
    let (missing, invalid) = (Some("missing_claim"), Some("invalid_claim"));
    let (untrusted, audience) = (Some("untrusted_issuer"), Some("wrong_audience"));
    let host = "us-south.appid.cloud.ibm.com";
    let old = "appid-oauth.ng.bluemix.net";
    for (name, patch, expected) in [
        ("the documented one", json!({}), None),
        ("a claim that the tenant maps", json!({"groups": ["a", {"b": 1}]}), None),
        ("of an application: no user claims", json!({"email_verified": null}), None),
        ("version 3, the host as issuer", json!({"iss": host}), None),
        ("version 3, the old name", json!({"iss": old}), None),
        ("the host with a scheme", json!({"iss": format!("https://{host}")}), untrusted),
        ("the host with a slash", json!({"iss": format!("{host}/")}), untrusted),
        ("version 3, as a URL", json!({"iss": SERVER.replace("v4", "v3")}), untrusted),
        ("another region", json!({"iss": SERVER.replace("us-south", "eu-de")}), untrusted),
        ("another region's old name", json!({"iss": "appid-oauth.eu-gb.bluemix.net"}), untrusted),
        ("another tenant's issuer", json!({"iss": SERVER.replace("39a3", "0000")}), untrusted),
        ("an issuer in capitals", json!({"iss": host.to_uppercase()}), untrusted),
        ("a longer issuer", json!({"iss": format!("{SERVER}/")}), untrusted),
        ("no issuer", json!({"iss": null}), missing),
        ("an issuer in an array", json!({"iss": [SERVER]}), invalid),
        ("another tenant", json!({"tenant": "db8a27c4-b887-4f8d-a89f-f12fb775b311"}), audience),
        ("a tenant in an array", json!({"tenant": [TENANT]}), invalid),
        ("no tenant", json!({"tenant": null}), missing),
        ("an audience in a string", json!({"aud": CLIENT}), invalid),
        ("no audience", json!({"aud": null}), missing),
        ("an audience of numbers", json!({"aud": [1]}), invalid),
        ("two audiences", json!({"aud": ["other", CLIENT]}), None),
        ("no scope", json!({"scope": null}), missing),
        ("scopes in an array", json!({"scope": ["appid_default"]}), invalid),
        ("an empty scope", json!({"scope": ""}), invalid),
        ("the mark of an ID token", json!({"identities": []}), Some("foreign_claim")),
        ("no subject", json!({"sub": null}), missing),
        ("an empty subject", json!({"sub": ""}), invalid),
        ("no expiry", json!({"exp": null}), missing),
        ("an expiry in a string", json!({"exp": (NOW + 60).to_string()}), invalid),
        ("over now", json!({"exp": NOW}), Some("expired")),
        ("over in a second", json!({"exp": NOW + 1}), None),
        ("beginning now", json!({"nbf": NOW}), None),
        ("beginning in a second", json!({"nbf": NOW + 1}), Some("not_yet_valid")),
        ("issued a second from now", json!({"iat": NOW + 1}), None),
        ("issued some day", json!({"iat": "today"}), invalid),
        ("never issued", json!({"iat": null}), None),
        ("bound to its sender", json!({"cnf": {"jkt": "x"}}), Some("sender_constrained")),
    ] {
        assert_eq!(verdict(&api, &access_with(patch), None).await, expected, "{name}");
    }
}

#[tokio::test]
async fn the_header_of_a_token() {
    let api = built(settings());
    let (unknown, wrong) = (Some("unknown_key"), Some("wrong_type"));
    for (name, patch, expected) in [
        ("version 4", json!({}), None),
        ("version 3", json!({"typ": "JOSE", "ver": 3}), None),
        ("no version", json!({"ver": null}), None),
        ("a version of any kind", json!({"ver": {"of": [1.5, "x"]}}), None),
        (
            "a key of its own",
            json!({"jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example"}),
            None,
        ),
        ("no type", json!({"typ": null}), None),
        ("type in small letters", json!({"typ": "jwt"}), None),
        ("another type", json!({"typ": "at+jwt"}), wrong),
        ("no key id", json!({"kid": null}), unknown),
        ("an empty key id", json!({"kid": ""}), unknown),
        ("another key id", json!({"kid": format!("{KID}x")}), unknown),
        ("a key id that is a number", json!({"kid": 1}), Some("malformed")),
        ("a secret", json!({"alg": "HS256"}), Some("algorithm_not_allowed")),
        ("another RSA algorithm", json!({"alg": "RS512"}), Some("algorithm_not_allowed")),
        ("PSS", json!({"alg": "PS256"}), Some("algorithm_not_allowed")),
        ("none", json!({"alg": "none"}), Some("algorithm_not_allowed")),
        ("critical", json!({"crit": ["ver"]}), Some("unsupported_extension")),
    ] {
        let token = sign(&patched(header(), patch), &access());
        assert_eq!(verdict(&api, &token, None).await, expected, "{name}");
    }
    let mut token = access_with(json!({}));
    token.truncate(token.len() - 8);
    token.push_str("AAAAAAAA");
    assert_eq!(verdict(&api, &token, None).await, Some("invalid_signature"), "tampered");
    let foreign = SigningKey::generate(Algorithm::RS256).unwrap();
    let token = foreign.sign_raw(&header().to_string(), access().to_string().as_bytes()).unwrap();
    assert_eq!(verdict(&api, &token, None).await, Some("invalid_signature"), "another tenant's key");
}

#[tokio::test]
async fn an_audience_that_is_asked_for_must_be_there() {
    let resource = "https://orders.example";
    let one = built(settings().audience(CLIENT));
    let either = built(settings().audience(CLIENT).audience(resource));
    for (name, aud, of_one, of_either) in [
        ("the client", json!([CLIENT]), true, true),
        ("the resource", json!([resource]), false, true),
        ("among others", json!(["x", CLIENT]), true, true),
        ("another", json!(["x"]), false, false),
        ("none", json!([]), false, false),
        ("in a string", json!(CLIENT), false, false),
        ("the tenant, which is no audience", json!([TENANT]), false, false),
    ] {
        let token = access_with(json!({ "aud": aud }));
        for (api, good) in [(&one, of_one), (&either, of_either)] {
            assert_eq!(verdict(api, &token, None).await.is_none(), good, "{name}");
        }
    }
}

#[tokio::test]
async fn leeway_is_granted_when_told_and_not_before() {
    let lenient = built(settings().leeway(seconds(30)));
    let strict = built(settings());
    for (name, patch, within) in [
        ("over for 29 s", json!({"exp": NOW - 29}), true),
        ("over for 30 s", json!({"exp": NOW - 30}), false),
        ("beginning in 30 s", json!({"nbf": NOW + 30}), true),
        ("beginning in 31 s", json!({"nbf": NOW + 31}), false),
    ] {
        let token = access_with(patch.clone());
        assert_eq!(verdict(&lenient, &token, None).await.is_none(), within, "{name}");
        assert!(verdict(&strict, &token, None).await.is_some(), "{name}, without leeway");
        let pair = (access_with(json!({})), id_with(patch));
        assert_eq!(verdict(&lenient, &pair.0, Some(&pair.1)).await.is_none(), within, "{name}, ID token");
        assert!(verdict(&strict, &pair.0, Some(&pair.1)).await.is_some(), "{name}, ID token, without");
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token_and_the_reverse() {
    let api = built(settings());
    let good = access_with(json!({}));
    for (name, token) in [
        ("as it is", id_with(json!({}))),
        ("with a scope", id_with(json!({"scope": "appid_default"}))),
        ("without its mark", id_with(json!({"identities": null}))),
    ] {
        assert!(verdict(&api, &token, None).await.is_some(), "ID token as access token, {name}");
    }
    assert_eq!(verdict(&api, &good, Some(&good)).await, Some("foreign_claim"));
    // By itself an ID token is for no client: only its access token says for which client.
    let alone = api.verify_id_token(&id_with(json!({})), Default::default()).await;
    assert_eq!(alone.unwrap_err().reason().code(), "wrong_type");
}

#[tokio::test]
async fn a_server_at_an_old_address_takes_the_new_names() {
    let old = "https://appid-oauth.ng.bluemix.net/oauth/v3/39a37f57-a227-4bfe-a044-93b6e6050a61";
    let api = built(preset::app_id::server(old, TENANT).keys(keys()));
    let issued = |iss: &str| access_with(json!({ "iss": iss }));
    for (iss, expected) in [
        (old, None),
        ("appid-oauth.ng.bluemix.net", None),
        (SERVER, None),
        ("us-south.appid.cloud.ibm.com", None),
        (
            "https://ng.appid.cloud.ibm.com/oauth/v4/39a37f57-a227-4bfe-a044-93b6e6050a61",
            Some("untrusted_issuer"),
        ),
        ("bluemix.net", Some("untrusted_issuer")),
    ] {
        assert_eq!(verdict(&api, &issued(iss), None).await, expected, "{iss}");
    }
    let who = api.verify_access_token(&issued(SERVER)).await.unwrap();
    assert_eq!(who.issuer(), old, "an identity has the configured name");
}

#[tokio::test]
async fn a_profile_can_be_used_by_itself() {
    use tower_resource_server::{TrustedIssuer, preset::app_id, test_util::ManualClock};

    // Beside another issuer, in a server of one's own.
    let issuer = TrustedIssuer::with_keys(SERVER, keys(), app_id::access_token(TENANT));
    let api = ResourceServer::builder("https://api.example")
        .issuer(issuer)
        .clock(ManualClock::default())
        .build()
        .unwrap();
    let who = api.verify_access_token(&access_with(json!({}))).await.unwrap();
    assert!(who.has_scope("appid_default"));
    assert_eq!(who.claim("tenant"), Some(Value::from(TENANT)));
}
