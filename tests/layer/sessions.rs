//! The example service, driven in process.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    store::{Life, MemorySpentStore, Nonces, SpendError, Spending, SpentStore},
    test_util::ManualClock,
    time::UnixTime,
};

use crate::{
    KEY, NOW, PROVIDER, RSA,
    service::{self, Settings},
    sign,
};

const ACCEPT: &str = "application/vnd.layer+json; version=2.0";
const APP: &str = "layer:///apps/staging/00000000-0000-0000-0000-000000000001";
const SESSION: Duration = Duration::from_secs(30 * 86_400);

struct Layer {
    router: Router,
    clock: ManualClock,
    spent: Arc<MemorySpentStore>,
}

struct Answer {
    status: u16,
    link: Option<String>,
    challenge: Option<String>,
    content_type: Option<String>,
    body: Value,
}

impl Layer {
    fn new() -> Self {
        Self::with_session_lifetime(SESSION)
    }

    fn with_session_lifetime(session_lifetime: Duration) -> Self {
        let spent = Arc::<MemorySpentStore>::default();
        let [layer] = Self::instances(session_lifetime, spent.clone());
        Self { spent, ..layer }
    }

    /// Instances of one service, which share a clock, their secrets and a store.
    fn instances<const N: usize>(session_lifetime: Duration, store: Arc<dyn SpentStore>) -> [Self; N] {
        let clock = ManualClock::default();
        let session_key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        [(); N].map(|()| {
            let settings = Settings {
                url: "http://layer.test".to_owned(),
                customer_key: RSA.clone(),
                session_key: session_key.clone(),
                session_lifetime,
                nonces: Nonces::with_secret(b"a secret of instances, 32 bytes.")
                    .unwrap()
                    .store(store.clone()),
                ended: store.clone(),
            };
            let service = service::Service::new(settings, clock.clone()).unwrap();
            Self { router: service.router(), clock: clock.clone(), spent: Arc::default() }
        })
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    async fn call(&self, method: &str, path: &str, session: Option<&str>, body: Option<Value>) -> Answer {
        self.send(request(method, path, session, body)).await
    }

    async fn nonce(&self) -> String {
        let answer = self.call("POST", "/nonces", None, None).await;
        assert_eq!(answer.status, 201);
        answer.body["nonce"].as_str().unwrap().to_owned()
    }

    /// From the demo back end.
    async fn identity_token(&self, user: &str, nonce: &str) -> String {
        let wish = json!({"app_id": APP, "user_id": user, "nonce": nonce});
        let answer = self.call("POST", "/identity_tokens", None, Some(wish)).await;
        assert_eq!(answer.status, 200);
        answer.body["identity_token"].as_str().unwrap().to_owned()
    }

    async fn open(&self, identity_token: &str) -> Answer {
        let body = json!({"identity_token": identity_token, "app_id": APP});
        self.call("POST", "/sessions", None, Some(body)).await
    }

    async fn log_in(&self, user: &str) -> String {
        let token = self.identity_token(user, &self.nonce().await).await;
        let answer = self.open(&token).await;
        assert_eq!(answer.status, 201);
        answer.body["session_token"].as_str().unwrap().to_owned()
    }
}

fn request(method: &str, path: &str, session: Option<&str>, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("accept", ACCEPT)
        .header("content-type", "application/json");
    if let Some(token) = session {
        request = request.header("authorization", format!("Layer session-token=\"{token}\""));
    }
    request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap()
}

async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (link, challenge, content_type) =
        (header("link"), header("www-authenticate"), header("content-type"));
    let status = parts.status.as_u16();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, link, challenge, content_type, body }
}

impl Answer {
    fn error(&self) -> (u16, &str, u64) {
        let members: Vec<_> = self.body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members, ["code", "data", "id", "message", "url"]);
        assert_eq!(self.content_type.as_deref(), Some("application/json"));
        (self.status, self.body["id"].as_str().unwrap(), self.body["code"].as_u64().unwrap())
    }

    /// The nonce of a re-challenge.
    fn challenge(&self) -> &str {
        assert_eq!(self.error(), (401, "authentication_required", 4));
        assert_eq!(self.challenge, None, "clients know no such header");
        self.body["data"]["nonce"].as_str().expect("a nonce")
    }
}

