//! The command line: `grpc serve`, `grpc call`, and without arguments a conversation of both.

mod cli;
mod demo;
#[path = "../../protected_api/issuer_flags.rs"]
mod issuer_flags;
#[path = "../../protected_api/shutdown.rs"]
mod shutdown;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use grpc_example::{client, server};
use tokio::net::TcpListener;

use self::{
    cli::{Call, Cli, Command, Serve},
    shutdown::Shutdown,
};

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Some(Command::Serve(flags)) => serve(*flags).await,
        Some(Command::Call(flags)) => call(flags).await,
        None => demo::run().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal comes. Keys are fetched in the background meanwhile: a call that comes
/// before they are there waits a little for them.
async fn serve(flags: Serve) -> Result<(), AnyError> {
    let scopes = flags.issuer.scope().unwrap_or_default();
    let api = flags
        .issuer
        .resource_server(|server| server.scopes_supported(scopes.clone()))?
        .ok_or("no issuer is trusted; name an --issuer or a --tenant")?;
    server::check_rows()?;
    let layer = server::protect(&api, scopes);
    let listener = TcpListener::bind(flags.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", flags.listen))?;

    let shutdown = Shutdown::new()?;
    api.start()?;
    tokio::spawn(issuer_flags::report_keys(api));
    say(&format!("listening on http://{}", listener.local_addr()?))?;

    tokio::select! {
        result = server::serve(listener, layer, shutdown.begun()) => result?,
        () = shutdown.overdue() => {}
    }
    Ok(())
}

async fn call(flags: Call) -> Result<(), AnyError> {
    let outcome = client::call(&flags.address, flags.token.as_deref(), flags.method()).await?;
    say(&serde_json::to_string(&outcome)?)
}

/// One line on stdout, at once, also into a pipe.
fn say(line: &str) -> Result<(), AnyError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
