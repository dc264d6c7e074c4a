//! The rows of the budget: ours against the fastest peer, each in the process that both ran in.

use std::{error::Error, path::PathBuf};

use serde_json::Value;

use crate::row::{Row, Unit};

const MISS: [(&str, f64, f64); 3] = [("RS256", 1.4, 1.45), ("ES256", 1.04, 1.05), ("EdDSA", 1.06, 1.08)];
const HIT: (f64, f64) = (80.0, 100.0);

pub(crate) fn judge(results: &[PathBuf]) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut lines = Vec::new();
    for path in results {
        for line in std::fs::read_to_string(path)?.lines() {
            lines.push(serde_json::from_str::<Value>(line)?);
        }
    }
    let mut rows = Vec::new();
    for (algorithm, must, aim) in MISS {
        for (ours, name, must, aim) in [("ours", "miss", must, aim), ("ours, cached", "hit", HIT.0, HIT.1)] {
            let (ratio, peer) = fastest(&lines, algorithm, ours)
                .ok_or_else(|| format!("no peer was measured with {algorithm}"))?;
            let row = Row::new(format!("versus the fastest peer, {name} {algorithm}"), ratio, Unit::Ratio);
            rows.push(row.at_least(must, aim).with("peer", peer));
        }
    }
    Ok(rows)
}

/// How many times ours the fastest peer takes, and which it is.
fn fastest(lines: &[Value], algorithm: &str, ours: &str) -> Option<(f64, String)> {
    let good = || lines.iter().filter(move |line| line["algorithm"] == algorithm && line["case"] == "good");
    good()
        .filter(|line| line["candidate"] == line["beside"])
        .filter_map(|peer| {
            let beside = good().find(|line| line["candidate"] == ours && line["beside"] == peer["beside"])?;
            let ratio = peer["measured"].as_f64()? / beside["measured"].as_f64()?;
            Some((ratio, peer["candidate"].as_str()?.to_owned()))
        })
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
}
