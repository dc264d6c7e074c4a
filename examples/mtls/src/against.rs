//! The API against another issuer, with certificates from files.

use std::{fs, net::SocketAddr, net::TcpListener, path::Path};

use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use tower_resource_server::{TrustedIssuer, profile::TokenProfile};

use crate::{AnyError, api, tls};

pub(crate) async fn serve(
    issuer: &str,
    audience: &str,
    folder: &Path,
    listen: SocketAddr,
) -> Result<(), AnyError> {
    let read = |name: &str| fs::read_to_string(folder.join(name));
    let config = tls::config(&read("authority.pem")?, &read("server.pem")?, &read("server-key.pem")?)?;
    let issuer = TrustedIssuer::discover(issuer, TokenProfile::rfc9068()).allow_loopback_http(true);
    let app = api::app(api::server(issuer, audience).mtls(api::of_axum_server()))?;
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    println!("listening on https://{}", listener.local_addr()?);
    let server = from_tcp_rustls(listener, RustlsConfig::from_config(config))?;
    Ok(server.serve(app.into_make_service()).await?)
}
