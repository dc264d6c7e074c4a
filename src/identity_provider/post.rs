//! The seam to the network: one POST, and its answer.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::source::{FetchError, SourceUrl};

/// Sends JSON to an identity provider.
///
/// With the feature `remote`, `ReqwestPost` is the ready-made one. An implementation of your own
/// must not follow redirects (the body is a password as a rule) and must stop reading at
/// [`PostRequest::max_body`]. The future is dropped at the deadline, which must end the exchange.
///
/// ```
/// use http::StatusCode;
/// use tower_resource_server::{
///     identity_provider::{Post, PostRequest, PostResponse},
///     source::FetchError,
/// };
///
/// /// A provider that refuses everybody.
/// struct Grim;
///
/// impl Post for Grim {
///     async fn post(&self, _: PostRequest) -> Result<PostResponse, FetchError> {
///         Ok(PostResponse { status: StatusCode::OK, body: r#"{"status":"failure"}"#.into() })
///     }
/// }
/// ```
pub trait Post: Send + Sync + 'static {
    /// Makes the request.
    ///
    /// # Errors
    /// [`FetchError`] when there is no complete answer; every status is an answer, and the body of
    /// one that is not 200 need not be read.
    fn post(&self, request: PostRequest) -> impl Future<Output = Result<PostResponse, FetchError>> + Send;
}

/// One POST request of a JSON document. `Debug` shows where to, and nothing of what.
#[derive(Clone)]
pub struct PostRequest {
    pub(super) url: SourceUrl,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) max_body: usize,
    pub(super) timeout: Duration,
}

impl PostRequest {
    /// Where to; it satisfies the rules of [`SourceUrl`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The value for `Authorization`, where the provider is protected.
    #[must_use]
    pub const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// What to send, as `application/json`.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The most bytes to read of the answer's body.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.max_body
    }

    /// How long the whole exchange may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl std::fmt::Debug for PostRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An answer. `Debug` shows the status only.
#[derive(Clone, PartialEq, Eq)]
pub struct PostResponse {
    /// The status, whatever it is.
    pub status: StatusCode,
    /// The body of a 200; of others it does not matter.
    pub body: Bytes,
}

impl std::fmt::Debug for PostResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostResponse").field("status", &self.status).finish_non_exhaustive()
    }
}
