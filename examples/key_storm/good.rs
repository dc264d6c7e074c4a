//! The good client: one request at a time of the clock, whether the last one was answered or not.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    time::{MissedTickBehavior, interval},
};
use tower_resource_server::{
    issuer::TokenIssuer,
    time::{Clock, SystemClock},
};

use crate::AnyError;

/// What happened since the tally was taken last.
#[derive(Default)]
pub(crate) struct Tally {
    /// From when each request was due until its answer was there, of those that were served.
    pub(crate) latencies: Vec<Duration>,
    /// Good tokens that were not served.
    pub(crate) failed: u64,
    /// Tokens whose key was withdrawn while they were under way: not good any more.
    pub(crate) withdrawn: u64,
    /// The longest time that good tokens were refused.
    pub(crate) longest_refusal: Duration,
    refused_since: Option<Duration>,
}

impl Tally {
    fn served(&mut self, due: Duration, now: Duration) {
        self.latencies.push(now.saturating_sub(due));
        if let Some(since) = self.refused_since.take_if(|since| due >= *since) {
            self.longest_refusal = self.longest_refusal.max(now.saturating_sub(since));
        }
    }

    fn refused(&mut self, due: Duration) {
        self.failed += 1;
        self.refused_since.get_or_insert(due);
    }

    /// The `p`-th percentile of the latencies.
    pub(crate) fn percentile(&mut self, p: usize) -> Duration {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() * p / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Tallies(Arc<Mutex<Tally>>);

impl Tallies {
    fn with(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The tally of a phase that ends now.
    pub(crate) fn take(&self) -> Tally {
        let mut taken = Tally::default();
        self.with(|tally| std::mem::swap(tally, &mut taken));
        if let Some(since) = taken.refused_since {
            taken.longest_refusal = taken.longest_refusal.max(SystemClock.monotonic() - since);
        }
        taken
    }
}

/// Asks `rate` times a second, each time with a new token, until the program ends.
pub(crate) fn start(issuer: TokenIssuer, url: String, rate: u32) -> Result<Tallies, AnyError> {
    let tallies = Tallies::default();
    let noted = tallies.clone();
    // A thread of its own, so that it is not the server's runtime that makes it late.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let mut ticks = interval(Duration::from_secs(1) / rate);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (begin, tokio_begin) = (SystemClock.monotonic(), tokio::time::Instant::now());
            loop {
                let due = begin + ticks.tick().await.saturating_duration_since(tokio_begin);
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(ask(issuer.clone(), client, url, due, noted.clone()));
            }
        });
    });
    Ok(tallies)
}

async fn ask(issuer: TokenIssuer, client: reqwest::Client, url: String, due: Duration, tallies: Tallies) {
    let key = issuer.signing_key();
    let token = issuer.access_token("alice").client_id("good").signed_with(&key).unique().mint();
    let answer = client.get(url).bearer_auth(token.unwrap_or_default()).send().await;
    let now = SystemClock.monotonic();
    if answer.is_ok_and(|answer| answer.status().is_success()) {
        return tallies.with(|tally| tally.served(due, now));
    }
    let published = issuer.jwks()["keys"].as_array().cloned().unwrap_or_default();
    let is_good = published.iter().any(|jwk| jwk["kid"].as_str() == key.kid());
    tallies.with(|tally| if is_good { tally.refused(due) } else { tally.withdrawn += 1 });
}
