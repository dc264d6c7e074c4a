//! When to fetch, and what a request without its key is told: a pure state machine.
//!
//! It knows neither keys nor sockets: only moments, which come in as arguments, and jitter, which
//! comes in as a number. The same calls give the same answers. Moments are of monotonic time; the
//! stale-if-error limit alone counts by the wall clock too.
//!
//! ```text
//!            fetch              succeeded              fetch
//!   Empty ----------> Loading ------------> Fresh <------------> Refreshing
//!     ^  <----------                          |     succeeded
//!           failed                            | freshness over, fetches fail
//!                                             v        stale-if-error limit
//!                                           Stale ----------------> Dead
//!                                  (success leads from both back to Fresh)
//! ```
//!
//! A request whose key is unknown is refused (401) only on *evidence*: a successful fetch that
//! started after the request arrived, or within the evidence window once the budget is spent,
//! lacks the key. Short of that it waits, or learns that keys are unavailable (503). What such requests
//! may cause is bounded by a budget of their own, so they can neither flood the issuer nor use up the
//! scheduled refresh.
//!
//! A bad signature under a key that is there is evidence by itself. Only where the issuer is known to
//! exchange keys under the same `kid` may it cause a fetch, from a second budget: one a minute, which a
//! flood of them spends, and nothing else.

use std::time::Duration;

use super::{RefreshSettings, SourceState, budget::Budget, settings::BAD_SIGNATURE_INTERVAL};
use crate::{time::Clocks, verify::Wanted};

/// The least time told to a client that shall come again.
pub(super) const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a fetch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchReason {
    /// There are no keys, or it is time for new ones.
    Due,
    /// A request needs a key that is not there.
    UnknownKey,
    /// A signature is bad under the key that the token names, which may have been exchanged.
    BadSignature,
    /// The application asked for it.
    Asked,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// Fetch; the flight has begun.
    Fetch(FetchReason),
    /// Nothing before this moment, unless a fetch is requested.
    SleepUntil(Duration),
}

/// What a request without its key is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScheduleAnswer {
    /// There is evidence that the key does not exist.
    Lacks,
    /// It cannot be told now.
    Unavailable {
        /// When it is worth coming again.
        retry_after: Duration,
    },
    /// Wait for a fetch, at most until this moment.
    Wait {
        /// The end of the wait.
        until: Duration,
        /// The fetch to be requested first; `None` when one is on its way.
        request: Option<FetchReason>,
    },
}

/// What a successful fetch says about the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Success {
    /// The freshness that the response states: `max-age` less `Age`.
    pub(super) freshness: Option<Duration>,
    /// Whether it brought a key that was not known before.
    pub(super) found_new_key: bool,
}

#[derive(Clone, Copy, Debug)]
struct Good {
    started: Clocks,
    fresh_until: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    reason: FetchReason,
    /// A token of the budget for unknown keys was spent on it.
    paid: bool,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    request: Request,
    started: Clocks,
}

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    settings: RefreshSettings,
    good: Option<Good>,
    next_refresh: Duration,
    backoff_until: Duration,
    failures: u32,
    requested: Option<Request>,
    flight: Option<Flight>,
    fetches: u64,
    /// The number of the last fetch that came to an end.
    completed: u64,
    /// What unknown keys may cause.
    budget: Budget,
    /// What bad signatures may cause.
    bad_signatures: Budget,
}

impl Schedule {
    /// No keys; the first fetch is due at once.
    pub(super) fn new(settings: RefreshSettings) -> Self {
        let budget = Budget::new(settings.unknown_key_burst, settings.unknown_key_interval);
        Self {
            settings,
            good: None,
            next_refresh: Duration::ZERO,
            backoff_until: Duration::ZERO,
            failures: 0,
            requested: None,
            flight: None,
            fetches: 0,
            completed: 0,
            budget,
            bad_signatures: Budget::new(1, BAD_SIGNATURE_INTERVAL),
        }
    }

    // === what the driver asks and tells ===

