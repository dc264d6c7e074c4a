//! The keys of one issuer that are fetched one by one, each by its name: a PEM behind an address with the `kid` in
//! it, as AWS has it for load balancers.
//!
//! To the modules above it is a source as any other: a snapshot of the keys at hand that reading never waits for,
//! 401 only on evidence, 503 while nothing can be said. A key set is refreshed by a task that lives as long as its
//! source; here each fetch is a task of its own, and a key is fetched anew when it is used past its freshness.

mod entries;
mod urls;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};

use self::entries::{Entries, Outcome, Told};
pub use self::urls::KidForm;
pub(crate) use self::urls::KidUrls;
use super::{
    FetchError, Health, KeyAnswer, KeyWait, NoRuntime, RefreshError, RefreshSettings, SourceState,
    load::get,
    permits::{Permit, WaiterPools, Waiters},
    revoked::Revoked,
    schedule::MIN_RETRY_AFTER,
    shared::{nanos, unix_nanos},
    snapshot::Current,
};
use crate::{
    keys::{AlgorithmSet, KeySet, SnapshotRef, VerifyingKey},
    metrics,
    net::{HttpClient, before},
    time::{Clock, Clocks},
    verify::Wanted,
};

/// What a source of keys by their names is made of.
pub(crate) struct ByKidConfig {
    pub(crate) name: Arc<str>,
    pub(crate) urls: KidUrls,
    /// What its keys are for.
    pub(crate) algorithms: AlgorithmSet,
    pub(crate) client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: RefreshSettings,
    /// Keys that count beside those that are fetched.
    pub(crate) given: KeySet,
    pub(crate) pools: WaiterPools,
    /// A number from 0 to 1, for jitter.
    pub(crate) jitter: fn() -> f64,
}

/// Keys that are fetched by their names.
pub(crate) struct KeysByKid {
    shared: Arc<Shared>,
}

struct Shared {
    config: ByKidConfig,
    snapshot: Current,
    /// From this moment on, a reader has something to do: of the monotonic clock and of the wall clock.
    attention_at: [AtomicU64; 2],
    state: Mutex<State>,
    /// Counts everything that waiting requests may want to know about.
    news: watch::Sender<u64>,
    waiters: Waiters,
}

struct State {
    entries: Entries,
    revoked: Revoked,
    last_error: Option<RefreshError>,
}

