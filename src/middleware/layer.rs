//! The layer and its settings.

use std::sync::Arc;

use tower::Layer;

use super::{AuthService, ForwardedIdentity, Requirements, gate::Gate};
use crate::{
    http::{AsServer, BodyOf, RefusalBody, Reject, Rejection, RequestHead},
    policy::Requirement,
    server::ResourceServer,
};

/// Puts authentication in front of a service; see [`ResourceServer::layer`] and
/// [`ResourceServer::guard`].
///
/// # With other layers
///
/// A refusal is a response with the body type of the service behind the layer. Refusals
/// [as the server says](AsServer) need one with a `Default`; [`Json`](crate::http::Json), closures and bodies of your
/// own on this layer one that is `From<Bytes>`. axum's `Router::layer` makes every body an `axum::body::Body`, which is both. Within one
/// `tower::ServiceBuilder`, a layer that wraps the body, such as tower-http's `TraceLayer`, goes around
/// this one; to have it behind, make the bodies plain again in between:
///
/// ```
/// # #[cfg(feature = "axum")]
/// # fn app(api: &tower_resource_server::ResourceServer) -> axum::Router {
/// use axum::{Router, body::Body, http::Response, routing::get};
/// use tower::ServiceBuilder;
/// use tower_http::trace::TraceLayer;
///
/// let around = ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(api.layer());
/// let behind = ServiceBuilder::new()
///     .layer(api.layer())
///     .map_response(|response: Response<_>| response.map(Body::new))
///     .layer(TraceLayer::new_for_http());
/// Router::new()
///     .route("/around", get(|| async { "ok" }).layer(around))
///     .route("/behind", get(|| async { "ok" }).layer(behind))
/// # }
/// ```
///
/// # Logs
///
/// Each refusal is logged at debug level, since anyone can cause one: reason, configured claim and
/// status, nothing of the request. With `tracing_subscriber`'s `EnvFilter`:
/// `RUST_LOG=tower_resource_server=debug`.
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthLayer<R = AsServer> {
    gate: Gate<R>,
}

impl ResourceServer {
    /// A layer for a whole router: every request behind it is authenticated, whatever its
    /// extensions say; an [`Identity`](crate::Identity) is in the extensions of those that pass, or,
    /// behind an [`optional`](AuthLayer::optional) layer,
    /// [`Authentication::Anonymous`](crate::Authentication::Anonymous).
    ///
    /// It guards what is behind it and nothing else: routes and services that are added outside stay
    /// open. What something behind the layer does to the extensions is not checked: an identity that the
    /// program puts there by hand satisfies extractors and guards.
    ///
    /// ```
    /// # use tower_resource_server::{ResourceServer, policy::scope};
    /// # fn protect<S>(api: &ResourceServer, service: S) -> impl Sized + use<S> {
    /// use tower::ServiceBuilder;
    ///
    /// ServiceBuilder::new().layer(api.layer()).service(service)
    /// # }
    /// ```
    pub fn layer(&self) -> AuthLayer {
        AuthLayer { gate: Gate::new(self.clone(), false, AsServer) }
    }

    /// A layer for one route, complete by itself: it authenticates, or takes the identity that this
    /// server's layer has put there, and demands `requirement`.
    ///
    /// Its 403 names everything that the route needs. So does its 401 when it stands alone; under a
    /// layer, a request without a token is refused by that layer first, with the layer's scopes.
    ///
    /// It trusts an identity of this server in the extensions without looking at the credentials
    /// again: also one that the program put there by hand, of another request or in a test. Nothing
    /// from outside can: an identity is made by verification alone.
    pub fn guard(&self, requirement: Requirement) -> AuthLayer {
        AuthLayer { gate: Gate::new(self.clone(), true, AsServer) }.requirements(requirement)
    }
}

