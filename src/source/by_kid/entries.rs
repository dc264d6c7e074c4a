//! What is known of each `kid`, and what a request without its key is told: a pure state machine, as
//! [`Schedule`](crate::source::schedule::Schedule) is for key sets.
//!
//! Each `kid` has an answer of its own, with a time to live of its own: a key, or that there is none. Anyone can
//! make up names, so there are few places for either, and fetches for unknown names come out of one budget, which
//! a fetch that found a key gives back. While the host fails, no name is asked for.
//!
//! Maps of our own with bounds of their own, and no cache that forgets by its own clock: time is the server's
//! [`Clock`](crate::time::Clock), and what leaves is chosen. A key that has verified a token leaves only for
//! another that has.

use std::{collections::HashMap, time::Duration};

use super::super::{RefreshSettings, budget::Budget, schedule::MIN_RETRY_AFTER};
use crate::{
    keys::{KeySet, VerifyingKey},
    time::Clocks,
};

/// The most keys of one source that are kept: a regional service signs with one or two at a time, each for months.
pub(super) const MAX_KEYS_BY_KID: usize = 32;

/// The most names of which it is remembered that there is no key.
pub(super) const MAX_ABSENT_KIDS: usize = 256;

/// How long it is remembered that there is no key of a name.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(30);

/// What a fetch for one name came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Key {
        key: Box<VerifyingKey>,
        freshness: Option<Duration>,
    },
    /// The issuer says that there is none.
    NoSuchKey,
    Failed {
        retry_after: Option<Duration>,
    },
}

/// What a request is told whose key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is evidence that the key does not exist, or that it is not for this token.
    Lacks,
    Unavailable {
        retry_after: Duration,
    },
    /// Wait until this moment; whether the key is to be fetched first.
    Wait {
        until: Duration,
        fetch: bool,
    },
}

#[derive(Debug)]
struct Known {
    key: VerifyingKey,
    /// When the fetch started that brought it last.
    started: Clocks,
    fresh_until: Duration,
    refresh_at: Duration,
    /// Whether it has verified a token.
    works: bool,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    started: Clocks,
    /// A token of the budget was spent on it.
    paid: bool,
}

/// The answers of one source.
#[derive(Debug)]
pub(super) struct Entries {
    settings: RefreshSettings,
    known: HashMap<Box<str>, Known>,
    /// When the fetch started that found no key.
    absent: HashMap<Box<str>, Duration>,
    flights: HashMap<Box<str>, Flight>,
    budget: Budget,
    backoff_until: Duration,
    failures: u32,
    fetches: u64,
}

impl Entries {
    pub(super) fn new(settings: RefreshSettings) -> Self {
        Self {
            budget: Budget::new(settings.unknown_key_burst, settings.unknown_key_interval),
            settings,
            known: HashMap::new(),
            absent: HashMap::new(),
            flights: HashMap::new(),
            backoff_until: Duration::ZERO,
            failures: 0,
            fetches: 0,
        }
    }

    /// What to tell a request that arrived at `arrived` and whose token the key of this name does not verify.
    pub(super) fn judge(&self, kid: &str, arrived: Duration, now: Duration) -> Told {
        if self.known.contains_key(kid) {
            return Told::Lacks;
        }
        let is_evidence =
            |started: &Duration| *started >= arrived || now < started.saturating_add(ABSENT_FOR);
        if self.absent.get(kid).is_some_and(is_evidence) {
            return Told::Lacks;
        }
        let wait =
            if self.known.is_empty() { self.settings.cold_wait } else { self.settings.unknown_key_wait };
        let until = arrived.saturating_add(wait);
        if now >= until {
            return self.unavailable(self.backoff_until.saturating_sub(now));
        }
        if self.flights.contains_key(kid) {
            return Told::Wait { until, fetch: false };
        }
        if now < self.backoff_until {
            return self.unavailable(self.backoff_until.saturating_sub(now));
        }
        if self.budget.left(now) == 0 {
            return self.unavailable(self.budget.wait(now));
        }
        Told::Wait { until, fetch: true }
    }

    #[expect(clippy::unused_self, reason = "reads as the schedule of key sets does")]
    fn unavailable(&self, retry_after: Duration) -> Told {
        Told::Unavailable { retry_after: retry_after.max(MIN_RETRY_AFTER) }
    }

    /// A fetch begins; for a name that is unknown it is paid for. False when one is under way.
    pub(super) fn begin(&mut self, kid: &str, now: Clocks) -> bool {
        if self.flights.contains_key(kid) {
            return false;
        }
        let paid = !self.known.contains_key(kid) && self.budget.take(now.monotonic);
        self.flights.insert(kid.into(), Flight { started: now, paid });
        self.fetches += 1;
        true
    }

    /// A fetch was lost with its runtime, which says nothing about the issuer.
    pub(super) fn abandoned(&mut self, kid: &str) {
        self.flights.remove(kid);
    }

