//! Why a request is refused, and what that is in HTTP.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use super::{ChallengeRow, RequestError, grpc, lasting::lasting};
use crate::{error::TokenError, metrics, policy::Requirement, token::TokenKind};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No credentials, or those of another scheme.
    NoCredentials,
    /// Credentials that cannot be read.
    InvalidRequest(RequestError),
    /// A token that is not accepted.
    InvalidToken {
        /// Which token of the request.
        token: TokenKind,
        /// Why it is not accepted.
        error: TokenError,
    },
    /// A good token without the scopes that the operation needs.
    InsufficientScope {
        /// Everything that the operation needs.
        required: Requirement,
    },
    /// The issuer's keys cannot be had right now, so that nothing is known about the token: 503.
    KeysUnavailable,
    /// The token is good, and there is no room to write down that its nonce is spent, or no store to
    /// be reached: 503. The nonce is not spent.
    SpentStoreUnavailable,
    /// A mistake in the wiring of this program: the identity in the request is another server's.
    /// 500, since no client can do anything about it.
    ForeignIdentity {
        /// The resource of the server that verified the identity.
        verified_by: Arc<str>,
        /// The resource of the server whose guard refused it.
        guarded_by: Arc<str>,
    },
}

impl Reason {
    /// Whether the signature was good, so that the token is the issuer's own word. Anything else may
    /// be said by anybody.
    const fn is_about_a_verified_token(&self) -> bool {
        match self {
            Self::InvalidToken { error, .. } => {
                matches!(error, TokenError::PairMismatch | TokenError::StaleNonce)
            }
            Self::InsufficientScope { .. } | Self::SpentStoreUnavailable | Self::ForeignIdentity { .. } => {
                true
            }
            Self::NoCredentials | Self::InvalidRequest(_) | Self::KeysUnavailable => false,
        }
    }

    /// A short, stable name of the reason, for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidToken { error, .. } => error.code(),
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::KeysUnavailable => "keys_unavailable",
            Self::SpentStoreUnavailable => "spent_store_unavailable",
            Self::ForeignIdentity { .. } => "foreign_identity",
        }
    }
}

impl Reason {
    /// The reason as a fixed phrase, without anything that came from the request.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::NoCredentials => "authentication is required",
            Self::InvalidRequest(error) => error.description(),
            Self::InvalidToken { error, .. } => error.description(),
            Self::InsufficientScope { .. } => "the token lacks a scope that this operation needs",
            Self::KeysUnavailable => "the issuer's keys are not available right now",
            Self::SpentStoreUnavailable => "no nonce can be spent right now",
            Self::ForeignIdentity { .. } => "the identity was verified by another resource server",
        }
    }
}

/// The fixed phrase; where servers are mixed up also which, by their configured names.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignIdentity { verified_by, guarded_by } => write!(
                f,
                "the identity was verified by the resource server {verified_by:?} and the guard belongs to {guarded_by:?}"
            ),
            _ => f.write_str(self.description()),
        }
    }
}

/// A refusal, ready to be sent: the reason, the status and the headers that go with it.
///
/// A cheap clone. How the response looks is up to [`Reject`](super::Reject);
/// [`WithReason`](super::WithReason) puts one of these into its extensions.
#[derive(Clone, Debug)]
pub struct Rejection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reason: Reason,
    row: ChallengeRow,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
    /// Whether gRPC is answered in gRPC.
    in_grpc: bool,
    counter: metrics::Refused,
}

/// The reason, as a fixed phrase.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.reason.fmt(f)
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.reason {
            Reason::InvalidRequest(error) => Some(error),
            Reason::InvalidToken { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Rejection {
    pub(crate) fn new(
        reason: Reason,
        row: ChallengeRow,
        challenge: Option<HeaderValue>,
        retry_after: Option<Duration>,
        in_grpc: bool,
    ) -> Self {
        let counter = metrics::Refused::of(reason.code(), reason.is_about_a_verified_token());
        Self(Arc::new(Inner { reason, row, challenge, retry_after, in_grpc, counter }))
    }

    /// Counts it, each time that it is used.
    pub(crate) fn count(&self) {
        self.0.counter.count();
    }

    /// The same, for a reason that is given often.
    pub(crate) fn lasting(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.challenge = inner.challenge.take().map(lasting);
        }
        self
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
    pub fn error_code(&self) -> Option<&'static str> {
        self.0.row.error
    }

    /// The value of `WWW-Authenticate`, where one is due.
    #[must_use]
    pub fn challenge(&self) -> Option<&HeaderValue> {
        self.0.challenge.as_ref()
    }

    /// When to try again, where trying again can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// A response with the status and headers of this refusal, in the protocol that the request
    /// speaks: for gRPC a trailers-only answer (status 200, `grpc-status` in the headers), whose
    /// body must be empty; [`is_in_grpc`](Self::is_in_grpc) tells.
    #[must_use]
    pub fn response(&self, request: &Parts) -> Response<()> {
        let mut response = Response::new(());
        if let Some(challenge) = &self.0.challenge {
            // Nothing is there yet, so that appending does what inserting does, with less to clear away.
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(flavour) = self.flavour(request) {
            flavour.refuse(self, response.headers_mut());
            return response;
        }
        *response.status_mut() = self.status();
        if let Some(wait) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }

    /// Whether this request is refused in gRPC or gRPC-Web: it speaks it (gRPC on HTTP/2 or later), and
    /// the server [answers in it](crate::ResourceServerBuilder::grpc_refusals).
    #[must_use]
    pub fn is_in_grpc(&self, request: &Parts) -> bool {
        self.flavour(request).is_some()
    }

    fn flavour(&self, request: &Parts) -> Option<grpc::Flavour> {
        if self.0.in_grpc { grpc::Flavour::of(request) } else { None }
    }
}

/// `Retry-After` counts whole seconds: round up, or clients come back too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
