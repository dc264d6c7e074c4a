//! Cached tokens that end in the same second.
//!
//! The clock is the bench's own. Nothing leaves the cache when its time is over: each token is judged
//! when it is met, and is evicted when others come. So the second in which all of them end must
//! look like any other: each request is refused as a token is that was never cached, with as many
//! allocations, and what the cache holds neither grows then nor when as many new tokens follow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tower_resource_server::time::{Clock, Sleep, UnixTime};

use crate::{
    Plan, TOKEN_WEIGHT, alloc, grouped,
    measure::Candidate,
    row::{Row, Unit},
    tokens::{Bench, FAR, ISSUED, Kind, without_cache},
};
use tower_resource_server::CacheSettings;

/// When they end, leeway included.
const END: u64 = ISSUED + 1_000;
const LEEWAY: u64 = 60;

/// Shows the time that it was set to.
#[derive(Clone)]
struct Dial(Arc<AtomicU64>);

impl Clock for Dial {
    fn unix(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    /// Nothing waits here: the keys are given.
    fn sleep_until(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let tokens = plan.ending;
    let name = grouped(tokens);
    let dial = Dial(Arc::new(AtomicU64::new(ISSUED)));
    let mut bench = Bench::with_keys(Kind::EdDsa, 1);
    bench.mint(0..tokens, END);

    let clock = dial.clone();
    bench.serve(|server| without_cache(server).clock(clock));
    let mut uncached = bench.layer(401);
    bench.layer(200).run(tokens);

    // Enough for these and not for twice as many.
    let settings = CacheSettings::default().max_bytes(tokens * TOKEN_WEIGHT);
    let clock = dial.clone();
    let bound = settings.max_bytes;
    bench.serve(|server| server.cache(settings).clock(clock));
    let (mut good, mut ended) = (bench.layer(200), bench.layer(401));
    // What the first refusal leaves behind is not the tokens'.
    dial.0.store(END + LEEWAY, Ordering::Relaxed);
    for refused in [&mut ended, &mut uncached] {
        refused.run(1);
    }
    dial.0.store(ISSUED, Ordering::Relaxed);
    let empty = alloc::held();
    let filling = Pass::run(&mut good, tokens);
    let full = alloc::held() - empty;
    let before = Pass::run(&mut good, tokens);

    dial.0.store(END + LEEWAY, Ordering::Relaxed);
    let at = Pass::run(&mut ended, tokens);
    let again = Pass::run(&mut ended, tokens);
    let held_then = alloc::held() - empty;
    let never_cached = Pass::run(&mut uncached, tokens);

    let headers = alloc::held();
    bench.mint(tokens..2 * tokens, FAR);
    let mut fresh = bench.layer(200);
    drop((good, ended));
    let headers = headers.wrapping_sub(alloc::held());
    let replacing = Pass::run(&mut fresh, tokens);
    let held_after = alloc::held().wrapping_add(headers) - empty;

    let mut rows = Vec::new();
    for (what, pass) in [
        ("filling the cache", &filling),
        ("before", &before),
        ("at the end", &at),
        ("met again", &again),
        ("ended, never cached", &never_cached),
        ("new ones in their place", &replacing),
    ] {
        let row = |share, value| {
            let name = format!("{name} end at once, {what}: {share}");
            Row::new(name, value, Unit::Nanoseconds).with("phase", what).with("share", share)
        };
        let Pass { median, p99, slowest, .. } = pass;
        rows.extend([row("median", *median), row("p99", *p99), row("slowest", *slowest)]);
    }
    let more = f64::from(at.allocations) - f64::from(never_cached.allocations);
    rows.push(
        Row::new(format!("{name} end at once, allocations in excess"), more, Unit::Count).at_most(0.0, 0.0),
    );
    let mut ratio = |what: &str, ratio: f64, most: f64| {
        let name = format!("{name} end at once, {what}");
        rows.push(Row::new(name, ratio, Unit::Ratio).at_most(most, most));
    };
    ratio("memory then, to before", held_then as f64 / full as f64, 1.0);
    ratio("memory after new ones, to the setting", held_after as f64 / bound as f64, 1.0);
    rows
}

/// One request after the other, each timed by itself: the cost of reading the clock is in each.
struct Pass {
    median: f64,
    p99: f64,
    slowest: f64,
    allocations: u32,
}

impl Pass {
    #[expect(clippy::disallowed_methods, reason = "a bench measures")]
    fn run(candidate: &mut Candidate, requests: usize) -> Self {
        let mut times = Vec::with_capacity(requests);
        let allocations = alloc::count(|| {
            for _ in 0..requests {
                let begin = Instant::now();
                candidate.run(1);
                times.push(begin.elapsed().as_secs_f64() * 1e9);
            }
        });
        times.sort_by(f64::total_cmp);
        let at =
            |share: f64| times.get(((requests - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        Self { median: at(0.5), p99: at(0.99), slowest: at(1.0), allocations }
    }
}
