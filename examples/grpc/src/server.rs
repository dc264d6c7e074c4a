//! The layer in front of all services, and the requirement of each method.

use std::error::Error;

use tokio::net::TcpListener;
use tonic::transport::{self, Server, server::TcpIncoming};
use tower_resource_server::{
    ResourceServer,
    middleware::{AuthLayer, GrpcMethods, RequirementTable},
    policy::{Requirement, scope},
};

use crate::{greeter::Greeter, proto::DESCRIPTORS};

/// What it takes to change the greeting.
pub const WRITE: &str = "greeter:write";

/// How large the metadata of a call may be. hyper allows 16 KiB, which a token of the size that the
/// layer accepts would fill alone, and answers more with a bare 431 that no gRPC client understands.
const HEADERS: u32 = 32 * 1024;

/// Every method needs a good token and `required`; one needs a scope besides. A method without a
/// row needs everything that any row needs.
fn rows(required: Requirement) -> RequirementTable {
    RequirementTable::new()
        .grpc("/greeter.v1.Greeter/SayHello", required.clone())
        .grpc("/greeter.v1.Greeter/SetGreeting", required.and(scope(WRITE)))
}

/// The layer with a row for each method.
pub fn protect(api: &ResourceServer, required: Requirement) -> AuthLayer {
    api.layer().requirements(rows(required))
}

/// Checks that the rows are for the methods of the .proto file: each of them, and no other.
///
/// # Errors
/// The rows and methods that do not agree.
pub fn check_rows() -> Result<(), Box<dyn Error + Send + Sync>> {
    let methods = GrpcMethods::of([DESCRIPTORS])?;
    Ok(rows(Requirement::any_token()).check_every_grpc(&methods)?)
}

/// Serves until `shutdown` completes.
///
/// # Errors
/// What ends a listener, such as an exhausted process.
pub async fn serve(
    listener: TcpListener,
    layer: AuthLayer,
    shutdown: impl Future<Output = ()>,
) -> Result<(), transport::Error> {
    Server::builder()
        .http2_max_header_list_size(HEADERS)
        .layer(layer)
        .add_service(Greeter::service())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), shutdown)
        .await
}
