//! The budget of the hot path, one line a row, as a difference to a control in the same run.
//!
//! `cargo bench --bench budget` prints `name  measured  must  aim  verdict`, and exits with 1 when a
//! *must* is over twice in a row. `-- --smoke` runs each row once, to see that it works.
//!
//! Everything is measured around the whole layer, over a service that does nothing; candidates are
//! interleaved, medians are taken, results are asserted inside the loop. Allocations are counted,
//! not timed.

mod alloc;
mod measure;
#[path = "../shared/row.rs"]
#[expect(dead_code, reason = "other benches have other units")]
mod row;
mod tokens;

use std::{error::Error, process::ExitCode};

use measure::Candidate;
use row::{Row, Unit};
use tokens::{Bench, Kind};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let json = arguments.iter().skip_while(|argument| *argument != "--json").nth(1);
    let rounds = if smoke { 1 } else { 201 };
    let mut all = Vec::new();
    row::print_heading();
    let mut again = Vec::new();
    let mut done = |rows: Vec<Row>| {
        rows.iter().for_each(|row| println!("{row}"));
        all.extend(rows);
    };
    for group in groups(smoke) {
        match group(rounds) {
            rows if !smoke && rows.iter().any(Row::is_over) => again.push(group),
            rows => done(rows),
        }
    }
    // Once may be the neighbour's doing; the second run counts, which comes when he may have gone.
    again.iter().for_each(|group| done(group(rounds)));
    if let Some(path) = json {
        row::write(path.as_ref(), "budget", &all)?;
    }
    let over: Vec<_> = all.iter().filter(|row| row.is_over()).map(|row| row.name.as_str()).collect();
    if smoke || over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("over budget: {}", over.join(", "));
    Ok(ExitCode::FAILURE)
}

type Group = Box<dyn Fn(usize) -> Vec<Row>>;

fn groups(smoke: bool) -> Vec<Group> {
    let many = if smoke { 100 } else { 10_000 };
    vec![
        Box::new(|rounds| misses(Kind::Rs256, rounds)),
        Box::new(|rounds| misses(Kind::Es256, rounds)),
        Box::new(|rounds| misses(Kind::EdDsa, rounds)),
        Box::new(hmac),
        Box::new(allocations),
        Box::new(move |rounds| hits(many, rounds)),
        Box::new(rejects),
    ]
}

fn nanoseconds(name: impl Into<String>, measured: f64, must: f64, aim: f64) -> Row {
    Row::new(name, measured, Unit::Nanoseconds).at_most(must, aim)
}

/// Misses and bad signatures over the raw signature check of the same tokens.
fn misses(kind: Kind, rounds: usize) -> Vec<Row> {
    let uncached = Bench::new(kind, 1, 0);
    // Far more tokens than have room, so that each insert evicts.
    let evicting = Bench::new(kind, 400, 64 * 1024);
    let candidates = [
        uncached.bare(),
        uncached.raw(),
        uncached.layer(200),
        uncached.bad_signature(),
        evicting.bare(),
        evicting.raw(),
        evicting.layer(200),
    ];
    let [bare, raw, miss, bad, bare_of_many, raw_of_many, cached] =
        measure::interleaved(candidates, rounds, kind.batch());
    let name = kind.name();
    vec![
        nanoseconds(format!("miss {name}, over raw"), miss - bare - raw, 1500.0, 1000.0),
        nanoseconds(
            format!("miss {name}, cache on, over raw"),
            cached - bare_of_many - raw_of_many,
            2000.0,
            1500.0,
        ),
        nanoseconds(format!("bad signature {name}, over raw"), bad - bare - raw, 1500.0, 1000.0),
    ]
}

fn hmac(rounds: usize) -> Vec<Row> {
    let bench = Bench::new(Kind::Hs256, 1, 1 << 20);
    let [bare, miss] = measure::interleaved([bench.bare(), bench.layer(200)], rounds, 500);
    vec![nanoseconds("miss HS256", miss - bare, 2300.0, 1800.0)]
}

/// Exact counts: what one request allocates beyond the bare service and the crypto library.
fn allocations(_: usize) -> Vec<Row> {
    let miss = Bench::new(Kind::EdDsa, 1, 0);
    let hit = Bench::new(Kind::EdDsa, 1, 1 << 20);
    let count = |mut candidate: Candidate| {
        candidate.run(3);
        f64::from(alloc::count(|| candidate.run(1)))
    };
    let missed = count(miss.layer(200)) - count(miss.bare()) - count(miss.raw());
    let hits = count(hit.layer(200)) - count(hit.extended());
    vec![
        Row::new("allocations, miss", missed, Unit::Count).at_most(12.0, 6.0),
        Row::new("allocations, hit (extension only)", hits, Unit::Count).at_most(0.0, 0.0),
    ]
}

fn hits(many: usize, rounds: usize) -> Vec<Row> {
    let hot = Bench::new(Kind::EdDsa, many.min(1_000), 64 << 20);
    let spread = Bench::new(Kind::EdDsa, many, 64 << 20);
    for bench in [&hot, &spread] {
        // Twice: the cache admits under contention only what it can.
        bench.layer(200).run(2 * many);
    }
    // One after the other: in turns with ten times as many, hot tokens would come back to cold caches.
    let pair = |bench: &Bench| measure::interleaved([bench.bare(), bench.layer(200)], rounds, 2_000);
    let [hot_bare, hot_hit] = pair(&hot);
    let [spread_bare, spread_hit] = pair(&spread);
    let threads = measure::scaling(&hot, if rounds == 1 { 1_000 } else { 200_000 });
    vec![
        nanoseconds("hit, one of 1 000", hot_hit - hot_bare, 200.0, 130.0),
        nanoseconds("hit, random of 10 000", spread_hit - spread_bare, 700.0, 500.0),
        Row::new("hit, two threads, against the bare service", threads, Unit::Ratio).at_least(0.9, 0.97),
    ]
}

fn rejects(rounds: usize) -> Vec<Row> {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    [
        ("no header", None, 80.0),
        ("garbage", Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned()), 200.0),
        ("unknown kid", Some(bench.unknown_kid()), 700.0),
        ("expired", Some(bench.expired()), 1500.0),
        ("wrong issuer", Some(bench.wrong_issuer()), 1000.0),
    ]
    .map(|(name, authorization, must)| {
        let candidates = [bench.control(authorization.clone()), bench.reject(authorization)];
        let [control, refused] = measure::interleaved(candidates, rounds, 2_000);
        nanoseconds(format!("reject, {name}"), refused - control, must, must / 2.0)
    })
    .into()
}