impl<R> AuthLayer<R> {
    /// What an admitted request must be allowed: a fixed [`Requirement`], or a
    /// [`RequirementTable`](super::RequirementTable) by route and gRPC method.
    ///
    /// Both the 401 and the 403 name the scopes of the operation that was asked for.
    pub fn requirements(mut self, requirements: impl Into<Requirements>) -> Self {
        self.gate = self.gate.demanding(requirements.into());
        self
    }

    /// What an admitted request must be allowed, by a function of its head.
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::ResourceServer) {
    /// use tower_resource_server::policy::scope;
    ///
    /// let layer = api.layer().requirements_by(|request| {
    ///     if request.method.is_safe() { scope("orders:read") } else { scope("orders:write") }
    /// });
    /// # let _ = layer;
    /// # }
    /// ```
    pub fn requirements_by(
        self,
        choose: impl Fn(RequestHead<'_>) -> Requirement + Send + Sync + 'static,
    ) -> Self {
        self.requirements(Requirements::by(choose))
    }

    /// Lets requests without credentials pass, as
    /// [`Authentication::Anonymous`](crate::Authentication::Anonymous). Bad credentials are refused all the
    /// same (promise 9), and so are good ones that do not meet what is required.
    ///
    /// It puts [`anonymous_or`](crate::policy::anonymous_or) around everything that is required here, what the
    /// server [requires](crate::ResourceServerBuilder::require) of every request included. Of a
    /// [`RequirementTable`](super::RequirementTable) it opens every row and what
    /// [`otherwise`](super::RequirementTable::otherwise) says; what no row lists stays closed. To open some
    /// operations only, say `anonymous_or` in their requirements instead.
    pub fn optional(mut self, optional: bool) -> Self {
        self.gate = self.gate.optional(optional);
        self
    }

    /// Puts the [`Rejection`] into the extensions of a refused request's response: for outer layers
    /// that log or count by reason.
    ///
    /// Off unless asked for, since it costs as much as all the rest of a refusal, which anyone can
    /// cause.
    pub fn expose_rejection(mut self, expose: bool) -> Self {
        self.gate.exposes = expose;
        self
    }

    /// Tells the inner service who makes a request in header fields, for what cannot read the request's
    /// extensions: a proxy, a CGI gateway, another process. Whatever a client sends under their names is
    /// removed first, and the credentials are too: see [`ForwardedIdentity`].
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::ResourceServer) -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::middleware::ForwardedIdentity;
    ///
    /// let forwarded = ForwardedIdentity::builder().subject("x-auth-subject").scopes("x-auth-scopes").build()?;
    /// let layer = api.layer().forward(forwarded);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn forward(mut self, identity: ForwardedIdentity) -> Self {
        self.gate = self.gate.forwarding(identity);
        self
    }

    /// Gives refusals the bodies of `reject` instead of those that the
    /// [server](crate::ResourceServerBuilder::reject_with) says; those that an extractor behind an
    /// [optional](Self::optional) layer sends, too. What a handler refuses itself looks as the server says.
    pub fn reject_with<T: Reject>(self, reject: T) -> AuthLayer<T> {
        AuthLayer { gate: self.gate.rejecting(reject) }
    }

    /// Gives refusals the body that a closure makes: a text, a JSON value, or a [`RefusalBody`]. It is not
    /// asked for refusals in gRPC, which have none.
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::ResourceServer) {
    /// let plain = api.layer().refusal_body(|why, _| format!("{}\n", why.reason()));
    /// let json = api.layer().refusal_body(|why, request| {
    ///     serde_json::json!({ "code": why.reason().code(), "path": request.uri.path() })
    /// });
    /// # let _ = (plain, json);
    /// # }
    /// ```
    pub fn refusal_body<F, T>(self, body: F) -> AuthLayer<BodyOf<F>>
    where
        F: Fn(&Rejection, RequestHead<'_>) -> T + Clone + Send + Sync + 'static,
        T: Into<RefusalBody>,
    {
        self.reject_with(BodyOf(body))
    }
}

impl<S, R: Clone> Layer<S> for AuthLayer<R> {
    type Service = AuthService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(inner, Arc::new(self.gate.clone()))
    }
}
