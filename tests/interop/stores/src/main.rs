//! Instances that share a store, while its servers fail in every way that they can: see README.md.

mod arrangement;
mod faults;
mod load;
mod proof;
mod proxy;
mod rate;
mod server;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::server::Kind;

static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// Notes a case.
fn check(name: &str, holds: bool, seen: impl std::fmt::Display) {
    let (count, word) = if holds { (&PASSED, "ok  ") } else { (&FAILED, "FAIL") };
    count.fetch_add(1, Ordering::Relaxed);
    println!("{word} {name}: {seen}");
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_rate = arguments.next_if_eq("--rate").is_some();
    let mut kind = |name| Kind { name, program: arguments.next().map(PathBuf::from).expect("a program") };
    if is_rate {
        return rate::figures(&kind("valkey")).await;
    }
    let (redis, valkey) = (kind("redis"), kind("valkey"));
    let example = arguments.next().expect("the example");
    let only: Vec<String> = arguments.collect();
    // They wait most of the time, and not for each other.
    let (rows, more) = tokio::join!(run(&redis, &only), run(&valkey, &only));
    if only.is_empty() || only.iter().any(|word| word == "example") {
        proof::example(&example, &valkey).await;
    }
    println!("\n{}", load::HEAD);
    rows.iter().chain(&more).for_each(|row| println!("{row}"));
    let (passed, failed) = (PASSED.load(Ordering::Relaxed), FAILED.load(Ordering::Relaxed));
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The cases of one kind of server.
async fn run(kind: &Kind, only: &[String]) -> Vec<load::Row> {
    let mut rows = Vec::new();
    for fault in faults::ALL {
        let title = format!("{}, {}, {}", kind.name, fault.servers, fault.name);
        if only.iter().all(|word| title.contains(word.as_str())) {
            rows.push(faults::run(kind, fault, title).await);
        }
    }
    if only.is_empty() || only.iter().any(|word| word == "proof") {
        proof::run(kind).await;
        rate::one_round_trip(kind).await;
    }
    rows
}
