//! The flow of the example `mobile_client_access`, between the same parties on loopback: what it
//! shows, and what happens when a step goes wrong.
#![cfg(all(feature = "axum", feature = "identity-provider", feature = "remote", feature = "test-util"))]
#![allow(clippy::unwrap_used)] // also in the helpers of tests
#![allow(dead_code, reason = "the example uses what the tests do not")]

#[path = "../examples/mobile_client_access/authorization_service.rs"]
mod authorization_service;
#[path = "../examples/mobile_client_access/back_end.rs"]
mod back_end;
#[path = "../examples/mobile_client_access/bank.rs"]
mod bank;
#[path = "../examples/mobile_client_access/client.rs"]
mod client;
#[path = "../examples/mobile_client_access/person.rs"]
mod person;
#[path = "../examples/mobile_client_access/site.rs"]
mod site;
#[path = "../examples/mobile_client_access/tokens.rs"]
mod tokens;
#[path = "../examples/mobile_client_access/transcript.rs"]
mod transcript;

use std::{collections::HashMap, time::Duration};

use http::{StatusCode, header};
use serde_json::{Map, Value, json};
use tower_resource_server::{identity_provider::States, test_util::ManualClock};
use url::{Url, form_urlencoded};

use crate::{
    bank::Bank,
    client::{AuthenticationDelegate, MobileClient},
    person::Person,
    site::{REALM, Site, TENANT},
    transcript::Transcript,
};

async fn site() -> (Site, Transcript) {
    let transcript = Transcript::default();
    (Site::start(Bank::new(), &transcript).await.unwrap(), transcript)
}

async fn client(site: &Site, transcript: &Transcript, delegate: impl AuthenticationDelegate) -> MobileClient {
    let client = MobileClient::new(&site.server_url, transcript).unwrap();
    client.on_challenge(REALM, delegate).await;
    client
}

async fn accounts(site: &Site, client: &MobileClient) -> (StatusCode, Value) {
    client.get(&format!("{}/accounts", site.back_end)).await.unwrap()
}

