//! A refusal as data: the reason, and the status and headers that go with it.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use smallvec::SmallVec;

use super::{
    AsServer, ChallengeRow, KnownAddress, Reason, RefusalBody, RequestHead, SharedReject, grpc,
    lasting::lasting, query, reject::add, reject_in_bytes,
};
use crate::metrics;

/// The values of `WWW-Authenticate`: one for each scheme, so nearly always one.
pub(super) type Challenges = SmallVec<[HeaderValue; 1]>;

/// A refusal, ready to be sent: the reason, the status and the headers that go with it.
///
/// A cheap clone. [`answer`](Self::answer) is the answer to a request, with the body that the server's
/// [`Reject`](super::Reject) makes; [`response`](Self::response) the same without it. Whether the request is refused
/// in gRPC is not a matter of the body.
///
/// It prints itself in one line, the code and the phrase:
///
/// ```
/// # use tower_resource_server::{ResourceServer, http::Rejection};
/// # async fn log(api: &ResourceServer, token: &str) {
/// if let Err(rejection) = api.verify_access_token(token).await {
///     eprintln!("{rejection}"); // expired: the token has expired
/// }
/// # }
/// ```
///
/// With the feature `axum` it is a response by itself, in plain HTTP, with the body that the server's
/// [`Reject`](super::Reject) makes where it knows nothing of the request: a handler that verifies a token from
/// somewhere else, or [requires](crate::Identity::require) more of an identity, returns it with `?`.
#[derive(Clone, Debug)]
pub struct Rejection(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    reason: Reason,
    row: ChallengeRow,
    challenges: Challenges,
    /// The challenge in the scheme `DPoP`, for clients that used it, where that is another.
    under_dpop: Option<HeaderValue>,
    retry_after: Option<Duration>,
    manner: Manner,
    counter: metrics::Refused,
}

/// How the refusals of a server are sent.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// Whether gRPC is answered in gRPC.
    pub(crate) in_grpc: bool,
    /// What makes their bodies, where the server says it.
    pub(crate) reject: Option<SharedReject>,
    /// Where clients reach the server.
    pub(crate) address: Arc<KnownAddress>,
    /// The parameters of the query that hold credentials.
    pub(crate) parameters: Arc<[Box<str>]>,
}

impl Default for Manner {
    fn default() -> Self {
        Self { in_grpc: true, reject: None, address: Arc::default(), parameters: Arc::default() }
    }
}

/// The code of the reason and its phrase.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason.code(), self.0.reason)
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.reason)
    }
}

impl Rejection {
    pub(crate) fn new(
        reason: Reason,
        row: ChallengeRow,
        challenges: Challenges,
        retry_after: Option<Duration>,
        manner: Manner,
    ) -> Self {
        let counter = metrics::Refused::of(reason.code(), reason.is_verified());
        let under_dpop = None;
        Self(Arc::new(Inner { reason, row, challenges, under_dpop, retry_after, manner, counter }))
    }

