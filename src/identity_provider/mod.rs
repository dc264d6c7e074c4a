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
//! - The authorization service's half: [`IdentityProviderClient`] over an
//!   [`HttpClient`](crate::net::HttpClient). What comes out is an [`Outcome`], and a [`UserIdentity`]
//!   in it is complete: nothing needs to be checked again before a token is minted.
//!
//! The back end that the tokens are for: [`mobile_client_access`](crate::preset::mobile_client_access).
//! All four parties, and what they say to each other: the example `mobile_client_access`.
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
//! ## What is checked
//!
//! | | by the service | by the client |
//! |---|---|---|
//! | path | tenant and realm, byte for byte | https; plain http to loopback by opt-in; no metadata addresses |
//! | method, status | `POST` | 200 and nothing else; no redirect is followed |
//! | time | – | 5 seconds for all of it |
//! | size | 64 KiB | 64 KiB |
//! | JSON | an object with `headers`, and `challengeAnswer` in an answer | an object with `status`, and what that calls for |
//! | a member of the contract twice, or of a wrong type | refused | refused |
//! | any other member twice: in `headers`, an answer, a challenge, `attributes` | the last counts | the last counts |
//! | `stateId` | as it comes; [`States`] or [`SealedStates`] knows which there are | sent back as it came, if one came with the last challenge |
//! | `userIdentity` | complete, or it cannot be made | `userName` and `displayName` there and not blank, `attributes` an object |
//!
//! ## Differences from IBM's samples
//!
//! | | the samples | here |
//! |---|---|---|
//! | a body without `challengeAnswer` | 500 with an HTML page | 400 with `{"status":"failure"}`: somebody has to see that a caller does not speak the contract |
//! | the user `__proto__`, without a password | success, without `displayName` | such an identity cannot be made, and is refused when received: no token for a name that no user has |
//! | wrong credentials | failure, or new challenges without end | the provider's choice; with [`States`] tries can be counted |
//! | an answer to an earlier challenge | judged | a state is spent by the first who takes it: no step can be replayed |
//! | tenant and realm in the path | not looked at | 404 unless they are ours: a provider has one realm |
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
mod provider;
mod sealed_states;
mod service;
mod states;
mod user_identity;
mod wire;

pub use client::{IdentityProviderClient, IdentityProviderClientBuilder};
pub use error::{AnswerError, ExchangeError, StateError, UserIdentityError};
pub use outcome::{Challenge, Outcome};
pub use provider::{HandleChallengeAnswer, IdentityProvider, StartAuthorization};
pub use sealed_states::SealedStates;
pub use service::{IdentityProviderService, IdentityProviderServiceBuilder, ResponseFuture};
pub use states::States;
pub use user_identity::UserIdentity;

/// The most bytes that a body of the contract may have, in both directions: 64 KiB. Headers of a
/// client come along, which HTTP servers bound to 16 to 32 KiB; the rest is for the answer.
pub const MAX_BODY: usize = 64 * 1024;
