//! The other side of the wire: mint access and ID tokens, rotate keys, serve JWKS and discovery.
//!
//! A [`TokenIssuer`] holds [`SigningKey`]s and a clock. It signs what it is told to, by default in
//! the shape of [RFC 9068] and OpenID Connect Core, and its [`service`](TokenIssuer::service)
//! shows the public keys to resource servers. It serves development servers, tests, and services
//! that issue tokens to each other. It is *not* an authorization server: there is no login, no
//! client registration and no token endpoint, and the caller of `mint` has decided who the subject
//! is.
//!
//! ```
//! use tower_resource_server::{
//!     issuer::{SigningKey, TokenIssuer},
//!     keys::Algorithm,
//! };
//!
//! let issuer = TokenIssuer::builder("https://login.example")
//!     .signing_key(SigningKey::generate(Algorithm::ES256)?)
//!     .build()?;
//!
//! let token = issuer
//!     .access_token("alice")
//!     .client_id("web")
//!     .audience("https://api.example")
//!     .scope("orders:read")
//!     .mint()?;
//!
//! // A new key is published, signs, and outlives the old one:
//! let old = issuer.signing_key();
//! issuer.rotate(SigningKey::generate(Algorithm::EdDSA)?)?;
//! assert_eq!(issuer.jwks()["keys"].as_array().map(Vec::len), Some(2));
//! issuer.retire(&old)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts: [`SigningKey`] (generate, load, sign), [`TokenBuilder`] (one token), the key ring
//! behind [`publish`](TokenIssuer::publish), [`rotate`](TokenIssuer::rotate) and
//! [`retire`](TokenIssuer::retire), and [`IssuerService`] (HTTP). [`SceytIssuer`] mints the tokens of
//! a vendor that has bounds on them.
//!
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068

mod builder;
#[cfg(test)]
pub(crate) mod check;
mod error;
mod key_ring;
mod public;
mod published;
mod sceyt;
mod service;
mod signed_metadata;
mod signing_key;
mod token_builder;
mod token_issuer;

pub use builder::TokenIssuerBuilder;
pub use error::{IssueError, SigningKeyError};
pub use key_ring::KeySelector;
pub use published::Fetches;
pub use sceyt::SceytIssuer;
pub use service::IssuerService;
pub use signing_key::SigningKey;
pub use token_builder::TokenBuilder;
#[cfg(any(test, feature = "test-util"))]
pub(crate) use token_builder::Unsigned;
pub use token_issuer::TokenIssuer;

use crate::keys::Algorithm;
