//! Extractors and routes for axum 0.8.
//!
//! Behind [`ResourceServer::layer`] or [`ResourceServer::guard`], a handler asks for what it needs:
//!
//! - [`Identity`]: who it is; a 401 with the full challenge where the layer let the request pass
//!   without credentials.
//! - `Option<Identity>`: who it is, or nobody, behind an [optional] layer.
//! - [`Claims<T>`]: the claims of the access token as a type of the application.
//!
//! A handler that no layer stands in front of is a mistake in the program, not in the request: each
//! extractor answers it with a 500 that names what is missing, `Option` included.
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

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::{
    ResourceServer,
    http::Rejection,
    identity::{Authentication, Identity},
    middleware::{RequirementTable, Requirements},
};

/// The claims of the verified access token (of the ID token, where that came alone) as a type of
/// the application.
///
/// Claims that do not have the shape of `T` are a 500: the token is good, and this server's idea of
/// its issuer's claims is not.
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
    /// challenge, as the layer would have sent it.
    Unauthenticated(Response<()>),
    /// The claims do not have the shape that the handler asks for: a 500.
    ClaimsShape(crate::ClaimsError),
}

impl IntoResponse for ExtractorRejection {
    fn into_response(self) -> Response {
        let internal = |text: String| (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
        match self {
            Self::NoLayer => internal(
                "no authentication in front of this handler: add ResourceServer::layer or ::guard".into(),
            ),
            Self::Unauthenticated(response) => response.map(|()| Body::empty()),
            Self::ClaimsShape(error) => internal(error.to_string()),
        }
    }
}

fn authentication(parts: &Parts) -> Result<Authentication, ExtractorRejection> {
    Authentication::of(&parts.extensions).ok_or(ExtractorRejection::NoLayer)
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorRejection> {
        match authentication(parts)? {
            Authentication::Verified(identity) => Ok(identity),
            // The layer leaves the refusal that it would have sent beside the verdict.
            Authentication::Anonymous => Err(match parts.extensions.get::<Rejection>() {
                Some(why) => ExtractorRejection::Unauthenticated(why.response(parts)),
                None => ExtractorRejection::NoLayer,
            }),
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
        identity.claims().map(Claims).map_err(ExtractorRejection::ClaimsShape)
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

impl RequirementTable {
    /// Chooses by the route that axum matched and the method. A request that no route matches gets
    /// the strictest requirement.
    ///
    /// The layer must be put on with `Router::layer`, after the routes: only there is the matched
    /// route known.
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::ResourceServer) -> axum::Router {
    /// use axum::{Router, http::Method, routing::get};
    /// use tower_resource_server::{middleware::RequirementTable, policy::scope};
    ///
    /// let table = RequirementTable::new()
    ///     .route(Method::GET, "/orders/{id}", scope("orders:read"))
    ///     .route(Method::DELETE, "/orders/{id}", scope("orders:write"));
    /// Router::new()
    ///     .route("/orders/{id}", get(|| async { "an order" }).delete(|| async { "gone" }))
    ///     .layer(api.layer().requirements(table.by_matched_path()))
    /// # }
    /// ```
    #[must_use]
    pub fn by_matched_path(self) -> Requirements {
        self.by(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str))
    }
}
