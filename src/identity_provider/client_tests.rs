use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use http::Response;
use serde_json::json;

use super::*;
use crate::{
    identity_provider::UserIdentityError,
    net::{Body, HttpError, HttpFuture},
    test_util::ManualClock,
};

/// Notes what it is asked, and says what it is told; nothing when there is nothing more to say.
#[derive(Clone, Default)]
struct Told {
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Answer = Result<Response<Body>, HttpError>;
type Asked = (Request<Body>, Limits);

impl Told {
    fn json(self, status: u16, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        self.answers.lock().unwrap().push(Ok(response));
        self
    }

    fn fails(self, error: HttpError) -> Self {
        self.answers.lock().unwrap().push(Err(error));
        self
    }

    fn client(&self) -> IdentityProviderClient {
        IdentityProviderClient::builder("https://cip.example/v1/", "T", "bridge", self.clone())
            .build()
            .unwrap()
    }

    /// The bodies that were sent.
    fn bodies(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(asked, _)| serde_json::from_slice(asked.body().as_bytes()).unwrap()).collect()
    }
}

impl HttpClient for Told {
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_> {
        self.asked.lock().unwrap().push((request, limits));
        match self.answers.lock().unwrap().pop() {
            Some(answer) => Box::pin(ready(answer)),
            None => Box::pin(pending()),
        }
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(http::header::USER_AGENT, HeaderValue::from_static("phone"))])
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn the_state_id_of_the_last_challenge_comes_back_verbatim_and_no_other() {
    let challenge =
        |state: Value| json!({"status": "challenge", "challenge": {}, "stateId": state}).to_string();
    // In the order they are said, last first.
    let told = Told::default()
        .json(200, r#"{"status":"failure"}"#)
        .json(200, challenge(Value::Null))
        .json(200, challenge(json!("%2e / \u{fc}")))
        .json(200, challenge(json!("first")));
    let client = told.client();

    let mut outcome = client.start(&headers()).await.unwrap();
    while let Outcome::Challenge(challenge) = outcome {
        outcome = client.answer(&headers(), &challenge, &object(json!({"pin": "1"}))).await.unwrap();
    }
    assert_eq!(outcome, Outcome::Failure);
    let state_ids: Vec<_> = told.bodies().iter().map(|body| body.get("stateId").cloned()).collect();
    assert_eq!(state_ids, [None, Some(json!("first")), Some(json!("%2e / \u{fc}")), None]);
    let expected = json!({"headers": {"user-agent": "phone"}, "challengeAnswer": {"pin": "1"}});
    assert_eq!(
        (&told.bodies()[0], &told.bodies()[3]),
        (&json!({"headers": {"user-agent": "phone"}}), &expected)
    );
    let urls: Vec<_> = told.asked.lock().unwrap().iter().map(|(asked, _)| asked.uri().to_string()).collect();
    assert_eq!(urls[0], "https://cip.example/v1/apps/T/bridge/startAuthorization");
    assert_eq!(urls[1], "https://cip.example/v1/apps/T/bridge/handleChallengeAnswer");
}

#[tokio::test]
async fn whatever_is_no_answer_is_an_error() {
    use ExchangeError::{Malformed, Status, Unanswered, UserIdentity};
    let good = r#"{"status":"success","userIdentity":{"userName":"bob","displayName":"Bob"}}"#;
    let status = |code| Status(StatusCode::from_u16(code).unwrap());
    for (name, told, expected) in [
        ("no connection", Told::default().fails(HttpError::Connect), Unanswered(HttpError::Connect)),
        ("a server error", Told::default().json(500, good), status(500)),
        ("a server error in HTML", Told::default().json(500, "<h1>TypeError</h1>"), status(500)),
        ("a server error at length", Told::default().json(500, " ".repeat(MAX_BODY + 1)), status(500)),
        ("not authorized", Told::default().json(401, ""), status(401)),
        ("a redirect", Told::default().json(302, good), status(302)),
        ("created", Told::default().json(201, good), status(201)),
        ("no content", Told::default().json(204, ""), status(204)),
        ("a page", Told::default().json(200, "<h1>Hello</h1>"), Malformed),
        ("cut short", Told::default().json(200, &good[..40]), Malformed),
        (
            "no one",
            Told::default()
                .json(200, r#"{"status":"success","userIdentity":{"userName":"__proto__","attributes":{}}}"#),
            UserIdentity(UserIdentityError::DisplayName),
        ),
        (
            "a client that knows no bounds",
            Told::default().json(200, format!("{good}{}", " ".repeat(MAX_BODY))),
            Unanswered(HttpError::TooLarge { limit: MAX_BODY }),
        ),
    ] {
        let client = told.client();
        assert_eq!(client.start(&headers()).await, Err(expected), "{name}");
        assert_eq!(told.bodies().len(), 1, "{name}: asked once");
    }
    let exact = Told::default().json(200, format!("{good}{}", " ".repeat(MAX_BODY - good.len())));
    assert!(matches!(exact.client().start(&headers()).await, Ok(Outcome::Success(_))));
}

#[test]
fn a_provider_that_hangs_is_given_up_at_the_deadline() {
    let (told, clock) = (Told::default(), ManualClock::default());
    let client = IdentityProviderClient::builder("https://cip.example", "T", "bridge", told.clone())
        .clock(clock.clone())
        .timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let headers = headers();
    let mut login = Box::pin(client.start(&headers));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(login.as_mut().poll(&mut cx).is_pending());
    assert_eq!(told.asked.lock().unwrap()[0].1, Limits::new(MAX_BODY, Duration::from_secs(3)));
    clock.advance(Duration::from_millis(2_999));
    assert!(login.as_mut().poll(&mut cx).is_pending());
    clock.advance(Duration::from_millis(1));
    let expected = ExchangeError::Unanswered(HttpError::Timeout);
    assert_eq!(login.as_mut().poll(&mut cx), Poll::Ready(Err(expected)));
}

#[tokio::test]
async fn a_token_goes_along_where_there_is_one_and_is_not_shown() {
    let failure = r#"{"status":"failure"}"#;
    let told = Told::default().json(200, failure).json(200, failure);
    let plain = told.client();
    let authorized = plain.with_authorization(HeaderValue::from_static("Bearer secret"));
    assert!(plain.start(&headers()).await.is_ok() && authorized.start(&headers()).await.is_ok());
    let asked = told.asked.lock().unwrap();
    assert_eq!(asked[0].0.headers().get(AUTHORIZATION), None);
    let value = &asked[1].0.headers()[AUTHORIZATION];
    assert!(value == "Bearer secret" && value.is_sensitive());
    let shown = format!("{authorized:?} {:?}", asked[1]);
    assert!(!shown.contains("secret") && !shown.contains("phone"), "{shown}");
}

#[test]
fn settings_that_cannot_work() {
    let build = |base: &str, tenant: &str, realm: &str, loopback: bool| {
        let builder = IdentityProviderClient::builder(base, tenant, realm, Told::default());
        let builder = builder.allow_loopback_http(loopback);
        builder.build().map(drop).map_err(|error| error.to_string())
    };
    for (name, built, expected) in [
        ("https", build("https://cip.example", "T", "bridge", false), Ok(())),
        ("loopback", build("http://127.0.0.1:8080/v1", "T", "bridge", true), Ok(())),
        (
            "loopback without opt-in",
            build("http://127.0.0.1:8080", "T", "bridge", false),
            Err("base_url: not https"),
        ),
        ("http", build("http://cip.example", "T", "bridge", true), Err("base_url: not https")),
        ("metadata", build("https://169.254.169.254", "T", "bridge", false), Err("base_url: the address")),
        (
            "credentials",
            build("https://u:p@cip.example", "T", "bridge", false),
            Err("base_url: the URL contains"),
        ),
        ("a query", build("https://cip.example/?a", "T", "bridge", false), Err("base_url: it has neither")),
        (
            "a fragment",
            build("https://cip.example/#a", "T", "bridge", false),
            Err("base_url: it has neither"),
        ),
        ("no URL", build("cip.example", "T", "bridge", false), Err("base_url: not an absolute URL")),
        ("no tenant", build("https://cip.example", "", "bridge", false), Err("tenant: give the name")),
        (
            "dots",
            build("https://cip.example", "..", ".", false),
            Err("tenant: give the name that stands in the path; realm"),
        ),
    ] {
        match (&built, expected) {
            (Ok(()), Ok(())) => {}
            (Err(said), Err(expected)) => assert!(said.starts_with(expected), "{name}: {said}"),
            _ => panic!("{name}: {built:?}"),
        }
    }
}
