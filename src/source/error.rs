//! Why keys could not be fetched.
//!
//! None of these carries text of a response: each can be logged and shown as it is.

use std::time::Duration;

use http::StatusCode;

use crate::keys::JwksError;

/// Why one document could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The host's name could not be resolved.
    #[error("the host name could not be resolved")]
    Resolve,
    /// No connection: refused, reset, unreachable.
    #[error("the connection failed")]
    Connect,
    /// No connection, because of TLS: an untrusted, expired or foreign certificate, or no common version.
    #[error("the TLS handshake failed")]
    Tls,
    /// The address, as written or as resolved, is one that no key server has: link-local, metadata
    /// service, multicast, reserved, unspecified; or plain http reached something other than loopback.
    #[error("the address is not one that keys may be fetched from")]
    AddressRefused,
    /// Not done within the deadline.
    #[error("no complete answer within the deadline")]
    Timeout,
    /// Answered with something other than 200 or 304: an error, or a redirect that is not followed.
    #[error("answered with {}", told(*status))]
    Status {
        /// The status.
        status: StatusCode,
        /// The `Retry-After` of the answer: seconds, or a date less the answer's own `Date`.
        retry_after: Option<Duration>,
    },
    /// The document is larger than accepted.
    #[error("the document is larger than {limit} bytes")]
    TooLarge {
        /// How much is accepted, in bytes.
        limit: usize,
    },
    /// The connection broke while the answer came in, or the answer is not HTTP.
    #[error("the answer broke off or is not HTTP")]
    Broken,
    /// Answered 304 to a request that did not ask for it.
    #[error("answered 304 to an unconditional request")]
    NotModified,
    /// For fetchers of your own: any other reason, as a fixed phrase.
    #[error("{0}")]
    Other(&'static str),
}

/// A status in words.
fn told(status: StatusCode) -> String {
    match status.as_u16() {
        redirect @ 300..=399 => format!("the redirect {redirect}, which is not followed"),
        other => format!("status {other}"),
    }
}

impl FetchError {
    /// Whether another path of the same host may do better.
    pub(crate) const fn is_about_this_path(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::TooLarge { .. } | Self::NotModified)
    }

    /// How long the server asked to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Why a URL is not one that keys are fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not an absolute URL with a host.
    #[error("not an absolute URL with a host")]
    Malformed,
    /// Not https; plain http is for loopback and for hosts that are named, and only where that was
    /// allowed.
    #[error("not https (plain http is for loopback, and only when opted into)")]
    Insecure,
    /// The URL carries a user name or password.
    #[error("the URL contains a user name or password")]
    Credentials,
    /// An issuer identifier has neither query nor fragment (RFC 8414 section 2).
    #[error("an issuer identifier has neither query nor fragment")]
    QueryOrFragment,
    /// A literal address of the link-local, metadata-service, multicast, reserved or unspecified kind.
    #[error("the address is not one that keys may be fetched from")]
    AddressRefused,
}

/// Why an issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414) cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not a JSON object with the string members `issuer` and `jwks_uri`.
    #[error("not a metadata document with issuer and jwks_uri")]
    Malformed,
    /// Its `issuer` is not, byte for byte, the configured one (RFC 8414 section 3.3).
    #[error("the metadata is of another issuer")]
    IssuerMismatch,
    /// Its `jwks_uri` is not acceptable; an https issuer never leads to an http key set.
    #[error("the jwks_uri is refused: {0}")]
    JwksUri(UrlError),
}

/// Why a refresh failed; kept in [`Health::last_error`](super::Health::last_error).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The metadata could not be fetched.
    #[error("metadata: {0}")]
    MetadataFetch(FetchError),
    /// The metadata was fetched and cannot be used.
    #[error("metadata: {0}")]
    Metadata(MetadataError),
    /// The key set could not be fetched.
    #[error("key set: {0}")]
    KeySetFetch(FetchError),
    /// The key set was fetched and is refused; the old one is kept.
    #[error("key set: {0}")]
    KeySet(JwksError),
    /// The refresher itself failed: a fetcher panicked.
    #[error("the refresh was cut short by a panic")]
    Panicked,
    /// There is no tokio runtime to fetch on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
}

impl RefreshError {
    /// How much it tells of a document that may be at several locations: a location where nothing is
    /// tells least, and a document that cannot be used, most.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Self::MetadataFetch(FetchError::Status { status, .. })
                if matches!(*status, StatusCode::NOT_FOUND | StatusCode::GONE) =>
            {
                0
            }
            Self::MetadataFetch(_) => 1,
            _ => 2,
        }
    }

    /// How long the server asked to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::MetadataFetch(error) | Self::KeySetFetch(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Keys are fetched on a tokio runtime, and the caller is not on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys are fetched on a tokio runtime, and there is none here")]
pub struct NoRuntime;
