//! Tokens that are bound to a certificate of their client (mutual TLS, RFC 8705): over TLS that ends in this program, by
//! axum-server and by tokio-rustls, and behind a proxy that ends it. A client uses its token; a thief has the token, and
//! not the key.
//!
//! - `api`: the API, and where it finds the certificate.
//! - `tls`: TLS by tokio-rustls; `proxy`: a proxy that ends TLS.
//! - `authority`: certificates, made anew.
//! - `demo`: what runs without arguments; `against`: the API against another issuer.

mod against;
mod api;
mod authority;
mod demo;
mod proxy;
mod tls;

use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;

type AnyError = Box<dyn Error + Send + Sync>;

/// An API whose tokens are bound to a certificate of their client. Without arguments it shows what that means.
#[derive(Debug, Parser)]
#[command(name = "mtls")]
struct Cli {
    /// Make an authority and certificates in this folder, and end
    #[arg(long, value_name = "DIR", exclusive = true)]
    make_certificates: Option<PathBuf>,

    /// Serve with axum-server against this issuer
    #[arg(long, value_name = "URL", requires_all = ["audience", "certificates"])]
    issuer: Option<String>,

    /// The resource that its tokens are for
    #[arg(long, value_name = "ID", requires = "issuer")]
    audience: Option<String>,

    /// A folder with authority.pem, server.pem and server-key.pem
    #[arg(long, value_name = "DIR", requires = "issuer")]
    certificates: Option<PathBuf>,

    /// Where to listen
    #[arg(long, value_name = "ADDR", requires = "issuer", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), AnyError> {
    match cli {
        Cli { make_certificates: Some(folder), .. } => authority::write_into(&folder),
        Cli {
            issuer: Some(issuer), audience: Some(audience), certificates: Some(folder), listen, ..
        } => against::serve(&issuer, &audience, &folder, listen).await,
        _ => demo::run().await,
    }
}
