//! The layer and its settings.

use std::sync::Arc;

use tower::Layer;

use super::{AuthService, Requirements, gate::Gate};
use crate::{http::Empty, policy::Requirement, server::ResourceServer};

/// Puts authentication in front of a service; see [`ResourceServer::layer`] and
/// [`ResourceServer::guard`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthLayer<R = Empty> {
    gate: Gate,
    reject: R,
}

impl ResourceServer {
    /// A layer for a whole router: every request behind it is authenticated, whatever its
    /// extensions say; an [`Identity`](crate::Identity) is in the extensions of those that pass, or,
    /// behind an [`optional`](AuthLayer::optional) layer,
    /// [`Authentication::Anonymous`](crate::Authentication::Anonymous).
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
        AuthLayer { gate: Gate::new(self.clone(), false), reject: Empty }
    }

    /// A layer for one route, complete by itself: it authenticates, or takes the identity that this
    /// server's layer has put there, and demands `requirement`.
    ///
    /// Its 403 names everything that the route needs. So does its 401 when it stands alone; under a
    /// layer, a request without a token is refused by that layer first, with the layer's scopes.
    pub fn guard(&self, requirement: Requirement) -> AuthLayer {
        AuthLayer { gate: Gate::new(self.clone(), true), reject: Empty }.requirements(requirement)
    }
}

impl<R> AuthLayer<R> {
    /// What an admitted request must be allowed: a fixed requirement, or one for each request from
    /// a function or a [`RequirementTable`](super::RequirementTable).
    ///
    /// Both the 401 and the 403 name the scopes of the operation that was asked for.
    pub fn requirements(mut self, requirements: impl Into<Requirements>) -> Self {
        self.gate = self.gate.demanding(requirements.into());
        self
    }

    /// Lets requests without credentials pass, as
    /// [`Authentication::Anonymous`](crate::Authentication::Anonymous), where the operation requires
    /// no scope. Bad credentials are refused all the same (promise 9).
    ///
    /// Scopes that the server [requires](crate::ResourceServerBuilder::require) of every operation
    /// count: with one of those, as [App ID](crate::preset::app_id) has, nobody passes without
    /// credentials.
    pub fn optional(mut self, optional: bool) -> Self {
        self.gate.optional = optional;
        self
    }

    /// Renders refusals with `reject` instead of [`Empty`] bodies.
    pub fn reject_with<T>(self, reject: T) -> AuthLayer<T> {
        AuthLayer { gate: self.gate, reject }
    }
}

impl<S, R: Clone> Layer<S> for AuthLayer<R> {
    type Service = AuthService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(inner, Arc::new(self.gate.clone()), self.reject.clone())
    }
}