#[tokio::test]
async fn a_login_a_session_and_its_end() {
    let layer = Layer::new();
    let nonce = layer.nonce().await;
    let opened = layer.open(&layer.identity_token("frodo", &nonce).await).await;
    assert_eq!(opened.status, 201);
    let link = "<http://layer.test/conversations>; rel=conversations, <http://layer.test/content>; \
                rel=content, <ws://layer.test/websocket>; rel=websocket";
    assert_eq!(opened.link.as_deref(), Some(link));
    let session = opened.body["session_token"].as_str().unwrap();

    let frodo = layer.call("GET", "/identities/frodo", Some(session), None).await;
    assert_eq!((frodo.status, &frodo.body["user_id"]), (200, &json!("frodo")));
    assert_eq!(
        layer.call("GET", "/identities/sam", Some(session), None).await.error(),
        (404, "not_found", 102)
    );
    let none = layer.call("GET", "/conversations", Some(session), None).await;
    assert_eq!((none.status, none.body), (200, json!([])));
    assert_eq!(layer.call("GET", "/boom", Some(session), None).await.error().0, 404);

    let end = format!("/sessions/{session}");
    for _ in 0..2 {
        assert_eq!(layer.call("DELETE", &end, Some(session), None).await.status, 204);
    }
    layer.call("GET", "/identities/frodo", Some(session), None).await.challenge();
    layer.call("GET", "/", Some(session), None).await.challenge();
    let other = layer.log_in("frodo").await;
    assert_eq!(layer.call("GET", "/", Some(&other), None).await.status, 200);
}

/// A store behind a network: it says nothing at once, and all that it is told to.
#[derive(Default)]
struct Shared {
    memory: Arc<MemorySpentStore>,
    says: Mutex<Option<SpendError>>,
}

impl Shared {
    fn later(&self, ask: impl FnOnce(&MemorySpentStore) -> Spending + Send + 'static) -> Spending {
        let (memory, says) = (self.memory.clone(), *self.says.lock().unwrap());
        Spending::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            match says {
                Some(error) => Err(error),
                None => ask(&memory).wait().await,
            }
        }))
    }
}

impl SpentStore for Shared {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        let id = id.to_vec();
        self.later(move |memory| SpentStore::spend(memory, &id, life, now))
    }

    fn look(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        let id = id.to_vec();
        self.later(move |memory| memory.look(&id, life, now))
    }
}

#[tokio::test]
async fn promise_13_a_session_that_one_instance_ends_has_ended_for_all() {
    let store = Arc::<Shared>::default();
    let [one, other] = Layer::instances(SESSION, store.clone());
    let status = async |layer: &Layer, session: &str| {
        layer.call("GET", "/conversations", Some(session), None).await.status
    };
    // The nonce of one, a login at the other.
    let token = one.identity_token("frodo", &one.nonce().await).await;
    let opened = other.open(&token).await;
    let session = opened.body["session_token"].as_str().unwrap();
    assert_eq!(one.open(&token).await.error(), (422, "invalid_property", 105), "spent with the other");
    assert_eq!([status(&one, session).await, status(&other, session).await], [200, 200]);
    assert_eq!(one.call("DELETE", &format!("/sessions/{session}"), None, None).await.status, 204);
    for layer in [&one, &other] {
        layer.call("GET", "/conversations", Some(session), None).await.challenge();
    }

    let session = one.log_in("sam").await;
    let end = format!("/sessions/{session}");
    for down in [SpendError::Unavailable, SpendError::Full] {
        *store.says.lock().unwrap() = Some(down);
        assert_eq!(status(&other, &session).await, 503, "it cannot be known whether it has ended");
        assert_eq!(one.call("DELETE", &end, None, None).await.status, 503, "nor that it ends");
    }
    *store.says.lock().unwrap() = None;
    assert_eq!(status(&other, &session).await, 200);
    // What was lost with the store may have ended.
    *store.says.lock().unwrap() = Some(SpendError::Forgotten);
    other.call("GET", "/conversations", Some(&session), None).await.challenge();
    assert_eq!(
        one.call("DELETE", &end, None, None).await.status,
        503,
        "it may be forgotten for a second alone"
    );
}

