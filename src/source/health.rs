//! How a key source is doing, as data.

use std::{fmt, sync::Arc, time::Duration};

use super::RefreshError;
use crate::keys::{KeyError, KeySet, distinct};

/// Where a key source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceState {
    /// Configured keys: nothing to fetch.
    Fixed,
    /// No keys, and no fetch under way: not started, or waiting out a failure.
    Empty,
    /// No keys yet; the first fetch is under way.
    Loading,
    /// The keys are fresh.
    Fresh,
    /// The keys are fresh, and the next ones are being fetched.
    Refreshing,
    /// The keys are past their freshness because refreshes fail; they are still served.
    Stale,
    /// The keys are past the stale-if-error limit; requests are answered 503 until a fetch succeeds.
    Dead,
}

impl SourceState {
    /// Whether tokens can be verified in this state.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Fixed | Self::Fresh | Self::Refreshing | Self::Stale)
    }

    /// A short, stable name, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Empty => "empty",
            Self::Loading => "loading",
            Self::Fresh => "fresh",
            Self::Refreshing => "refreshing",
            Self::Stale => "stale",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an issuer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerHealth {
    /// Its name, as configured; the full name of a tenant.
    pub issuer: Arc<str>,
    /// Its keys.
    pub keys: Health,
}

impl IssuerHealth {
    pub(crate) const fn new(issuer: Arc<str>, keys: Health) -> Self {
        Self { issuer, keys }
    }
}

/// The health of one issuer's keys at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Where the source stands.
    pub state: SourceState,
    /// The number of the key set in use; it advances when the keys change. 0 before the first load.
    pub generation: u64,
    /// How many keys are in use.
    pub keys: usize,
    /// The `kid` of each key in use that has one.
    pub key_ids: Vec<String>,
    /// How many entries of the issuer's document are unusable and passed over.
    pub skipped: usize,
    /// Why they are: each reason once, and eight at most. A document without any usable entry is refused, and says the
    /// same in [`last_error`](Self::last_error).
    pub skipped_because: Vec<KeyError>,
    /// How long ago the last successful fetch started.
    pub age: Option<Duration>,
    /// In how much time the next fetch is due; zero while one is under way, `None` when none is planned.
    pub next_refresh: Option<Duration>,
    /// How many fetches have failed in a row.
    pub failures: u32,
    /// Why the last failed fetch failed; `None` once one succeeds.
    pub last_error: Option<RefreshError>,
    /// How many fetches have been started, ever.
    pub fetches: u64,
    /// How many fetches unknown keys may cause at this moment.
    pub budget: u32,
    /// How many requests wait for keys at this moment.
    pub waiters: usize,
}

impl Health {
    pub(super) fn new(state: SourceState) -> Self {
        Self {
            state,
            generation: 0,
            keys: 0,
            key_ids: Vec::new(),
            skipped: 0,
            skipped_because: Vec::new(),
            age: None,
            next_refresh: None,
            failures: 0,
            last_error: None,
            fetches: 0,
            budget: 0,
            waiters: 0,
        }
    }

    /// What there is to say about keys in use, and about the entries that were passed over in the
    /// document that they are from.
    pub(super) fn with_keys(self, keys: &KeySet, document: &KeySet) -> Self {
        Self {
            keys: keys.len(),
            key_ids: keys.iter().filter_map(|key| key.kid().map(str::to_owned)).collect(),
            skipped: document.skipped().len(),
            skipped_because: distinct(document.skipped()),
            ..self
        }
    }

    /// Whether an operator should look: keys are missing or past their freshness.
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        matches!(self.state, SourceState::Empty | SourceState::Stale | SourceState::Dead)
    }
}
