//! How many fetches unknown keys may cause.

use std::time::Duration;

/// A token bucket: full at first, then one token per interval.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    capacity: u32,
    interval: Duration,
    tokens: u32,
    /// The moment up to which tokens have been credited.
    credited: Duration,
}

impl Budget {
    pub(super) fn new(capacity: u32, interval: Duration) -> Self {
        Self { capacity, interval, tokens: capacity, credited: Duration::ZERO }
    }

    /// How many tokens there are.
    pub(super) fn left(&self, now: Duration) -> u32 {
        self.credit(now).0
    }

    /// Takes a token; false when there is none.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        (self.tokens, self.credited) = self.credit(now);
        match self.tokens.checked_sub(1) {
            Some(rest) => {
                self.tokens = rest;
                true
            }
            None => false,
        }
    }

    /// Gives a token back.
    pub(super) fn refund(&mut self) {
        self.tokens = self.capacity.min(self.tokens.saturating_add(1));
    }

    /// How long until there is a token; zero when there is one.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        match self.credit(now) {
            (0, credited) => credited.saturating_add(self.interval).saturating_sub(now),
            _ => Duration::ZERO,
        }
    }

    fn credit(&self, now: Duration) -> (u32, Duration) {
        let elapsed = now.saturating_sub(self.credited);
        let earned = elapsed.as_nanos().checked_div(self.interval.as_nanos()).unwrap_or(u128::MAX);
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        let tokens = self.tokens.saturating_add(earned);
        if tokens >= self.capacity {
            // A full bucket earns nothing: the interval starts with the next token taken.
            (self.capacity, now.max(self.credited))
        } else {
            (tokens, self.credited.saturating_add(self.interval.saturating_mul(earned)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn five_at_once_then_one_per_ten_seconds() {
        let mut budget = Budget::new(5, secs(10));
        let taken = (0..100).filter(|_| budget.take(secs(1000))).count();
        assert_eq!((taken, budget.wait(secs(1003))), (5, secs(7)));
        for (name, now, expected) in [
            ("just before", secs(1010) - Duration::from_nanos(1), false),
            ("earned", secs(1010), true),
            ("spent", secs(1019), false),
            ("a fraction is not lost", secs(1020), true),
        ] {
            assert_eq!(budget.take(now), expected, "{name}");
        }
    }

    #[test]
    fn it_never_holds_more_than_its_capacity() {
        let mut budget = Budget::new(2, secs(10));
        budget.refund();
        assert_eq!(budget.left(secs(1_000_000)), 2);
        assert!(budget.take(secs(1_000_000)));
        budget.refund();
        budget.refund();
        assert_eq!(budget.left(secs(1_000_000)), 2);
    }

    #[test]
    fn over_any_time_it_gives_at_most_its_formula() {
        for span in [0, 5, 9, 10, 11, 60, 601] {
            let mut budget = Budget::new(5, secs(10));
            let taken = (0..=span).flat_map(|s| [s; 3]).filter(|s| budget.take(secs(50 + s))).count();
            assert!(taken as u64 <= 5 + span.div_ceil(10), "{taken} in {span} s");
        }
    }
}