#[tokio::test]
async fn a_full_store_of_ended_sessions_refuses_no_other() {
    let [layer] = Layer::instances(SESSION, Arc::new(MemorySpentStore::new(3)));
    let sessions = [layer.log_in("frodo").await, layer.log_in("sam").await];
    let end =
        async |session: &str| layer.call("DELETE", &format!("/sessions/{session}"), None, None).await.status;
    // Two nonces were spent.
    assert_eq!([end(&sessions[0]).await, end(&sessions[1]).await], [204, 503]);
    layer.call("GET", "/conversations", Some(&sessions[0]), None).await.challenge();
    assert_eq!(layer.call("GET", "/conversations", Some(&sessions[1]), None).await.status, 200);
}

#[tokio::test]
async fn a_401_brings_the_nonce_for_the_next_session() {
    let layer = Layer::new();
    let session = layer.log_in("frodo").await;
    layer.clock.advance(SESSION);
    let refused = layer.call("GET", "/conversations", Some(&session), None).await;
    let token = layer.identity_token("frodo", refused.challenge()).await;
    // As the client does it: the old session token comes along.
    let body = json!({"identity_token": token, "app_id": APP});
    let again = layer.call("POST", "/sessions", Some(&session), Some(body)).await;
    assert_eq!(again.status, 201);
    let session = again.body["session_token"].as_str().unwrap();
    assert_eq!(layer.call("GET", "/conversations", Some(session), None).await.status, 200);
}

