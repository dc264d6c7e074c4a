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
        let rounds = interleaved([bare, raw, one, bench.layer(200)], plan.rounds, Kind::EdDsa.batch());
        let mut push = |signs: &str, over: fn([f64; 4]) -> f64| {
            let name = format!("miss EdDSA, over raw, {signs} of {}", grouped(keys));
            let row = Row::new(name, rounds.median(over), Unit::Nanoseconds);
            rows.push(row.with("keys", keys).with("signs", signs));
        };
        push("one", |[bare, raw, one, _]| one - bare - raw);
        if keys > 1 {
            push("each", |[bare, raw, _, turns]| turns - bare - raw);
        }
    }
    rows
}
