//! End to end over loopback: axum with and without the layer, and what good traffic notices of a
//! refresh and of a flood.
//!
//! ```text
//! cargo bench --bench load --features axum,issuer                 # about two minutes
//! cargo bench --bench load --features axum,issuer -- --smoke      # some seconds; nothing is judged
//! ```
//!
//! The server is a process of its own (this program again, as `serve`), so that its CPU time is its
//! own. Prints the rows of the budget and exits with 1 when a *must* is over twice in a row; every
//! number goes to `target/bench/load.jsonl`. The gRPC half is the bench of the same name in
//! `examples/grpc`, where tonic's transport is at hand anyway; it shares the modules that are not
//! about HTTP/1.1.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::cast_precision_loss, reason = "a bench counts below 2^52")]

mod child;
#[path = "../../examples/key_storm/flood.rs"]
mod flood;
mod http1;
mod latency;
mod open;
#[allow(dead_code, reason = "each bench uses what it needs of it")]
#[path = "../shared/row.rs"]
mod row;
mod server;
mod throughput;
mod tokens;
mod work;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};

use crate::{
    child::Child,
    row::Row,
    server::{Keys, Setup},
    throughput::{Plan, Run, Traffic},
};

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

/// Measures an axum service with and without the layer over loopback.
#[derive(Parser)]
#[command(name = "load")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Each thing for a moment, to see that it works
    #[arg(long)]
    smoke: bool,

    /// Where the results go, a JSON object a line
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,

    /// Only this half
    #[arg(long, value_name = "HALF", value_parser = ["throughput", "latency"])]
    only: Option<String>,

    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Be the server; what to serve comes over stdin
    #[command(hide = true)]
    Serve,
}

fn main() -> Result<ExitCode, AnyError> {
    let cli = Cli::parse();
    if cli.command.is_some() {
        server::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let only = cli.only.as_deref();
    let mut rows = Vec::new();
    row::print_heading();
    if only != Some("latency") {
        rows.extend(judged(cli.smoke, || throughput(&Plan::new(cli.smoke)))?);
    }
    if only != Some("throughput") {
        rows.extend(judged(cli.smoke, || latency::measure(cli.smoke))?);
    }
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("load.jsonl");
    row::write(&cli.json.unwrap_or(default), "load", &rows)?;
    let is_over = !cli.smoke && rows.iter().any(Row::is_over);
    Ok(if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Another process may have been in the way the first time; the second run counts.
fn judged(smoke: bool, measure: impl Fn() -> Result<Vec<Row>, AnyError>) -> Result<Vec<Row>, AnyError> {
    let mut rows = measure()?;
    if !smoke && rows.iter().any(Row::is_over) {
        rows = measure()?;
    }
    rows.iter().for_each(|row| println!("{row}"));
    Ok(rows)
}

/// The same requests with and without the layer; every sample has a server of its own, so that
/// distinct tokens are new to it and no sample profits from another's luck with addresses.
fn throughput(plan: &Plan) -> Result<Vec<Row>, AnyError> {
    let issuer = tokens::issuer("https://login.example")?;
    let hot = tokens::mint(&issuer, plan.hot)?;
    let distinct = tokens::mint(&issuer, plan.distinct)?;
    let setup = Setup { keys: Keys::Fixed(issuer.jwks()), threads: 1 };
    throughput::compare("axum", plan, |traffic| {
        let server = Child::start(&setup)?;
        let (path, tokens, once) = match traffic {
            Traffic::Bare => ("/bare", &hot, false),
            Traffic::Cached => ("/guarded", &hot, false),
            Traffic::Distinct => ("/guarded", &distinct, true),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let requests = http1::requests(&server.address, path, tokens);
            let mut client = http1::Client::connect(&server.address).await?;
            if once {
                // Warm, and yet no token has been seen.
                let bare = http1::requests(&server.address, "/bare", &hot);
                client.drive(&bare, false, plan.warm_up).await?;
            } else {
                client.drive(&requests, true, Duration::MAX).await?;
                client.drive(&requests, false, plan.warm_up).await?;
            }
            let before = server.cpu()?;
            let (requests, time) = client.drive(&requests, once, plan.sample).await?;
            Ok(Run { requests, time, cpu: server.cpu()?.saturating_sub(before) })
        })
    })
}
