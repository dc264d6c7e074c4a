//! Hits among few live tokens and among many, and what they hold in memory.
//!
//! Tokens take turns in a stride, so that with many of them each is met cold; the bare service walks
//! over the same headers the same way, reading each as a server does that parses it, and its cost is
//! taken off.

use crate::{
    Plan, TOKEN_WEIGHT, alloc, cache_for, grouped,
    measure::{Candidate, interleaved, scaling},
    row::{Row, Unit},
    tokens::{Bench, FAR, Kind, without_cache},
};

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for &live in plan.live {
        let mut bench = Bench::with_keys(Kind::EdDsa, 1);
        bench.mint(0..live, FAR);
        let (by_digest, digest_bytes) = filled(&mut bench, live, true);
        let (by_token, token_bytes) = filled(&mut bench, live, false);
        let candidates = [bench.bare(), by_token, by_digest];
        let rounds = interleaved(candidates, plan.rounds, 2_000);
        let by_token = rounds.median(|[bare, by_token, _]| by_token - bare);
        let by_digest = rounds.median(|[bare, _, by_digest]| by_digest - bare);
        let tokens = grouped(live);
        for (by, hit, bytes) in [("token", by_token, token_bytes), ("digest", by_digest, digest_bytes)] {
            let with = |row: Row| row.with("live", live).with("by", by);
            rows.push(with(Row::new(format!("hit by {by}, {tokens} live"), hit, Unit::Nanoseconds)));
            let each = bytes as f64 / live as f64;
            rows.push(with(
                Row::new(format!("cache by {by}, {tokens} live"), bytes as f64, Unit::Bytes)
                    .with("each", each),
            ));
        }
        let two = scaling(&|| bench.layer(200), &|| bench.bare(), plan.a_thread);
        let name = format!("hit, two threads, {tokens} live");
        rows.push(Row::new(name, two, Unit::Ratio).with("live", live));
        if live == plan.live.iter().copied().max().unwrap_or_default() {
            rows.extend([(false, "token"), (true, "digest")].map(|(digests, by)| {
                let name = format!("memory after {tokens} tokens by {by}, to the setting");
                Row::new(name, bounded(&mut bench, live, digests), Unit::Ratio).at_most(1.0, 1.0)
            }));
        }
    }
    rows
}

/// A server that has met every token, and the bytes that its cache holds: the entries and the table
/// for all that it can hold.
fn filled(bench: &mut Bench, tokens: usize, digests: bool) -> (Candidate, usize) {
    bench.serve(without_cache);
    // What the first use of a header or of a key leaves behind is not the cache's.
    bench.bare().run(tokens);
    bench.layer(200).run(1);
    let before = alloc::held();
    bench.serve(|server| server.cache(cache_for(tokens, digests)));
    let before_sender = alloc::held();
    let mut cached = bench.layer(200);
    let sender = alloc::held() - before_sender;
    cached.run(tokens);
    let held = alloc::held() - before - sender;
    let mut hits = bench.extended();
    let expected = alloc::count(|| hits.run(tokens));
    assert_eq!(alloc::count(|| cached.run(tokens)), expected, "not all {tokens} are live");
    (cached, held)
}

/// What a cache holds that met far more tokens than it can hold, as a share of its setting.
fn bounded(bench: &mut Bench, tokens: usize, digests: bool) -> f64 {
    let settings = cache_for(tokens, digests).max_bytes(tokens * TOKEN_WEIGHT / 20);
    bench.serve(without_cache);
    bench.layer(200).run(1);
    let before = alloc::held();
    bench.serve(|server| server.cache(settings));
    bench.layer(200).run(tokens);
    (alloc::held() - before) as f64 / settings.max_bytes as f64
}
