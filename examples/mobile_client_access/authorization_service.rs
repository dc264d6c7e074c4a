//! The authorization service: between the client, which it challenges, and the identity provider,
//! which knows what to ask.
//!
//! Under `{server URL}/authorization/v1/apps/{tenant}`:
//!
//! | | |
//! |---|---|
//! | `GET /publickey` | the key of its tokens, for resource servers |
//! | `POST /clients/instance` | registers an app on a device |
//! | `GET /authorization` | 401 with a challenge of the realm; with the answer to the last one a redirect, which ends the login with a code or with a failure |
//! | `POST /token` | both tokens, for a code |
//!
//! These are the vendor's legs with two simplifications. Clients there have keys: they register with
//! a signed request, get a certificate, and sign the code (`X-WL-Authenticate`); here a code is good
//! for the client it was made for, on its word. And the vendor's client names the session
//! (`X-WL-Session`); here the service does, with a new name for each step, so that none can be
//! chosen, guessed or used twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use tower_resource_server::identity_provider::{
    Challenge, IdentityProviderClient, Outcome, States, UserIdentity,
};
use url::{Url, form_urlencoded};

use crate::{
    site::bearer,
    tokens::{Registration, Tokens},
    transcript::{Transcript, shortened},
};

/// Where clients of the vendor are sent back to: nothing is there, they read the address.
const REDIRECT: &str = "http://localhost";

/// How long a code lives.
const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// How many clients are remembered.
const MAX_CLIENTS: usize = 10_000;

const ME: &str = "authorization service";
const CLIENT: &str = "client";
const PROVIDER: &str = "identity provider";

type Service = Arc<AuthorizationService>;

pub(crate) struct AuthorizationService {
    tenant: &'static str,
    realm: &'static str,
    tokens: Tokens,
    provider: IdentityProviderClient,
    clients: Mutex<HashMap<String, Registration>>,
    logins: States<Login>,
    codes: States<Grant>,
    transcript: Transcript,
}

/// A login that waits for an answer.
struct Login {
    client_id: String,
    challenge: Challenge,
}

/// What a code stands for.
struct Grant {
    client: Registration,
    user: UserIdentity,
}

impl AuthorizationService {
    pub(crate) fn new(
        tenant: &'static str,
        realm: &'static str,
        tokens: Tokens,
        provider: IdentityProviderClient,
        transcript: Transcript,
    ) -> Self {
        Self {
            tenant,
            realm,
            tokens,
            provider,
            clients: Mutex::default(),
            logins: States::new(),
            codes: States::new().lifetime(CODE_LIFETIME),
            transcript,
        }
    }

    fn client(&self, client_id: &str) -> Option<Registration> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(client_id).cloned()
    }
}

pub(crate) fn router(service: Service) -> Router {
    let app = format!("/authorization/v1/apps/{}", service.tenant);
    let routes = Router::new()
        .route("/publickey", get(public_key))
        .route("/clients/instance", post(register))
        .route("/authorization", get(authorize))
        .route("/token", post(token))
        .with_state(service);
    Router::new().nest(&app, routes)
}

async fn public_key(State(service): State<Service>) -> Json<Value> {
    service.transcript.say("resource server", ME, "GET /publickey");
    Json(service.tokens.public_key().clone())
}

async fn register(State(service): State<Service>, Json(said): Json<Value>) -> Response {
    let mut clients = service.clients.lock().unwrap_or_else(PoisonError::into_inner);
    let mut bytes = [0; 16];
    if clients.len() >= MAX_CLIENTS || aws_lc_rs::rand::fill(&mut bytes).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let client_id = base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let object = |name: &str| said.get(name).filter(|value| value.is_object()).cloned().unwrap_or(json!({}));
    let (application, device) = (object("application"), object("device"));
    clients.insert(client_id.clone(), Registration { client_id: client_id.clone(), application, device });
    Json(json!({"clientId": client_id})).into_response()
}

