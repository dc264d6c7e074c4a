//! From an identity token to a session, and the end of one.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Map, Value, json};
use tower_resource_server::{error::TokenError, http::Reason, preset::layer::User};

use super::{Service, app_id, errors, errors::LayerError, no_store};

pub(crate) async fn log_in(
    State(service): State<Service>,
    body: Bytes,
) -> Result<impl IntoResponse, LayerError> {
    let body: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|_| errors::invalid_request("The body is no JSON object."))?;
    let identity_token = text(&body, "identity_token")?;
    let app_id = text(&body, "app_id")?;
    if !app_id::is_well_formed(app_id) {
        return Err(errors::invalid_app_id());
    }
    // Everything about the token, and last of all that its nonce was not spent before.
    let verified = service.0.logins.verify_access_token(identity_token).await;
    let who = verified.map_err(|refusal| match refusal.reason() {
        Reason::InvalidToken { error: TokenError::StaleNonce, .. } => errors::stale_nonce(),
        Reason::InvalidToken { .. } | Reason::InvalidRequest(_) => errors::invalid_identity_token(),
        _ => errors::unavailable(),
    })?;
    let user: User = who.context().map_err(|_| errors::invalid_identity_token())?;
    let session_token = service.0.sessions.open(&user.user_id).map_err(|_| errors::unavailable())?;
    service.0.identities.remember(user);
    let links = service.links(&["conversations", "content", "websocket"]);
    let body = Json(json!({"session_token": session_token}));
    Ok((StatusCode::CREATED, no_store(), [(header::LINK, links)], body))
}

/// A client that has the token may end its session. One that is no session any more has ended already.
pub(crate) async fn log_out(
    State(service): State<Service>,
    Path(token): Path<String>,
) -> Result<StatusCode, LayerError> {
    service.0.sessions.end(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn text<'a>(body: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, LayerError> {
    let value = body.get(name).ok_or_else(|| errors::missing_property(name))?;
    value.as_str().ok_or_else(|| errors::invalid_property(name, "The property must be a string."))
}
