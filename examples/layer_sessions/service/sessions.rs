//! Session tokens. They are signed by this service and read by the crate's own layer, so that a
//! session costs no memory either; only one that was ended before its time is written down, in a store that
//! instances with the same key may share.

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
    store::{Life, SpendError, SpentStore},
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
    ended: Ended,
    rechallenge: Rechallenge,
}

/// Sessions that ended before their time, by the `jti` of their tokens.
#[derive(Clone)]
struct Ended {
    store: Arc<dyn SpentStore>,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub(crate) fn new(
        logins: ResourceServer,
        key: SigningKey,
        lifetime: Duration,
        store: Arc<dyn SpentStore>,
        clock: impl Clock + Clone,
    ) -> Result<Self, Box<dyn Error>> {
        let ended = Ended { store, clock: Arc::new(clock.clone()) };
        let issuer = TokenIssuer::builder(ISSUER).signing_key(key).clock(clock.clone()).build()?;
        let profile = TokenProfile::empty()
            .require_type([TYPE])
            .algorithms([Algorithm::EdDSA])
            .leeway(Duration::ZERO)
            .rule(claim("iss").is_issuer())
            .rule(claim("aud").names_resource())
            .rule(claim("exp").after_now())
            .rule(claim("iat").numeric_date())
            .rule(claim("jti").non_empty_string());
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
        // Clients read the body and nothing else; and what is no session token is no session, so that
        // a client with one of another make is challenged, not turned away.
        let status = |status| {
            let row = ChallengeRow::new(status).challenge(false);
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
        Ok(Self { issuer, lifetime, server, ended, rechallenge })
    }

    pub(crate) fn open(&self, user_id: &str) -> Result<String, IssueError> {
        let token = self.issuer.token().typ(TYPE).claim("iss", ISSUER).audience(AUDIENCE);
        token.claim("sub", user_id).lifetime(self.lifetime).unique().mint()
    }

    pub(crate) async fn end(&self, token: &str) -> Result<(), LayerError> {
        match self.server.verify_access_token(token).await {
            Ok(who) => self.ended.note(&who).await,
            Err(_) => Ok(()),
        }
    }

    /// Puts the demand for a session in front of routes; where it is `optional`, only a bad one is
    /// refused.
    pub(crate) fn protect(&self, routes: Router<Service>, optional: bool) -> Router<Service> {
        let layer = self.server.layer().reject_with(self.rechallenge.clone());
        let layer = layer.optional(optional);
        let ended = (self.ended.clone(), self.rechallenge.clone());
        // The last layer is the first that a request meets.
        routes.layer(middleware::from_fn_with_state(ended, refuse_ended)).layer(layer)
    }
}

impl Ended {
    async fn note(&self, who: &Identity) -> Result<(), LayerError> {
        let (id, life) = session(who);
        match self.store.spend(&id, life, self.clock.unix()).wait().await {
            Ok(()) | Err(SpendError::AlreadySpent) => Ok(()),
            // Better to say that it did not end than to let it live in secret.
            Err(_) => Err(errors::unavailable()),
        }
    }

    /// Whether a session is among them.
    async fn has(&self, who: &Identity) -> Result<bool, LayerError> {
        let (id, life) = session(who);
        match self.store.look(&id, life, self.clock.unix()).wait().await {
            Ok(()) => Ok(false),
            Err(SpendError::AlreadySpent | SpendError::Forgotten) => Ok(true),
            Err(_) => Err(errors::unavailable()),
        }
    }
}

/// The id of a session, apart from what else is in the store, and its life.
fn session(who: &Identity) -> (Vec<u8>, Life) {
    let jti = who.claim("jti").and_then(|jti| jti.as_str().map(str::to_owned)).unwrap_or_default();
    let issued = who.claim("iat").and_then(|iat| iat.as_u64()).map(UnixTime::from_secs).unwrap_or_default();
    let until = who.valid_until().unwrap_or(UnixTime::from_duration(Duration::MAX));
    (format!("session {jti}").into_bytes(), Life { issued, until })
}

async fn refuse_ended(
    State((ended, rechallenge)): State<(Ended, Rechallenge)>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let has_ended = match request.extensions().get::<Identity>() {
        Some(who) => ended.has(who).await,
        None => Ok(false),
    };
    match has_ended {
        Ok(false) => next.run(request).await,
        Ok(true) => rechallenge.challenge().into_response(),
        Err(unavailable) => unavailable.into_response(),
    }
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
