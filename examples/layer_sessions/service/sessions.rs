//! Session tokens. They are signed by this service and read by the crate's own layer, so that a
//! session costs no memory either; only one that was ended before its time is written down.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Response, StatusCode, header::CACHE_CONTROL},
    middleware::{self, Next},
    response::IntoResponse,
};
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    http::{ChallengeRow, ChallengeTable, Grammar, RefusalBody, Reject, Rejection, RequestHead},
    issuer::{IssueError, SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    policy::claim,
    profile::TokenProfile,
    store::{MemorySpentStore, SpendError},
    time::{Clock, UnixTime},
};

use super::{Service, errors, errors::LayerError};

const ISSUER: &str = "https://layer-sessions.example";
const AUDIENCE: &str = "layer_sessions";
const TYPE: &str = "layer-session";

pub(crate) struct Sessions {
    issuer: TokenIssuer,
    lifetime: Duration,
    server: ResourceServer,
    /// Sessions that ended before their time, by the `jti` of their tokens.
    ended: Arc<MemorySpentStore>,
    rechallenge: Rechallenge,
}

impl Sessions {
    pub(crate) fn new(
        logins: ResourceServer,
        lifetime: Duration,
        clock: impl Clock + Clone,
    ) -> Result<Self, Box<dyn Error>> {
        let key = SigningKey::generate(Algorithm::EdDSA)?;
        let issuer = TokenIssuer::builder(ISSUER).signing_key(key).clock(clock.clone()).build()?;
        let profile = TokenProfile::empty()
            .require_type([TYPE])
            .algorithms([Algorithm::EdDSA])
            .leeway(Duration::ZERO)
            .rule(claim("iss").is_issuer())
            .rule(claim("aud").names_resource())
            .rule(claim("exp").after_now())
            .rule(claim("jti").non_empty_string());
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
        // Clients read the body and nothing else; and what is no session token is no session, so that
        // a client with one of another make is challenged, not turned away.
        let status = |status| {
            let row = ChallengeRow::new(status).without_challenge();
            row.header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        };
        let challenges = ChallengeTable::rfc6750()
            .no_credentials(status(StatusCode::UNAUTHORIZED))
            .invalid_token(status(StatusCode::UNAUTHORIZED))
            .invalid_request(status(StatusCode::UNAUTHORIZED))
            .several_fields(status(StatusCode::BAD_REQUEST));
        let server = ResourceServer::builder(AUDIENCE)
            .issuer(TrustedIssuer::with_keys(ISSUER, keys, profile))
            .credentials(Grammar::scheme("Layer").parameter("session-token"))
            .challenges(challenges)
            .clock(clock)
            .build()?;
        let rechallenge = Rechallenge { logins };
        Ok(Self { issuer, lifetime, server, ended: Arc::default(), rechallenge })
    }

    pub(crate) fn open(&self, user_id: &str) -> Result<String, IssueError> {
        let token = self.issuer.token().typ(TYPE).claim("iss", ISSUER).audience(AUDIENCE);
        token.claim("sub", user_id).lifetime(self.lifetime).unique().mint()
    }

    pub(crate) async fn end(&self, token: &str) -> Result<(), LayerError> {
        let Ok(who) = self.server.verify_access_token(token).await else { return Ok(()) };
        let until = who.valid_until().unwrap_or(UnixTime::from_duration(Duration::MAX));
        let (id, now) = (session_id(&who), self.issuer.now());
        match self.ended.spend(id.as_bytes(), until, now) {
            Ok(()) => Ok(()),
            // The store says so too of what it may have forgotten, and that may be alive.
            Err(SpendError::AlreadySpent) if self.ended.contains(id.as_bytes()) || until <= now => Ok(()),
            // Better to say that it did not end than to let it live in secret.
            Err(_) => Err(errors::unavailable()),
        }
    }

    /// Puts the demand for a session in front of routes; where it is `optional`, only a bad one is
    /// refused.
    pub(crate) fn protect(&self, routes: Router<Service>, optional: bool) -> Router<Service> {
        let layer = self.server.layer().reject_with(self.rechallenge.clone());
        let layer = layer.optional(optional);
        let ended = (Arc::clone(&self.ended), self.rechallenge.clone());
        // The last layer is the first that a request meets.
        routes.layer(middleware::from_fn_with_state(ended, refuse_ended)).layer(layer)
    }
}

fn session_id(who: &Identity) -> String {
    who.claim("jti").and_then(|jti| jti.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn refuse_ended(
    State((ended, rechallenge)): State<(Arc<MemorySpentStore>, Rechallenge)>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let who = request.extensions().get::<Identity>();
    if who.is_some_and(|who| ended.contains(session_id(who).as_bytes())) {
        return rechallenge.challenge().into_response();
    }
    next.run(request).await
}

/// The refusals of the session layer: 401 is a challenge, and brings the nonce to answer it with.
#[derive(Clone)]
struct Rechallenge {
    logins: ResourceServer,
}

impl Rechallenge {
    fn challenge(&self) -> LayerError {
        match self.logins.issue_nonce() {
            Ok(nonce) => errors::authentication_required(&nonce),
            Err(_) => errors::unavailable(),
        }
    }
}

impl Reject for Rechallenge {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, _: RequestHead<'_>) -> RefusalBody {
        RefusalBody::json(&match why.status() {
            StatusCode::UNAUTHORIZED => self.challenge(),
            StatusCode::BAD_REQUEST => {
                errors::invalid_request("The request has several Authorization fields.")
            }
            _ => errors::unavailable(),
        })
    }
}
