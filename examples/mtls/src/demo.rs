//! A client and a thief, over TLS that ends in this program and behind a proxy.

use std::net::Ipv4Addr;

use axum::{Extension, Router};
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use reqwest::{Certificate, Identity, Response};
use tokio::net::TcpListener;
use tower_resource_server::{
    ClientCertificate, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
};

use crate::{
    AnyError, api,
    authority::{Authority, Pair},
    proxy::Proxy,
    tls,
};

pub(crate) async fn run() -> Result<(), AnyError> {
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .build()?;
    let authority = Authority::new()?;
    let (client, thief) = (authority.client("client")?, authority.client("thief")?);
    let token = issuer.access_token("alice").client_id("web").audience(api::RESOURCE);
    let token = token.bound_to_certificate(&client.thumbprint).mint()?;

    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068());
    let server = || api::server(trusted.clone(), api::RESOURCE);
    let places = [
        ("axum-server", with_axum_server(&authority, api::app(server().mtls(api::of_axum_server()))?).await?),
        ("tokio-rustls", by_hand(&authority, api::app(server().mtls(api::of_extension()))?).await?),
        ("a proxy", behind_proxy(&authority, api::app(api::of_proxy(server()))?).await?),
    ];
    for (place, origin) in places {
        let told = format!(":{}:", der_in_base64(&client.certificate));
        println!("TLS ends in {place}");
        println!("> the client, with its certificate");
        show(ask(&authority, Some(&client), &origin, &token, None).await?).await?;
        println!("> the thief, with the token alone");
        show(ask(&authority, None, &origin, &token, None).await?).await?;
        println!("> the thief, with a certificate of their own");
        show(ask(&authority, Some(&thief), &origin, &token, None).await?).await?;
        println!("> the thief, who writes the client's certificate into the header of a proxy");
        show(ask(&authority, Some(&thief), &origin, &token, Some(&told)).await?).await?;
    }
    Ok(())
}

/// TLS by axum-server, which leaves what it knows of a connection in each request.
async fn with_axum_server(authority: &Authority, app: Router) -> Result<String, AnyError> {
    let pair = authority.server()?;
    let config = tls::config(&authority.pem(), &pair.certificate, &pair.key)?;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let origin = format!("https://{}", listener.local_addr()?);
    let server = from_tcp_rustls(listener, RustlsConfig::from_config(config))?;
    tokio::spawn(server.serve(app.into_make_service()));
    Ok(origin)
}

/// TLS by tokio-rustls: the certificate is looked at once for each connection.
async fn by_hand(authority: &Authority, app: Router) -> Result<String, AnyError> {
    let pair = authority.server()?;
    let config = tls::config(&authority.pem(), &pair.certificate, &pair.key)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("https://{}", listener.local_addr()?);
    tokio::spawn(tls::serve(listener, config, move |shown| match shown {
        Some(der) => app.clone().layer(Extension(ClientCertificate::from_der(der))),
        None => app.clone(),
    }));
    Ok(origin)
}

/// No TLS, and a proxy in front that ends it.
async fn behind_proxy(authority: &Authority, app: Router) -> Result<String, AnyError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let proxy = Proxy::to(format!("http://{}", listener.local_addr()?));
    // The address of the connection's peer says whether it is the proxy.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let pair = authority.server()?;
    let config = tls::config(&authority.pem(), &pair.certificate, &pair.key)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("https://{}", listener.local_addr()?);
    tokio::spawn(tls::serve(listener, config, move |shown| proxy.of_connection(shown)));
    Ok(origin)
}

/// Asks with the token, over a connection of its own.
async fn ask(
    authority: &Authority,
    shown: Option<&Pair>,
    origin: &str,
    token: &str,
    told: Option<&str>,
) -> Result<Response, AnyError> {
    let client = reqwest::Client::builder()
        .tls_backend_rustls()
        .tls_certs_only([Certificate::from_pem(authority.pem().as_bytes())?]);
    let client = match shown {
        Some(Pair { certificate, key, .. }) => {
            client.identity(Identity::from_pem(format!("{certificate}{key}").as_bytes())?)
        }
        None => client,
    };
    let request = client.build()?.get(format!("{origin}/orders")).bearer_auth(token);
    let request = match told {
        Some(told) => request.header("client-cert", told),
        None => request,
    };
    Ok(request.send().await?)
}

/// What stands between the boundaries of PEM.
fn der_in_base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

async fn show(response: Response) -> Result<(), AnyError> {
    println!("  {}", response.status());
    for challenge in response.headers().get_all("www-authenticate") {
        println!("  {}", challenge.to_str()?);
    }
    let body = response.text().await?;
    if !body.is_empty() {
        println!("  {body}");
    }
    Ok(())
}
