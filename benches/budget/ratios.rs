//! Ratios within one run: how well two threads scale behind the layer, to how well they scale without
//! it.

use crate::{
    measure,
    row::{Row, Unit},
    tokens::{Bench, Kind},
};

const MUST: f64 = 0.9;
const AIM: f64 = 0.97;

pub(crate) fn rows(smoke: bool, add: &mut impl FnMut(Row)) {
    let requests = if smoke { 1_000 } else { 200_000 };
    for (tokens, name) in [(1_000, "1 000 tokens"), (1, "one token")] {
        let bench = Bench::new(Kind::EdDsa, tokens, 64 << 20);
        // Twice: the cache admits under contention only what it can.
        bench.layer(200).run(2 * tokens);
        let judged = || {
            let ratio = measure::scaling(&|| bench.layer(200), &|| bench.bare(), requests);
            let row = Row::new(format!("hit, two threads, {name}, to bare"), ratio, Unit::Ratio);
            if smoke { row } else { row.at_least(MUST, AIM) }
        };
        // Another process may have been in the way the first time; the second run counts.
        add(Some(judged()).filter(|row| !row.is_over()).unwrap_or_else(judged));
        let ratio = measure::scaling(&|| bench.connection(true), &|| bench.connection(false), requests);
        add(Row::new(format!("hit, two threads, {name}, own headers"), ratio, Unit::Ratio));
    }
}
