//! IBM Mobile Client Access: each row of its tables, offline. The vendor's own package is asked in
//! `tests/interop/mca`.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod context;
#[cfg(feature = "remote")]
mod key;
mod legacy;
mod pairs;
mod requests;
mod settings;
mod tokens;

use std::{convert::Infallible, sync::LazyLock};

use base64_simd::URL_SAFE_NO_PAD;
use http::{Request, Response, header::AUTHORIZATION, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};
use tower_resource_server::{
    Identity, ResourceServer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    middleware::AuthLayer,
    policy::{Requirement, scope},
    preset,
    preset::mobile_client_access::{MobileClientAccess, SecurityContext},
    test_util::ManualClock,
    time::UnixTime,
};

const TENANT: &str = "6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61";
const SERVER: &str = "https://mca.example/imf-authserver";
const ISSUER: &str = "https://mca.example/imf-authserver/authorization/";
const CLIENT: &str = "6380d1fc-0d5f-4bd4-97a6-5f2b9b8a7c11";

/// The fixed time of all tests here, in seconds.
const NOW: u64 = 1_700_000_000;

/// RSA keys take a while to make.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());

/// The public key as the service publishes it: one bare JWK, its modulus with a zero byte in front.
fn published(key: &SigningKey) -> String {
    let jwk = key.public_jwk().unwrap();
    let mut modulus = vec![0];
    modulus.extend(URL_SAFE_NO_PAD.decode_to_vec(jwk["n"].as_str().unwrap()).unwrap());
    json!({"n": URL_SAFE_NO_PAD.encode_to_string(modulus), "e": jwk["e"], "kty": "RSA"}).to_string()
}

/// The header of the service's tokens, which carry their key as an object.
fn header() -> Value {
    json!({"alg": "RS256", "jpk": {"alg": "RSA", "exp": "AQAB", "mod": KEY.public_jwk().unwrap()["n"]}})
}

fn access() -> Value {
    json!({"exp": NOW + 3600, "aud": TENANT, "iss": ISSUER, "prn": CLIENT})
}

fn id() -> Value {
    json!({
        "exp": NOW + 3600,
        "sub": format!("alice:{CLIENT}"),
        "imf.application": {"id": "org.example.app", "version": "1.0"},
        "imf.user": {
            "id": "alice",
            "authBy": "myRealm",
            "displayName": "Alice",
            "attributes": {"age": 30, "of": ["a", {"b": null}]}
        },
        "aud": TENANT,
        "iss": ISSUER,
        "iat": NOW,
        "imf.device": {"id": "d-1", "platform": "android", "model": "m", "osVersion": "14"}
    })
}

/// RFC 7396 for the members of one object: null takes a member away.
fn patched(value: &Value, patch: &Value) -> Value {
    let mut value = value.clone();
    let members = value.as_object_mut().unwrap();
    for (name, new) in patch.as_object().unwrap() {
        match new {
            Value::Null => members.remove(name),
            new => members.insert(name.clone(), new.clone()),
        };
    }
    value
}

/// A token as the service writes it, slashes escaped.
fn sign(claims: &Value) -> String {
    sign_with(&KEY, &header(), claims)
}

fn sign_with(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let payload = claims.to_string().replace('/', r"\/");
    assert!(payload.contains(r"\/"), "the issuer's name has slashes");
    key.sign_raw(&header.to_string(), payload.as_bytes()).unwrap()
}

fn settings() -> MobileClientAccess {
    let keys = KeySet::from_jwks(published(&KEY).as_bytes()).unwrap();
    preset::mobile_client_access::server(TENANT).server_url(SERVER).keys(keys)
}

fn clock() -> ManualClock {
    ManualClock::new(UnixTime::from_secs(NOW))
}

fn server(settings: MobileClientAccess) -> ResourceServer {
    settings.into_builder().clock(clock()).build().unwrap()
}

/// An answer: the status, the challenge, and the context behind the layer.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    challenge: Option<String>,
    context: Option<Value>,
}

impl Answer {
    fn good(context: Value) -> Self {
        Self { status: 200, challenge: None, context: Some(context) }
    }

    fn refused(status: u16, challenge: Option<&str>) -> Self {
        Self { status, challenge: challenge.map(str::to_owned), context: None }
    }

    fn invalid_token() -> Self {
        Self::refused(401, Some(r#"Bearer realm="imfAuthentication", error="invalid_token""#))
    }
}

/// What a service behind the layer makes of a request with these `Authorization` fields.
async fn ask(api: &ResourceServer, fields: &[&str], required: &str) -> Answer {
    let required = if required.is_empty() { Requirement::any_token() } else { scope(required) };
    ask_layer(api.layer().requirements(required), fields).await
}

async fn ask_layer(layer: AuthLayer, fields: &[&str]) -> Answer {
    let service = service_fn(async |request: Request<()>| {
        let who: &Identity = request.extensions().get().unwrap();
        let context: SecurityContext = who.context().unwrap();
        Ok::<_, Infallible>(Response::new(serde_json::to_string(&context).unwrap()))
    });
    let mut request = Request::new(());
    for field in fields {
        request.headers_mut().append(AUTHORIZATION, field.parse().unwrap());
    }
    let response = tower::Layer::layer(&layer, service).oneshot(request).await.unwrap();
    let mut challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let challenge = challenges.next().map(|value| value.to_str().unwrap().to_owned());
    assert!(challenges.next().is_none());
    Answer {
        status: response.status().as_u16(),
        challenge,
        context: serde_json::from_str(response.body()).ok(),
    }
}

/// What becomes of an access token alone: good, or the code of the reason against it.
async fn verdict(api: &ResourceServer, token: &str) -> Result<(), &'static str> {
    let verdict = api.verify_access_token(token).await;
    verdict.map(drop).map_err(|refusal| refusal.reason().code())
}

/// The same of an access token with an ID token behind it.
async fn verdict_of_pair(api: &ResourceServer, access: &str, id: &str) -> Result<(), &'static str> {
    let request = Request::builder().header(AUTHORIZATION, format!("Bearer {access} {id}")).body(()).unwrap();
    let verdict = api.authenticate(&request.into_parts().0).await;
    verdict.map(drop).map_err(|refusal| refusal.reason().code())
}
