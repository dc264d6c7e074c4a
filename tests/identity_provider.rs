//! The custom identity provider as its callers meet it: over HTTP bodies, behind a layer of our own,
//! and with state that is spent.
#![cfg(all(feature = "identity-provider", feature = "test-util", feature = "axum"))]
#![allow(clippy::unwrap_used)] // also in the helpers of tests

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};
use tower::{Service, ServiceExt};
use tower_resource_server::{
    Authentication, Issuer, ResourceServer,
    identity_provider::{
        Challenge, ExchangeError, HandleChallengeAnswer, IdentityProvider, IdentityProviderClient,
        IdentityProviderService, MAX_BODY, Outcome, Post, PostRequest, PostResponse, StartAuthorization,
        States, UserIdentity,
    },
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    source::FetchError,
    test_util::ManualClock,
};

/// User name and password, then a PIN with three tries. Counts how often it is asked.
#[derive(Clone)]
struct Bank {
    states: States<PinStep>,
    asked: Arc<AtomicUsize>,
}

struct PinStep {
    user: String,
    tries_left: u32,
}

impl Bank {
    fn new() -> Self {
        Self { states: States::new(), asked: Arc::default() }
    }

    fn ask_pin(&self, step: PinStep) -> Outcome {
        let challenge = Challenge::new().with("ask", "pin").with("retriesLeft", step.tries_left);
        match self.states.put(step) {
            Ok(id) => challenge.with_state_id(id).into(),
            Err(_) => Outcome::Failure,
        }
    }
}

impl IdentityProvider for Bank {
    async fn start(&self, request: StartAuthorization) -> Outcome {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match request.client_headers().get("x-known-as") {
            Some(name) => UserIdentity::new(name.to_str().unwrap_or_default(), "Known").into(),
            None => Challenge::new().with("ask", json!(["username", "password"])).into(),
        }
    }

    async fn answer(&self, request: HandleChallengeAnswer) -> Outcome {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let text = |name: &str| request.answer().get(name)?.as_str();
        let Some(id) = request.state_id() else {
            return match (text("username"), text("password")) {
                (Some(user @ "bob"), Some("abcd1234")) => {
                    self.ask_pin(PinStep { user: user.to_owned(), tries_left: 3 })
                }
                _ => Outcome::Failure,
            };
        };
        match (self.states.take(id), text("pin")) {
            (Some(step), Some("1234")) => UserIdentity::new(step.user, "Bob Smith").into(),
            (Some(PinStep { user, tries_left: tries @ 2.. }), _) => {
                self.ask_pin(PinStep { user, tries_left: tries - 1 })
            }
            _ => Outcome::Failure,
        }
    }
}

type BankService = IdentityProviderService<Bank, Body>;

fn service(bank: &Bank) -> BankService {
    IdentityProviderService::builder(bank.clone(), "T", "bridge").base_path("/v1").build().unwrap()
}

const START: &str = "/v1/apps/T/bridge/startAuthorization";
const ANSWER: &str = "/v1/apps/T/bridge/handleChallengeAnswer";

