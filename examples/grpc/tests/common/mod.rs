//! A server on a loopback port, and an issuer that it trusts.
#![allow(clippy::unwrap_used)]

use std::future::pending;

use grpc_example::{
    client::{self, Method, Outcome},
    server,
};
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer, TrustedIssuer, keys::KeySet, policy::Requirement, profile::TokenProfile,
    test_util::TestIssuer,
};

/// A server that has the keys of `issuer`.
pub(crate) fn api(issuer: &TestIssuer) -> ResourceServer {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    ResourceServer::builder(issuer.audience())
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// Serves the greeter behind `api`, with its table of methods; ends with the test's runtime.
pub(crate) async fn serve(api: &ResourceServer, required: Requirement) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(server::serve(listener, server::protect(api, required), pending()));
    address
}

pub(crate) async fn call(address: &str, token: Option<&str>, method: Method<'_>) -> Outcome {
    client::call(address, token, method).await.unwrap()
}
