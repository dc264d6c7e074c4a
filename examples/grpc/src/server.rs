//! The layer in front of all services, and the requirement of each method.

use tokio::net::TcpListener;
use tonic::transport::{Error, Server, server::TcpIncoming};
use tower_resource_server::{
    ResourceServer,
    middleware::{AuthLayer, RequirementTable},
    policy::{Requirement, scope},
};

use crate::greeter::Greeter;

/// What it takes to change the greeting.
pub const WRITE: &str = "greeter:write";

/// How large the metadata of a call may be. hyper allows 16 KiB, which a token of the size that the
/// layer accepts would fill alone, and answers more with a bare 431 that no gRPC client understands.
const HEADERS: u32 = 32 * 1024;

/// Every method needs a good token and `required`; one needs a scope besides. A method without a
/// row needs everything that any row needs.
pub fn protect(api: &ResourceServer, required: Requirement) -> AuthLayer {
    let methods = RequirementTable::new()
        .grpc("/greeter.v1.Greeter/SayHello", required.clone())
        .grpc("/greeter.v1.Greeter/SetGreeting", required.and(scope(WRITE)));
    api.layer().requirements(methods)
}

/// Serves until `shutdown` completes.
///
/// # Errors
/// What ends a listener, such as an exhausted process.
pub async fn serve(
    listener: TcpListener,
    layer: AuthLayer,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Server::builder()
        .http2_max_header_list_size(HEADERS)
        .layer(layer)
        .add_service(Greeter::service())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), shutdown)
        .await
}
