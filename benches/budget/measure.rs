//! Interleaved candidates, medians, rows.

use std::{fmt, thread, time::Instant};

use crate::tokens::Bench;

/// Something that can be done many times.
pub(crate) struct Candidate(Box<dyn FnMut(usize) + Send>);

impl Candidate {
    pub(crate) fn new(work: impl FnMut(usize) + Send + 'static) -> Self {
        Self(Box::new(work))
    }

    pub(crate) fn run(&mut self, times: usize) {
        (self.0)(times);
    }

    #[expect(clippy::disallowed_methods, reason = "a bench measures")]
    fn nanoseconds(&mut self, times: usize) -> f64 {
        let begin = Instant::now();
        self.run(times);
        begin.elapsed().as_secs_f64() * 1e9 / times as f64
    }
}

/// The median nanoseconds of each candidate, each measured once in every round.
pub(crate) fn interleaved<const N: usize>(
    mut candidates: [Candidate; N],
    rounds: usize,
    batch: usize,
) -> [f64; N] {
    let batch = if rounds == 1 { 3 } else { batch };
    for candidate in &mut candidates {
        candidate.run(batch);
    }
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (candidate, samples) in candidates.iter_mut().zip(&mut samples) {
            samples.push(candidate.nanoseconds(batch));
        }
    }
    samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
    })
}

/// How well two threads scale behind the layer, as a share of how well the bare service scales.
pub(crate) fn scaling(bench: &Bench, times: usize) -> f64 {
    let speedup = |make: &dyn Fn() -> Candidate| {
        let ratios = (0..5).map(|_| {
            let alone = make().nanoseconds(times);
            let mut pair = [make(), make()];
            let together = thread::scope(|scope| {
                let threads = pair.each_mut().map(|candidate| scope.spawn(|| candidate.nanoseconds(times)));
                threads.map(|thread| thread.join().unwrap_or(f64::NAN)).into_iter().fold(0.0, f64::max)
            });
            2.0 * alone / together
        });
        let mut ratios: Vec<_> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(2).copied().unwrap_or(f64::NAN)
    };
    speedup(&|| bench.layer(200)) / speedup(&|| bench.bare())
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Nanoseconds,
    Count,
    Ratio,
}

/// One line of the budget.
pub(crate) struct Row {
    pub(crate) name: String,
    measured: f64,
    must: f64,
    aim: f64,
    unit: Unit,
    at_least: bool,
}

impl Row {
    pub(crate) fn new(name: String, measured: f64, must: f64, aim: f64, unit: Unit) -> Self {
        Self { name, measured, must, aim, unit, at_least: false }
    }

    pub(crate) fn at_least(name: String, measured: f64, must: f64, aim: f64) -> Self {
        Self { name, measured, must, aim, unit: Unit::Ratio, at_least: true }
    }

    pub(crate) fn is_over(&self) -> bool {
        if self.at_least { self.measured < self.must } else { self.measured > self.must }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: f64| match self.unit {
            Unit::Nanoseconds => format!("{value:.0} ns"),
            Unit::Count => format!("{value:.0}"),
            Unit::Ratio => format!("{value:.2} x"),
        };
        let verdict = if self.is_over() { "over" } else { "ok" };
        let (measured, must, aim) = (show(self.measured), show(self.must), show(self.aim));
        write!(f, "{:<44} {measured:>10} {must:>10} {aim:>10}  {verdict}", self.name)
    }
}