    /// A fetch came to an end. `jitter` is from 0 to 1. True when the keys have changed.
    pub(super) fn finish(&mut self, kid: &str, outcome: Outcome, now: Duration, jitter: f64) -> bool {
        let Some(flight) = self.flights.remove(kid) else { return false };
        let jitter = jitter.clamp(0.0, 1.0);
        let percent = f64::from(self.settings.jitter_percent.min(50)) / 100.0;
        let s = &self.settings;
        match outcome {
            Outcome::Key { key, freshness } => {
                self.answered();
                self.absent.remove(kid);
                if flight.paid {
                    self.budget.refund();
                }
                let s = &self.settings;
                let fresh =
                    freshness.unwrap_or(s.default_freshness).max(s.min_freshness).min(s.max_freshness);
                let started = flight.started.monotonic;
                let ahead = fresh.mul_f64((1.0 - 2.0 * percent * jitter).clamp(0.0, 1.0));
                let before = self.known.remove(kid);
                let changed = before.as_ref().is_none_or(|before| !before.key.is_same(&key));
                let known = Known {
                    key: *key,
                    started: flight.started,
                    fresh_until: started.saturating_add(fresh),
                    refresh_at: started.saturating_add(ahead).max(now.saturating_add(s.min_backoff)),
                    works: before.is_some_and(|before| before.works && !changed),
                };
                self.make_place();
                self.known.insert(kid.into(), known);
                changed
            }
            Outcome::NoSuchKey => {
                self.answered();
                if self.absent.len() >= MAX_ABSENT_KIDS
                    && let Some(oldest) = self.absent.iter().min_by_key(|(_, at)| **at)
                {
                    let oldest = oldest.0.clone();
                    self.absent.remove(&oldest);
                }
                self.absent.insert(kid.into(), flight.started.monotonic);
                self.known.remove(kid).is_some()
            }
            Outcome::Failed { retry_after } => {
                let delay = s.min_backoff.saturating_mul(1 << self.failures.min(31)).min(s.max_backoff);
                let delay = delay.mul_f64(1.0 + percent * (2.0 * jitter - 1.0));
                let delay = delay.max(retry_after.unwrap_or_default().min(s.max_backoff));
                self.failures = self.failures.saturating_add(1);
                self.backoff_until = now.saturating_add(delay);
                false
            }
        }
    }

    fn answered(&mut self) {
        (self.failures, self.backoff_until) = (0, Duration::ZERO);
    }

    /// Of the keys that have verified nothing the oldest leaves, and of the others only if there is none.
    fn make_place(&mut self) {
        if self.known.len() < MAX_KEYS_BY_KID {
            return;
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| (known.works, known.started.monotonic));
        if let Some(kid) = oldest.map(|(kid, _)| kid.clone()) {
            self.known.remove(&kid);
        }
    }

    /// Notes that a key has verified a token.
    pub(super) fn verified(&mut self, kid: &str) {
        if let Some(known) = self.known.get_mut(kid) {
            known.works = true;
        }
    }

    /// Takes out the keys that are past the stale-if-error limit; true when there were any.
    pub(super) fn end(&mut self, now: Clocks) -> bool {
        let before = self.known.len();
        let limit = self.settings.stale_if_error;
        self.known.retain(|_, known| now.since(known.started) < limit);
        self.known.len() < before
    }

    /// The keys that are to be fetched anew.
    pub(super) fn due(&self, now: Duration) -> Vec<Box<str>> {
        if now < self.backoff_until {
            return Vec::new();
        }
        let stale = self.known.iter().filter(|(_, known)| known.refresh_at <= now);
        stale.map(|(kid, _)| kid).filter(|kid| !self.flights.contains_key(*kid)).cloned().collect()
    }

    /// When there is something to do next, by the monotonic clock and by the wall clock.
    pub(super) fn next(&self) -> Clocks {
        let limit = self.settings.stale_if_error;
        let mut next =
            Clocks { monotonic: Duration::MAX, unix: crate::time::UnixTime::from_duration(Duration::MAX) };
        for (kid, known) in &self.known {
            if !self.flights.contains_key(kid) {
                next.monotonic = next.monotonic.min(known.refresh_at.max(self.backoff_until));
            }
            next.monotonic = next.monotonic.min(known.started.monotonic.saturating_add(limit));
            next.unix = next.unix.min(known.started.unix.saturating_add(limit));
        }
        next
    }

    /// The keys, under their names.
    pub(super) fn keys(&self) -> KeySet {
        KeySet::from_keys(self.known.values().map(|known| known.key.clone()))
    }

    pub(super) fn kids(&self) -> Vec<Box<str>> {
        self.known.keys().cloned().collect()
    }

    pub(super) fn is_fetching(&self, kid: &str) -> bool {
        self.flights.contains_key(kid)
    }

    pub(super) fn any_fetch(&self) -> bool {
        !self.flights.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a key is past its freshness.
    pub(super) fn any_stale(&self, now: Duration) -> bool {
        self.known.values().any(|known| known.fresh_until <= now)
    }

    /// When the fetch started that brought the oldest key.
    pub(super) fn oldest(&self) -> Option<Clocks> {
        self.known.values().map(|known| known.started).min_by_key(|started| started.monotonic)
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) const fn fetches(&self) -> u64 {
        self.fetches
    }

    pub(super) fn budget_left(&self, now: Duration) -> u32 {
        self.budget.left(now)
    }
}
