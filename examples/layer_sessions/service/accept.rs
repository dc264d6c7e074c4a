//! Every request of the protocol says which version it speaks, in its `Accept` field.

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::errors;

pub(crate) async fn demand(request: Request, next: Next) -> Response {
    if accepts_layer(request.headers()) {
        next.run(request).await
    } else {
        errors::invalid_accept().into_response()
    }
}

/// Whether `application/vnd.layer+json; version=x.y` is among the accepted media types.
fn accepts_layer(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(is_layer)
}

fn is_layer(media_type: &str) -> bool {
    let (name, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
    name.trim().eq_ignore_ascii_case("application/vnd.layer+json")
        && parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .any(|(name, value)| name.trim().eq_ignore_ascii_case("version") && is_version(value.trim()))
}

fn is_version(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}