#[tokio::test]
async fn what_is_no_session_is_challenged() {
    let layer = Layer::new();
    let good = layer.log_in("frodo").await;
    let with = |value: String| {
        let mut request = request("GET", "/conversations", None, None);
        request.headers_mut().insert("authorization", value.parse().unwrap());
        layer.send(request)
    };
    for value in [format!("Layer session-token=\"{good}\""), format!("layer session-token='{good}'")] {
        assert_eq!(with(value.clone()).await.status, 200, "{value}");
    }
    let identity_token = layer.identity_token("frodo", &layer.nonce().await).await;
    for (name, value) in [
        ("another scheme", format!("Bearer {good}")),
        ("of another service", "Layer session-token=\"An opaque token: of another make!\"".to_owned()),
        ("an identity token", format!("Layer session-token=\"{identity_token}\"")),
        ("a longer one", format!("Layer session-token=\"{good}A\"")),
        ("without quotes", format!("Layer session-token={good}")),
        ("quotes that differ", format!("Layer session-token=\"{good}'")),
        ("empty", "Layer session-token=\"\"".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = with(value).await;
        assert!(!answer.challenge().is_empty(), "{name}");
    }
    layer.call("GET", "/conversations", None, None).await.challenge();
    let other = Layer::new();
    other.call("GET", "/conversations", Some(&good), None).await.challenge();

    let mut twice = request("GET", "/conversations", Some(&good), None);
    twice.headers_mut().append("authorization", format!("Layer session-token=\"{good}\"").parse().unwrap());
    assert_eq!(layer.send(twice).await.error(), (400, "invalid_request", 10));
}

#[tokio::test]
async fn sessions_are_refused_with_the_documented_bodies() {
    let layer = Layer::new();
    let nonce = layer.nonce().await;
    let good = layer.identity_token("frodo", &nonce).await;
    let with = |body: Value| layer.call("POST", "/sessions", None, Some(body));
    let app = |app_id: &str| json!({"identity_token": good, "app_id": app_id});
    for (name, body, expected, property) in [
        ("no identity_token", json!({"app_id": APP}), (422, "missing_property", 104), "identity_token"),
        ("no app_id", json!({"identity_token": good}), (422, "missing_property", 104), "app_id"),
        ("nothing", json!({}), (422, "missing_property", 104), "identity_token"),
        (
            "a number",
            json!({"identity_token": 1, "app_id": APP}),
            (422, "invalid_property", 105),
            "identity_token",
        ),
        (
            "no token",
            json!({"identity_token": "a", "app_id": APP}),
            (422, "invalid_property", 105),
            "identity_token",
        ),
        ("app_id of no form", app("my app"), (403, "invalid_app_id", 2), "app_id"),
        (
            "app_id of another kind",
            app("layer:///keys/00000000-0000-0000-0000-000000000001"),
            (403, "invalid_app_id", 2),
            "app_id",
        ),
        (
            "app_id of no stage",
            app("layer:///apps/test/00000000-0000-0000-0000-000000000001"),
            (403, "invalid_app_id", 2),
            "app_id",
        ),
        (
            "app_id cut short",
            app("layer:///apps/staging/00000000-0000-0000-0000-00000000000"),
            (403, "invalid_app_id", 2),
            "app_id",
        ),
        (
            "app_id not hexadecimal",
            app("0000000g-0000-0000-0000-000000000001"),
            (403, "invalid_app_id", 2),
            "app_id",
        ),
    ] {
        let answer = with(body).await;
        assert_eq!(answer.error(), expected, "{name}");
        assert_eq!(answer.body["data"]["property"], property, "{name}");
    }
    for body in ["", "{", "[]", "null"] {
        let mut request = request("POST", "/sessions", None, None);
        *request.body_mut() = Body::from(body);
        assert_eq!(layer.send(request).await.error(), (400, "invalid_request", 10), "{body}");
    }
    let phrase = |answer: &Answer| answer.body["message"].as_str().unwrap().to_owned();
    for (name, claims, header) in [
        ("expired", json!({"exp": NOW}), json!({})),
        ("another provider", json!({"iss": "other"}), json!({})),
        ("another key", json!({}), json!({"kid": "other"})),
        ("no cty", json!({}), json!({"cty": null})),
        ("a name too long", json!({"display_name": "a".repeat(129)}), json!({})),
    ] {
        let answer = layer.open(&sign(&RSA, &header, &claims, &nonce)).await;
        assert_eq!(answer.error(), (422, "invalid_property", 105), "{name}");
        assert!(
            phrase(&answer).starts_with("Invalid identity token; go to the developer dashboard's"),
            "{name}"
        );
        assert_eq!(answer.body["data"], json!({"property": "identity_token"}), "{name}");
    }
    assert!(layer.spent.is_empty());
    assert_eq!(layer.open(&good).await.status, 201, "none of them spent the nonce");
    let replayed = layer.open(&good).await;
    assert_eq!(
        (replayed.error(), phrase(&replayed)),
        ((422, "invalid_property", 105), "Nonce not found or expired.".into())
    );
    let late = layer.identity_token("frodo", &layer.nonce().await).await;
    layer.clock.advance(Duration::from_secs(600));
    let expired = sign(&RSA, &json!({}), &json!({"exp": NOW + 9_999}), &layer.nonce().await);
    assert_eq!(layer.open(&expired).await.status, 201, "a long token with a new nonce");
    assert_eq!(layer.open(&late).await.error(), (422, "invalid_property", 105));
    assert_eq!((KEY, PROVIDER), (service::KEY, service::PROVIDER));
}

#[tokio::test]
async fn any_well_formed_application_will_do() {
    let layer = Layer::new();
    for app_id in [
        "layer:///apps/production/00000000-0000-0000-0000-000000000001",
        "layer:///apps/staging/ABCDEF00-0000-0000-0000-00000000000f",
        "layer://apps/staging/00000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-000000000001",
    ] {
        let identity_token = layer.identity_token("frodo", &layer.nonce().await).await;
        let body = json!({"identity_token": identity_token, "app_id": app_id});
        assert_eq!(layer.call("POST", "/sessions", None, Some(body)).await.status, 201, "{app_id}");
    }
}

#[tokio::test]
async fn requests_name_the_version_that_they_speak() {
    let layer = Layer::new();
    for (accept, expected) in [
        (Some("application/vnd.layer+json; version=1.0"), 201),
        (Some("application/vnd.layer+json;version=3.0"), 201),
        (Some("Application/Vnd.Layer+JSON; charset=utf-8; Version=2.0"), 201),
        (Some("text/html, application/vnd.layer+json; version=2.0;q=0.5"), 201),
        (Some("application/vnd.layer+json"), 406),
        (Some("application/vnd.layer+json; version=2"), 406),
        (Some("application/vnd.layer+json; version=a.b"), 406),
        (Some("application/json; version=2.0"), 406),
        (Some("*/*"), 406),
        (None, 406),
    ] {
        let mut request = request("POST", "/nonces", None, None);
        request.headers_mut().remove("accept");
        if let Some(accept) = accept {
            request.headers_mut().insert("accept", accept.parse().unwrap());
        }
        let answer = layer.send(request).await;
        assert_eq!(answer.status, expected, "{accept:?}");
        if expected == 406 {
            assert_eq!(answer.error(), (406, "invalid_header", 107));
            assert_eq!(answer.body["data"], json!({"header": "Accept"}));
        }
    }
    for method in ["HEAD", "GET"] {
        let ping = Request::builder().method(method).uri("/ping?client=3.4.18").body(Body::empty()).unwrap();
        assert_eq!(layer.send(ping).await.status, 200);
    }
}

#[tokio::test]
async fn the_root_names_the_resources() {
    let layer = Layer::new();
    let root = layer.call("GET", "/", None, None).await;
    assert_eq!(root.status, 200);
    for name in ["nonces", "sessions", "conversations", "content"] {
        assert!(root.link.as_ref().unwrap().contains(&format!("<http://layer.test/{name}>; rel={name}")));
    }
    assert_eq!(layer.call("GET", "/nonces", None, None).await.status, 405);
}

#[tokio::test]
async fn the_back_end_wants_a_user_and_a_nonce() {
    let layer = Layer::new();
    for wish in
        [json!({}), json!({"user_id": "a"}), json!({"nonce": "a"}), json!({"user_id": "", "nonce": "a"})]
    {
        assert_eq!(layer.call("POST", "/identity_tokens", None, Some(wish)).await.status, 400);
    }
    let wish = json!({"userID": "a", "nonce": "b"});
    assert_eq!(layer.call("POST", "/identity_tokens", None, Some(wish)).await.status, 200);
}

#[tokio::test]
async fn what_the_customer_says_of_a_user_is_seen_by_others() {
    let layer = Layer::new();
    let fields = json!({"display_name": "Frodo", "avatar_url": "https://example.com/f.png", "metadata": {"race": "hobbit"}});
    let token = sign(&RSA, &json!({}), &fields, &layer.nonce().await);
    assert_eq!(layer.open(&token).await.status, 201);
    let sam = layer.log_in("sam").await;
    let seen = layer.call("GET", "/identities/frodo", Some(&sam), None).await.body;
    assert_eq!((&seen["display_name"], &seen["metadata"]), (&json!("Frodo"), &json!({"race": "hobbit"})));
}

/// The whole server and one nonce: whatever the threads do, it buys one session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn promise_13_of_a_thousand_logins_at_once_one_succeeds() {
    let layer = Layer::new();
    let token = layer.identity_token("frodo", &layer.nonce().await).await;
    let start = Arc::new(tokio::sync::Barrier::new(1_000));
    let logins: Vec<_> = (0..1_000)
        .map(|_| {
            let (router, start) = (layer.router.clone(), Arc::clone(&start));
            let body = json!({"identity_token": token, "app_id": APP});
            tokio::spawn(async move {
                start.wait().await;
                let response = router.oneshot(request("POST", "/sessions", None, Some(body))).await.unwrap();
                read(response).await
            })
        })
        .collect();
    let (mut opened, mut refused) = (0, 0);
    for login in logins {
        let answer = login.await.unwrap();
        if answer.status == StatusCode::CREATED.as_u16() {
            opened += 1;
        } else {
            assert_eq!(answer.error(), (422, "invalid_property", 105));
            assert_eq!(answer.body["message"], "Nonce not found or expired.");
            refused += 1;
        }
    }
    assert_eq!((opened, refused, layer.spent.len()), (1, 999, 1));
}
