//! SCEYT: tokens of an application's back end against a server that knows the application's key,
//! through its service, under a clock that stands still.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used)] // also in the helpers of tests

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod minting;
mod refusals;
mod selection;
mod shape;

use std::sync::LazyLock;

use axum::{Json, Router, body::Body, routing};
use http::{HeaderValue, Request};
use serde_json::{Value, json};
use support::{Answer, ask, get};
use tower_resource_server::{
    Identity, ResourceServer,
    issuer::SigningKey,
    keys::Algorithm,
    preset,
    preset::sceyt::{Application, Context, ErrorBody, Sceyt},
    test_util::ManualClock,
    time::{Clock, UnixTime},
};

const NOW: u64 = 1_700_000_000;
const HOUR: u64 = 3600;
/// An application, as the console names it.
const ONE: &str = "4nwpg1kdz2";
const TWO: &str = "zo03k9x1wd";
/// The header of every official issuer.
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

/// A key pair like those of the console, made for these tests alone: the private half in PKCS#8, the public one as it is given to a server.
struct Pair {
    private: SigningKey,
    public: &'static str,
}

static KEY_ONE: LazyLock<Pair> = LazyLock::new(|| Pair {
    private: SigningKey::from_pem(include_str!("one.private.pem"), Algorithm::RS256).unwrap(),
    public: include_str!("one.public.pem"),
});
static KEY_TWO: LazyLock<Pair> = LazyLock::new(|| Pair {
    private: SigningKey::from_pem(include_str!("two.private.pem"), Algorithm::RS256).unwrap(),
    public: include_str!("two.public.pem"),
});

impl Pair {
    fn application(&self, id: &str) -> Application {
        Application::from_pem(id, self.public).unwrap()
    }

    /// These claims in the shape of every official issuer.
    fn sign(&self, claims: &Value) -> String {
        self.private.sign_raw(HEADER, claims.to_string().as_bytes()).unwrap()
    }
}

/// What every official issuer writes: an hour from now.
fn claims() -> Value {
    json!({ "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + HOUR })
}

/// The usual claims with these changed; `null` leaves one out.
fn claims_but(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A server behind its service, and the clock of both.
struct Service {
    api: ResourceServer,
    app: Router,
    clock: ManualClock,
}

impl Service {
    fn new(settings: Sceyt) -> Self {
        let clock = ManualClock::new(UnixTime::from_secs(NOW));
        let api = settings.into_builder().clock(clock.clone()).build().unwrap();
        Self { app: app(&api, clock.clone()), api, clock }
    }

    /// One application, [`ONE`].
    fn plain() -> Self {
        Self::new(preset::sceyt::server(KEY_ONE.application(ONE)))
    }

    async fn ask(&self, application: &str, token: &str) -> Answer {
        ask(&self.app, request(&[application], Some(token))).await
    }

    /// The code of the refusal, or `None` when the token passes.
    async fn verdict(&self, application: &str, token: &str) -> Option<u64> {
        verdict(&self.ask(application, token).await)
    }
}

/// Answers with the context of the caller.
fn app(api: &ResourceServer, clock: ManualClock) -> Router {
    let who = |identity: axum::Extension<Identity>| async move {
        Json(Context::at(&identity, clock.unix()).unwrap())
    };
    Router::new()
        .route("/", routing::get(who))
        .layer(api.layer().reject_with(ErrorBody).expose_rejection(true))
}

fn request(applications: &[&str], token: Option<&str>) -> Request<Body> {
    let mut request = get("/", token);
    for application in applications {
        request.headers_mut().append("app-id", HeaderValue::from_str(application).unwrap());
    }
    request
}

fn verdict(answer: &Answer) -> Option<u64> {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    match answer.status().as_u16() {
        200 => None,
        _ => Some(body["code"].as_u64().unwrap()),
    }
}
