//! The client half against the service, and a layer in between.

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};
use tower::ServiceExt;
use tower_resource_server::{
    Authentication, ResourceServer, TrustedIssuer,
    identity_provider::{
        Challenge, ExchangeError, HandleChallengeAnswer, IdentityProvider, IdentityProviderClient,
        IdentityProviderService, Outcome, StartAuthorization, UserIdentity,
    },
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    net::{self, HttpClient, HttpError, HttpFuture, Limits},
};

use super::{Bank, service};

/// Brings a client's questions to a service in this process, whatever stands in front of it.
#[derive(Clone)]
struct InProcess(Router);

impl HttpClient for InProcess {
    fn send(&self, request: Request<net::Body>, _: Limits) -> HttpFuture<'_> {
        let request = request.map(|body| Body::from(body.into_bytes()));
        let response = self.0.clone().oneshot(request);
        Box::pin(async move {
            let (head, body) = response.await.unwrap_or_else(|never| match never {}).into_parts();
            let body = body.collect().await.map_err(|_| HttpError::Broken)?.to_bytes();
            Ok(Response::from_parts(head, body.into()))
        })
    }
}

fn client(router: Router) -> IdentityProviderClient {
    IdentityProviderClient::builder("https://cip.example/v1", "T", "bridge", InProcess(router))
        .build()
        .unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn both_halves_speak_to_each_other() {
    let client = client(Router::new().fallback_service(service(&Bank::new())));
    let headers = HeaderMap::new();
    let mut answers = vec![
        object(json!({"pin": "1234"})),
        object(json!({"pin": "0000"})),
        object(json!({"username": "bob", "password": "abcd1234"})),
    ];
    let mut outcome = client.start(&headers).await.unwrap();
    while let Outcome::Challenge(challenge) = &outcome {
        outcome = client.answer(&headers, challenge, &answers.pop().unwrap()).await.unwrap();
    }
    let Outcome::Success(user) = outcome else { panic!("{outcome:?}") };
    assert_eq!((user.user_name(), user.display_name()), ("bob", "Bob Smith"));
}

/// Says whom the layer in front of it let through.
struct Doorman;

impl IdentityProvider for Doorman {
    async fn start(&self, request: StartAuthorization) -> Outcome {
        match Authentication::of(&request.request().extensions) {
            Some(Authentication::Verified(service)) => UserIdentity::new("bob", "Bob")
                .map(|bob| bob.with_attribute("service", service.subject()))
                .into(),
            _ => Outcome::Failure,
        }
    }

    async fn answer(&self, _: HandleChallengeAnswer) -> Outcome {
        Outcome::Failure
    }
}

#[tokio::test]
async fn the_provider_is_a_resource_server_itself() {
    let issuer = TokenIssuer::builder("https://mca.example")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap())
        .build()
        .unwrap();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let api = ResourceServer::builder("https://cip.example")
        .issuer(TrustedIssuer::with_keys(
            issuer.issuer(),
            keys,
            tower_resource_server::profile::TokenProfile::jwt(),
        ))
        .build()
        .unwrap();
    let doorman: IdentityProviderService<_, Body> =
        IdentityProviderService::builder(Doorman, "T", "bridge").base_path("/v1").build().unwrap();
    let client = client(Router::new().fallback_service(doorman).layer(api.layer()));
    let headers = HeaderMap::new();

    let token = |audience: &str| {
        let token = issuer.access_token("mca").client_id("mca").audience(audience).mint().unwrap();
        HeaderValue::try_from(format!("Bearer {token}")).unwrap()
    };
    let refused = Err(ExchangeError::Status(StatusCode::UNAUTHORIZED));
    assert_eq!(client.start(&headers).await, refused, "no token");
    let foreign = client.with_authorization(token("https://other.example"));
    assert_eq!(foreign.start(&headers).await, refused, "a token for somebody else");
    let outcome = client.with_authorization(token("https://cip.example")).start(&headers).await.unwrap();
    let Outcome::Success(user) = outcome else { panic!("{outcome:?}") };
    assert_eq!(user.attributes()["service"], "mca");
}

#[test]
fn settings_and_what_debug_shows() {
    let build = |tenant: &str, realm: &str| {
        let built = IdentityProviderService::builder(Doorman, tenant, realm).build::<Full<Bytes>>();
        built.map(drop).map_err(|error| error.problems().len())
    };
    for (tenant, realm, expected) in
        [("T", "bridge", Ok(())), ("", "bridge", Err(1)), ("T", "..", Err(1)), ("\n", "", Err(2))]
    {
        assert_eq!(build(tenant, realm), expected, "{tenant:?} {realm:?}");
    }
    let challenge = Challenge::new().with("hint", "my dog").with_state_id("secret");
    assert_eq!(format!("{challenge:?}"), "Challenge { .. }");
}
