//! Helpers for tonic 0.14.
//!
//! The layer itself needs none of this: put [`ResourceServer::layer`](crate::ResourceServer::layer)
//! on the `Server` builder for all services, or around one generated service. **Around one service it
//! leaves the others open**: with a `named_layer` (tonic's word for a layer that keeps the service's
//! name), health, reflection and every further service on the same server have no guard, unless they
//! have one of their own.
//!
//! The rows of a requirement table can be compared with the methods that the services have:
//! [`GrpcMethods`](crate::middleware::GrpcMethods).
//!
//! Refusals follow the content type of the request and its version of HTTP: a gRPC client gets a
//! trailers-only answer with `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`, and the challenge
//! as `www-authenticate` in the metadata. Put the layer outside of one that translates gRPC-Web
//! (`tonic-web`): behind it, a request of HTTP/1.1 calls itself gRPC, and is refused in plain HTTP.
//!
//! [`IdentityExt`] takes the identity that is in the extensions and asks no server whether it is its
//! own: one that the program puts there by hand satisfies it. What is refused and why is logged at
//! debug level (`RUST_LOG=tower_resource_server=debug`).
//!
//! ```
//! use tonic::{Request, Response, Status};
//! use tower_resource_server::tonic::IdentityExt;
//!
//! async fn say_hello(request: Request<()>) -> Result<Response<String>, Status> {
//!     let who = request.identity()?;
//!     Ok(Response::new(format!("hello {}", who.subject())))
//! }
//! ```

use http::Extensions;
use tonic::{Code, Request, Status, metadata::MetadataMap};

use crate::{
    ResourceServer,
    http::{LateRefusal, Rejection},
    identity::{Authentication, Identity},
    policy::Operation,
};

/// The identity of a gRPC request.
pub trait IdentityExt {
    /// Who makes the request.
    ///
    /// # Errors
    /// `INTERNAL` when no layer stands in front of the service, which is a mistake in the program;
    /// `UNAUTHENTICATED`, with the challenge as the layer would have sent it, when an optional layer
    /// let the request pass without credentials.
    fn identity(&self) -> Result<&Identity, Status>;

    /// Who makes the request, or no one, behind an
    /// [optional](crate::middleware::AuthLayer::optional) layer.
    ///
    /// # Errors
    /// `INTERNAL` when no layer stands in front of the service.
    fn optional_identity(&self) -> Result<Option<&Identity>, Status>;

    /// Who makes the request, where that is allowed what the [operation](Operation) `O` requires.
    ///
    /// The requirement holds beside what the layer and the server require. It is judged by the server that
    /// verified the identity, once for each token, and costs no allocation. A request of tonic is no longer one of
    /// HTTP, so a [predicate](crate::policy::Requirement::predicate) has nothing to look at and is not met: it belongs
    /// into the layer.
    ///
    /// The metadata document lists the scopes of `O` from its first request on; from the start, where it is
    /// [declared](ResourceServer::declare).
    ///
    /// ```
    /// use tonic::{Request, Response, Status};
    /// use tower_resource_server::{operations, policy::{role, scope}, tonic::IdentityExt};
    ///
    /// operations! {
    ///     CancelOrder = scope("orders:write").or(role("clerk"));
    /// }
    ///
    /// async fn cancel(request: Request<()>) -> Result<Response<String>, Status> {
    ///     let who = request.allowed::<CancelOrder>()?;
    ///     Ok(Response::new(format!("cancelled by {}", who.subject())))
    /// }
    /// # let _ = cancel;
    /// ```
    ///
    /// # Errors
    /// As [`identity`](Self::identity), and `PERMISSION_DENIED`, with the challenge that a guard would send. A
    /// request without credentials behind an optional layer is told the scopes of `O`.
    fn allowed<O: Operation>(&self) -> Result<&Identity, Status>;
}

impl<T> IdentityExt for Request<T> {
    fn identity(&self) -> Result<&Identity, Status> {
        self.optional_identity()?.ok_or_else(|| match LateRefusal::of(self.extensions()) {
            Some(late) => status(late.why()),
            None => no_layer(),
        })
    }

    fn optional_identity(&self) -> Result<Option<&Identity>, Status> {
        match (self.extensions().get::<Identity>(), Authentication::of(self.extensions())) {
            (Some(identity), _) => Ok(Some(identity)),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(no_layer()),
        }
    }

    fn allowed<O: Operation>(&self) -> Result<&Identity, Status> {
        let Some(identity) = self.optional_identity()? else { return Err(uninvited::<O>(self.extensions())) };
        let admitted = match identity.verifier() {
            Some(server) => server.admit_alone(identity, &server.operation::<O>()),
            None => Err(identity.refusal_without_server(&O::requirement())),
        };
        admitted.map(|()| identity).map_err(|why| status(&why))
    }
}

/// What a request without credentials gets.
fn uninvited<O: Operation>(extensions: &Extensions) -> Status {
    let Some(late) = LateRefusal::of(extensions) else { return no_layer() };
    let server: Option<&ResourceServer> = late.server().downcast_ref();
    let required = server.map(|server| (server, server.operation::<O>()));
    match required.filter(|(_, required)| !required.admits_anonymous()) {
        Some((server, required)) => status(&server.uninvited(&required)),
        // The operation is open to all, and this handler is not.
        None => status(late.why()),
    }
}

/// The refusal as a status: its code, its phrase, and its challenges in the metadata.
impl From<Rejection> for Status {
    fn from(why: Rejection) -> Self {
        status(&why)
    }
}

/// The refusal of a layer as a status: its code, its phrase, and its challenges in the metadata.
fn status(why: &Rejection) -> Status {
    why.log();
    let metadata = MetadataMap::from_headers(why.headers());
    Status::with_metadata(Code::from(why.grpc_status()), why.reason().to_string(), metadata)
}

fn no_layer() -> Status {
    Status::internal("no authentication in front of this service: add ResourceServer::layer")
}
