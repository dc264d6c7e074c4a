//! The Rust half of the suites `mcp` and `challenges`: the client of rmcp, and its parser of challenges.

mod challenges;
mod client;

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
    Client(client::Flags),
    /// Read challenges: JSON in, JSON out
    Challenges,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Client(flags) => client::run(&flags).await,
        Command::Challenges => challenges::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