    /// What to do now; a fetch counts as begun with this call.
    pub(super) fn step(&mut self, now: Clocks) -> NextStep {
        if self.flight.is_some() {
            return NextStep::SleepUntil(Duration::MAX);
        }
        let may_fetch =
            |request: &Request| request.reason == FetchReason::Asked || now.monotonic >= self.backoff_until;
        // Keys that the wall clock ended are due, whatever monotonic time says.
        let due = if self.is_live(now) { self.due() } else { self.backoff_until };
        let request = match self.requested {
            Some(request) if may_fetch(&request) => request,
            _ if now.monotonic >= due => Request { reason: FetchReason::Due, paid: false },
            _ => return NextStep::SleepUntil(due),
        };
        self.requested = None;
        self.flight = Some(Flight { request, started: now });
        self.fetches += 1;
        NextStep::Fetch(request.reason)
    }

    /// The fetch under way brought keys, or the news that they have not changed.
    ///
    /// `jitter` is from 0 to 1. Ages count from the start of the fetch: what it brought is at least
    /// as new as that.
    pub(super) fn succeeded(&mut self, now: Duration, success: Success, jitter: f64) {
        let Some(flight) = self.flight.take() else { return };
        let s = &self.settings;
        let freshness =
            success.freshness.unwrap_or(s.default_freshness).max(s.min_freshness).min(s.max_freshness);
        // Ahead of expiry: somewhere in the last two jitters of the freshness.
        let ahead = 2.0 * fraction(s.jitter_percent) * jitter.clamp(0.0, 1.0);
        let refresh_in = freshness.mul_f64((1.0 - ahead).clamp(0.0, 1.0));
        let started = flight.started.monotonic;
        self.next_refresh = started.saturating_add(refresh_in).max(now.saturating_add(s.min_backoff));
        self.good = Some(Good { started: flight.started, fresh_until: started.saturating_add(freshness) });
        self.completed = self.fetches;
        self.failures = 0;
        self.backoff_until = Duration::ZERO;
        if flight.request.paid && success.found_new_key {
            self.budget.refund();
        }
    }

    /// The fetch under way failed. `jitter` is from 0 to 1.
    pub(super) fn failed(&mut self, now: Duration, retry_after: Option<Duration>, jitter: f64) {
        if self.flight.take().is_none() {
            return;
        }
        let s = &self.settings;
        let doublings = self.failures.min(31);
        let delay = s.min_backoff.saturating_mul(1 << doublings).min(s.max_backoff);
        let delay = delay.mul_f64(1.0 + fraction(s.jitter_percent) * (2.0 * jitter.clamp(0.0, 1.0) - 1.0));
        let delay = delay.max(retry_after.unwrap_or_default().min(s.max_backoff));
        self.completed = self.fetches;
        self.failures = self.failures.saturating_add(1);
        // Every other request for a fetch waits out the back-off; the application's own is kept.
        self.requested = self.requested.filter(|request| request.reason == FetchReason::Asked);
        self.backoff_until = now.saturating_add(delay);
    }

