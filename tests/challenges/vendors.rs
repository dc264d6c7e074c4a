//! The tables of the presets whose clients were written for other challenges.

use axum::{Router, body::Body, routing};
use http::{HeaderMap, Request, header::AUTHORIZATION};
use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::{Requirement, scope},
    preset::{app_id, layer, mobile_client_access},
    test_util::{ManualClock, TestIssuer},
    time::UnixTime,
};

use crate::{
    cases::{Expected, checked},
    support::ask,
};

const NOW: u64 = 1_700_000_000;
const REALM: Option<&str> = Some("imfAuthentication");
const SEVERAL: &str = "the request has several Authorization fields";

async fn answer(server: &ResourceServer, needed: Requirement, fields: &[&str]) -> (u16, HeaderMap) {
    let app =
        Router::new().route("/", routing::get(async || "ok")).layer(server.layer().requirements(needed));
    let mut request = Request::new(Body::empty());
    for field in fields {
        request.headers_mut().append(AUTHORIZATION, field.parse().unwrap());
    }
    let answer = ask(&app, request).await;
    (answer.status().as_u16(), answer.response.headers().clone())
}

/// Every challenge of the presets' tables.
pub async fn challenges() -> Vec<Value> {
    let key = SigningKey::generate(Algorithm::RS256).unwrap().with_kid("k");
    let jwks = TestIssuer::builder().signing_key(key.clone()).build().jwks();
    let keys = KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap();
    let mut all = app_id_challenges(&key, &keys).await;
    all.extend(mobile_client_access_challenges(&key, &keys).await);
    all.extend(layer_answers(&keys).await);
    all
}

async fn app_id_challenges(key: &SigningKey, keys: &KeySet) -> Vec<Value> {
    let server = app_id::server("us-south", "tenant").keys(keys.clone()).into_builder();
    let server = server.clock(ManualClock::new(UnixTime::from_secs(NOW))).build().unwrap();
    let claims = json!({
        "iss": "https://us-south.appid.cloud.ibm.com/oauth/v4/tenant", "exp": NOW + 3600, "aud": ["client"],
        "sub": "alice", "iat": NOW, "tenant": "tenant", "scope": "appid_default",
    });
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "k", "ver": 4});
    let token = key.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap();
    let good = format!("Bearer {token}");
    let says = |error: &str, scope| Expected {
        schemes: vec!["Bearer"],
        error: Some(error.to_owned()),
        scope: Some(scope),
        realm: REALM,
        ..Expected::default()
    };
    let several = Expected { scope: None, error_description: Some(SEVERAL), ..says("invalid_request", "") };
    let plain = "appid_default";
    let mut all = Vec::new();
    for (name, needed, fields, status, expected) in [
        ("no credentials", plain, &[][..], 401, says("invalid_token", plain)),
        ("a bad token", plain, &["Bearer x"], 401, says("invalid_token", plain)),
        ("a malformed field", plain, &["Bearer"], 401, says("invalid_token", plain)),
        ("several fields", plain, &["Bearer x", "Bearer x"], 400, several),
        (
            "scopes are lacking",
            "appid_default read",
            &[&*good],
            401,
            says("insufficient_scope", "appid_default read"),
        ),
    ] {
        let (got, headers) = answer(&server, scope(needed), fields).await;
        assert_eq!(got, status, "App ID: {name}");
        all.push(checked("App ID", name, got, &headers, &expected));
    }
    all
}

async fn mobile_client_access_challenges(key: &SigningKey, keys: &KeySet) -> Vec<Value> {
    let settings = mobile_client_access::server("tenant").server_url("https://mca.test/imf-authserver");
    let server = settings.keys(keys.clone()).into_builder();
    let server = server.clock(ManualClock::new(UnixTime::from_secs(NOW))).build().unwrap();
    let claims = json!({
        "exp": NOW + 3600, "aud": "tenant", "iss": "https://mca.test/imf-authserver/authorization/",
        "prn": "client",
    });
    let modulus = &key.public_jwk().unwrap()["n"];
    let header = json!({"alg": "RS256", "jpk": {"alg": "RSA", "exp": "AQAB", "mod": modulus}});
    let token = key.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap();
    let good = format!("Bearer {token}");
    let says = |error: Option<&str>, scope| Expected {
        schemes: vec!["Bearer"],
        error: error.map(str::to_owned),
        scope,
        realm: REALM,
        ..Expected::default()
    };
    let mut all = Vec::new();
    for (name, needed, fields, status, expected) in [
        ("no credentials", "", &[][..], 401, says(None, None)),
        ("no credentials, scopes", "read", &[], 401, says(None, Some("read"))),
        ("a bad token", "", &["Bearer x"], 401, says(Some("invalid_token"), None)),
        ("a malformed field", "", &["Bearer"], 400, Expected::default()),
        ("scopes are lacking", "read", &[&*good], 401, says(Some("insufficient_scope"), Some("read"))),
    ] {
        let needed = Requirement::scopes(needed).unwrap();
        let (got, headers) = answer(&server, needed, fields).await;
        assert_eq!(got, status, "Mobile Client Access: {name}");
        all.push(checked("Mobile Client Access", name, got, &headers, &expected));
    }
    all
}

/// Layer's clients read the body: there is no challenge, and none is to be found.
async fn layer_answers(keys: &KeySet) -> Vec<Value> {
    let key = keys.iter().next().unwrap().clone();
    let server = layer::server(layer::Provider::new("p").key("k", key)).build().unwrap();
    let mut all = Vec::new();
    for (name, fields, status) in [
        ("no credentials", &[][..], 401),
        ("a bad token", &["Bearer x"], 422),
        ("a malformed field", &["Bearer"], 400),
    ] {
        let (got, headers) = answer(&server, Requirement::any_token(), fields).await;
        assert_eq!(got, status, "Layer: {name}");
        all.push(checked("Layer", name, got, &headers, &Expected::default()));
    }
    all
}
