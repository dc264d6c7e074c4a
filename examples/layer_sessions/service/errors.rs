//! The error object: `{"id","code","message","url","data"}`, always JSON under its plain media type.
//! (Clients read nothing else, and a 401 that they cannot read locks them out.)

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Debug, Serialize)]
pub(crate) struct LayerError {
    #[serde(skip)]
    status: StatusCode,
    id: &'static str,
    code: u16,
    message: &'static str,
    url: &'static str,
    data: Value,
}

impl LayerError {
    fn new(status: StatusCode, id: &'static str, code: u16, message: &'static str, data: Value) -> Self {
        let url = "https://docs.layer.com/reference/client_api/errors";
        Self { status, id, code, message, url, data }
    }
}

impl IntoResponse for LayerError {
    fn into_response(self) -> Response {
        (self.status, super::no_store(), Json(self)).into_response()
    }
}

pub(crate) fn unavailable() -> LayerError {
    let message = "The operation could not be completed at this time; try again.";
    LayerError::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", 1, message, json!({}))
}

pub(crate) fn invalid_app_id() -> LayerError {
    let message = "The application identifier is not well-formed.";
    LayerError::new(StatusCode::FORBIDDEN, "invalid_app_id", 2, message, json!({"property": "app_id"}))
}

/// The re-challenge: the nonce is for the next identity token.
pub(crate) fn authentication_required(nonce: &str) -> LayerError {
    let message = "The session token is no longer valid because it has expired.";
    let data = json!({"nonce": nonce});
    LayerError::new(StatusCode::UNAUTHORIZED, "authentication_required", 4, message, data)
}

pub(crate) fn invalid_request(message: &'static str) -> LayerError {
    LayerError::new(StatusCode::BAD_REQUEST, "invalid_request", 10, message, json!({}))
}

pub(crate) fn not_found() -> LayerError {
    LayerError::new(StatusCode::NOT_FOUND, "not_found", 102, "There is no such resource.", json!({}))
}

pub(crate) fn missing_property(name: &'static str) -> LayerError {
    let message = "A required property is missing.";
    let data = json!({"property": name});
    LayerError::new(StatusCode::UNPROCESSABLE_ENTITY, "missing_property", 104, message, data)
}

pub(crate) fn invalid_property(name: &'static str, message: &'static str) -> LayerError {
    let data = json!({"property": name});
    LayerError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_property", 105, message, data)
}

pub(crate) fn invalid_identity_token() -> LayerError {
    let message = "Invalid identity token; go to the developer dashboard's authentication tab and use the \
                   identity token validation form for more details.";
    invalid_property("identity_token", message)
}

pub(crate) fn stale_nonce() -> LayerError {
    invalid_property("identity_token", "Nonce not found or expired.")
}

pub(crate) fn operation_not_found() -> LayerError {
    let message = "There is no such operation.";
    LayerError::new(StatusCode::NOT_FOUND, "operation_not_found", 106, message, json!({}))
}

pub(crate) fn method_not_allowed() -> LayerError {
    let message = "There is no such operation.";
    LayerError::new(StatusCode::METHOD_NOT_ALLOWED, "operation_not_found", 106, message, json!({}))
}

pub(crate) fn invalid_accept() -> LayerError {
    let message = "Invalid Accept header; must be of form application/vnd.layer+json; version=x.y";
    let data = json!({"header": "Accept"});
    LayerError::new(StatusCode::NOT_ACCEPTABLE, "invalid_header", 107, message, data)
}
