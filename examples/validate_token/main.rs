//! Says whether a token is good, and if not, everything that is wrong with it and what would fix it.
//!
//! `--help` explains each flag. It ends with 0 when the token is valid, 1 when it is not, and 2 when
//! that could not be found out: the issuer's keys cannot be had, or the flags make no sense.
//!
//! - `cli`: the command line.
//! - `server`: from flags to the `ResourceServer` that would get the token.
//! - `vendors`: the same for the systems of vendors.
//! - `output`: the table and the JSON.

mod cli;
mod output;
mod server;
mod vendors;

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use clap::Parser;
use tower_resource_server::{Explanation, IdTokenExpectations, ResourceServer, explain::Outcome};

use self::cli::{Cli, Profile};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// More than any limit on tokens; what is longer is too long for every one.
const MAX_INPUT: u64 = 1024 * 1024;

const INVALID: u8 = 1;
const UNCHECKED: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(Outcome::Valid) => ExitCode::SUCCESS,
        Ok(Outcome::Invalid) => INVALID.into(),
        Ok(_) => UNCHECKED.into(),
        Err(error) => {
            eprintln!("error: {error}");
            UNCHECKED.into()
        }
    }
}

async fn run(cli: Cli) -> Result<Outcome, AnyError> {
    let server = server::of(&cli)?;
    let token = match cli.token.as_deref() {
        None | Some("-") => read_token()?,
        Some(token) => token.to_owned(),
    };
    // What is wrong with the address is told here; without keys, the rest is told all the same.
    if let Err(error) = server.refresh_now().await {
        eprintln!("no keys: {}", error.error);
    }
    let explanation = explain(&server, &cli, token.trim()).await;
    output::print(&explanation, cli.style())?;
    Ok(explanation.outcome())
}

async fn explain(server: &ResourceServer, cli: &Cli, token: &str) -> Explanation {
    if let Some(id_token) = &cli.id_token {
        return server.explain_pair(token, id_token.trim()).await;
    }
    match cli.profile {
        Profile::OidcIdToken => {
            let expected = IdTokenExpectations::new().nonce(cli.nonce.as_deref());
            server.explain_id_token(token, expected).await
        }
        // The request would name the application in a header.
        Profile::Sceyt => server.explain_of(cli.tenant.as_deref().unwrap_or_default(), token).await,
        _ => server.explain(token).await,
    }
}

fn read_token() -> io::Result<String> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        eprintln!("Paste the token, then press Enter:");
        let mut line = String::new();
        return io::stdin().read_line(&mut line).map(|_| line);
    }
    let mut text = Vec::new();
    input.by_ref().take(MAX_INPUT).read_to_end(&mut text)?;
    // What is not UTF-8 is no token; replaced, it is none either.
    Ok(String::from_utf8_lossy(&text).into_owned())
}
