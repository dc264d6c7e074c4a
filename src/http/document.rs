//! A JSON document at an address of its own.

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    },
};

/// For whom a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Those who are near: not kept, and not for the scripts of other origins.
    Near,
    /// Everyone: scripts of every origin may read it (the Fetch standard's CORS protocol), and what has
    /// not changed is not sent again (RFC 9110 section 13.1.2).
    Everyone { cache_control: &'static str },
}

/// What may be asked of a document for everyone.
const PUBLIC_METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers `GET` and `HEAD` with what `write` makes, `OPTIONS` where scripts of other origins may read it, and
/// anything else with a 405 that no cache keeps.
pub(crate) fn document<B: From<Bytes>>(
    method: &Method,
    headers: &HeaderMap,
    audience: Audience,
    write: impl FnOnce() -> (StatusCode, Bytes),
) -> Response<B> {
    let mut response = match (method, audience) {
        (&Method::GET | &Method::HEAD, _) => {
            let (status, json) = write();
            written(method, headers, audience, status, json)
        }
        (&Method::OPTIONS, Audience::Everyone { .. }) => preflight(),
        _ => {
            let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
            set(&mut response, ALLOW, if audience == Audience::Near { "GET, HEAD" } else { PUBLIC_METHODS });
            set(&mut response, CACHE_CONTROL, "no-store");
            response
        }
    };
    if matches!(audience, Audience::Everyone { .. }) {
        set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    response
}

fn written<B: From<Bytes>>(
    method: &Method,
    headers: &HeaderMap,
    audience: Audience,
    status: StatusCode,
    json: Bytes,
) -> Response<B> {
    let mut response = empty(status);
    if let Audience::Everyone { cache_control } = audience
        && status == StatusCode::OK
    {
        set(&mut response, CACHE_CONTROL, cache_control);
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, &json)));
        let is_known = has_tag(headers, &tag);
        response.headers_mut().extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
    } else {
        set(&mut response, CACHE_CONTROL, "no-store");
    }
    set(&mut response, CONTENT_TYPE, "application/json");
    if method == Method::GET {
        *response.body_mut() = B::from(json);
    }
    response
}

/// Nothing is here, and scripts of every origin may know: clients try several addresses.
pub(super) fn missing<B: From<Bytes>>(method: &Method) -> Response<B> {
    let mut response = match method {
        &Method::OPTIONS => preflight(),
        _ => empty(StatusCode::NOT_FOUND),
    };
    set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    response
}

/// Whether `If-None-Match` names the tag; by the weak comparison (RFC 9110 section 13.1.2).
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
    // No comma is in a tag of ours, so one that has one is another.
    let mut tags = fields.flat_map(|field| field.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// What a browser asks before it sends a request with headers of the page's own.
fn preflight<B: From<Bytes>>() -> Response<B> {
    let mut response = empty(StatusCode::NO_CONTENT);
    set(&mut response, ALLOW, PUBLIC_METHODS);
    set(&mut response, ACCESS_CONTROL_ALLOW_METHODS, PUBLIC_METHODS);
    // The wildcard does not stand for `Authorization`, which some clients send to every address.
    set(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization");
    set(&mut response, ACCESS_CONTROL_MAX_AGE, "7200");
    response
}

fn set<B>(response: &mut Response<B>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// A response with a status and nothing else.
fn empty<B: From<Bytes>>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::from(Bytes::new()));
    *response.status_mut() = status;
    response
}
