//! The Rust half of the suites `mcp` and `challenges`: the client of rmcp, its parser of
//! challenges, and a server of rmcp for the conformance suite.

mod challenges;
mod client;
mod conformance;

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};

type AnyError = Box<dyn Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(name = "mcp_interop")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Call the tools of the example, from nothing; what came back is printed as JSON
    Client(Box<client::Flags>),
    /// Read challenges: JSON in, JSON out
    Challenges,
    /// Serve what the conformance suite asks for, by itself and behind the guard
    Conformance(conformance::Flags),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Client(flags) => client::run(&flags).await,
        Command::Challenges => challenges::run(),
        Command::Conformance(flags) => conformance::run(&flags).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
