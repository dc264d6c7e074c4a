//! The head of a request, borrowed.

#[cfg(feature = "axum")]
use std::sync::LazyLock;

use http::{Extensions, HeaderMap, Method, Request, Uri, Version, request::Parts};

/// The head of a request: what authentication, requirements and refusals go by. Nothing of the request
/// is copied or taken apart for it.
///
/// ```
/// use http::Request;
/// use tower_resource_server::http::RequestHead;
///
/// let request = Request::post("/orders").body("a body of any type")?;
/// let head = RequestHead::from(&request);
/// assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/orders"));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, as the server saw it.
    pub uri: &'a Uri,
    /// The version of HTTP.
    pub version: Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What layers outside this one have found out.
    pub extensions: &'a Extensions,
}

#[cfg(feature = "axum")]
impl RequestHead<'static> {
    /// Where the request is not known: that of `GET *`, without fields.
    pub(crate) fn unknown() -> Self {
        static UNKNOWN: LazyLock<Request<()>> = LazyLock::new(|| {
            let mut request = Request::new(());
            *request.uri_mut() = Uri::from_static("*");
            request
        });
        Self::from(&*UNKNOWN)
    }
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(Parts { method, uri, version, headers, extensions, .. }: &'a Parts) -> Self {
        Self { method, uri, version: *version, headers, extensions }
    }
}
