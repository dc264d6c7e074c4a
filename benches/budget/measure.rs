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
    let ratios = (0..15).map(|_| speedup(candidate) / speedup(control));
    let mut ratios: Vec<_> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}
