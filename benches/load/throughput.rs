//! Requests a second and CPU time a request, for each kind of traffic; not about any protocol.

use std::time::Duration;

use crate::{
    AnyError,
    row::{Row, Unit},
};

/// How long, how often, how many.
pub(crate) struct Plan {
    rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) sample: Duration,
    /// Tokens that come again and again.
    pub(crate) hot: usize,
    /// Tokens that come once in a sample.
    pub(crate) distinct: usize,
}

impl Plan {
    pub(crate) fn new(smoke: bool) -> Self {
        let milliseconds = Duration::from_millis;
        if smoke {
            let sample = milliseconds(100);
            return Self { rounds: 1, warm_up: milliseconds(10), sample, hot: 20, distinct: 50 };
        }
        Self {
            rounds: 9,
            warm_up: milliseconds(200),
            sample: milliseconds(1000),
            hot: 1000,
            distinct: 12_000,
        }
    }
}

/// Which requests go where. They carry a token in any case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Hot tokens to the service without the layer.
    Bare,
    /// The same through the layer.
    Cached,
    /// Tokens that were never seen, through the layer.
    Distinct,
}

const ALL: [(Traffic, &str); 3] = [
    (Traffic::Bare, "without the layer"),
    (Traffic::Cached, "cached tokens"),
    (Traffic::Distinct, "distinct tokens"),
];

/// What one sample came to.
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) time: Duration,
    /// Of the server.
    pub(crate) cpu: Duration,
}

/// Takes samples of each kind of traffic in turn. Ratios are taken within a round.
pub(crate) fn compare(
    name: &str,
    plan: &Plan,
    measure: impl Fn(Traffic) -> Result<Run, AnyError>,
) -> Result<Vec<Row>, AnyError> {
    let mut rates = [const { Vec::new() }; 3];
    let mut costs = [const { Vec::new() }; 3];
    let mut shares = [const { Vec::new() }; 3];
    for _ in 0..plan.rounds {
        for (at, (traffic, _)) in ALL.into_iter().enumerate() {
            let run = measure(traffic)?;
            let (requests, seconds) = (run.requests as f64, run.time.as_secs_f64());
            rates[at].push(requests / seconds);
            costs[at].push(run.cpu.as_secs_f64() * 1e6 / requests);
            shares[at].push(run.cpu.as_secs_f64() / seconds);
        }
    }
    let mut rows = Vec::new();
    for (at, (_, traffic)) in ALL.into_iter().enumerate() {
        rows.push(
            Row::new(format!("{name}, {traffic}"), median(&rates[at]), Unit::PerSecond)
                .with("protocol", name)
                .with("traffic", traffic)
                .with("cpu_us", median(&costs[at]))
                // Near 1 the server was the limit, and the rate is its own.
                .with("server_busy", median(&shares[at])),
        );
    }
    for (at, (_, traffic)) in ALL.into_iter().enumerate() {
        rows.push(Row::new(format!("{name}, {traffic}: CPU"), median(&costs[at]), Unit::Microseconds));
    }
    for (at, what) in [(1, "cached tokens"), (2, "distinct tokens")] {
        let ratios: Vec<_> = rates[at].iter().zip(&rates[0]).map(|(with, without)| with / without).collect();
        let row = Row::new(format!("{name}, {what}, of the bare req/s"), median(&ratios), Unit::Ratio);
        let is_held = name == "axum" && at == 1;
        rows.push(if is_held { row.at_least(0.85, 0.95) } else { row });
    }
    Ok(rows)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
