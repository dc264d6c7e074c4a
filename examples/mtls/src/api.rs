//! The API, and where it finds the certificate of a client: in what axum-server says of a connection, in an extension
//! that this program leaves, or in the header of a proxy.

use std::sync::Arc;

use axum::{Json, Router, http::Extensions, routing::get};
use axum_server::tls::TlsInfo;
use serde_json::{Value, json};
use tower_resource_server::{
    ClientCertificate, Identity, Mtls, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    http::{CertificateHeader, PublicAddress},
};

pub(crate) const RESOURCE: &str = "https://api.example";

/// The certificate of a connection that axum-server made.
pub(crate) fn of_axum_server() -> Mtls {
    Mtls::required().peer_certificate(|extensions: &Extensions| {
        let tls: &Arc<TlsInfo> = extensions.get()?;
        tls.peer_certificates.first().map(ClientCertificate::from_der)
    })
}

/// The certificate that a [`ClientCertificate`] in the extensions says.
pub(crate) fn of_extension() -> Mtls {
    Mtls::required()
}

/// The certificate that a proxy on this machine tells.
pub(crate) fn of_proxy(server: ResourceServerBuilder) -> ResourceServerBuilder {
    server
        .public_address(PublicAddress::from_trusted_proxies(["127.0.0.1"]).otherwise(RESOURCE))
        .mtls(Mtls::required().header(CertificateHeader::rfc9440()))
}

pub(crate) fn server(issuer: TrustedIssuer, resource: &str) -> ResourceServerBuilder {
    ResourceServer::builder(resource).issuer(issuer)
}

/// Orders, for those who have a good token.
pub(crate) fn app(server: ResourceServerBuilder) -> Result<Router, ConfigError> {
    let api = server.build()?;
    Ok(Router::new().route("/orders", get(orders)).layer(api.layer()).merge(api.metadata_routes()))
}

async fn orders(who: Identity) -> Json<Value> {
    Json(json!({
        "subject": who.subject(),
        "confirmation": { "x5t#S256": who.certificate_thumbprint() },
    }))
}
