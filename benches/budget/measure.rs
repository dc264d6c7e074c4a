//! Interleaved candidates and medians.

use std::{thread, time::Instant};

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

/// Nanoseconds of each candidate, each measured once in every round.
pub(crate) struct Rounds<const N: usize>(Vec<[f64; N]>);

pub(crate) fn interleaved<const N: usize>(
    mut candidates: [Candidate; N],
    rounds: usize,
    batch: usize,
) -> Rounds<N> {
    let batch = if rounds == 1 { 3 } else { batch };
    for candidate in &mut candidates {
        candidate.run(batch);
    }
    let mut round = || candidates.each_mut().map(|candidate| candidate.nanoseconds(batch));
    Rounds((0..rounds).map(|_| round()).collect())
}

impl<const N: usize> Rounds<N> {
    /// The median of what this makes of a round. A difference is taken here: the rounds of a machine that is now fast
    /// and now slow have two medians, of which one candidate may have the one, and its control the other.
    pub(crate) fn median(&self, of: impl Fn([f64; N]) -> f64) -> f64 {
        median(self.0.iter().map(|round| of(*round)).collect())
    }

    /// The median of each candidate.
    #[allow(dead_code, reason = "one bench has rows of differences alone")]
    pub(crate) fn medians(&self) -> [f64; N] {
        std::array::from_fn(|n| self.median(|round| round[n]))
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How well two threads scale with candidates of one kind, as a share of how well they scale with the
/// control; both in turn, and the median of their ratios.
pub(crate) fn scaling(
    candidate: &dyn Fn() -> Candidate,
    control: &dyn Fn() -> Candidate,
    times: usize,
) -> f64 {
    let speedup = |make: &dyn Fn() -> Candidate| {
        let alone = make().nanoseconds(times);
        let mut pair = [make(), make()];
        let together = thread::scope(|scope| {
            let threads = pair.each_mut().map(|candidate| scope.spawn(|| candidate.nanoseconds(times)));
            threads.map(|thread| thread.join().unwrap_or(f64::NAN)).into_iter().fold(0.0, f64::max)
        });
        2.0 * alone / together
    };
    median((0..15).map(|_| speedup(candidate) / speedup(control)).collect())
}
