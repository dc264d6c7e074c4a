//! Extractors and routes for axum 0.8.
//!
//! Behind [`ResourceServer::layer`] or [`ResourceServer::guard`], a handler asks for what it needs:
//!
//! - [`Identity`]: who it is; where the layer let the request pass without credentials, the very 401
//!   that the layer would have sent: its challenge, its scopes, its body.
//! - `Option<Identity>`: who it is, or no one, behind an [optional] layer.
//! - [`Allowed<O>`](Allowed): who it is, where that is allowed what the operation `O` requires; the 403 or the 401
//!   of a guard otherwise.
//! - [`Claims<T>`]: the claims of the access token as a type of the application; a 403 that names the
//!   claim where the token lacks one.
//!
//! A handler that no layer stands in front of is a mistake in the program, not in the request: each
//! extractor answers it with a 500 that names what is missing, `Option` included.
//!
//! An extractor takes the identity that is in the extensions and asks no server whether it is its own:
//! one that the program puts there by hand, as tests do, satisfies it, whatever the credentials are.
//!
//! A [`Rejection`] is a response, for handlers that verify a token from somewhere else; of a text that
//! a WebSocket sends first, for example.
//!
//! [optional]: crate::middleware::AuthLayer::optional
//!
//! ```
//! # fn app(api: &tower_resource_server::ResourceServer) -> axum::Router {
//! use axum::{Router, routing::{get, post}};
//! use tower_resource_server::{Identity, policy::scope};
//!
//! Router::new()
//!     .route("/orders", get(|who: Identity| async move { format!("hello {}", who.subject()) }))
//!     .route("/orders/new", post(|| async { "made" }).layer(api.guard(scope("orders:write"))))
//!     .layer(api.layer())
//!     .merge(api.metadata_routes())
//! # }
//! ```

mod allowed;

use std::fmt;

use axum::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

pub use self::allowed::Allowed;
use crate::{
    ClaimsError, ResourceServer,
    http::{LateRefusal, Rejection, RequestHead},
    identity::{Authentication, Identity},
};

/// The claims of the verified access token (of the ID token, where that came alone) as a type of
/// the application.
///
/// A token that lacks a claim of `T` is a 403 that names it: it is good, and not for this. A claim of
/// another type than `T` has is a 500: this server's idea of its issuer's claims is wrong.
///
/// ```
/// use tower_resource_server::axum::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// async fn handler(Claims(claims): Claims<Tenant>) -> String {
///     claims.tenant
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Claims<T>(pub T);

/// Why an extractor failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExtractorRejection {
    /// No layer and no guard of this crate stands in front of the handler: a 500.
    NoLayer,
    /// The layer let the request pass without credentials, and the handler needs an identity: the
    /// refusal, as the layer would have sent it.
    Unauthenticated(Refused),
    /// The identity does not meet what the handler [requires](Allowed).
    NotAllowed(Refused),
    /// The claims do not have the shape that the handler asks for: a 403 where the token lacks one of
    /// them, else a 500.
    Claims(ClaimsError),
}

/// A refusal as a layer or a guard makes it, sent by a handler behind it.
#[derive(Debug)]
pub struct Refused {
    why: Rejection,
    response: Box<http::Response<Bytes>>,
}

impl Refused {
    /// The refusal as data.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.why
    }
}

/// What is wrong, in one line, with nothing that a token says.
impl fmt::Display for ExtractorRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLayer => f.write_str(
                "no authentication in front of this handler: add ResourceServer::layer or ::guard",
            ),
            Self::Unauthenticated(refused) | Self::NotAllowed(refused) => refused.why.fmt(f),
            Self::Claims(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExtractorRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoLayer => None,
            Self::Unauthenticated(refused) | Self::NotAllowed(refused) => Some(&refused.why),
            Self::Claims(error) => Some(error),
        }
    }
}

impl IntoResponse for ExtractorRejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match self {
            Self::Unauthenticated(refused) | Self::NotAllowed(refused) => (*refused.response).map(Body::from),
            Self::Claims(error) if error.missing().is_some() => (StatusCode::FORBIDDEN, text).into_response(),
            Self::NoLayer | Self::Claims(_) => (StatusCode::INTERNAL_SERVER_ERROR, text).into_response(),
        }
    }
}

/// In plain HTTP, with the body that the [server](crate::ResourceServerBuilder::reject_with) makes where nothing of the
/// request is known; for one that is, [`answer`](Rejection::answer).
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.answer(RequestHead::unknown())
    }
}

fn authentication(parts: &Parts) -> Result<Authentication, ExtractorRejection> {
    Authentication::of(&parts.extensions).ok_or(ExtractorRejection::NoLayer)
}

/// What a request without credentials gets where an identity is needed: the refusal of its layer.
fn anonymous(parts: &Parts) -> ExtractorRejection {
    match LateRefusal::of(&parts.extensions) {
        Some(late) => ExtractorRejection::Unauthenticated(Refused {
            why: late.why().clone(),
            response: Box::new(late.response_to(late.why(), parts.into())),
        }),
        None => ExtractorRejection::NoLayer,
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        match authentication(parts)? {
            Authentication::Verified(identity) => Ok(identity),
            Authentication::Anonymous => Err(anonymous(parts)),
        }
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractorRejection> {
        Ok(authentication(parts)?.identity().cloned())
    }
}

impl<S: Sync> FromRequestParts<S> for Authentication {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        authentication(parts)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Claims<T> {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtractorRejection> {
        let identity = <Identity as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        identity.claims().map(Claims).map_err(ExtractorRejection::Claims)
    }
}

impl ResourceServer {
    /// The protected resource metadata (RFC 9728) as routes, to be merged outside the layer; none
    /// when the resource identifier is not an http(s) URL.
    ///
    /// A resource path with a segment that begins with `:` or `*` needs a router made
    /// [`without_v07_checks`](axum::Router::without_v07_checks).
    pub fn metadata_routes<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        match self.metadata_path() {
            Some(path) => {
                // The path is a literal: what is syntax to the router is escaped.
                let literal = path.replace('{', "{{").replace('}', "}}");
                axum::Router::new()
                    .without_v07_checks()
                    .route_service(&literal, self.metadata_service::<Body>())
            }
            None => axum::Router::new(),
        }
    }
}
