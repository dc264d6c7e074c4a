//! The service, from requests to answers.
//!
//! | request | answer | |
//! |---|---|---|
//! | `POST /nonces` | 201 `{"nonce"}` | anyone, any number: a nonce costs no memory |
//! | `POST /sessions` `{"identity_token","app_id"}` | 201 `{"session_token"}`, `Link` | a session token that came along is not looked at |
//! | `DELETE /sessions/{token}` | 204 | |
//! | `GET /`, `HEAD /ping` | 200 | |
//! | everything else | a session, or 401 with a fresh nonce | `GET /identities/{id}`, `GET /conversations` |
//!
//! - `login`: from an identity token to a session; `sessions`: session tokens and the layer that asks
//!   for them; both are resource servers of the crate.
//! - `errors`: the error object that clients know; `accept`: the media type that they must ask for.
//! - `app_id`: which application identifiers are well-formed.
//! - `identities`: who has logged in.
//! - `back_end`: the customer's side of it, for trying things out.

mod accept;
mod app_id;
mod back_end;
mod errors;
mod identities;
mod login;
mod sessions;

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::{any, delete, get, post},
};
use serde_json::json;
use tower_resource_server::{
    ResourceServer,
    issuer::SigningKey,
    keys::{Algorithm, VerifyingKey},
    preset,
    preset::layer::Provider,
    store::{Nonces, SpentStore},
    time::Clock,
};

use self::{back_end::BackEnd, errors::LayerError, identities::Identities, sessions::Sessions};

/// The customer that this service has, by the identifiers that its dashboard would show.
pub(crate) const PROVIDER: &str = "layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8";
pub(crate) const KEY: &str = "layer:///keys/69fdd5aa-6478-11e4-97f1-1ded000000e6";

/// No request of this protocol is larger.
const MAX_BODY: usize = 64 * 1024;

/// What the service is made of.
pub(crate) struct Settings {
    /// Its own address, without a slash at the end.
    pub(crate) url: String,
    /// The customer's key. A real service has the public half of it, and the customer the private one.
    pub(crate) customer_key: SigningKey,
    /// What sessions are signed with (EdDSA). Instances with the same key, nonces of one secret and the same stores
    /// are one service.
    pub(crate) session_key: SigningKey,
    pub(crate) session_lifetime: Duration,
    pub(crate) nonces: Nonces,
    /// Where it is recorded that a session ended.
    pub(crate) ended: Arc<dyn SpentStore>,
}

/// The service. A cheap handle.
#[derive(Clone)]
pub(crate) struct Service(Arc<Parts>);

struct Parts {
    url: String,
    /// Takes identity tokens, and issues the nonces in them.
    logins: ResourceServer,
    sessions: Sessions,
    identities: Identities,
    back_end: BackEnd,
}

impl Service {
    pub(crate) fn new(settings: Settings, clock: impl Clock + Clone) -> Result<Self, Box<dyn Error>> {
        let Settings { url, customer_key, session_key, session_lifetime, nonces, ended } = settings;
        let pem = customer_key.public_key_pem().ok_or("the customer's key has no public half")?;
        let provider = Provider::new(PROVIDER).key(KEY, VerifyingKey::from_pem(&pem, Algorithm::RS256)?);
        let logins = preset::layer::server(provider).nonces(nonces).clock(clock.clone()).build()?;
        Ok(Self(Arc::new(Parts {
            sessions: Sessions::new(logins.clone(), session_key, session_lifetime, ended, clock.clone())?,
            back_end: BackEnd::new(customer_key, clock)?,
            identities: Identities::new(),
            logins,
            url,
        })))
    }

    pub(crate) fn router(&self) -> Router {
        let sessions = &self.0.sessions;
        // A session may come along here, and is refused when it has ended: clients ask so whether
        // theirs still lives.
        let root = sessions.protect(Router::new().route("/", get(root)), true);
        let protected = Router::new()
            .route("/identities/{id}", get(identities::identity))
            .route("/conversations", get(async || Json(json!([]))))
            .fallback(async || errors::operation_not_found());
        // Outside the layer: a client whose session has ended still sends its token with these, and
        // must be let in again all the same.
        let open = Router::new()
            .route("/nonces", post(nonce))
            .route("/sessions", post(login::log_in))
            .route("/sessions/{token}", delete(login::log_out));
        open.merge(root)
            .merge(sessions.protect(protected, false))
            .method_not_allowed_fallback(async || errors::method_not_allowed())
            .layer(middleware::from_fn(accept::demand))
            .route("/ping", any(async || StatusCode::OK))
            .route("/identity_tokens", post(back_end::identity_token))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }

    /// The addresses of resources, as a `Link` header (RFC 8288).
    fn links(&self, names: &[&str]) -> String {
        let link = |name: &&str| match *name {
            "websocket" => format!("<{}/websocket>; rel=websocket", self.0.url.replacen("http", "ws", 1)),
            name => format!("<{}/{name}>; rel={name}", self.0.url),
        };
        names.iter().map(link).collect::<Vec<_>>().join(", ")
    }
}

async fn root(State(service): State<Service>) -> impl IntoResponse {
    ([(header::LINK, service.links(&["nonces", "sessions", "conversations", "content"]))], Json(json!({})))
}

async fn nonce(State(service): State<Service>) -> Result<impl IntoResponse, LayerError> {
    let nonce = service.0.logins.issue_nonce().map_err(|_| errors::unavailable())?;
    Ok((StatusCode::CREATED, no_store(), Json(json!({"nonce": nonce}))))
}

/// What is good once is not kept.
fn no_store() -> HeaderMap {
    HeaderMap::from_iter([(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"))])
}