fn bob(pins: &[&'static str]) -> Person {
    Person::new("bob.smith", "abcd1234", pins)
}

/// How many messages have this in them.
fn count(transcript: &Transcript, what: &str) -> usize {
    transcript.steps().iter().filter(|step| step.contains(what)).count()
}

#[tokio::test]
async fn the_conversation_of_the_guide() {
    let (site, transcript) = site().await;
    let client = client(&site, &transcript, bob(&["9999", "1234"])).await;
    let (status, body) = accounts(&site, &client).await;
    assert_eq!(
        (status, &body["owner"], &body["account"]),
        (StatusCode::OK, &json!("Bob Smith"), &json!(12345))
    );
    let context = body["context"].as_object().unwrap();
    assert_eq!(context.keys().collect::<Vec<_>>(), ["imf.application", "imf.device", "imf.sub", "imf.user"]);
    let user = json!({
        "id": "bob.smith", "authBy": REALM, "displayName": "Bob Smith", "attributes": {"accountNumber": 12345}
    });
    assert_eq!(context["imf.user"], user);

    // Who said what to whom, in this order; keys are fetched in between.
    let steps = transcript.steps();
    let mut steps = steps.iter().filter(|step| !step.contains("/publickey"));
    for (from, to, what) in [
        ("client", "back end", "GET /accounts"),
        ("back end", "client", r#"401, Bearer realm="imfAuthentication", scope="bankRealm""#),
        ("client", "authorization service", "POST /clients/instance"),
        ("authorization service", "client", "200, clientId"),
        ("client", "authorization service", "GET /authorization?scope=bankRealm"),
        ("authorization service", "identity provider", "POST /startAuthorization"),
        ("identity provider", "authorization service", r#"challenge {"ask":"password""#),
        ("authorization service", "client", "401, WL-Composite-Challenge, bankRealm"),
        ("client", "authorization service", "with the answer"),
        ("authorization service", "identity provider", "POST /handleChallengeAnswer"),
        ("identity provider", "authorization service", r#""retriesLeft":3}, stateId"#),
        ("authorization service", "client", "401, WL-Composite-Challenge, bankRealm"),
        ("client", "authorization service", "with the answer"),
        ("authorization service", "identity provider", "POST /handleChallengeAnswer, stateId"),
        ("identity provider", "authorization service", r#""retriesLeft":2}, stateId"#),
        ("authorization service", "client", "401, WL-Composite-Challenge, bankRealm"),
        ("client", "authorization service", "with the answer"),
        ("authorization service", "identity provider", "POST /handleChallengeAnswer, stateId"),
        ("identity provider", "authorization service", "success"),
        ("authorization service", "client", "302, code"),
        ("client", "authorization service", "POST /token, code"),
        ("authorization service", "client", "200, an access token and an ID token"),
        ("client", "back end", "GET /accounts, Bearer …"),
        ("back end", "client", "200"),
    ] {
        let step = steps.next().unwrap();
        assert!(step.contains(&format!("{from} → {to} ")) && step.contains(what), "{step} is not {what}");
    }
    assert_eq!(steps.next(), None);

    // From now on the tokens are sent at once.
    let before = transcript.steps().len();
    assert_eq!(accounts(&site, &client).await.0, StatusCode::OK);
    assert_eq!(transcript.steps().len(), before + 2);
}

#[tokio::test]
async fn three_wrong_pins_end_a_login_and_the_fourth_is_not_asked_for() {
    let (site, transcript) = site().await;
    let guesser = client(&site, &transcript, bob(&["0000", "1111", "2222", "1234"])).await;
    let (status, body) = accounts(&site, &guesser).await;
    assert_eq!((status, body), (StatusCode::UNAUTHORIZED, Value::Null));
    for (what, times) in
        [("retriesLeft\":3", 2), ("retriesLeft\":2", 2), ("retriesLeft\":1", 2), ("/token", 0)]
    {
        assert_eq!(count(&transcript, what), times, "{what}");
    }
    assert_eq!(count(&transcript, "→ authorization service  failure"), 1);
    assert_eq!(count(&transcript, "302, wl_result {\"WL-Authentication-Failure\""), 1);
    // A login from the beginning is another one.
    let himself = client(&site, &transcript, bob(&["1234"])).await;
    assert_eq!(accounts(&site, &himself).await.0, StatusCode::OK);
}

#[tokio::test]
async fn who_does_not_know_the_password_is_not_asked_for_a_pin() {
    let (site, transcript) = site().await;
    for (user_name, password) in [
        ("bob.smith", "abcd12345"),
        ("unknown", "abcd1234"),
        ("__proto__", ""),
        ("", ""),
        ("bob.smith", "efgh5678"),
    ] {
        let client = client(&site, &transcript, Person::new(user_name, password, &["1234"])).await;
        assert_eq!(accounts(&site, &client).await.0, StatusCode::UNAUTHORIZED, "{user_name:?}");
    }
    assert_eq!(count(&transcript, "pincode"), 0);
}

/// Does something before it gives the PIN.
struct Before<F>(F, Person);

impl<F: FnMut() + Send + 'static> AuthenticationDelegate for Before<F> {
    fn answer(&mut self, challenge: &Map<String, Value>) -> Option<Map<String, Value>> {
        if challenge["ask"] == "pincode" {
            (self.0)();
        }
        self.1.answer(challenge)
    }
}

#[tokio::test]
async fn a_state_that_is_lost_between_two_steps_ends_the_login() {
    let clock = ManualClock::default();
    let states = States::new().clock(clock.clone()).lifetime(Duration::from_secs(60));
    let transcript = Transcript::default();
    let site = Site::start(Bank::with(states), &transcript).await.unwrap();
    for (away, expected) in [(59, StatusCode::OK), (60, StatusCode::UNAUTHORIZED), (0, StatusCode::OK)] {
        let clock = clock.clone();
        let slow = Before(move || clock.advance(Duration::from_secs(away)), bob(&["1234"]));
        let client = client(&site, &transcript, slow).await;
        assert_eq!(accounts(&site, &client).await.0, expected, "{away} seconds");
    }
    assert_eq!(count(&transcript, "302, wl_result {\"WL-Authentication-Failure\""), 1);
}

#[tokio::test]
async fn a_full_provider_refuses_new_logins_and_keeps_those_under_way() {
    let states = States::new().capacity(1);
    let transcript = Transcript::default();
    let site = Site::start(Bank::with(states), &transcript).await.unwrap();
    let wire = Wire::new(&site).await;
    let first = wire.step(None, None).await.session();
    let pin = wire.step(Some(&first), Some(password())).await.session();
    let other = client(&site, &transcript, bob(&["1234"])).await;
    assert_eq!(accounts(&site, &other).await.0, StatusCode::UNAUTHORIZED, "no space for its state");
    assert!(wire.step(Some(&pin), Some(json!({"pincode": "1234"}))).await.code().is_some());
    assert_eq!(accounts(&site, &other).await.0, StatusCode::OK, "there is space again");
}

#[tokio::test]
async fn of_many_requests_that_meet_a_401_one_logs_in() {
    let (site, transcript) = site().await;
    let client = client(&site, &transcript, bob(&["1234"])).await;
    let (a, b, c) =
        tokio::join!(accounts(&site, &client), accounts(&site, &client), accounts(&site, &client));
    assert_eq!([a.0, b.0, c.0], [StatusCode::OK; 3]);
    assert_eq!(count(&transcript, "POST /token"), 1);
}

/// The legs of a login one by one, for who does not keep to the order.
struct Wire {
    http: reqwest::Client,
    app: String,
    client_id: String,
}

struct Answer {
    status: StatusCode,
    session: Option<String>,
    said: HashMap<String, String>,
}

impl Answer {
    fn session(self) -> String {
        assert_eq!(self.status, StatusCode::UNAUTHORIZED);
        self.session.unwrap()
    }

    fn code(&self) -> Option<&str> {
        assert_eq!(self.status, StatusCode::FOUND);
        self.said.get("code").map(String::as_str)
    }
}

impl Wire {
    async fn new(site: &Site) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let app = format!("{}/authorization/v1/apps/{TENANT}", site.server_url);
        let mut wire = Self { http, app, client_id: String::new() };
        wire.client_id = wire.register().await;
        wire
    }

    async fn register(&self) -> String {
        let request = self.http.post(format!("{}/clients/instance", self.app));
        let response =
            request.header(header::CONTENT_TYPE, "application/json").body("{}").send().await.unwrap();
        let said: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        said["clientId"].as_str().unwrap().to_owned()
    }

    async fn step(&self, session: Option<&str>, answer: Option<Value>) -> Answer {
        let mut url = Url::parse(&format!("{}/authorization?response_type=code", self.app)).unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", "http://localhost");
        let mut request = self.http.get(url);
        if let Some(session) = session {
            request = request.header("x-wl-session", session);
        }
        if let Some(answer) = answer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", json!({(REALM): answer})));
        }
        let response = request.send().await.unwrap();
        let text = |name: &str| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
        let said = text("location").map(|to| Url::parse(&to).unwrap().query_pairs().into_owned().collect());
        Answer { status: response.status(), session: text("x-wl-session"), said: said.unwrap_or_default() }
    }

    async fn redeem(&self, client_id: &str, code: &str) -> Result<(String, String), StatusCode> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "authorization_code"), ("redirect_uri", "http://localhost")])
            .extend_pairs([("client_id", client_id), ("code", code)])
            .finish();
        let response = self.http.post(format!("{}/token", self.app)).body(form).send().await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        let tokens: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Ok((token("access_token"), token("id_token")))
    }

    /// A whole login: both tokens.
    async fn log_in(&self, password: Value, pin: &str) -> (String, String) {
        let session = self.step(None, None).await.session();
        let session = self.step(Some(&session), Some(password)).await.session();
        let done = self.step(Some(&session), Some(json!({"pincode": pin}))).await;
        self.redeem(&self.client_id, done.code().unwrap()).await.unwrap()
    }

    async fn get(&self, site: &Site, credentials: &str) -> StatusCode {
        let request = self.http.get(format!("{}/accounts", site.back_end));
        request.header(header::AUTHORIZATION, format!("Bearer {credentials}")).send().await.unwrap().status()
    }
}

