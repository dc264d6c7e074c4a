//! Why keys could not be fetched.
//!
//! None of these carries text of a response: each can be logged and shown as it is.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use crate::{
    keys::{JwksError, KeyError},
    net::{HttpError, UrlError},
};

/// Why one document could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no complete response.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Answered with something other than 200 or 304: an error, or a redirect that is not followed.
    #[error("answered with {}", told(*status))]
    Status {
        /// The status.
        status: StatusCode,
        /// The `Retry-After` of the answer: seconds, or a date less the answer's own `Date`.
        retry_after: Option<Duration>,
    },
    /// Answered 304 to a request that did not ask for it.
    #[error("answered 304 to an unconditional request")]
    NotModified,
}

/// A status in words.
fn told(status: StatusCode) -> String {
    match status.as_u16() {
        redirect @ 300..=399 => format!("the redirect {redirect}, which is not followed"),
        other => format!("status {other}"),
    }
}

#[cfg(feature = "remote")]
impl FetchError {
    /// Whether another path of the same host may do better.
    pub(crate) const fn is_about_this_path(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::NotModified | Self::Http(HttpError::TooLarge { .. }))
    }

    /// How long the server asked to be left alone.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
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
    /// A key that is fetched [by its name](crate::TrustedIssuer::with_pem_per_kid) cannot be used.
    #[error("key: {0}")]
    Key(KeyError),
    /// The refresher itself failed: an HTTP client panicked.
    #[error("the refresh was cut short by a panic")]
    Panicked,
    /// There is no tokio runtime to fetch on.
    #[error(transparent)]
    NoRuntime(#[from] NoRuntime),
}

#[cfg(feature = "remote")]
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

/// The keys of an issuer could not be fetched; from
/// [`ResourceServer::refresh_now`](crate::ResourceServer::refresh_now).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{issuer}: {error}")]
#[non_exhaustive]
pub struct IssuerRefreshError {
    /// The name of the issuer, as configured; the full name of a tenant.
    pub issuer: Arc<str>,
    /// Why.
    pub error: RefreshError,
}

impl IssuerRefreshError {
    pub(crate) const fn new(issuer: Arc<str>, error: RefreshError) -> Self {
        Self { issuer, error }
    }
}

/// Keys are fetched on a tokio runtime, and the caller is not on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys are fetched on a tokio runtime, and there is none here")]
#[non_exhaustive]
pub struct NoRuntime;
