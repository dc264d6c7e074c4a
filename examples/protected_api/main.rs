//! An API that only bearers of good tokens may call.
//!
//! Without arguments it brings an issuer along and shows `curl` lines to try; with `--issuer` and
//! `--audience` it guards against any issuer, with `--profile` and `--tenant` against a vendor's system. `--help` explains each flag.
//!
//! - `cli`: the command line.
//! - `issuer_flags`: from flags to a `ResourceServer`; `requirement_flags`: what operations require;
//!   `location_flags`: where tokens are; `address_flags`: where clients reach it; `dpop_flags`, `mtls_flags`: tokens
//!   that are bound to their sender; `store_flags`: where used proofs are recorded.
//! - `config_file`: a server from a file, with the feature `config`.
//! - `context`: what a vendor's own software would hand to the application.
//! - `refusals`: what is in the body of a refusal.
//! - `api`: the routes, and the layer around them.
//! - `demo`: the embedded issuer, and the lines to try.
//! - `shutdown`: the signals that end it.

mod address_flags;
mod api;
mod cli;
#[cfg(feature = "config")]
mod config_file;
mod context;
mod demo;
mod dpop_flags;
mod issuer_flags;
mod location_flags;
mod mtls_flags;
mod refusals;
mod requirement_flags;
mod shutdown;
mod store_flags;

use std::{
    error::Error,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;
use tower_resource_server::{ResourceServer, ResourceServerBuilder};

use self::{cli::Cli, refusals::Refusals, shutdown::Shutdown};

type AnyError = Box<dyn Error + Send + Sync>;

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

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
    #[cfg(feature = "config")]
    if let Some(path) = cli.config {
        return config_file::run(path, cli.listen).await;
    }
    let refusals = Refusals::of(cli.issuer.profile());
    let dpop = cli.dpop.settings(cli.issuer.leeway())?;
    let store = cli.store.store()?;
    let dpop = store.on(dpop)?;
    let add = |server: ResourceServerBuilder| {
        let server = cli.requirements.on(server.reject_with(refusals), cli.issuer.scope());
        let server = cli.address.on(cli.locations.on(server));
        server.dpop(dpop).mtls(cli.mtls.settings()).fapi2(cli.dpop.is_fapi2())
    };
    match cli.issuer.resource_server(add)? {
        Some(api) => {
            store.ready().await;
            guard(cli, api).await
        }
        None => demo::run(cli.listen).await,
    }
}

/// Guards against the issuer or vendor of the command line.
async fn guard(cli: Cli, api: ResourceServer) -> Result<(), AnyError> {
    let layer = api.layer().optional(cli.requirements.is_optional());
    let layer = match cli.requirements.table()? {
        Some(table) => layer.requirements(table.by_path()),
        None => layer,
    };
    let router = api::router(&api, layer, cli.issuer.profile());
    let listener = bind(cli.listen.unwrap_or(DEFAULT_ADDRESS)).await?;
    serve(listener, router, &api, "").await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Serves until a signal comes. Keys are fetched in the background meanwhile: a request that comes
/// before they are there waits a little for them.
async fn serve(
    listener: TcpListener,
    router: Router,
    api: &ResourceServer,
    greeting: &str,
) -> Result<(), AnyError> {
    let shutdown = Shutdown::new()?;
    api.start()?;
    tokio::spawn(issuer_flags::report_keys(api.clone()));

    // One write, so that a reader who sees the last line has all of it.
    let announcement = format!("{greeting}listening on http://{}\n", listener.local_addr()?);
    let mut out = io::stdout().lock();
    out.write_all(announcement.as_bytes())?;
    out.flush()?;
    drop(out);

    // The address of the connection's other end says whether it is a proxy that is trusted.
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.begun());
    tokio::select! {
        result = server => result?,
        () = shutdown.overdue() => {}
    }
    Ok(())
}
