//! A miss under few keys and under many.
//!
//! With one signer the header of all tokens is the same. When all keys sign in turn, headers beyond
//! what the key set remembers are parsed each time, and each key is met cold.

use crate::{
    Plan, grouped,
    measure::interleaved,
    row::{Row, Unit},
    tokens::{Bench, FAR, Kind},
};

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for &keys in plan.keys {
        let tokens = keys.max(100);
        let mut bench = Bench::with_keys(Kind::EdDsa, keys);
        bench.mint(0..tokens, FAR);
        let (bare, raw, one) = (bench.bare(), bench.raw(), bench.layer(200));
        bench.mint_by_turns(0..tokens);
        let candidates = [bare, raw, one, bench.layer(200)];
        let [bare, raw, one, turns] = interleaved(candidates, plan.rounds, Kind::EdDsa.batch()).medians();
        let mut push = |signs: &str, cost: f64| {
            let name = format!("miss EdDSA, over raw, {signs} of {}", grouped(keys));
            let row = Row::new(name, cost - bare - raw, Unit::Nanoseconds);
            rows.push(row.with("keys", keys).with("signs", signs));
        };
        push("one", one);
        if keys > 1 {
            push("each", turns);
        }
    }
    rows
}