fn password() -> Value {
    json!({"username": "bob.smith", "password": "abcd1234"})
}

#[tokio::test]
async fn no_step_can_be_taken_twice_skipped_or_taken_by_another_client() {
    let (site, _) = site().await;
    let wire = Wire::new(&site).await;
    let pin = || Some(json!({"pincode": "1234"}));

    let first = wire.step(None, None).await.session();
    let second = wire.step(Some(&first), Some(password())).await.session();
    for (name, session, answer) in [
        ("a step once more", Some(first.as_str()), Some(password())),
        ("no session", None, Some(password())),
        ("a session that is none", Some("AAAAAAAAAAAAAAAAAAAAAA"), pin()),
    ] {
        assert_eq!(wire.step(session, answer).await.code(), None, "{name}");
    }
    let other = Wire::new(&site).await;
    assert_eq!(other.step(Some(&second), pin()).await.code(), None, "another client's session");
    assert_eq!(wire.step(Some(&second), pin()).await.code(), None, "which is spent by that");

    let start = wire.step(None, None).await.session();
    assert_eq!(wire.step(Some(&start), pin()).await.code(), None, "the PIN before the password");

    let start = wire.step(None, None).await.session();
    let second = wire.step(Some(&start), Some(password())).await.session();
    let done = wire.step(Some(&second), pin()).await;
    let code = done.code().unwrap();
    assert_eq!(wire.step(Some(&second), pin()).await.code(), None, "the PIN once more");
    assert!(wire.redeem(&wire.client_id, code).await.is_ok());
    assert_eq!(wire.redeem(&wire.client_id, code).await, Err(StatusCode::BAD_REQUEST), "the code once more");
    assert_eq!(wire.redeem(&wire.client_id, "").await, Err(StatusCode::BAD_REQUEST), "no code");

    let start = wire.step(None, None).await.session();
    let second = wire.step(Some(&start), Some(password())).await.session();
    let done = wire.step(Some(&second), pin()).await;
    let code = done.code().unwrap();
    assert_eq!(
        wire.redeem(&other.client_id, code).await,
        Err(StatusCode::BAD_REQUEST),
        "another client's code"
    );
    assert_eq!(
        wire.redeem(&wire.client_id, code).await,
        Err(StatusCode::BAD_REQUEST),
        "which is spent by that"
    );
}

