//! A server that proxies ask whether a request may pass: the policy of this crate for what is not Rust.
//!
//! It brings an issuer along and prints `curl` lines to try; with `--issuer` it trusts one of yours, and with
//! `--check` it asks itself everything once and ends.
//!
//! - `cli`: the command line.
//! - `policy`: what each operation requires, and the one service that decides.
//! - `original`: which request a client made of a proxy.
//! - `routes`: a path for nginx, Traefik and Envoy each; `envoy`: Envoy's gRPC.
//! - `demo`: the embedded issuer, and the lines to try; `check`: all of them, asked and compared.
//! - `shutdown`: the signals that end it.

mod check;
mod cli;
mod demo;
mod envoy;
mod original;
mod policy;
mod routes;
#[path = "../../protected_api/shutdown.rs"]
mod shutdown;

/// What the build script generated from `proto/external_auth.proto`.
mod proto {
    #![allow(clippy::all, missing_docs, unreachable_pub)]
    tonic::include_proto!("envoy.service.auth.v3");
}

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;
use tower_resource_server::{ResourceServer, TrustedIssuer, profile::TokenProfile};

use self::{cli::Cli, demo::Demo, policy::Policy, shutdown::Shutdown};

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, AnyError> {
    let Some(issuer) = &cli.issuer else { return with_demo(cli).await };
    let trusted = TrustedIssuer::discover(issuer, TokenProfile::rfc9068());
    let api = server(&cli.resource, trusted)?;
    api.start()?;
    serve(&cli, &api, "").await?;
    Ok(ExitCode::SUCCESS)
}

async fn with_demo(cli: Cli) -> Result<ExitCode, AnyError> {
    let demo = Demo::new(&cli.resource)?;
    let api = server(&cli.resource, demo.trusted()?)?;
    if cli.check {
        let passed =
            check::run(&routes::router(&api, &Policy::new(&api, &cli::default_rows()?)?), &demo).await?;
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    serve(&cli, &api, &demo.greeting()).await?;
    Ok(ExitCode::SUCCESS)
}

fn server(resource: &str, issuer: TrustedIssuer) -> Result<ResourceServer, AnyError> {
    // A refusal in gRPC has the HTTP status 200, which a proxy takes for a yes.
    Ok(ResourceServer::builder(resource).issuer(issuer).grpc_refusals(false).build()?)
}

/// Serves until a signal comes.
async fn serve(cli: &Cli, api: &ResourceServer, greeting: &str) -> Result<(), AnyError> {
    let router: Router = routes::router(api, &Policy::new(api, &cli.rows()?)?);
    let listener = TcpListener::bind(cli.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let address = format!("http://{}", listener.local_addr()?);
    let shutdown = Shutdown::new()?;
    {
        let mut out = io::stdout().lock();
        writeln!(out, "{}listening on {address}", greeting.replace(demo::ADDRESS, &address))?;
        out.flush()?;
    }
    tokio::select! {
        result = axum::serve(listener, router).with_graceful_shutdown(shutdown.begun()) => result?,
        () = shutdown.overdue() => {}
    }
    Ok(())
}
