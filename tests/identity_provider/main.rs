//! The custom identity provider as its callers meet it: the contract word for word here, hostile and
//! broken `bodies`, and both `halves` together, behind a layer of our own too.
#![cfg(all(feature = "identity-provider", feature = "test-util", feature = "axum"))]
#![allow(clippy::unwrap_used)] // also in the helpers of tests

mod bodies;
mod halves;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_resource_server::{
    identity_provider::{
        Challenge, HandleChallengeAnswer, IdentityProvider, IdentityProviderService, Outcome,
        StartAuthorization, States, UserIdentity,
    },
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
        let Some(step) = request.state_id().and_then(|id| self.states.take(id)) else {
            return match (text("username"), text("password")) {
                (Some(user @ "bob"), Some("abcd1234")) => {
                    self.ask_pin(PinStep { user: user.to_owned(), tries_left: 3 })
                }
                _ => Outcome::Failure,
            };
        };
        match (step, text("pin")) {
            (step, Some("1234")) => UserIdentity::new(step.user, "Bob Smith").into(),
            (PinStep { user, tries_left: tries @ 2.. }, _) => {
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

    // In the web flow an OAuth `state` comes along where nothing was given out yet.
    let mut password = password();
    password["stateId"] = json!("OAuth state");
    let pin = post(&service, ANSWER, &password).await;
    assert_eq!((&pin["status"], &pin["challenge"]["retriesLeft"]), (&json!("challenge"), &json!(3)));
    let success = post(&service, ANSWER, &answer(Some(&pin["stateId"]), json!({"pin": "1234"}))).await;
    let bob = json!({"userName": "bob", "displayName": "Bob Smith", "attributes": {}});
    assert_eq!(success, json!({"status": "success", "userIdentity": bob}));

    let known = post(&service, START, &json!({"headers": {"X-Known-As": "eve"}})).await;
    assert_eq!((&known["status"], &known["userIdentity"]["userName"]), (&json!("success"), &json!("eve")));
    // A provider that names no user makes a failure of it.
    let unnamed = post(&service, START, &json!({"headers": {"X-Known-As": ""}})).await;
    assert_eq!(unnamed, json!({"status": "failure"}));
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
    assert_eq!(post(&service, ANSWER, &password()).await["status"], "challenge", "there is space again");
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
    // A base URL that ends in a slash, and a query that no one asked for.
    for path in ["/v1//apps/T/bridge/startAuthorization", "/v1/apps/T/bridge/startAuthorization?a=b"] {
        let (response, _) = send(&service, Method::POST, path, good.clone()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}