#[tokio::test]
async fn tokens_are_good_for_their_own_place_and_as_their_own_pair() {
    let (site, _) = site().await;
    let (bobs, eves) = (Wire::new(&site).await, Wire::new(&site).await);
    let (bob_access, bob_id) = bobs.log_in(password(), "1234").await;
    let (eve_access, eve_id) =
        eves.log_in(json!({"username": "eve.jones", "password": "efgh5678"}), "5678").await;
    for (name, credentials, expected) in [
        ("Bob's pair", format!("{bob_access} {bob_id}"), StatusCode::OK),
        ("Eve's pair", format!("{eve_access} {eve_id}"), StatusCode::OK),
        ("Eve with Bob's ID token", format!("{eve_access} {bob_id}"), StatusCode::UNAUTHORIZED),
        ("the wrong way round", format!("{bob_id} {bob_access}"), StatusCode::UNAUTHORIZED),
        ("an ID token alone", bob_id.clone(), StatusCode::UNAUTHORIZED),
        ("a client without a user", bob_access.clone(), StatusCode::FORBIDDEN),
        ("three tokens", format!("{bob_access} {bob_id} {bob_id}"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(bobs.get(&site, &credentials).await, expected, "{name}");
    }

    // The identity provider listens to the authorization service only.
    for credentials in [None, Some(&bob_access)] {
        let mut request =
            bobs.http.post(format!("{}/apps/{TENANT}/{REALM}/startAuthorization", site.provider));
        if let Some(token) = credentials {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.body(r#"{"headers":{}}"#).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}
