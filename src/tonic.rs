//! Helpers for tonic 0.14.
//!
//! The layer itself needs none of this: put [`ResourceServer::layer`](crate::ResourceServer::layer)
//! on the `Server` builder for all services, or around one generated service. Refusals follow the
//! content type of the request and its version of HTTP: a gRPC client gets a trailers-only answer with `UNAUTHENTICATED`,
//! `PERMISSION_DENIED` or `UNAVAILABLE`, and the challenge as `www-authenticate` in the metadata. Put
//! the layer outside of one that translates gRPC-Web (`tonic-web`): behind it, a request of HTTP/1.1
//! calls itself gRPC, and is refused in plain HTTP.
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

use http::{HeaderMap, header::WWW_AUTHENTICATE};
use tonic::{Code, Request, Status, metadata::MetadataMap};

use crate::{
    http::Rejection,
    identity::{Authentication, Identity},
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

    /// Who makes the request, or nobody, behind an
    /// [optional](crate::middleware::AuthLayer::optional) layer.
    ///
    /// # Errors
    /// `INTERNAL` when no layer stands in front of the service.
    fn optional_identity(&self) -> Result<Option<&Identity>, Status>;
}

impl<T> IdentityExt for Request<T> {
    fn identity(&self) -> Result<&Identity, Status> {
        self.optional_identity()?.ok_or_else(|| {
            // The layer leaves the refusal that it would have sent beside the verdict.
            let refusal = self.extensions().get::<Rejection>();
            let challenge = refusal.and_then(Rejection::challenge).cloned();
            let headers = HeaderMap::from_iter(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
            let metadata = MetadataMap::from_headers(headers);
            Status::with_metadata(Code::Unauthenticated, "authentication is required", metadata)
        })
    }

    fn optional_identity(&self) -> Result<Option<&Identity>, Status> {
        match (self.extensions().get::<Identity>(), Authentication::of(self.extensions())) {
            (Some(identity), _) => Ok(Some(identity)),
            (None, Some(_)) => Ok(None),
            (None, None) => {
                Err(Status::internal("no authentication in front of this service: add ResourceServer::layer"))
            }
        }
    }
}
