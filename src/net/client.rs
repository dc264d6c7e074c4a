//! The seam: a request, the limits of the exchange, and a response.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};

use super::HttpError;
#[cfg(any(feature = "remote", feature = "identity-provider"))]
use super::timeout::before;
#[cfg(any(feature = "remote", feature = "identity-provider"))]
use crate::time::Clock;

/// The future of an [`HttpClient`].
pub type HttpFuture<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, HttpError>> + Send + 'a>>;

/// Sends HTTP requests to other servers: to issuers for their keys, to identity providers for logins.
///
/// With the feature `remote`, `ReqwestClient` is the ready-made implementation. One of your own:
///
/// - sends the request as it is, `GET` or `POST`, to the host that the URI names;
/// - follows no redirect and tries nothing again: every status is a response, and a body that was
///   sent may be a password. Redirects that
///   [are to be followed](crate::source::RefreshSettings::max_redirects) are followed by the caller;
/// - fails with [`HttpError::TooLarge`] as soon as the body of a successful response (2xx) exceeds
///   [`Limits::max_body`]; it may leave every other body unread and empty;
/// - hands a body over as it came, without decompression and whatever its content type;
/// - ends the exchange when its future is dropped, as happens at the deadline.
///
/// The limits are checked again by the caller, and so is everything in the response.
///
/// ```
/// use std::future::ready;
/// use http::{Request, Response};
/// use tower_resource_server::net::{Body, HttpClient, HttpError, HttpFuture, Limits};
///
/// struct Embedded;
///
/// impl HttpClient for Embedded {
///     fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
///         Box::pin(ready(match request.uri().path() {
///             "/jwks" => Ok(Response::new(r#"{"keys":[]}"#.into())),
///             _ => Err(HttpError::Connect),
///         }))
///     }
/// }
/// ```
pub trait HttpClient: Send + Sync + 'static {
    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// [`HttpError`] when there is no complete response within the limits.
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_>;
}

impl<T: HttpClient + ?Sized> HttpClient for Arc<T> {
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_> {
        (**self).send(request, limits)
    }
}

/// What one exchange may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    max_body: usize,
    timeout: Duration,
}

impl Limits {
    /// The most bytes of a response's body, and how long the whole exchange may take.
    #[must_use]
    pub const fn new(max_body: usize, timeout: Duration) -> Self {
        Self { max_body, timeout }
    }

    /// The most bytes to read of a response's body.
    #[must_use]
    pub const fn max_body(self) -> usize {
        self.max_body
    }

    /// How long the whole exchange may take: from resolving the name to the last byte of the body.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        self.timeout
    }
}

/// The body of a request or of a response, whole.
///
/// It can hold a password, a token or personal data, so `Debug` shows its length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// Sends a request within the limits, whatever the client makes of them.
#[cfg(any(feature = "remote", feature = "identity-provider"))]
pub(crate) async fn send_within(
    client: &dyn HttpClient,
    clock: &dyn Clock,
    request: Request<Body>,
    limits: Limits,
) -> Result<Response<Body>, HttpError> {
    if limits.timeout.is_zero() {
        return Err(HttpError::Timeout);
    }
    let deadline = clock.sleep_until(clock.monotonic().saturating_add(limits.timeout));
    let response = before(deadline, client.send(request, limits)).await.unwrap_or(Err(HttpError::Timeout))?;
    if response.status().is_success() && response.body().0.len() > limits.max_body {
        return Err(HttpError::TooLarge { limit: limits.max_body });
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_not_shown() {
        let mut request = Request::new(Body::from("password=hunter2"));
        *request.uri_mut() = "https://login.example/token".parse().unwrap();
        let shown = format!("{request:?}");
        assert!(shown.contains("https://login.example/token") && shown.contains("Body(16 bytes)"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
