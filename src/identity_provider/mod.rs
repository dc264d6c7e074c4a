//! The custom identity provider of IBM Mobile Client Access, both halves: login logic of your own
//! behind two endpoints, and the client by which an authorization service asks it.
//!
//! The mobile client talks to the authorization service, and the service to the provider:
//!
//! ```text
//! client           authorization service                     custom identity provider
//!   │  log me in           │                                            │
//!   ├─────────────────────►│ POST {base}/apps/{tenant}/{realm}/startAuthorization
//!   │                      ├───────────────────────────────────────────►│ IdentityProvider::start
//!   │  a challenge         │  {"status":"challenge","stateId","challenge"}
//!   │◄─────────────────────┤◄───────────────────────────────────────────┤
//!   │  the answer          │ POST {base}/apps/{tenant}/{realm}/handleChallengeAnswer
//!   ├─────────────────────►├───────────────────────────────────────────►│ IdentityProvider::answer
//!   │                      │  {"status":"success","userIdentity"}       │   … or a further challenge
//!   │  tokens              │◄───────────────────────────────────────────┤
//!   │◄─────────────────────┤ mints them                                 │
//! ```
//!
//! - The provider's half: the trait [`IdentityProvider`], served by [`IdentityProviderService`], a
//!   Tower service for any HTTP server. [`States`] keeps what a login of several steps has to
//!   remember, each piece for one use and for a while.
//! - The authorization service's half: [`IdentityProviderClient`] over the seam [`Post`]; with the
//!   feature `remote` there is `ReqwestPost`. What comes out is an [`Outcome`], and a
//!   [`UserIdentity`] in it is complete: nothing needs to be checked again before a token is minted.
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::ServiceExt;
//! use tower_resource_server::identity_provider::{
//!     Challenge, HandleChallengeAnswer, IdentityProvider, IdentityProviderService, Outcome,
//!     StartAuthorization, UserIdentity,
//! };
//!
//! /// Asks for a colour. Stateless: one question, one answer.
//! struct Colour;
//!
//! impl IdentityProvider for Colour {
//!     async fn start(&self, _: StartAuthorization) -> Outcome {
//!         Challenge::new().with("message", "Your favourite colour?").into()
//!     }
//!
//!     async fn answer(&self, request: HandleChallengeAnswer) -> Outcome {
//!         match request.answer().get("colour").and_then(|colour| colour.as_str()) {
//!             Some("blue") => UserIdentity::new("galahad", "Sir Galahad").into(),
//!             _ => Outcome::Failure,
//!         }
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let service: IdentityProviderService<Colour, Full<Bytes>> =
//!     IdentityProviderService::builder(Colour, "6380ef06-tenant", "bridge").build()?;
//! let question = Request::post("/apps/6380ef06-tenant/bridge/startAuthorization")
//!     .body(Full::new(Bytes::from(r#"{"headers":{}}"#)))?;
//! assert_eq!(service.oneshot(question).await?.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Differences from IBM's samples
//!
//! | | the samples | here |
//! |---|---|---|
//! | an answer that is no JSON of the contract | 500 with an HTML page | 400 with `{"status":"failure"}` |
//! | success without `displayName`, or without any password for the user `__proto__` | sent | cannot be made: [`UserIdentity`]; refused when received |
//! | wrong credentials | endless new challenges, or failure | the provider's choice; with [`States`] tries can be counted |
//! | the answer to an earlier challenge, once more | depends | a state is spent by the first who takes it |
//! | tenant and realm in the path | not looked at | 404 unless they are ours |
//!
//! ## What is not checked
//!
//! - Who calls: put [`ResourceServer::layer`](crate::ResourceServer::layer) in front, and what the
//!   caller's token says is in [`StartAuthorization::request`].
//! - How often somebody tries: count per user where the passwords are. A state bounds the tries of
//!   one login, and a new login can be started at any time.
//! - What is in a challenge, an answer, or an identity's attributes: any JSON object.

mod body;
mod client;
mod error;
mod object;
mod outcome;
mod place;
mod post;
mod provider;
#[cfg(feature = "remote")]
mod reqwest;
mod service;
mod states;
mod user_identity;
mod wire;

pub use client::{IdentityProviderClient, IdentityProviderClientBuilder};
pub use error::{AnswerError, ExchangeError, StateError, UserIdentityError};
pub use outcome::{Challenge, Outcome};
pub use post::{Post, PostRequest, PostResponse};
pub use provider::{HandleChallengeAnswer, IdentityProvider, StartAuthorization};
pub use service::{IdentityProviderService, IdentityProviderServiceBuilder, ResponseFuture};
pub use states::States;
pub use user_identity::UserIdentity;

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub use self::reqwest::ReqwestPost;

/// The most bytes that a body of the contract may have, in both directions: 64 KiB. Headers of a
/// client come along, which HTTP servers bound to 16 to 32 KiB; the rest is room for the answer.
pub const MAX_BODY: usize = 64 * 1024;
