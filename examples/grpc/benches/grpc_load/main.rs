//! The gRPC half of the load bench: unary calls over loopback, with and without the layer.
//!
//! ```text
//! cargo bench -p grpc-example --bench grpc_load                 # less than a minute
//! cargo bench -p grpc-example --bench grpc_load -- --smoke      # some seconds
//! ```
//!
//! It is here and not beside the axum half because tonic's transport would weigh on every test build
//! of the crate. What is not about gRPC is shared with that half.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench")]
#![allow(clippy::cast_precision_loss, reason = "a bench counts below 2^52")]

#[path = "../../../../benches/load/child.rs"]
mod child;
mod client;
#[allow(dead_code, reason = "each bench uses what it needs of it")]
#[path = "../../../../benches/shared/row.rs"]
mod row;
mod server;
#[path = "../../../../benches/load/throughput.rs"]
mod throughput;
#[path = "../../../../benches/load/tokens.rs"]
mod tokens;
#[path = "../../../../benches/load/work.rs"]
mod work;

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Parser, Subcommand};
use tokio::{runtime::Builder, task::LocalSet};

use crate::{
    child::Child,
    row::Row,
    server::Setup,
    throughput::{Plan, Run, Traffic},
};

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

const ISSUER: &str = "https://login.example";

/// Measures a gRPC service with and without the layer over loopback.
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

fn main() -> Result<(), AnyError> {
    let cli = Cli::parse();
    if cli.command.is_some() {
        return server::run();
    }
    row::print_heading();
    let rows = measure(&Plan::new(cli.smoke))?;
    rows.iter().for_each(|row| println!("{row}"));
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("load-grpc.jsonl");
    row::write(&cli.json.unwrap_or(default), "load", &rows)?;
    Ok(())
}

/// The same calls with and without the layer; every sample has a server of its own.
fn measure(plan: &Plan) -> Result<Vec<Row>, AnyError> {
    let issuer = tokens::issuer(ISSUER)?;
    let hot = tokens::mint(&issuer, plan.hot)?;
    let distinct = tokens::mint(&issuer, plan.distinct)?;
    throughput::compare("tonic", plan, |traffic| {
        let server = Child::start(&Setup { jwks: issuer.jwks(), is_guarded: traffic != Traffic::Bare })?;
        let requests = |tokens| client::requests(&server.address, tokens);
        let hot = requests(&hot)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            let client = client::Client::connect(&server.address).await?;
            // Every hot token is known, and code is warm, before anything is measured.
            client.drive(&hot, true, Duration::MAX).await?;
            client.drive(&hot, false, plan.warm_up).await?;
            let is_distinct = traffic == Traffic::Distinct;
            let requests = if is_distinct { requests(&distinct)? } else { hot };
            let before = server.cpu()?;
            let (requests, time) = client.drive(&requests, is_distinct, plan.sample).await?;
            Ok(Run { requests, time, cpu: server.cpu()?.saturating_sub(before) })
        })
    })
}
