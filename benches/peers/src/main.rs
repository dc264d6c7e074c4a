//! Our layer and another one on the same tokens, in one process; `run.sh` does it for all of them.
//!
//! What is measured is a whole request through a layer around a service that does nothing, with
//! every result checked inside the loop. The service alone, and the signature check alone with its
//! key parsed once, are the controls.

#[path = "../../budget/alloc.rs"]
mod alloc;
#[cfg(any(
    feature = "axum-jwt-auth",
    feature = "jwt-authorizer",
    feature = "tower-oauth2-aws-lc-rs",
    feature = "tower-oauth2-default"
))]
mod claims;
mod measure;
mod ours;
#[cfg_attr(feature = "aliri", path = "aliri.rs")]
#[cfg_attr(feature = "axum-jwt-auth", path = "axum_jwt_auth.rs")]
#[cfg_attr(feature = "jwt-authorizer", path = "jwt_authorizer.rs")]
#[cfg_attr(
    any(feature = "tower-oauth2-aws-lc-rs", feature = "tower-oauth2-default"),
    path = "tower_oauth2.rs"
)]
mod peer;
#[allow(dead_code, reason = "each bench uses what it needs of it")]
#[path = "../../shared/row.rs"]
mod row;
mod rows;
mod service;
mod tokens;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};
use tower_resource_server::keys::Algorithm;

use crate::{
    measure::{Candidate, interleaved},
    row::{Row, Unit},
    tokens::{ALGORITHMS, Set, Tokens},
};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

/// Our layer beside another one.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the keys and the tokens that all programs use
    Tokens { file: PathBuf },
    /// Measure the peer that this program was built with
    Measure {
        #[arg(long)]
        tokens: PathBuf,
        /// Where the results go, a JSON object a line
        #[arg(long)]
        json: PathBuf,
        /// Each thing once, to see that it works
        #[arg(long)]
        smoke: bool,
    },
    /// Send a good RS256 token so many times, for a program that counts instructions
    Repeat {
        #[arg(long)]
        tokens: PathBuf,
        /// raw, bare, ours, "ours, cached" or peer
        #[arg(long)]
        candidate: String,
        times: u32,
    },
    /// Judge the results of all programs; the exit status is 1 when a must is missed
    Judge {
        #[arg(long)]
        json: PathBuf,
        results: Vec<PathBuf>,
        #[arg(long)]
        smoke: bool,
    },
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match Cli::parse().command {
        Command::Tokens { file } => Tokens::generate()?.write(&file)?,
        Command::Measure { tokens, json, smoke } => {
            let rows = measure(&Tokens::read(&tokens)?, if smoke { 1 } else { 101 })?;
            row::write(&json, "peers", &rows)?;
        }
        Command::Repeat { tokens, candidate, times } => repeat(&Tokens::read(&tokens)?, &candidate, times)?,
        Command::Judge { json, results, smoke } => {
            let rows = rows::judge(&results)?;
            row::print_heading();
            rows.iter().for_each(|row| println!("{row}"));
            row::write(&json, "peers", &rows)?;
            if !smoke && rows.iter().any(Row::is_over) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

const CACHE: usize = 1 << 20;

fn measure(tokens: &Tokens, rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let runtime = runtime()?;
    let _guard = runtime.enter();
    let mut rows = Vec::new();
    for algorithm in ALGORITHMS {
        let set = tokens.of(algorithm)?;
        let peer = || runtime.block_on(peer::layer(algorithm, set));
        let Some(layer) = peer() else {
            println!("{} has no {}", peer::NAME, algorithm.name());
            continue;
        };
        let mut candidates = good(algorithm, set);
        candidates.push(Candidate::request(peer::NAME, layer, Some(&set.good), true));
        rows.extend(costs(algorithm, "good", candidates, rounds));
        if algorithm != Algorithm::RS256 {
            continue;
        }
        for (case, token) in [
            ("no header", None),
            ("garbage", Some(&set.garbage)),
            ("unknown kid", Some(&set.unknown_kid)),
            ("expired", Some(&set.expired)),
            ("bad signature", Some(&set.bad_signature)),
        ] {
            let token = token.map(String::as_str);
            let mut candidates = vec![
                Candidate::request("bare", ours::bare(), token, true),
                Candidate::request("ours", ours::layer(algorithm, set, CACHE), token, false),
            ];
            candidates.extend(peer().map(|layer| Candidate::request(peer::NAME, layer, token, false)));
            rows.extend(costs(algorithm, case, candidates, rounds));
        }
    }
    Ok(rows)
}

fn repeat(tokens: &Tokens, name: &str, times: u32) -> Result<(), Box<dyn Error>> {
    let runtime = runtime()?;
    let _guard = runtime.enter();
    let set = tokens.of(Algorithm::RS256)?;
    let mut candidates = good(Algorithm::RS256, set);
    let peer = runtime.block_on(peer::layer(Algorithm::RS256, set));
    candidates.extend(peer.map(|layer| Candidate::request("peer", layer, Some(&set.good), true)));
    let mut candidate =
        candidates.into_iter().find(|candidate| candidate.name == name).ok_or("no such candidate")?;
    candidate.repeat(times);
    Ok(())
}

/// For peers that fetch their keys while they are built; no request waits for it.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The controls on the good token. Ours verifies tokens under a shared secret each time.
fn good(algorithm: Algorithm, set: &Set) -> Vec<Candidate> {
    let token = Some(set.good.as_str());
    let mut candidates = vec![
        Candidate::new("raw", ours::raw(algorithm, set)),
        Candidate::request("bare", ours::bare(), token, true),
        Candidate::request("ours", ours::layer(algorithm, set, 0), token, true),
    ];
    if algorithm != Algorithm::HS256 {
        let hit = ours::layer(algorithm, set, CACHE);
        candidates.push(Candidate::request("ours, cached", hit, token, true));
    }
    candidates
}

fn costs(
    algorithm: Algorithm,
    case: &'static str,
    candidates: Vec<Candidate>,
    rounds: usize,
) -> impl Iterator<Item = Row> {
    interleaved(candidates, rounds).into_iter().map(move |cost| {
        Row::new(format!("{} {case}: {}", algorithm.name(), cost.name), cost.nanoseconds, Unit::Nanoseconds)
            .with("algorithm", algorithm.name())
            .with("case", case)
            .with("candidate", cost.name)
            .with("beside", peer::NAME)
            .with("allocations", cost.allocations)
    })
}