    /// With this challenge for clients that used the scheme `DPoP`.
    pub(super) fn or_under_dpop(mut self, challenge: Option<HeaderValue>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.under_dpop = challenge;
        }
        self
    }

    /// Counts it, each time that it is used.
    #[inline]
    pub(crate) fn count(&self) {
        self.0.counter.count();
    }

    /// Writes it into the log: at debug level, since anyone can cause it. The reason is a fixed word,
    /// the claim a configured name (promise 10).
    pub(crate) fn log(&self) {
        tracing::debug!(
            reason = self.reason().code(),
            claim = match self.reason() {
                Reason::InvalidToken { error, .. } => error.claim(),
                _ => None,
            },
            status = self.status().as_u16(),
            "request refused"
        );
    }

    /// The same, for a reason that is given often.
    pub(crate) fn lasting(mut self) -> Self {
        if let Some(Inner { challenges, row, under_dpop, .. }) = Arc::get_mut(&mut self.0) {
            let of_row = row.headers.iter_mut().map(|(_, value)| value);
            for value in challenges.iter_mut().chain(of_row).chain(under_dpop) {
                *value = lasting(value.clone());
            }
        }
        self
    }

    /// The same refusal with other challenges. It is not counted again.
    pub(super) fn with_challenges(&self, change: impl Fn(&HeaderValue) -> HeaderValue) -> Self {
        let mut inner = Inner::clone(&self.0);
        let all = inner.challenges.iter_mut().chain(&mut inner.under_dpop);
        all.for_each(|challenge| *challenge = change(challenge));
        Self(Arc::new(inner))
    }

    /// The same refusal for a client that used the scheme `DPoP`. It is not counted again.
    pub(crate) fn in_dpop(&self) -> Option<Self> {
        let challenge = self.0.under_dpop.clone()?;
        let challenges = Challenges::from_iter([challenge]);
        Some(Self(Arc::new(Inner { challenges, under_dpop: None, ..Inner::clone(&self.0) })))
    }

    /// The same refusal with a header more. It is not counted again.
    pub(crate) fn with_header(&self, name: HeaderName, value: HeaderValue) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.row.headers.push((name, value));
        Self(Arc::new(inner))
    }

    /// Why the request is refused.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The status code, by the server's [`ChallengeTable`](super::ChallengeTable).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.row.status
    }

    /// The OAuth error code (RFC 6750 section 3.1), where there is one.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.0.row.error.as_deref()
    }

    /// The values of `WWW-Authenticate`: one for each scheme of the server's
    /// [`ChallengeTable`](super::ChallengeTable), or none where no challenge is due.
    #[must_use]
    pub fn challenges(&self) -> &[HeaderValue] {
        &self.0.challenges
    }

    /// The first of the [challenges](Self::challenges).
    #[must_use]
    pub fn challenge(&self) -> Option<&HeaderValue> {
        self.0.challenges.first()
    }

    /// When to try again, where trying again can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The status code of gRPC: 16 (`UNAUTHENTICATED`), 7 (`PERMISSION_DENIED`), 14 (`UNAVAILABLE`) or
    /// 13 (`INTERNAL`).
    #[must_use]
    pub fn grpc_status(&self) -> i32 {
        self.0.reason.row().grpc as i32
    }

    /// All headers of the refusal in plain HTTP: the challenges, those that the server's
    /// [`ChallengeTable`](super::ChallengeTable) has for it, and `Retry-After`.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        self.response_in(None).into_parts().0.headers
    }

    /// A response with the status and headers of this refusal, in the protocol that the request
    /// speaks: for gRPC a trailers-only answer (status 200, `grpc-status` in the headers), whose
    /// body must be empty; [`is_in_grpc`](Self::is_in_grpc) tells.
    #[must_use]
    pub fn response<'r>(&self, request: impl Into<RequestHead<'r>>) -> Response<()> {
        self.response_in(self.flavour(request.into()))
    }

    /// The whole response, in the protocol that the request speaks, with the body that the
    /// [server](crate::ResourceServerBuilder::reject_with) makes: what a layer of it answers with.
    ///
    /// ```
    /// # use tower_resource_server::{Identity, ResourceServer, policy::scope};
    /// async fn serve(api: &ResourceServer, request: http::Request<()>) -> http::Response<bytes::Bytes> {
    ///     match api.authenticate(&request).await {
    ///         Ok(_) => http::Response::new("hello".into()),
    ///         Err(why) => why.answer(&request),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn answer<'r, B: From<Bytes>>(&self, request: impl Into<RequestHead<'r>>) -> Response<B> {
        reject_in_bytes(&AsServer, self, request.into(), false)
    }

    /// The body that the server makes, if it makes any.
    #[inline]
    pub(super) fn server_body(&self, request: RequestHead<'_>) -> Option<RefusalBody> {
        self.0.manner.reject.as_ref().map(|reject| reject.body(self, request))
    }

    /// The path that the client of a request used.
    pub(super) fn public_path(&self, request: RequestHead<'_>) -> String {
        self.0.manner.address.path_of(request)
    }

    /// The query of a request, without credentials.
    pub(super) fn public_query(&self, request: RequestHead<'_>) -> Option<String> {
        let mut uri = Cow::Borrowed(request.uri);
        for parameter in &*self.0.manner.parameters {
            if let Some(without) = query::without(&uri, parameter) {
                uri = Cow::Owned(without);
            }
        }
        uri.query().map(str::to_owned)
    }

    fn response_in(&self, flavour: Option<grpc::Flavour>) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.write_into(response.headers_mut(), flavour);
        response
    }

    /// Writes the headers in gRPC, or in plain HTTP, and says the status. Nothing is there yet, so that
    /// appending does what inserting does, with less to clear away.
    pub(super) fn write_into(&self, headers: &mut HeaderMap, flavour: Option<grpc::Flavour>) -> StatusCode {
        if let Some(challenge) = self.0.challenges.first() {
            headers.append(header::WWW_AUTHENTICATE, challenge.clone());
        }
        if self.0.challenges.len() > 1 || !self.0.row.headers.is_empty() {
            self.write_further(headers);
        }
        if let Some(flavour) = flavour {
            flavour.refuse(self, headers);
            return StatusCode::OK;
        }
        if let Some(wait) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        self.status()
    }

    /// What few refusals have: further challenges, and headers of the table's row.
    #[cold]
    fn write_further(&self, headers: &mut HeaderMap) {
        let challenges = self.0.challenges.iter().skip(1).map(|value| (header::WWW_AUTHENTICATE, value));
        let of_row = self.0.row.headers.iter().map(|(name, value)| (name.clone(), value));
        for (name, value) in challenges.chain(of_row) {
            add(headers, name, value.clone());
        }
    }

    /// Whether this request is refused in gRPC or gRPC-Web: it speaks it (gRPC on HTTP/2 or later), and
    /// the server [answers in it](crate::ResourceServerBuilder::grpc_refusals).
    #[must_use]
    pub fn is_in_grpc<'r>(&self, request: impl Into<RequestHead<'r>>) -> bool {
        self.flavour(request.into()).is_some()
    }

    #[inline]
    pub(super) fn flavour(&self, request: RequestHead<'_>) -> Option<grpc::Flavour> {
        if self.0.manner.in_grpc { grpc::Flavour::of(request) } else { None }
    }
}

/// `Retry-After` counts whole seconds: round up, or clients come back too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
