//! HTTP to other servers: the one seam through which this crate sends requests.
//!
//! - `client`: the seam, [`HttpClient`], and the [`Limits`] of an exchange.
//! - `reqwest`: the client that is used unless an application brings its own; `builder`: its settings;
//!   `token_file`: a bearer token that is read from a file.
//! - `location`: which URLs requests may go to; `address`: which addresses.
//! - `error`: why there is no response. `timeout`: the first of two futures.
//!
//! What a response *means* is decided above: by `source` for keys and metadata, by
//! `identity_provider` for logins. A client only carries, within the limits.

#[cfg(any(feature = "remote", feature = "identity-provider"))]
mod address;
#[cfg(feature = "remote")]
mod builder;
mod client;
mod error;
#[cfg(any(feature = "remote", feature = "identity-provider"))]
mod location;
#[cfg(all(test, feature = "remote"))]
pub(crate) mod loopback_tests;
#[cfg(feature = "remote")]
mod reqwest;
#[cfg(any(feature = "remote", feature = "identity-provider"))]
mod timeout;
#[cfg(feature = "remote")]
mod token_file;

#[cfg(any(feature = "remote", feature = "identity-provider"))]
pub(crate) use client::send_within;
pub use client::{Body, HttpClient, HttpFuture, Limits};
pub use error::{BearerTokenError, HttpError, UrlError};
#[cfg(feature = "remote")]
pub(crate) use location::PlainHttp;
#[cfg(any(feature = "remote", feature = "identity-provider"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "remote", feature = "identity-provider"))))]
pub use location::SourceUrl;
#[cfg(feature = "remote")]
pub(crate) use timeout::before;

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub use self::{builder::ReqwestClientBuilder, reqwest::ReqwestClient};
