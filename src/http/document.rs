//! A JSON document at an address of its own.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// Answers `GET` and `HEAD` with what `write` makes, and anything else with a 405 that no cache keeps.
pub(crate) fn document<B: From<Bytes>>(
    method: &Method,
    cache_control: &'static str,
    write: impl FnOnce() -> (StatusCode, Bytes),
) -> Response<B> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        let headers = response.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    }
    let (status, json) = write();
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    if method == Method::GET {
        *response.body_mut() = B::from(json);
    }
    response
}

/// A response with a status and nothing else.
pub(super) fn empty<B: From<Bytes>>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::from(Bytes::new()));
    *response.status_mut() = status;
    response
}