/// One step of a login.
async fn authorize(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = form(query.unwrap_or_default().as_bytes());
    let asked = |name: &str| query.get(name).map(String::as_str);
    let Some(client) = asked("client_id").and_then(|id| service.client(id)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Only to where nothing can be stolen.
    if asked("response_type") != Some("code") || asked("redirect_uri") != Some(REDIRECT) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if asked("scope").is_some_and(|scope| scope != service.realm) {
        return finish(Err("no such realm"), service.realm);
    }
    let outcome = match answers(&headers) {
        None => start(&service, &headers).await,
        Some(answers) => relate(&service, &client, &headers, &answers).await,
    };
    match outcome {
        Some(Outcome::Challenge(challenge)) => challenge_client(&service, client, challenge),
        Some(Outcome::Success(user)) => {
            let code = service.codes.put(Grant { client, user });
            finish(code.map_err(|_| "too many logins"), service.realm)
        }
        // The client learns that it failed, and not whose fault it was.
        Some(Outcome::Failure) | None => finish(Err("authentication failed"), service.realm),
    }
}

/// `Authorization: Bearer {"realm":{…}}`: JSON where a token is expected, as the vendor's clients do it.
fn answers(headers: &HeaderMap) -> Option<Map<String, Value>> {
    let json = headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
    // What cannot be read is an answer all the same, and a wrong one.
    Some(serde_json::from_slice(json).unwrap_or_default())
}

/// `None` when the provider's word cannot be had.
async fn start(service: &AuthorizationService, headers: &HeaderMap) -> Option<Outcome> {
    let authorized = service.provider.with_authorization(bearer(&service.tokens.own().ok()?).ok()?);
    service.transcript.say(ME, PROVIDER, "POST /startAuthorization, with an access token of its own");
    note(service, authorized.start(headers).await.ok())
}

async fn relate(
    service: &AuthorizationService,
    client: &Registration,
    headers: &HeaderMap,
    answers: &Map<String, Value>,
) -> Option<Outcome> {
    let session = headers.get("x-wl-session")?.to_str().ok()?;
    let login = service.logins.take(session).filter(|login| login.client_id == client.client_id)?;
    let answer = answers.get(service.realm)?.as_object()?;
    let authorized = service.provider.with_authorization(bearer(&service.tokens.own().ok()?).ok()?);
    let state = login.challenge.state_id().map_or(String::new(), |id| format!(", stateId {}", shortened(id)));
    service.transcript.say(ME, PROVIDER, format!("POST /handleChallengeAnswer{state}"));
    let mut headers = headers.clone();
    // It has the answer once more.
    headers.remove(header::AUTHORIZATION);
    note(service, authorized.answer(&headers, &login.challenge, answer).await.ok())
}

fn note(service: &AuthorizationService, outcome: Option<Outcome>) -> Option<Outcome> {
    let said = match &outcome {
        None => "no answer of the contract".to_owned(),
        Some(Outcome::Failure) => "failure".to_owned(),
        Some(Outcome::Challenge(challenge)) => {
            let state =
                challenge.state_id().map_or(String::new(), |id| format!(", stateId {}", shortened(id)));
            format!("challenge {}{state}", Value::Object(challenge.content().clone()))
        }
        Some(Outcome::Success(user)) => format!("success, userIdentity of {}", user.display_name()),
    };
    service.transcript.say(PROVIDER, ME, said);
    outcome
}

/// 401 with the provider's challenge, in the envelope that keeps browsers from running it as a script.
fn challenge_client(service: &AuthorizationService, client: Registration, challenge: Challenge) -> Response {
    let envelope = json!({"challenges": {(service.realm): challenge.content()}});
    let Ok(session) = service.logins.put(Login { client_id: client.client_id, challenge }) else {
        return finish(Err("too many logins"), service.realm);
    };
    let headers = [("www-authenticate", "WL-Composite-Challenge"), ("x-wl-session", &session)];
    (StatusCode::UNAUTHORIZED, headers, format!("/*-secure-\n{envelope}*/")).into_response()
}

/// The redirect that ends a login: with a code, or with the reason why there is none.
fn finish(code: Result<String, &str>, realm: &str) -> Response {
    let Ok(mut target) = Url::parse(REDIRECT) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (name, value) = match code {
        Ok(code) => ("code", code),
        Err(reason) => {
            ("wl_result", json!({"WL-Authentication-Failure": {(realm): {"reason": reason}}}).to_string())
        }
    };
    target.query_pairs_mut().append_pair(name, &value);
    match HeaderValue::try_from(target.as_str()) {
        Ok(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Both tokens for a code, once.
async fn token(State(service): State<Service>, body: Bytes) -> Response {
    let form = form(&body);
    let said = |name: &str| form.get(name).map_or("", String::as_str);
    let invalid = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    let Some(Grant { client, user }) = service.codes.take(said("code")) else {
        return invalid();
    };
    if said("grant_type") != "authorization_code"
        || said("client_id") != client.client_id
        || said("redirect_uri") != REDIRECT
    {
        return invalid();
    }
    let access = service.tokens.access_token(&client.client_id, service.realm);
    let id = service.tokens.id_token(&client, &user, service.realm);
    match (access, id) {
        (Ok(access), Ok(id)) => {
            service.transcript.say(ME, CLIENT, "200, an access token and an ID token");
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (no_store, Json(json!({"access_token": access, "id_token": id}))).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn form(text: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}
