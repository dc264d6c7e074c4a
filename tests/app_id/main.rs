//! The preset for IBM Cloud App ID, with tokens shaped like its own: what is taken, what is refused,
//! and how. `tests/interop/app-id` holds the same against the vendor's SDK.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "no crate imports a test")]

mod answers;
mod config;
mod context;
mod pairs;
mod tokens;

use std::{sync::LazyLock, time::Duration};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use serde_json::{Value, json};
use tower_resource_server::{
    Authentication, Identity, ResourceServer,
    http::Rejection,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    preset,
    preset::app_id::AppId,
    test_util::{ManualClock, TestIssuer},
};

const TENANT: &str = "39a37f57-a227-4bfe-a044-93b6e6050a61";
const SERVER: &str = "https://us-south.appid.cloud.ibm.com/oauth/v4/39a37f57-a227-4bfe-a044-93b6e6050a61";
const CLIENT: &str = "968c2306-9aef-4109-bc06-4f5ed6a1c24a";
const KID: &str = "appId-39a37f57-a227-4bfe-a044-93b6e6050a61-2018-08-02T11:57:43.401";
const NOW: u64 = 1_700_000_000;

/// RSA keys take a while to make.
static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap().with_kid(KID));

/// The keys as App ID publishes them: no `alg`.
fn keys() -> KeySet {
    let mut jwks = TestIssuer::builder().signing_key(RSA.clone()).build().jwks();
    let key = jwks["keys"][0].as_object_mut().unwrap();
    key.remove("alg");
    key.insert("use".into(), "sig".into());
    KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap()
}

fn settings() -> AppId {
    preset::app_id::server("us-south", TENANT).keys(keys())
}

fn built(settings: AppId) -> ResourceServer {
    settings.into_builder().clock(ManualClock::default()).build().unwrap()
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": KID, "ver": 4})
}

/// The claims of the access token in the vendor's documents.
fn access() -> Value {
    json!({
        "iss": SERVER, "exp": NOW + 3600, "aud": [CLIENT], "sub": "alice", "email_verified": true,
        "amr": ["cloud_directory"], "iat": NOW, "tenant": TENANT,
        "scope": "openid appid_default appid_readprofile read write",
    })
}

/// The claims of the ID token in the vendor's documents.
fn id() -> Value {
    json!({
        "iss": SERVER, "aud": [CLIENT], "exp": NOW + 3600, "tenant": TENANT, "iat": NOW,
        "email": "alice@example.com", "name": "Alice", "sub": "alice", "email_verified": true,
        "identities": [{"provider": "cloud_directory", "id": "5d92f4ba"}], "amr": ["cloud_directory"],
    })
}

/// RFC 7396 for flat objects: null takes a member away.
fn patched(value: Value, patch: Value) -> Value {
    let (Value::Object(mut members), Value::Object(patch)) = (value, patch) else { panic!("objects") };
    for (name, new) in patch {
        match new {
            Value::Null => members.remove(&name),
            new => members.insert(name, new),
        };
    }
    Value::Object(members)
}

fn sign(header: &Value, claims: &Value) -> String {
    RSA.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap()
}

fn access_with(patch: Value) -> String {
    sign(&header(), &patched(access(), patch))
}

fn id_with(patch: Value) -> String {
    sign(&header(), &patched(id(), patch))
}

/// What becomes of a request with these `Authorization` fields.
async fn ask(api: &ResourceServer, fields: &[&str]) -> Result<Identity, Rejection> {
    let mut request = Request::new(());
    for field in fields {
        request.headers_mut().append(AUTHORIZATION, HeaderValue::from_bytes(field.as_bytes()).unwrap());
    }
    match api.authenticate(&request.into_parts().0).await? {
        Authentication::Verified(identity) => Ok(identity),
        Authentication::Anonymous => panic!("anonymous"),
    }
}

/// The code of the reason against a pair, or against an access token by itself.
async fn verdict(api: &ResourceServer, access: &str, id: Option<&str>) -> Option<&'static str> {
    let field = id.map_or_else(|| format!("Bearer {access}"), |id| format!("Bearer {access} {id}"));
    ask(api, &[&field]).await.err().map(|refusal| refusal.reason().code())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