impl KeysByKid {
    pub(crate) fn new(config: ByKidConfig) -> Arc<Self> {
        let state = State {
            entries: Entries::new(config.settings.clone()),
            revoked: Revoked::default(),
            last_error: None,
        };
        let shared = Shared {
            snapshot: Current::default(),
            attention_at: [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)],
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            waiters: Waiters::new(config.settings.max_waiters),
            config,
        };
        shared.publish(&shared.lock());
        Arc::new(Self { shared: Arc::new(shared) })
    }

    /// Whether both fetch the same in the same way.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (one, other) = (&self.shared.config, &other.shared.config);
        one.name == other.name
            && one.urls == other.urls
            && one.algorithms == other.algorithms
            && one.settings == other.settings
            && one.given.has_same_keys(&other.given)
            && Arc::ptr_eq(&one.client, &other.client)
            && Arc::ptr_eq(&one.clock, &other.clock)
    }

    /// The keys at hand. Never waits; starts what is due.
    pub(crate) fn snapshot(&self, now: Clocks) -> SnapshotRef {
        self.attend_if_due(now);
        self.shared.snapshot.load()
    }

    /// The same, and nothing is started.
    pub(crate) fn peek(&self) -> SnapshotRef {
        self.shared.snapshot.load()
    }

    pub(crate) fn is_current(&self, generation: u64, key: &Arc<VerifyingKey>, now: Clocks) -> bool {
        self.attend_if_due(now);
        self.shared.snapshot.holds(generation, key)
    }

    fn attend_if_due(&self, now: Clocks) {
        let [monotonic, unix] = &self.shared.attention_at;
        let is_due = nanos(now.monotonic) >= monotonic.load(Ordering::Acquire)
            || unix_nanos(now.unix) >= unix.load(Ordering::Acquire);
        if is_due {
            self.shared.attend(now);
        }
    }

    /// What to do about a token whose key, of this name, the snapshot of generation `seen` does not have.
    pub(crate) fn need_key(
        &self,
        arrived: Duration,
        seen: Option<u64>,
        kid: Option<&str>,
    ) -> KeyAnswer<KeyWait> {
        // A token without a name, or whose name has another form, is of no key there is.
        let Some(kid) = kid.filter(|kid| self.shared.config.urls.of(kid).is_some()) else {
            return KeyAnswer::Lacks;
        };
        let request = Request { kid: kid.into(), arrived, seen };
        let news = self.shared.news.subscribe();
        let shared = &self.shared;
        match shared.judge(&request, None) {
            (KeyAnswer::Wait(until), permit) => {
                KeyAnswer::Wait(KeyWait::new(wait(Arc::clone(shared), news, request, until, permit)))
            }
            (KeyAnswer::TryAgain, _) => KeyAnswer::TryAgain,
            (KeyAnswer::Lacks, _) => KeyAnswer::Lacks,
            (KeyAnswer::Unavailable { retry_after }, _) => KeyAnswer::Unavailable { retry_after },
        }
    }

    /// Notes that a key has verified a token.
    pub(crate) fn verified(&self, key: &VerifyingKey) {
        if let Some(kid) = key.kid() {
            self.shared.lock().entries.verified(kid);
        }
    }

    /// Fetches the keys at hand anew, budget and back-off notwithstanding, and waits for the results.
    ///
    /// # Errors
    /// Why the last fetch failed.
    pub(crate) async fn refresh_now(&self) -> Result<(), RefreshError> {
        let shared = &self.shared;
        let mut news = shared.news.subscribe();
        let kids = shared.lock().entries.kids();
        for kid in &kids {
            shared.fetch(kid)?;
        }
        while kids.iter().any(|kid| shared.lock().entries.is_fetching(kid)) {
            let _ = news.changed().await;
        }
        shared.lock().last_error.clone().map_or(Ok(()), Err)
    }

    /// Withdraws a key, now and whenever it comes; true when it was in use.
    pub(crate) fn revoke_key(&self, kid_or_thumbprint: &str) -> bool {
        let mut state = self.shared.lock();
        state.revoked.add(kid_or_thumbprint);
        let revoked = self.shared.publish(&state);
        drop(state);
        if revoked {
            tracing::info!(issuer = %self.shared.config.name, "a key was revoked by the application");
            self.shared.tell();
        }
        revoked
    }

    /// Before a token came there is nothing to fetch, and nothing is wrong.
    pub(crate) fn health(&self) -> Health {
        let shared = &self.shared;
        let clocks = shared.clocks();
        let state = shared.lock();
        let entries = &state.entries;
        let is = match (entries.is_empty(), entries.any_fetch()) {
            (true, true) => SourceState::Loading,
            (true, false) if entries.failures() > 0 => SourceState::Empty,
            _ if entries.any_stale(clocks.monotonic) => SourceState::Stale,
            (false, true) => SourceState::Refreshing,
            _ => SourceState::Fresh,
        };
        let snapshot = shared.snapshot.load();
        Health {
            generation: snapshot.generation(),
            age: entries.oldest().map(|since| clocks.since(since)),
            failures: entries.failures(),
            last_error: state.last_error.clone(),
            fetches: entries.fetches(),
            budget: entries.budget_left(clocks.monotonic),
            waiters: shared.waiters.held(),
            ..Health::new(is).with_keys(snapshot.keys(), snapshot.keys())
        }
    }
}

/// A request whose key is not at hand.
struct Request {
    kid: Box<str>,
    arrived: Duration,
    seen: Option<u64>,
}

async fn wait(
    shared: Arc<Shared>,
    mut news: watch::Receiver<u64>,
    request: Request,
    mut until: Duration,
    permit: Option<Permit>,
) -> KeyAnswer {
    loop {
        let _ = before(shared.config.clock.sleep_until(until), news.changed()).await;
        match shared.judge(&request, permit.as_ref()).0 {
            KeyAnswer::Wait(later) => until = later,
            KeyAnswer::TryAgain => return KeyAnswer::TryAgain,
            KeyAnswer::Lacks => return KeyAnswer::Lacks,
            KeyAnswer::Unavailable { retry_after } => return KeyAnswer::Unavailable { retry_after },
        }
    }
}

