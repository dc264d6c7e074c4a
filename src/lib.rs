//! Turns any Tower HTTP service into an OAuth 2 / OpenID Connect resource server.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
pub mod error;
pub mod http;
mod identity;
#[cfg(any(test, feature = "issuer"))]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub mod issuer;
pub mod keys;
pub mod middleware;
pub mod policy;
pub mod profile;
mod server;
pub mod source;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
pub mod time;
pub mod token;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub mod tonic;
mod verify;

pub use identity::{Authentication, ClaimsError, Identity, Principal, TokenClaims};
pub use server::{CacheSettings, IdTokenExpectations, Issuer, ResourceServer, ResourceServerBuilder};