async fn send(
    service: &BankService,
    method: Method,
    path: &str,
    body: impl Into<Body>,
) -> (Response<()>, Bytes) {
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    let (head, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    (Response::from_parts(head, ()), body.collect().await.unwrap().to_bytes())
}

async fn post(service: &BankService, path: &str, body: &Value) -> Value {
    let (response, body) = send(service, Method::POST, path, body.to_string()).await;
    assert_eq!(response.status(), StatusCode::OK, "200 always");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    serde_json::from_slice(&body).unwrap()
}

fn answer(state_id: Option<&Value>, answer: Value) -> Value {
    let mut body = json!({"headers": {}, "challengeAnswer": answer});
    if let Some(id) = state_id {
        body["stateId"] = id.clone();
    }
    body
}

fn password() -> Value {
    answer(None, json!({"username": "bob", "password": "abcd1234"}))
}

#[tokio::test]
async fn the_contract_word_for_word() {
    let service = service(&Bank::new());
    let asked = post(&service, START, &json!({"headers": {"user-agent": "phone"}})).await;
    assert_eq!(asked, json!({"status": "challenge", "challenge": {"ask": ["username", "password"]}}));

    let pin = post(&service, ANSWER, &password()).await;
    assert_eq!((&pin["status"], &pin["challenge"]["retriesLeft"]), (&json!("challenge"), &json!(3)));
    let success = post(&service, ANSWER, &answer(Some(&pin["stateId"]), json!({"pin": "1234"}))).await;
    let bob = json!({"userName": "bob", "displayName": "Bob Smith", "attributes": {}});
    assert_eq!(success, json!({"status": "success", "userIdentity": bob}));

    let known = post(&service, START, &json!({"headers": {"X-Known-As": "eve"}})).await;
    assert_eq!((&known["status"], &known["userIdentity"]["userName"]), (&json!("success"), &json!("eve")));
    // A provider that makes nobody of a user makes a failure of it.
    let nobody = post(&service, START, &json!({"headers": {"X-Known-As": ""}})).await;
    assert_eq!(nobody, json!({"status": "failure"}));
    let wrong = post(&service, ANSWER, &answer(None, json!({"username": "__proto__"}))).await;
    assert_eq!(wrong, json!({"status": "failure"}));
}

#[tokio::test]
async fn three_tries_and_each_state_for_one_of_them() {
    let service = service(&Bank::new());
    let mut asked = post(&service, ANSWER, &password()).await;
    let first = asked["stateId"].clone();
    for left in [2, 1] {
        asked = post(&service, ANSWER, &answer(Some(&asked["stateId"]), json!({"pin": "0000"}))).await;
        assert_eq!(asked["challenge"]["retriesLeft"], left);
    }
    let last = asked["stateId"].clone();
    let failed = post(&service, ANSWER, &answer(Some(&last), json!({"pin": "9999"}))).await;
    assert_eq!(failed, json!({"status": "failure"}));
    // The right PIN comes too late, for the last state as for the first.
    for spent in [&last, &first] {
        let replayed = post(&service, ANSWER, &answer(Some(spent), json!({"pin": "1234"}))).await;
        assert_eq!(replayed, json!({"status": "failure"}));
    }
}

#[tokio::test]
async fn a_state_that_is_late_lost_or_too_many_is_a_failure() {
    let clock = ManualClock::default();
    let states = States::new().clock(clock.clone()).lifetime(Duration::from_secs(60)).capacity(2);
    let service = service(&Bank { states, ..Bank::new() });
    let pin = |id: &Value| answer(Some(id), json!({"pin": "1234"}));

    let (early, late) =
        (post(&service, ANSWER, &password()).await, post(&service, ANSWER, &password()).await);
    let full = post(&service, ANSWER, &password()).await;
    assert_eq!(full, json!({"status": "failure"}), "no third one");
    clock.advance(Duration::from_secs(59));
    assert_eq!(post(&service, ANSWER, &pin(&early["stateId"])).await["status"], "success");
    clock.advance(Duration::from_secs(1));
    for lost in [&late["stateId"], &json!(""), &json!("AAAAAAAAAAAAAAAAAAAAAA")] {
        assert_eq!(post(&service, ANSWER, &pin(lost)).await, json!({"status": "failure"}), "{lost}");
    }
    assert_eq!(post(&service, ANSWER, &password()).await["status"], "challenge", "there is room again");
}

#[tokio::test]
async fn paths_and_methods() {
    let bank = Bank::new();
    let service = service(&bank);
    let good = json!({"headers": {}}).to_string();
    for path in [
        "/v1/apps/U/bridge/startAuthorization",
        "/v1/apps/T/other/startAuthorization",
        "/apps/T/bridge/startAuthorization",
        "/v1/apps/T/bridge/",
        "/v1/apps/T/bridge/startAuthorization/more",
        "/v1/apps/T/bridge/%73tartAuthorization",
        "/",
    ] {
        let (response, body) = send(&service, Method::POST, path, good.clone()).await;
        assert_eq!((response.status(), body.len()), (StatusCode::NOT_FOUND, 0), "{path}");
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let (response, _) = send(&service, method.clone(), START, good.clone()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
    assert_eq!(bank.asked.load(Ordering::Relaxed), 0);
    // A base URL that ends in a slash, and a query that nobody asked for.
    for path in ["/v1//apps/T/bridge/startAuthorization", "/v1/apps/T/bridge/startAuthorization?a=b"] {
        let (response, _) = send(&service, Method::POST, path, good.clone()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn hostile_bodies_reach_no_provider() {
    let bank = Bank::new();
    let service = service(&bank);
    let nested = format!(r#"{{"headers":{{}},"challengeAnswer":{{"a":{}}}}}"#, "[".repeat(30_000));
    for (name, path, body) in [
        ("IBM's sample dies of this one", ANSWER, "{}".to_owned()),
        ("nothing", ANSWER, String::new()),
        ("no JSON", START, "headers=1".to_owned()),
        ("no headers", START, "{}".to_owned()),
        ("no answer", ANSWER, r#"{"headers":{}}"#.to_owned()),
        ("an answer of null", ANSWER, r#"{"headers":{},"challengeAnswer":null}"#.to_owned()),
        ("an answer in text", ANSWER, r#"{"headers":{},"challengeAnswer":"1234"}"#.to_owned()),
        ("two answers", ANSWER, r#"{"headers":{},"challengeAnswer":{},"challengeAnswer":{}}"#.to_owned()),
        ("a list", ANSWER, r#"[{},null,{}]"#.to_owned()),
        ("nested", ANSWER, nested),
    ] {
        let (response, body) = send(&service, Method::POST, path, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(&body[..], br#"{"status":"failure"}"#, "{name}");
    }
    let question = r#"{"headers":{}}"#;
    let exact = format!("{question}{}", " ".repeat(MAX_BODY - question.len()));
    for (size, body, expected) in [
        ("as much as fits", exact.clone(), StatusCode::OK),
        ("one byte more", exact + " ", StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (response, _) = send(&service, Method::POST, START, body).await;
        assert_eq!(response.status(), expected, "{size}");
    }
    assert_eq!(bank.asked.load(Ordering::Relaxed), 1);
}

/// A body of so many chunks, after which the connection breaks; or of chunks without end, so that
/// whoever reads on never ends.
struct Chunks {
    chunk: Bytes,
    left: Option<usize>,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.left {
            Some(0) => return Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Some(left) => *left -= 1,
            None => {}
        }
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}

#[tokio::test]
async fn bodies_of_unknown_length_are_read_to_the_bound_and_broken_ones_are_refused() {
    let bank = Bank::new();
    let service = service(&bank);
    let endless = Chunks { chunk: Bytes::from_static(&[b' '; 1024]), left: None };
    let (response, _) = send(&service, Method::POST, START, Body::new(endless)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let broken = Chunks { chunk: Bytes::from_static(b"{\"headers\""), left: Some(1) };
    let (response, body) = send(&service, Method::POST, START, Body::new(broken)).await;
    assert_eq!((response.status(), &body[..]), (StatusCode::BAD_REQUEST, &br#"{"status":"failure"}"#[..]));
    assert_eq!(bank.asked.load(Ordering::Relaxed), 0);
}

/// Brings a client's questions to a service in this process, whatever stands in front of it.
#[derive(Clone)]
struct InProcess(Router);

impl Post for InProcess {
    async fn post(&self, request: PostRequest) -> Result<PostResponse, FetchError> {
        let mut builder = Request::post(request.url());
        if let Some(authorization) = request.authorization() {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        let request = builder.body(Body::from(request.body().clone())).map_err(|_| FetchError::Broken)?;
        let (head, body) =
            self.0.clone().oneshot(request).await.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.map_err(|_| FetchError::Broken)?.to_bytes();
        Ok(PostResponse { status: head.status, body })
    }
}

fn client(router: Router) -> IdentityProviderClient<InProcess> {
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
        match request.request().extensions.get() {
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
        .issuer(Issuer::with_keys(issuer.issuer(), keys))
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

#[tokio::test]
async fn settings_and_what_debug_shows() {
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

#[test]
fn it_is_a_service_of_any_body_and_can_be_shared() {
    fn shared<S: Service<Request<B>, Error = Infallible> + Clone + Send + Sync + 'static, B>(_: &S)
    where
        S::Future: Send + 'static,
    {
    }
    let full: IdentityProviderService<_, Full<Bytes>> =
        IdentityProviderService::builder(Doorman, "T", "bridge").build().unwrap();
    shared::<_, Full<Bytes>>(&full);
    shared::<_, Body>(&full);
    shared::<_, Chunks>(&full);
}