    /// The fetch under way was lost with its runtime, which says nothing about the issuer: it is
    /// to be made again.
    pub(super) fn abandoned(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.requested.get_or_insert(flight.request);
        }
    }

    // === what requests ask ===

    /// What to tell a request that arrived at `arrived` and that the current set does not verify.
    pub(super) fn judge(&self, wanted: Wanted, arrived: Duration, clocks: Clocks) -> ScheduleAnswer {
        match wanted {
            Wanted::UnknownKey => self.judge_unknown_key(arrived, clocks),
            Wanted::ExchangedKey => self.judge_bad_signature(arrived, clocks),
        }
    }

    fn judge_unknown_key(&self, arrived: Duration, clocks: Clocks) -> ScheduleAnswer {
        let now = clocks.monotonic;
        let live = self.good.filter(|_| self.is_live(clocks));
        if live.is_some_and(|good| good.started.monotonic >= arrived) {
            return ScheduleAnswer::Lacks;
        }
        let wait = if live.is_some() { self.settings.unknown_key_wait } else { self.settings.cold_wait };
        let until = arrived.saturating_add(wait);
        let late = now >= until;
        if self.is_fetching() && !late {
            return ScheduleAnswer::Wait { until, request: None };
        }
        if late || now < self.backoff_until {
            return self.unavailable(self.backoff_until.saturating_sub(now));
        }
        let Some(good) = live else {
            return ScheduleAnswer::Wait { until, request: Some(FetchReason::Due) };
        };
        if self.budget.left(now) > 0 {
            return ScheduleAnswer::Wait { until, request: Some(FetchReason::UnknownKey) };
        }
        if clocks.since(good.started) <= self.settings.evidence_window {
            return ScheduleAnswer::Lacks;
        }
        self.unavailable(self.budget.wait(now))
    }

    /// The key that the token names is there and did not sign it: that is evidence, unless the issuer is
    /// one that exchanges keys under the same name, and a fetch may still show it.
    fn judge_bad_signature(&self, arrived: Duration, clocks: Clocks) -> ScheduleAnswer {
        let now = clocks.monotonic;
        let until = arrived.saturating_add(self.settings.unknown_key_wait);
        let is_open = self.settings.refetch_on_bad_signature
            && now < until
            && self.is_live(clocks)
            && self.good.is_some_and(|good| good.started.monotonic < arrived);
        if !is_open {
            return ScheduleAnswer::Lacks;
        }
        if self.is_fetching() {
            return ScheduleAnswer::Wait { until, request: None };
        }
        if now < self.backoff_until || self.bad_signatures.left(now) == 0 {
            return ScheduleAnswer::Lacks;
        }
        ScheduleAnswer::Wait { until, request: Some(FetchReason::BadSignature) }
    }

    /// Carries out the request of a [`ScheduleAnswer::Wait`].
    pub(super) fn request(&mut self, reason: FetchReason, now: Duration) {
        let paid = match reason {
            FetchReason::UnknownKey => self.budget.take(now),
            FetchReason::BadSignature => {
                self.bad_signatures.take(now);
                false
            }
            FetchReason::Due | FetchReason::Asked => false,
        };
        let earlier = self.requested.is_some_and(|earlier| earlier.paid);
        self.requested = Some(Request { reason, paid: paid || earlier });
    }

    // === what may be read ===

    pub(super) fn state(&self, now: Clocks) -> SourceState {
        let Some(good) = self.good else {
            return if self.is_fetching() { SourceState::Loading } else { SourceState::Empty };
        };
        if !self.is_live(now) {
            SourceState::Dead
        } else if now.monotonic >= good.fresh_until {
            SourceState::Stale
        } else if self.flight.is_some() {
            SourceState::Refreshing
        } else {
            SourceState::Fresh
        }
    }

    /// The end of the stale-if-error limit, by each clock: the first that reaches it ends the keys. The
    /// beginning of time before the first success.
    pub(super) fn good_until(&self) -> Clocks {
        self.good.map_or(Clocks::default(), |good| Clocks {
            monotonic: good.started.monotonic.saturating_add(self.settings.stale_if_error),
            unix: good.started.unix.saturating_add(self.settings.stale_if_error),
        })
    }

    /// When the last successful fetch started.
    pub(super) fn good_since(&self) -> Option<Clocks> {
        self.good.map(|good| good.started)
    }

    /// When the next fetch is due of itself.
    pub(super) fn due(&self) -> Duration {
        if self.flight.is_some() { Duration::ZERO } else { self.next_refresh.max(self.backoff_until) }
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How many fetches have begun.
    pub(super) fn fetches(&self) -> u64 {
        self.fetches
    }

    /// The number of the last fetch that came to an end; they count from 1.
    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    pub(super) fn budget_left(&self, now: Duration) -> u32 {
        self.budget.left(now)
    }

    /// There never were keys, the last fetch failed, and none is asked for.
    pub(super) fn has_given_up(&self) -> bool {
        self.good.is_none() && self.failures > 0 && !self.is_fetching()
    }

    fn is_live(&self, now: Clocks) -> bool {
        self.good.is_some_and(|good| now.since(good.started) < self.settings.stale_if_error)
    }

    /// A fetch is under way, or will be as soon as the driver runs.
    pub(super) fn is_fetching(&self) -> bool {
        self.flight.is_some() || self.requested.is_some()
    }

    fn unavailable(&self, retry_after: Duration) -> ScheduleAnswer {
        ScheduleAnswer::Unavailable { retry_after: retry_after.max(MIN_RETRY_AFTER) }
    }
}

fn fraction(percent: u8) -> f64 {
    f64::from(percent.min(50)) / 100.0
}

#[cfg(test)]
mod tests;
