//! Turns any Tower HTTP service (axum, tonic, hyper) into an OAuth 2 / OpenID Connect *resource
//! server*: a [`tower::Layer`] takes the `Authorization` header, verifies access and ID tokens offline
//! against cached public keys, answers 401 with a challenge and the scope on failure, and inserts an
//! [`Identity`] on success.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "remote"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::{get, post}};
//! use tower_resource_server::{Identity, TrustedIssuer, ResourceServer, policy::scope, profile::TokenProfile};
//!
//! let api = ResourceServer::builder("https://api.example")
//!     .issuer(TrustedIssuer::discover("https://login.example", TokenProfile::rfc9068()))
//!     .build()?;
//!
//! let app: Router = Router::new()
//!     .route("/orders", get(|who: Identity| async move { format!("hello {}", who.subject()) }))
//!     .route("/orders/new", post(|| async { "made" }).layer(api.guard(scope("orders:write"))))
//!     .layer(api.layer())
//!     .merge(api.metadata_routes());
//! # let _ = app;
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "remote")))]
//! # fn main() {}
//! ```
//!
//! The [guide](mod@guide) has the rest: what happens to a request, step by step and in which order, your
//! provider, scopes and roles, gRPC, proxies, browsers, operations, limits and testing.
//!
//! ## The modules
//!
//! Each module has one subject, and uses only modules above it in this list.
//!
//! | module | subject |
//! |---|---|
//! | [`time`] | time as a value, and the clock as a trait |
//! | [`error`] | what can be wrong with a configuration, and with a token |
//! | `json` | JSON from outside, judged by one strict pass |
//! | [`token`] | from bytes to a token that is well formed and not yet believed |
//! | [`keys`] | from a JWK, PEM or DER to a key that is parsed once, and sets of keys |
//! | [`policy`] | rules on claims, and requirements of operations, as data |
//! | [`profile`] | what tokens of one kind look like: RFC 9068, OpenID Connect, your own |
//! | [`proof`] | whether the sender of a token holds the key or the certificate that it is bound to (DPoP, mutual TLS) |
//! | `verify` | the order of all checks of a token, written once |
//! | `identity` | [`Identity`]: what only verification can make |
//! | [`mod@metrics`] | what is counted, with the feature of that name |
//! | [`net`] | HTTP to other servers, through one client that can be exchanged |
//! | [`source`] | where keys come from, and how they are kept fresh |
//! | [`store`] | what was spent, so that nothing counts twice |
//! | [`mod@http`] | credentials, challenges, rejections, protected resource metadata |
//! | [`explain`] | why a token is accepted or not, check by check |
//! | `server` | [`ResourceServer`]: one request, from its headers to an identity; the token cache |
//! | [`preset`] | the tokens of the big providers and of vendors' own systems, as tables |
//! | [`middleware`] | the layer, the guard, their service and future |
//! | `mcp` | requirements of tools, prompts and resources, from the message (feature `mcp`) |
//! | `axum`, `tonic` | extractors and helpers, each behind a feature |
//! | `config` | a whole server from a file and the environment (feature `config`) |
//!
//! Beside them, `issuer` mints tokens and serves keys (feature `issuer`), `identity_provider` is login
//! logic of your own for an authorization service, and that service's half of the conversation
//! (feature `identity-provider`), and `test_util` has what tests need (feature `test-util`).
//!
//! The modules down to `identity` do no I/O and read no clock: their result is a function of bytes,
//! keys, rules and a moment. What is not checked is at the end of [`guide::request`].
#![forbid(unsafe_code)]
// No input panics. Tests may; they have their own way of failing.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// A setter for each field of a struct of settings, which no struct literal outside can make.
macro_rules! setters {
    ($settings:ty { $($field:ident: $value:ty),* $(,)? }) => {
        impl $settings {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub const fn $field(mut self, $field: $value) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub mod config;
pub mod error;
pub mod explain;
// Its code needs these features, so the documentation tests of fewer features leave it out.
#[cfg(any(
    not(doctest),
    all(
        feature = "axum",
        feature = "config",
        feature = "identity-provider",
        feature = "mcp",
        feature = "redis",
        feature = "remote",
        feature = "tonic",
        feature = "test-util"
    )
))]
pub mod guide;
pub mod http;
mod identity;
#[cfg(feature = "identity-provider")]
#[cfg_attr(docsrs, doc(cfg(feature = "identity-provider")))]
pub mod identity_provider;
#[cfg(any(test, feature = "issuer"))]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub mod issuer;
mod json;
pub mod keys;
#[cfg(feature = "mcp")]
#[cfg_attr(docsrs, doc(cfg(feature = "mcp")))]
pub mod mcp;
pub mod metrics;
pub mod middleware;
pub mod net;
pub mod policy;
pub mod preset;
pub mod profile;
pub mod proof;
mod server;
pub mod source;
pub mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
pub mod time;
pub mod token;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub mod tonic;
mod verify;

pub use explain::Explanation;
pub use identity::{
    Authentication, ClaimsError, Credential, FromIdentity, Identity, OwnedPrincipal, Principal, TokenClaims,
};
pub use proof::ClientCertificate;
#[cfg(feature = "remote")]
pub use server::DangerousIssuer;
pub use server::{
    ApiKey, ApiKeyState, ApiKeyStatus, ApiKeys, CacheSettings, CredentialError, CredentialVerifier,
    CredentialVerifierSettings, DEFAULT_DPOP_WINDOW, Dpop, HealthService, IdTokenExpectations, KeyRevocation,
    MAX_DPOP_WINDOW, Mtls, OpaqueCredential, PairRules, ReplaceApiKeysError, ReplaceKeysError,
    ResourceServer, ResourceServerBuilder, RevokeKeyError, TrustedIssuer, Verification, VerifiedCredential,
};

/// The snippets of the README, compiled.
#[cfg(all(doctest, feature = "axum", feature = "remote", feature = "tonic"))]
#[doc = include_str!("../README.md")]
struct Readme;
