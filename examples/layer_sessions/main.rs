//! Sessions in the manner of Layer: a service hands out nonces, a customer's back end signs identity
//! tokens with them, and each token buys one session.
//!
//! ```console
//! cargo run --example layer_sessions --features axum,issuer
//! ```
//!
//! It speaks the protocol of Layer's own clients: their web SDK runs against it as it is (see
//! `tests/interop/layer`). The customer's back end is in here too, under `/identity_tokens`, as
//! Layer's quick-start guide had one: anyone who asks it becomes any user they like, so it is for trying
//! things out and nothing else.
//!
//! Built with the feature `redis`, several instances are one service with the same keys and secret, and one `--store`.
//!
//! - `shared`: what instances share; `service`: the service, from requests to answers; its parts are listed there.

mod service;
#[cfg(feature = "redis")]
mod shared;

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use tokio::net::TcpListener;
use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    store::{MemorySpentStore, Nonces},
    time::SystemClock,
};

use self::service::{Service, Settings};

/// A service with sessions in the manner of Layer, and a customer's back end to try it with.
#[derive(Debug, Parser)]
#[command(name = "layer_sessions")]
struct Cli {
    /// Where to listen, as HOST:PORT; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// How long a session lives
    #[arg(long, value_name = "SECONDS", default_value_t = 30 * 24 * 60 * 60)]
    session_lifetime: u64,

    /// How long a nonce can be spent
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    nonce_lifetime: u64,

    #[cfg(feature = "redis")]
    #[command(flatten)]
    shared: shared::Shared,
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

async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(cli.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut settings = Settings {
        url: url.clone(),
        customer_key: SigningKey::generate(Algorithm::RS256)?,
        session_key: SigningKey::generate(Algorithm::EdDSA)?,
        session_lifetime: Duration::from_secs(cli.session_lifetime),
        nonces: Nonces::new()?,
        ended: Arc::new(MemorySpentStore::default()),
    };
    #[cfg(feature = "redis")]
    cli.shared.apply(&mut settings)?;
    settings.nonces = settings.nonces.lifetime(Duration::from_secs(cli.nonce_lifetime));
    let service = Service::new(settings, SystemClock)?;

    // One write, so that a reader of the first line has both.
    let announcement = format!("listening on {url}\nidentity service: {url}/identity_tokens\n");
    let mut out = io::stdout().lock();
    out.write_all(announcement.as_bytes())?;
    out.flush()?;
    drop(out);

    axum::serve(listener, service.router()).await?;
    Ok(())
}
