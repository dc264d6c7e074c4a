//! A gRPC service behind tower-resource-server, and a client to go with it.
//!
//! - [`greeter`]: the service; it asks the request who makes it.
//! - [`server`]: the layer in front of it, with a row for each method.
//! - [`client`]: one call, and everything that came back.

pub mod client;
pub mod greeter;
pub mod server;

/// What the build script generated from `proto/greeter.proto`.
pub mod proto {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("greeter.v1");

    /// What the services of this server are, as `protoc` writes it.
    pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("greeter");
}