impl Shared {
    fn clocks(&self) -> Clocks {
        Clocks::read(&*self.config.clock)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Puts the keys at hand and those that were given, less those that are revoked, in place; true when that
    /// changes them.
    fn publish(&self, state: &State) -> bool {
        let keys = state.entries.keys().joined(&self.config.given);
        let next = self.snapshot.load().succeeded_by(state.revoked.remaining(&keys));
        let changed = next.is_some();
        if let Some(next) = next {
            self.snapshot.store(next);
        }
        let next = state.entries.next();
        let [monotonic, unix] = &self.attention_at;
        monotonic.store(nanos(next.monotonic), Ordering::Release);
        unix.store(unix_nanos(next.unix), Ordering::Release);
        changed
    }

    /// Ends keys that are past their limit, and fetches those anew that are past their freshness.
    #[cold]
    fn attend(self: &Arc<Self>, now: Clocks) {
        let due = {
            let mut state = self.lock();
            state.entries.end(now);
            let due = state.entries.due(now.monotonic);
            self.publish(&state);
            due
        };
        for kid in due {
            if self.fetch(&kid).is_err() {
                // Looking for a runtime costs more than a load: once a second is enough here.
                let later = now.monotonic.saturating_add(MIN_RETRY_AFTER);
                self.attention_at[0].store(nanos(later), Ordering::Release);
            }
        }
    }

    /// Judges a request; one that does not hold a permit yet gets one when it is to wait.
    fn judge(
        self: &Arc<Self>,
        request: &Request,
        held: Option<&Permit>,
    ) -> (KeyAnswer<Duration>, Option<Permit>) {
        let unavailable = KeyAnswer::Unavailable { retry_after: MIN_RETRY_AFTER };
        let now = self.config.clock.monotonic();
        let told = {
            let state = self.lock();
            if Some(self.snapshot.load().generation()) != request.seen {
                return (KeyAnswer::TryAgain, None);
            }
            state.entries.judge(&request.kid, request.arrived, now)
        };
        let (until, fetch) = match told {
            Told::Lacks => return (KeyAnswer::Lacks, None),
            Told::Unavailable { retry_after } => return (KeyAnswer::Unavailable { retry_after }, None),
            Told::Wait { until, fetch } => (until, fetch),
        };
        let permit = match held {
            Some(_) => None,
            None => match self.waiters.take(&self.config.pools.configured, Wanted::UnknownKey) {
                Some(permit) => Some(permit),
                None => return (unavailable, None),
            },
        };
        if fetch && self.fetch(&request.kid).is_err() {
            return (unavailable, None);
        }
        (KeyAnswer::Wait(until), permit)
    }

    /// Fetches the key of this name in a task of its own, unless that is under way.
    fn fetch(self: &Arc<Self>, kid: &str) -> Result<(), NoRuntime> {
        let runtime = match Handle::try_current() {
            Ok(runtime) => runtime,
            Err(_) => {
                self.lock().last_error = Some(NoRuntime.into());
                return Err(NoRuntime);
            }
        };
        if !self.lock().entries.begin(kid, self.clocks()) {
            return Ok(());
        }
        let flight = Flight { shared: Arc::clone(self), kid: kid.into(), landed: false };
        runtime.spawn(flight.run());
        Ok(())
    }

    async fn load(&self, kid: &str) -> Result<Outcome, RefreshError> {
        let Self { config, .. } = self;
        let Some(url) = config.urls.of(kid) else { return Ok(Outcome::NoSuchKey) };
        let deadline = config.clock.monotonic().saturating_add(config.settings.fetch_timeout);
        let accept = "application/x-pem-file, text/plain, */*";
        let fetched = get((&*config.client, &*config.clock, &config.settings), &url, None, accept, deadline);
        let response = match fetched.await {
            Ok(response) => response,
            Err(FetchError::Status { status, .. }) if matches!(status.as_u16(), 403 | 404 | 410) => {
                return Ok(Outcome::NoSuchKey);
            }
            Err(error) => return Err(RefreshError::KeySetFetch(error)),
        };
        let body = response.body.unwrap_or_default();
        let pem = std::str::from_utf8(&body).unwrap_or_default();
        // What is for other keys does not fit an RSA key.
        let of_rsa = || VerifyingKey::from_pem(pem, config.algorithms.intersection(AlgorithmSet::RSA));
        let key = VerifyingKey::from_pem(pem, config.algorithms).or_else(|_| of_rsa());
        let key = key.map_err(RefreshError::Key)?;
        let freshness = response.max_age.map(|max_age| max_age.saturating_sub(response.age));
        Ok(Outcome::Key { key: Box::new(key.with_kid(kid)), freshness })
    }

    fn finish(&self, kid: &str, result: Result<Outcome, RefreshError>) {
        let name = &self.config.name;
        let (outcome, error) = match result {
            Ok(outcome) => (outcome, None),
            Err(error) => (Outcome::Failed { retry_after: error.retry_after() }, Some(error)),
        };
        let told = if error.is_some() { "failed" } else { "unchanged" };
        let changed = {
            let mut state = self.lock();
            let now = self.config.clock.monotonic();
            state.entries.finish(kid, outcome, now, (self.config.jitter)());
            state.last_error.clone_from(&error);
            self.publish(&state)
        };
        metrics::fetched(name, if changed { "changed" } else { told }, None);
        match error {
            Some(error) => tracing::warn!(issuer = %name, %error, "a key refresh failed"),
            None if changed => tracing::info!(issuer = %name, "the issuer's keys have changed"),
            None => tracing::debug!(issuer = %name, "the issuer's keys have not changed"),
        }
        self.tell();
    }
}

/// A fetch under way. One that is lost, with its runtime or in a panic, may be made again.
struct Flight {
    shared: Arc<Shared>,
    kid: Box<str>,
    landed: bool,
}

impl Flight {
    async fn run(mut self) {
        let result = self.shared.load(&self.kid).await;
        self.landed = true;
        self.shared.finish(&self.kid, result);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        if std::thread::panicking() {
            self.shared.finish(&self.kid, Err(RefreshError::Panicked));
        } else {
            self.shared.lock().entries.abandoned(&self.kid);
            self.shared.tell();
        }
    }
}
