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
//! Several instances are one service with the same keys and secret, and, built with the feature `redis`, one `--store`.
//!
//! - `service`: the service, from requests to answers; its parts are listed there.

mod service;

use std::{
    error::Error,
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use tokio::net::TcpListener;
use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    store::{MemorySpentStore, Nonces, SpentStore},
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

    /// The private key of the customer, RSA in PEM; a new one otherwise
    #[arg(long, value_name = "FILE")]
    customer_key: Option<PathBuf>,

    /// The private key of sessions, Ed25519 in PEM; a new one otherwise
    #[arg(long, value_name = "FILE")]
    session_key: Option<PathBuf>,

    /// The secret of nonces, at least 32 random bytes; a new one otherwise
    #[arg(long, value_name = "FILE")]
    nonce_secret: Option<PathBuf>,

    /// The Redis or Valkey of spent nonces and ended sessions, as redis://HOST:PORT; otherwise memory
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Cli {
    fn store(&self) -> Result<Arc<dyn SpentStore>, Box<dyn Error>> {
        #[cfg(feature = "redis")]
        if let Some(url) = &self.store {
            return Ok(Arc::new(tower_resource_server::store::redis::RedisSettings::from_url(url)?.build()?));
        }
        Ok(Arc::new(MemorySpentStore::default()))
    }

    fn nonces(&self) -> Result<Nonces, Box<dyn Error>> {
        Ok(match &self.nonce_secret {
            Some(path) => Nonces::with_secret(&read(path)?)?,
            None => Nonces::new()?,
        })
    }
}

fn key(file: Option<&Path>, algorithm: Algorithm) -> Result<SigningKey, Box<dyn Error>> {
    Ok(match file {
        Some(path) => SigningKey::from_pem(&String::from_utf8(read(path)?)?, algorithm)?,
        None => SigningKey::generate(algorithm)?,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
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
    let store = cli.store()?;
    let settings = Settings {
        url: url.clone(),
        customer_key: key(cli.customer_key.as_deref(), Algorithm::RS256)?,
        session_key: key(cli.session_key.as_deref(), Algorithm::EdDSA)?,
        session_lifetime: Duration::from_secs(cli.session_lifetime),
        nonces: cli.nonces()?.lifetime(Duration::from_secs(cli.nonce_lifetime)).store(Arc::clone(&store)),
        ended: store,
    };
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
