//! Which store for verified tokens: quick_cache or moka, each in the place that it would have.
//!
//! Key, hash, weight and value are those of `src/server/cache.rs`: the token itself, of which the
//! last 32 bytes are hashed under a random seed and every byte is compared, and a shared identity of
//! 700 bytes. Both stores get the same hasher and the same bound in bytes, and are looked up by a
//! borrowed token.
//!
//! `cargo run --release --features stores --bin stores -- --json stores.jsonl` prints the rows;
//! `--smoke` does each thing a few times.

#[path = "../../../budget/alloc.rs"]
mod alloc;
#[path = "../measure.rs"]
#[allow(dead_code, reason = "each program uses what it needs of it")]
mod measure;
#[allow(dead_code, reason = "each bench uses what it needs of it")]
#[path = "../../../shared/row.rs"]
mod row;
#[path = "../service.rs"]
#[allow(dead_code, reason = "only its type is named")]
mod service;
mod store;

use std::{
    error::Error,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64_simd::URL_SAFE_NO_PAD;
use clap::Parser;

use crate::{
    measure::{Candidate, interleaved},
    row::{Row, Unit},
    store::{Identity, Moka, Quick, Store, Token, WEIGHT},
};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

/// quick_cache beside moka, as the store of verified tokens.
#[derive(Parser)]
struct Cli {
    /// Where the rows go, a JSON object a line
    #[arg(long)]
    json: PathBuf,
    /// Each thing a few times, to see that it works
    #[arg(long)]
    smoke: bool,
}

/// How much is done.
struct Plan {
    rounds: usize,
    tokens: usize,
    /// How many tokens an evicting store holds, of those that it is given.
    capacity: usize,
    a_thread: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let plan = if cli.smoke {
        Plan { rounds: 1, tokens: 100, capacity: 10, a_thread: 1_000 }
    } else {
        Plan { rounds: 101, tokens: 10_000, capacity: 1_000, a_thread: 1_000_000 }
    };
    let tokens = tokens(plan.tokens)?;
    let mut rows = Vec::new();
    let many = if cli.smoke { "hit, one of 100" } else { "hit, one of 10 000" };
    rows.extend(single(
        "hit, the same token",
        &plan,
        || hits::<Quick>(&tokens[..1]),
        || hits::<Moka>(&tokens[..1]),
    ));
    rows.extend(single(many, &plan, || hits::<Quick>(&tokens), || hits::<Moka>(&tokens)));
    rows.extend(single(
        "insert that evicts",
        &plan,
        || inserts::<Quick>(&tokens, plan.capacity),
        || inserts::<Moka>(&tokens, plan.capacity),
    ));
    for (case, tokens) in [("the same token", &tokens[..1]), ("all tokens", &tokens[..])] {
        rows.push(row(case, Quick::NAME, scaling::<Quick>(tokens, plan.a_thread)));
        rows.push(row(case, Moka::NAME, scaling::<Moka>(tokens, plan.a_thread)));
    }
    row::print_heading();
    rows.iter().for_each(|row| println!("{row}"));
    row::write(&cli.json, "stores", &rows)?;
    Ok(())
}

fn row(case: &str, store: &'static str, speedup: f64) -> Row {
    let case = format!("two threads, {case}");
    Row::new(format!("{store}: {case}"), speedup, Unit::Ratio).with("case", case).with("store", store)
}

/// Texts of 992 bytes that differ at the end, as tokens do.
fn tokens(count: usize) -> Result<Vec<Box<[u8]>>, Box<dyn Error>> {
    let random = SystemRandom::new();
    let mut head = [0; 678];
    random.fill(&mut head)?;
    let head = URL_SAFE_NO_PAD.encode_to_string(head);
    (0..count)
        .map(|_| {
            let mut signature = [0; 64];
            random.fill(&mut signature)?;
            let token = format!("{head}.{}", URL_SAFE_NO_PAD.encode_to_string(signature));
            Ok(token.into_bytes().into())
        })
        .collect()
}

/// Both stores in turn.
fn single(
    case: &str,
    plan: &Plan,
    quick: impl FnOnce() -> Box<dyn FnMut() -> bool>,
    moka: impl FnOnce() -> Box<dyn FnMut() -> bool>,
) -> Vec<Row> {
    let candidates = vec![Candidate::new(Quick::NAME, quick()), Candidate::new(Moka::NAME, moka())];
    let cost = |cost: measure::Cost| {
        Row::new(format!("{}: {case}", cost.name), cost.nanoseconds, Unit::Nanoseconds)
            .with("case", case)
            .with("store", cost.name)
            .with("allocations", cost.allocations)
    };
    interleaved(candidates, plan.rounds).into_iter().map(cost).collect()
}

/// A store that holds all these tokens.
fn filled<S: Store>(tokens: &[Box<[u8]>]) -> S {
    let store = S::new(2 * tokens.len().max(100) * WEIGHT);
    for token in tokens {
        store.insert(Token(token.clone()), Identity::new());
    }
    store.settle();
    assert!(tokens.iter().all(|token| store.get(token).is_some()), "{}: not all are there", S::NAME);
    store
}

/// Looks one token up after the other.
fn hits<S: Store>(tokens: &[Box<[u8]>]) -> Box<dyn FnMut() -> bool> {
    let store: S = filled(tokens);
    let mut next = strides(tokens.to_vec());
    Box::new(move || store.get(next()).is_some())
}

/// Inserts one token after the other into a store that holds few of them.
fn inserts<S: Store>(tokens: &[Box<[u8]>], capacity: usize) -> Box<dyn FnMut() -> bool> {
    let store = S::new(capacity * WEIGHT);
    let identity = Identity::new();
    let tokens = tokens.to_vec();
    // Full from the first insert that is measured on.
    for token in &tokens {
        store.insert(Token(token.clone()), identity.clone());
    }
    store.settle();
    let mut next = strides(tokens);
    Box::new(move || {
        store.insert(Token(next().into()), Identity::new());
        true
    })
}

fn strides(tokens: Vec<Box<[u8]>>) -> impl FnMut() -> &'static [u8] {
    // The program ends with them.
    let tokens: &'static [Box<[u8]>] = tokens.leak();
    // No divisor in common with their number: it visits all, in another order than that of insertion.
    let stride = tokens.len() / 2 + 1 + usize::from(tokens.len() % 4 == 2);
    let mut position = 0;
    move || {
        position = (position + stride) % tokens.len();
        &tokens[position]
    }
}

/// How many times as much two threads get done as one: the median of five.
fn scaling<S: Store>(tokens: &[Box<[u8]>], times: usize) -> f64 {
    let store: S = filled(tokens);
    let store = &store;
    let work = |from: usize| {
        timed(|| {
            for token in tokens.iter().cycle().skip(from).take(times) {
                assert!(store.get(token).is_some(), "it is there");
            }
        })
    };
    let mut speedups: Vec<_> = (0..5)
        .map(|_| {
            let alone = work(0);
            let together = thread::scope(|scope| {
                let threads = [0, tokens.len() / 2].map(|from| scope.spawn(move || work(from)));
                threads.map(|thread| thread.join().unwrap_or(Duration::MAX)).into_iter().max()
            });
            2.0 * alone.as_secs_f64() / together.unwrap_or(Duration::MAX).as_secs_f64()
        })
        .collect();
    speedups.sort_by(f64::total_cmp);
    speedups[2]
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
