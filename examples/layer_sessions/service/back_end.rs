//! The customer's side: the demo back end of Layer's quick-start guide, which signs an identity
//! token for anyone who asks. A real one knows its users, and asks them to log in first.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use tower_resource_server::{
    issuer::{IssueError, SigningKey, TokenIssuer},
    time::Clock,
};

use super::{KEY, PROVIDER, Service, no_store};

pub(crate) struct BackEnd(TokenIssuer);

impl BackEnd {
    pub(crate) fn new(key: SigningKey, clock: impl Clock) -> Result<Self, IssueError> {
        let issuer = TokenIssuer::builder("https://backend.example").signing_key(key.with_kid(KEY));
        Ok(Self(issuer.clock(clock).build()?))
    }
}

/// What the vendor's samples send; the application is of no interest here.
#[derive(Deserialize)]
pub(crate) struct Wish {
    #[serde(alias = "userID")]
    user_id: Option<String>,
    nonce: Option<String>,
}

pub(crate) async fn identity_token(State(service): State<Service>, Json(wish): Json<Wish>) -> Response {
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (Some(user_id), Some(nonce)) = (present(wish.user_id), present(wish.nonce)) else {
        return (StatusCode::BAD_REQUEST, "user_id and nonce are required\n").into_response();
    };
    match service.0.back_end.0.layer_identity_token(PROVIDER, user_id, nonce).mint() {
        Ok(token) => (no_store(), Json(json!({"identity_token": token}))).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
