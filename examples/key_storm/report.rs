//! A row for each phase, and whether it keeps within its bounds.

use std::time::Duration;

use tower_resource_server::source::SourceState;

use crate::good::Tally;

/// What a phase is held to.
pub(crate) struct Bounds {
    pub(crate) fetches: u64,
    /// How long good tokens may be refused; zero: not one.
    pub(crate) refusal: Duration,
    /// How much longer than during control the slowest of a hundred may take.
    pub(crate) times_control: Option<f64>,
    pub(crate) state: SourceState,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) time: Duration,
    pub(crate) fetches: u64,
    pub(crate) state: SourceState,
    pub(crate) tally: Tally,
    pub(crate) flood: u64,
    pub(crate) refused: u64,
    pub(crate) unavailable: u64,
    pub(crate) other: u64,
    pub(crate) bounds: Bounds,
}

#[derive(Default)]
pub(crate) struct Report {
    /// The 50th and 99th percentile of the first phase, and of the second.
    idle: Option<[Duration; 2]>,
    control: Option<[Duration; 2]>,
    flood: u64,
    broken: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, mut row: Row) {
        if self.idle.is_none() {
            println!(
                "{:<32} {:>6} {:>9} {:>7} {:>6} {:>9} {:>8} {:>8} {:>6} {:>8} {:>8} {:>8} {:>6}  state",
                "phase",
                "time",
                "fetches",
                "good",
                "failed",
                "refused",
                "p50",
                "p99",
                "/idle",
                "/control",
                "flood",
                "401",
                "503"
            );
        }
        let latency = [row.tally.percentile(50), row.tally.percentile(99)];
        let idle = *self.idle.get_or_insert(latency);
        let control =
            if row.flood > 0 { *self.control.get_or_insert(latency) } else { self.control.unwrap_or(idle) };
        let ratio = |to: [Duration; 2]| latency[1].as_secs_f64() / to[1].as_secs_f64().max(1e-9);
        println!(
            "{:<32} {:>4.1} s {:>4} ≤{:>3} {:>7} {:>6} {:>6.2} s {:>5.2} ms {:>5.2} ms {:>6.2} {:>8.2} {:>8} {:>8} {:>6}  {}",
            row.name,
            row.time.as_secs_f64(),
            row.fetches,
            row.bounds.fetches,
            row.tally.latencies.len(),
            row.tally.failed,
            row.tally.longest_refusal.as_secs_f64(),
            latency[0].as_secs_f64() * 1e3,
            latency[1].as_secs_f64() * 1e3,
            ratio(idle),
            ratio(control),
            row.flood,
            row.refused,
            row.unavailable,
            row.state,
        );
        self.flood += row.flood;
        self.judge(&row, ratio(control));
    }

    fn judge(&mut self, row: &Row, ratio: f64) {
        let bounds = &row.bounds;
        let mut require = |holds: bool, what: String| {
            if !holds {
                self.broken.push(format!("{}: {what}", row.name));
            }
        };
        require(!row.tally.latencies.is_empty(), "no good request was served".into());
        require(
            row.fetches <= bounds.fetches,
            format!("{} fetches, at most {}", row.fetches, bounds.fetches),
        );
        if bounds.refusal.is_zero() {
            require(row.tally.failed == 0, format!("{} good requests failed", row.tally.failed));
        }
        let refusal = row.tally.longest_refusal;
        require(refusal <= bounds.refusal, format!("refused for {refusal:?}, at most {:?}", bounds.refusal));
        if let Some(most) = bounds.times_control {
            require(ratio <= most, format!("p99 is {ratio:.2} × that of control, at most {most}"));
        }
        require(row.state == bounds.state, format!("ends {}, not {}", row.state, bounds.state));
        require(row.other == 0, format!("{} of the flood were answered neither 401 nor 503", row.other));
        // The last ones are still under way.
        let answered = row.refused + row.unavailable;
        require(
            row.flood == 0 || answered * 10 >= row.flood * 9,
            format!("{answered} of {} answered", row.flood),
        );
    }

    /// The last words; true when every bound was kept.
    pub(crate) fn conclude(self) -> bool {
        println!("\n{} tokens of unknown keys in all", self.flood);
        for broken in &self.broken {
            println!("BROKEN  {broken}");
        }
        if self.broken.is_empty() {
            println!("every phase kept within its bounds");
        }
        self.broken.is_empty()
    }
}
