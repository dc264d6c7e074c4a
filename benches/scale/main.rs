//! What a request costs as things grow: live tokens, keys, threads, and tokens that end all at once.
//!
//! `cargo bench --bench scale` prints `name  measured  must  aim  verdict`; `-- --smoke` runs each
//! row once with few tokens, to see that it works; `--json PATH` writes the rows to a file, an object a
//! line. Times are held to nothing here, since the budget holds them; what is counted (allocations,
//! bytes) is exact, and a row that is over makes the exit status 1.
//!
//! - `live`: a hit among 1 to 100 000 live tokens, looked up by token and by digest, what each
//!   token holds in memory, and two threads on them.
//! - `keys`: a miss under 1 to 1 000 keys of one issuer.
//! - `expiry`: 10 000 cached tokens that end in the same second.

#[path = "../budget/alloc.rs"]
mod alloc;
mod expiry;
mod keys;
mod live;
#[path = "../budget/measure.rs"]
mod measure;
#[path = "../shared/row.rs"]
#[allow(dead_code, reason = "each bench uses what it needs of it")]
mod row;
#[path = "../budget/tokens.rs"]
mod tokens;

use std::{error::Error, process::ExitCode};

use tower_resource_server::CacheSettings;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

/// How much is measured.
struct Plan {
    /// How many tokens live at a time.
    live: &'static [usize],
    keys: &'static [usize],
    /// How many tokens end at once.
    ending: usize,
    rounds: usize,
    /// How many requests each of two threads sends.
    a_thread: usize,
}

const FULL: Plan = Plan {
    live: &[1, 100, 10_000, 100_000],
    keys: &[1, 10, 1_000],
    ending: 10_000,
    rounds: 41,
    a_thread: 200_000,
};
const SMOKE: Plan =
    Plan { live: &[1, 10, 100], keys: &[1, 10, 100], ending: 100, rounds: 1, a_thread: 1_000 };

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let json = arguments.iter().skip_while(|argument| *argument != "--json").nth(1);
    let plan = if smoke { SMOKE } else { FULL };
    alloc::watch();
    let mut rows = Vec::new();
    row::print_heading();
    for group in [live::rows, keys::rows, expiry::rows] {
        let measured = group(&plan);
        measured.iter().for_each(|row| println!("{row}"));
        rows.extend(measured);
    }
    if let Some(path) = json {
        row::write(path.as_ref(), "scale", &rows)?;
    }
    let over: Vec<_> = rows.iter().filter(|row| row.is_over()).map(|row| row.name.as_str()).collect();
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("over: {}", over.join(", "));
    Ok(ExitCode::FAILURE)
}

/// A cache that can hold so many tokens of the bench.
fn cache_for(tokens: usize, digests: bool) -> CacheSettings {
    let default = CacheSettings::default();
    default.max_bytes(default.max_bytes.max(tokens * TOKEN_WEIGHT)).digests(digests)
}

/// More than one token of the bench weighs in the cache.
const TOKEN_WEIGHT: usize = 4 * 1024;

/// `10 000` for 10000.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
