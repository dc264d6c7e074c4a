//! What is no token and is read all the same: key sets, metadata, settings, and the bodies between an
//! authorization service and its identity provider.

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    identity_provider::{
        Challenge, ExchangeError, HandleChallengeAnswer, IdentityProvider, IdentityProviderClient,
        IdentityProviderService, Outcome, StartAuthorization,
    },
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeyError, KeySet},
    net::{Body, HttpClient, HttpFuture, Limits},
    preset::{VcapError, app_id::AppId, mobile_client_access::MobileClientAccess},
};

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

#[test]
fn a_key_is_what_its_members_say() {
    const MALFORMED: Result<Option<&str>, KeyError> = Err(KeyError::MalformedJwk);
    for (name, members, expected) in [
        ("a name", r#""kid":"a""#, Ok(Some("a"))),
        ("a name in a raw value", r#""kid":{"$serde_json::private::RawValue":"\"a\""}"#, MALFORMED),
        ("a name in a number", r#""kid":{"$serde_json::private::Number":"1"}"#, MALFORMED),
        ("a name that is a number", r#""kid":1.5"#, MALFORMED),
        (
            "operations in a raw value",
            r#""key_ops":{"$serde_json::private::RawValue":"[\"verify\"]"}"#,
            MALFORMED,
        ),
        ("a use in a raw value", r#""use":{"$serde_json::private::RawValue":"\"sig\""}"#, MALFORMED),
        (
            "a secret in a raw value",
            r#""d":{"$serde_json::private::RawValue":"null"}"#,
            Err(KeyError::PrivateMaterial),
        ),
        (
            "a member that is not known",
            r#""z":{"$serde_json::private::RawValue":"not json"},"kid":"a""#,
            Ok(Some("a")),
        ),
        ("a huge number that is not read", r#""z":[1e400],"kid":"a""#, Ok(Some("a"))),
        ("a name twice", r#""kid":"a","\u006bid":"a""#, MALFORMED),
    ] {
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}",{members}}}"#);
        let good = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"good"}"#;
        // Not as numbers of a key, and not as an entry, does a number cost more than itself.
        let keys = KeySet::from_jwks(format!(r#"{{"keys":[1.5,{good},{jwk}]}}"#).as_bytes()).unwrap();
        let read = match keys.skipped() {
            [KeyError::MalformedJwk] => Ok(keys.iter().last().and_then(|key| key.kid().map(str::to_owned))),
            [KeyError::MalformedJwk, why] => Err(why.clone()),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(read, expected.map(|kid| kid.map(str::to_owned)), "{name}");
    }
}

/// Serves one metadata document and one key set, and says for what it was asked.
struct Provider {
    metadata: String,
    keys: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Provider {
    fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let url = request.uri().to_string();
        let document = if url.ends_with("/openid-configuration") { &self.metadata } else { &self.keys };
        self.asked.lock().unwrap().push(url);
        Box::pin(ready(Ok(Response::new(document.clone().into()))))
    }
}

#[tokio::test]
async fn metadata_says_what_its_members_say() {
    const ISSUER: &str = "https://idp.test";
    const API: &str = "https://api.test";
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let issuer = TokenIssuer::builder(ISSUER).signing_key(key.clone()).build().unwrap();
    let token = issuer.access_token("alice").client_id("web").audience(API).mint().unwrap();
    for (name, members, asked) in [
        ("good", r#""jwks_uri":"https://idp.test/keys""#, Some("https://idp.test/keys")),
        (
            "odd members beside it",
            r#""jwks_uri":"https://idp.test/keys","x":{"$serde_json::private::RawValue":"{"},"y":1e400,"y":2"#,
            Some("https://idp.test/keys"),
        ),
        (
            "an address in a raw value",
            r#""jwks_uri":{"$serde_json::private::RawValue":"\"https://idp.test/keys\""}"#,
            None,
        ),
        ("an address in a number", r#""jwks_uri":{"$serde_json::private::Number":"1"}"#, None),
        ("two addresses", r#""jwks_uri":"https://idp.test/keys","jwks_uri":"https://idp.test/other""#, None),
        (
            "algorithms in a raw value",
            r#""jwks_uri":"https://idp.test/keys","id_token_signing_alg_values_supported":{"$serde_json::private::RawValue":"[\"RS256\"]"}"#,
            Some("https://idp.test/keys"),
        ),
    ] {
        let addresses = Arc::new(Mutex::new(Vec::new()));
        let provider = Provider {
            metadata: format!(r#"{{"issuer":"{ISSUER}",{members}}}"#),
            keys: json!({"keys": [key.public_jwk()]}).to_string(),
            asked: Arc::clone(&addresses),
        };
        let api = ResourceServer::builder(API)
            .issuer(
                TrustedIssuer::discover(ISSUER, tower_resource_server::profile::TokenProfile::jwt())
                    .http_client(provider),
            )
            .build()
            .unwrap();
        let verified = api.verify_access_token(&token).await;
        assert_eq!(verified.is_ok(), asked.is_some(), "{name}");
        let addresses = addresses.lock().unwrap();
        let of_keys = addresses.iter().find(|address| !address.contains("/.well-known/"));
        assert_eq!(of_keys.map(String::as_str), asked, "{name}");
    }
}

#[test]
fn settings_say_what_their_members_say() {
    let service = |members: &str| {
        format!(r#"{{"AppID":[{{"credentials":{{{members},"serverUrl":"https://mca.test"}}}}]}}"#)
    };
    for (name, members, expected) in [
        ("good", r#""tenantId":"t""#, None),
        (
            "odd members beside it",
            r#""tenantId":"t","x":{"$serde_json::private::RawValue":"{"},"y":1e400"#,
            None,
        ),
        (
            "a tenant in a raw value",
            r#""tenantId":{"$serde_json::private::RawValue":"\"t\""}"#,
            Some("tenantId"),
        ),
        ("a tenant in a number", r#""tenantId":{"$serde_json::private::Number":"1"}"#, Some("tenantId")),
    ] {
        let read = MobileClientAccess::from_vcap_services(&service(members)).err();
        assert_eq!(read, expected.map(VcapError::MissingCredential), "{name}");
    }
    for (version, expected) in [
        ("4", None),
        (r#""4""#, None),
        ("4.5", Some("version")),
        (r#"{"$serde_json::private::Number":"4"}"#, Some("version")),
        (r#"{"$serde_json::private::RawValue":"4"}"#, Some("version")),
    ] {
        let members =
            format!(r#""tenantId":"t","appidServiceEndpoint":"https://appid.test","version":{version}"#);
        let read = AppId::from_vcap_services(&service(&members)).err();
        assert_eq!(read, expected.map(VcapError::MissingCredential), "{version}");
    }
}

/// What the other side puts into a body, and whether it may be there.
fn contents() -> Vec<(&'static str, String, Option<Value>)> {
    let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    vec![
        ("anything", r#"{"a":[1.5,{"$ref":null}]}"#.into(), Some(json!({"a": [1.5, {"$ref": null}]}))),
        ("a raw value", r#"{"a":{"$serde_json::private::RawValue":"{\"role\":\"admin\"}"}}"#.into(), None),
        ("a raw value, escaped", r#"{"a":{"\u0024serde_json::private::RawValue":"1"}}"#.into(), None),
        ("a raw value of it all", r#"{"$serde_json::private::RawValue":"{}"}"#.into(), None),
        ("a number", r#"{"a":{"$serde_json::private::Number":"1"}}"#.into(), None),
        ("a huge number", r#"{"a":1e400}"#.into(), None),
        ("a member twice", r#"{"a":1,"a":2}"#.into(), None),
        ("110 levels", deep(110), None),
    ]
}

/// An identity provider that answers with one body.
struct Says(String);

impl HttpClient for Says {
    fn send(&self, _: Request<Body>, _: Limits) -> HttpFuture<'_> {
        Box::pin(ready(Ok(Response::new(self.0.clone().into()))))
    }
}

#[tokio::test]
async fn an_identity_provider_says_what_its_members_say() {
    for (name, content, expected) in contents() {
        let user = format!(
            r#"{{"status":"success","userIdentity":{{"userName":"b","displayName":"B","attributes":{content}}}}}"#
        );
        let challenge = format!(r#"{{"status":"challenge","challenge":{content}}}"#);
        for body in [user, challenge] {
            let client = IdentityProviderClient::builder("https://cip.test", "T", "bridge", Says(body));
            let outcome = client.build().unwrap().start(&HeaderMap::new()).await;
            let read = outcome.map(|outcome| match outcome {
                Outcome::Success(user) => Value::Object(user.attributes().clone()),
                Outcome::Challenge(challenge) => Value::Object(challenge.content().clone()),
                Outcome::Failure => Value::Null,
            });
            assert_eq!(read, expected.clone().ok_or(ExchangeError::Malformed), "{name}");
        }
    }
}

/// Asks on with what it was answered.
#[derive(Clone)]
struct Echo;

impl IdentityProvider for Echo {
    async fn start(&self, _: StartAuthorization) -> Outcome {
        Outcome::Failure
    }

    async fn answer(&self, request: HandleChallengeAnswer) -> Outcome {
        Challenge::new().with("answer", request.answer().clone()).into()
    }
}

#[tokio::test]
async fn an_identity_provider_reads_what_its_caller_wrote() {
    let service: IdentityProviderService<_, Full<Bytes>> =
        IdentityProviderService::builder(Echo, "T", "bridge").build().unwrap();
    for (name, content, expected) in contents() {
        let body = format!(r#"{{"headers":{{}},"challengeAnswer":{content}}}"#);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/apps/T/bridge/handleChallengeAnswer")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let expected = match expected {
            Some(_) => StatusCode::OK,
            None => StatusCode::BAD_REQUEST,
        };
        assert_eq!(response.status(), expected, "{name}");
    }
}
