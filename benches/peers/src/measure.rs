//! Candidates in turn, medians, and a count of allocations.

use std::time::{Duration, Instant};

use http::{HeaderValue, Request, header::AUTHORIZATION};

use crate::{alloc, service::Sender};

/// How long one sample takes, give or take.
const SAMPLE: Duration = Duration::from_millis(2);

/// Something that is done many times, and checked each time.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    once: Box<dyn FnMut()>,
}

/// What one candidate costs.
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    pub(crate) nanoseconds: f64,
    /// In Rust: a C library has an allocator of its own.
    pub(crate) allocations: u32,
}

impl Candidate {
    pub(crate) fn new(name: &'static str, mut check: impl FnMut() -> bool + 'static) -> Self {
        Self { name, once: Box::new(move || assert!(check(), "{name}: not what was expected")) }
    }

    /// Sends `token`, and expects that the service is reached, or that it is not.
    pub(crate) fn request(name: &'static str, mut send: Sender, token: Option<&str>, reached: bool) -> Self {
        let value = |token| HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is ASCII");
        let header = token.map(value);
        Self::new(name, move || {
            let mut request = Request::new(());
            if let Some(header) = &header {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            (send(request) == 200) == reached
        })
    }

    pub(crate) fn repeat(&mut self, times: u32) {
        for _ in 0..times {
            (self.once)();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a bench measures")]
    fn time(&mut self, times: u32) -> Duration {
        let begin = Instant::now();
        self.repeat(times);
        begin.elapsed()
    }
}

/// The median of each candidate over `rounds`; in each round every one has its turn.
pub(crate) fn interleaved(mut candidates: Vec<Candidate>, rounds: usize) -> Vec<Cost> {
    let mut batches = Vec::new();
    let mut allocations = Vec::new();
    for candidate in &mut candidates {
        // What is made on first use is made now.
        let few = if rounds == 1 { 3 } else { 50 };
        let each = candidate.time(few).max(Duration::from_nanos(1)) / few;
        let batch = SAMPLE.as_nanos() / each.as_nanos().max(1);
        batches.push(if rounds == 1 { 3 } else { u32::try_from(batch).unwrap_or(u32::MAX).max(10) });
        allocations.push(alloc::count(|| (candidate.once)()));
    }
    let mut samples = vec![Vec::new(); candidates.len()];
    for _ in 0..rounds {
        for ((candidate, &batch), samples) in candidates.iter_mut().zip(&batches).zip(&mut samples) {
            samples.push(candidate.time(batch).as_secs_f64() * 1e9 / f64::from(batch));
        }
    }
    candidates
        .iter()
        .zip(samples)
        .zip(allocations)
        .map(|((candidate, mut samples), allocations)| {
            samples.sort_by(f64::total_cmp);
            Cost { name: candidate.name, nanoseconds: samples[samples.len() / 2], allocations }
        })
        .collect()
}
