//! Discovery documents and JWK Set over HTTP, as a Tower service.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use tower::Service;

use super::TokenIssuer;

/// Serves an issuer's documents; made by [`TokenIssuer::service`].
///
/// - `{path}/.well-known/openid-configuration` ([OpenID Connect Discovery section 4]),
/// - `/.well-known/oauth-authorization-server{path}` ([RFC 8414 section 3]),
/// - `{path}/jwks`, or the path that the builder was given,
///
/// where `{path}` is the path of the issuer identifier, so the service belongs at the root of the
/// issuer's origin, not under a nested router. GET and HEAD are answered with `Cache-Control` and
/// `ETag`, and with 304 where `If-None-Match` fits; other methods with 405, other paths with 404.
/// Anyone may read these documents: no credentials are looked at.
///
/// The response body is any that is made from [`Bytes`], and the request's body is not read.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use tower::ServiceExt;
/// use tower_resource_server::{
///     issuer::{SigningKey, TokenIssuer},
///     keys::Algorithm,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let issuer = TokenIssuer::builder("https://login.example")
///     .signing_key(SigningKey::generate(Algorithm::ES256)?)
///     .build()?;
/// let response =
///     issuer.service::<Bytes>().oneshot(Request::get("/jwks").body(())?).await?;
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.headers()["cache-control"], "public, max-age=300");
/// assert_eq!(issuer.fetches().jwks, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With axum: `Router::new().fallback_service(issuer.service::<axum::body::Body>())`.
///
/// [OpenID Connect Discovery section 4]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
/// [RFC 8414 section 3]: https://www.rfc-editor.org/rfc/rfc8414#section-3
pub struct IssuerService<ResBody> {
    issuer: TokenIssuer,
    body: PhantomData<fn() -> ResBody>,
}

impl<ResBody> IssuerService<ResBody> {
    pub(super) fn new(issuer: TokenIssuer) -> Self {
        Self { issuer, body: PhantomData }
    }
}

// Not derived: that would ask for `ResBody: Clone`.
impl<ResBody> Clone for IssuerService<ResBody> {
    fn clone(&self) -> Self {
        Self::new(self.issuer.clone())
    }
}

impl<ResBody> fmt::Debug for IssuerService<ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerService").field("issuer", &self.issuer).finish()
    }
}

impl<ReqBody, ResBody: From<Bytes>> Service<Request<ReqBody>> for IssuerService<ResBody> {
    type Response = Response<ResBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ResBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let answer = answer(&self.issuer, request.method(), request.uri().path(), request.headers());
        ready(Ok(answer.map(ResBody::from)))
    }
}

fn answer(issuer: &TokenIssuer, method: &Method, path: &str, headers: &HeaderMap) -> Response<Bytes> {
    let Some(place) = issuer.site().place(path) else {
        return bare(StatusCode::NOT_FOUND);
    };
    if *method != Method::GET && *method != Method::HEAD {
        let mut refusal = bare(StatusCode::METHOD_NOT_ALLOWED);
        refusal.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let published = issuer.published();
    let document = published.document(place);
    let unchanged = matches_etag(headers, &document.etag);
    issuer.counters().count(place, unchanged);

    let response = Response::builder()
        .header(header::CACHE_CONTROL, issuer.site().cache_control.clone())
        .header(header::ETAG, &document.etag);
    let response = if unchanged {
        response.status(StatusCode::NOT_MODIFIED).body(Bytes::new())
    } else {
        let body = if *method == Method::HEAD { Bytes::new() } else { document.body.clone() };
        response
            .header(header::CONTENT_TYPE, document.content_type)
            .header(header::CONTENT_LENGTH, document.body.len())
            .body(body)
    };
    // Every header above is made of our own text, so this arm is there for the type only.
    response.unwrap_or_else(|_| bare(StatusCode::INTERNAL_SERVER_ERROR))
}

fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// RFC 9110 section 13.1.2: any of the listed tags, compared weakly, or `*`.
///
/// Splitting at commas is exact here although a tag may hold one, because ours holds none.
fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
