//! Spent ids in Redis or Valkey, which several instances of a server share.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_resource_server::{
//!     Dpop,
//!     store::{DpopNonces, redis::RedisSettings},
//! };
//!
//! let store = RedisSettings::from_url("rediss://orders:secret@valkey.example:6379")?.build()?;
//! let secret = std::fs::read("/run/secrets/nonces")?;
//! let dpop = Dpop::required().store(store).nonces(DpopNonces::with_secret(&secret)?);
//! # let _ = dpop;
//! # Ok(())
//! # }
//! ```
//!
//! - `settings`: [`RedisSettings`], from a URL; `shards`: the names of keys; `script`: what runs in the server.
//! - `link`: a connection to one process; `topology`: which of them is the primary; `driver`: what keeps them.
//! - `health`: [`RedisHealth`].
//!
//! # What it promises
//!
//! **Nothing counts twice.** A request asks once, one script in one round trip, which is atomic. The script looks
//! first at an *epoch*, which is kept beside the ids and names the process that holds them. After a flush, an empty
//! restart or a failover, to a replica that lacks the last writes or lacks everything, there is no epoch or one of
//! another process: a new one begins, and what was issued before it is refused until it ends by itself. For a second
//! after its beginning nothing is taken at all. A restart from a snapshot begins an epoch, too: a snapshot is older
//! than the last write.
//!
//! So a loss costs one window of the ids that were issued before it. Of proofs without nonces of the server, clients
//! make new ones, which pass after a second or two. Where [nonces](crate::Dpop::nonces) are wanted, the client is
//! sent one with the refusal, and what it sends next passes. What is good many times and may have been
//! [revoked](SpentStore::look) is refused until it is issued anew.
//!
//! **Nothing waits longer than the [deadline](RedisSettings::deadline)**, and no more requests than
//! [a bound](RedisSettings::max_in_flight) wait at all. While there is no connection, requests are refused at once.
//! Connections are made anew with back-off and jitter, and need no one.
//!
//! **What is not known is refused**, with 503 and `Retry-After`, unless a use of the store
//! [is opened](RedisStore::dangerous).
//!
//! With sentinels or in a cluster, a primary counts as one for as long as a majority said so less than a second
//! ago: one that stood still, and another taking its place meanwhile, do not both take an id.
//!
//! # Clocks
//!
//! All moments are judged by the clock of the server: one clock for all instances. Where it and that of an instance
//! are more than 30 seconds apart, the instance uses the store no more and says so in its [health](RedisHealth).
//!
//! # What it does not see
//!
//! - Keys that are deleted or exchanged one by one, while the epoch stays. Give the store a user of its own.
//! - A server whose clock is set ahead: its keys end early.
//! - An id that its client dated ahead, was spent with an instance that died, and comes again after a loss.
//! - Two processes behind one address that both take themselves for the primary, without sentinels or a cluster. For a
//!   [look](SpentStore::look), which writes nothing, one of them may also be a primary that became a replica while the
//!   connection to it stayed.

mod driver;
mod health;
mod link;
mod script;
mod settings;
mod shards;
mod topology;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
};

pub use self::{
    health::{RedisHealth, RedisProblem},
    settings::{
        DEFAULT_REDIS_DEADLINE, DEFAULT_REDIS_IN_FLIGHT, DangerousRedisSettings, RedisSettings,
        RedisSettingsError,
    },
};
use self::{
    link::{Epoch, Link, NotGood},
    script::Question,
    shards::{IdKey, Shards},
};
use super::{Life, SpendError, Spending, SpentStore};
use crate::{
    metrics::{StoreCounters, StoreEvent},
    net::before,
    time::UnixTime,
};

/// How long after the beginning of an epoch has settled a store is ready: `iat` counts whole seconds.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

/// A [`SpentStore`] in Redis or Valkey, from [`RedisSettings`]: what it promises is in the [module](self).
///
/// A cheap handle: clones share connections. It connects with the first id that is spent, or with
/// [`ready`](Self::ready), inside a tokio runtime; outside of one it refuses.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
    fails_open: bool,
}

struct Inner {
    settings: RedisSettings,
    names: Shards,
    routes: watch::Sender<Routes>,
    wake: Arc<Notify>,
    driver: Mutex<Option<AbortHandle>>,
    in_flight: AtomicUsize,
    /// The latest `issued` of an id that was spent here, in milliseconds.
    latest_issued: AtomicU64,
    failed_open: AtomicU64,
    counters: StoreCounters,
}

/// Where requests go.
#[derive(Clone)]
struct Routes {
    /// The connection of each shard.
    links: Arc<[Option<Arc<Link>>]>,
    phase: Phase,
    epoch: Epoch,
    problem: Option<RedisProblem>,
}

/// Whether what is missing may come at any moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Down,
}

impl RedisStore {
    fn new(settings: RedisSettings) -> Self {
        let is_cluster = matches!(settings.servers, settings::Servers::Cluster(_));
        let names = Shards::of(&settings.prefix, is_cluster);
        let links = std::iter::repeat_with(|| None).take(names.count()).collect();
        let routes = Routes { links, phase: Phase::Connecting, epoch: Epoch::default(), problem: None };
        let inner = Inner {
            settings,
            names,
            routes: watch::Sender::new(routes),
            wake: Arc::default(),
            driver: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            latest_issued: AtomicU64::new(0),
            failed_open: AtomicU64::new(0),
            counters: StoreCounters::new(),
        };
        Self { inner: Arc::new(inner), fails_open: false }
    }

    /// Waits until ids that are issued now can be spent: all servers are connected, and the epoch has settled.
    /// Waits without end where that does not come.
    pub async fn ready(&self) {
        self.inner.start();
        let clock = &self.inner.settings.clock;
        let mut routes = self.inner.routes.subscribe();
        loop {
            let wait = {
                let routes = routes.borrow_and_update();
                let is_connected = routes.links.iter().all(Option::is_some);
                let settled = Duration::from_millis(routes.epoch.bar).saturating_add(WHOLE_SECOND);
                is_connected.then(|| settled.saturating_sub(Duration::from_millis(routes.epoch.now)))
            };
            match wait {
                Some(Duration::ZERO) => return,
                Some(wait) => {
                    let until = clock.monotonic().saturating_add(wait);
                    before(clock.sleep_until(until), routes.changed()).await;
                }
                None => drop(routes.changed().await),
            }
        }
    }

    /// How the store is at this moment.
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        let Inner { routes, in_flight, failed_open, .. } = &*self.inner;
        let routes = routes.borrow();
        let moment = |millis| (millis > 0).then(|| UnixTime::from_duration(Duration::from_millis(millis)));
        RedisHealth {
            shards_connected: routes.links.iter().flatten().count(),
            shards: routes.links.len(),
            problem: routes.problem.clone(),
            began: moment(routes.epoch.began),
            refused_until: moment(routes.epoch.bar),
            in_flight: in_flight.load(Ordering::Relaxed),
            failed_open: failed_open.load(Ordering::Relaxed),
        }
    }

    /// Choices that most services must not make, for one use of the store: a handle of its own.
    pub fn dangerous(&self) -> DangerousRedisStore {
        DangerousRedisStore(self.clone())
    }

    fn ask(&self, question: Question, parts: &[&[u8]], life: Life) -> Spending {
        let Some(permit) = Permit::of(&self.inner) else {
            return Spending::Done(self.counted(question, Err(SpendError::Unavailable)));
        };
        self.inner.start();
        let id = self.inner.names.id(parts);
        let store = self.clone();
        Spending::Wait(Box::pin(async move {
            let result = permit.0.ask(question, &id, life).await;
            drop(permit);
            store.counted(question, result)
        }))
    }

    /// The answer by the choice of this handle. What becomes of ids that are to be spent counts, and what a handle that
    /// fails open lets through.
    fn counted(&self, question: Question, result: Result<(), SpendError>) -> Result<(), SpendError> {
        let (event, result) = match result {
            Err(SpendError::Full | SpendError::Forgotten | SpendError::Unavailable) if self.fails_open => {
                self.inner.failed_open.fetch_add(1, Ordering::Relaxed);
                (StoreEvent::FailedOpen, Ok(()))
            }
            Ok(()) => (StoreEvent::Spent, result),
            Err(SpendError::AlreadySpent) => (StoreEvent::UsedBefore, result),
            Err(SpendError::Full) => (StoreEvent::Full, result),
            Err(SpendError::Forgotten) => (StoreEvent::Forgotten, result),
            Err(SpendError::Unavailable) => (StoreEvent::Unavailable, result),
        };
        if question == Question::Spend || matches!(event, StoreEvent::FailedOpen) {
            self.inner.counters.count(event);
        }
        result
    }
}

/// A handle about to be looser than it should be; made by [`RedisStore::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousRedisStore(RedisStore);

impl DangerousRedisStore {
    /// Takes every id as spent now for the first time while the store cannot say: when it cannot be reached, is
    /// full, or has lost what it held. Those who can make it so make ids count more than once; what is revoked
    /// meanwhile is not noted, and what was revoked [looks](SpentStore::look) good.
    pub fn fail_open(mut self, open: bool) -> RedisStore {
        self.0.fails_open = open;
        self.0
    }
}

impl SpentStore for RedisStore {
    fn spend(&self, id: &[u8], life: Life, _: UnixTime) -> Spending {
        self.ask(Question::Spend, &[id], life)
    }

    fn spend_of(&self, owner: &[u8], id: &[u8], life: Life, _: UnixTime) -> Spending {
        let length = u64::try_from(owner.len()).unwrap_or(u64::MAX).to_be_bytes();
        self.ask(Question::Spend, &[&length, owner, id], life)
    }

    fn look(&self, id: &[u8], life: Life, _: UnixTime) -> Spending {
        self.ask(Question::Look, &[id], life)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl Inner {
    /// Asks about an id within the deadline.
    async fn ask(&self, question: Question, id: &IdKey, life: Life) -> Result<(), SpendError> {
        let clock = &self.settings.clock;
        let until = clock.monotonic().saturating_add(self.settings.deadline);
        let mut asked = None;
        let answer = before(clock.sleep_until(until), self.ask_link(question, id, life, &mut asked)).await;
        if answer.is_none() {
            self.suspect(asked.as_deref());
        }
        if question == Question::Spend && answer == Some(Ok(())) {
            self.latest_issued.fetch_max(millis(life.issued), Ordering::Relaxed);
        }
        answer.unwrap_or(Err(SpendError::Unavailable))
    }

    async fn ask_link(
        &self,
        question: Question,
        id: &IdKey,
        life: Life,
        asked: &mut Option<Arc<Link>>,
    ) -> Result<(), SpendError> {
        let mut routes = self.routes.subscribe();
        loop {
            routes.mark_unchanged();
            let link = self.link(id.shard).await?;
            *asked = Some(Arc::clone(&link));
            let Err(why) = link.ask(question, &self.names, id, life).await else { return Ok(()) };
            match why {
                NotGood::Refused(error) => return Err(error),
                NotGood::Broken(problem) => {
                    tracing::debug!(%problem, "the store of spent ids did not answer");
                    self.suspect(Some(&link));
                    return Err(SpendError::Unavailable);
                }
                // It was looked at too long ago, or something has moved.
                NotGood::NotAsked(problem) => {
                    tracing::debug!(%problem, "the store of spent ids is looked for anew");
                    self.suspect(Some(&link));
                }
            }
            routes.changed().await.map_err(|_| SpendError::Unavailable)?;
            if routes.borrow().problem == Some(RedisProblem::NoMajority) {
                return Err(SpendError::Unavailable);
            }
        }
    }

    /// The connection of a shard; waits for it where it may come at any moment.
    async fn link(&self, shard: usize) -> Result<Arc<Link>, SpendError> {
        let known = |routes: &Routes| match routes.links.get(shard) {
            Some(Some(link)) => Some(Ok(Arc::clone(link))),
            _ if routes.phase == Phase::Down => Some(Err(SpendError::Unavailable)),
            _ => None,
        };
        if let Some(known) = known(&self.routes.borrow()) {
            return known;
        }
        let mut routes = self.routes.subscribe();
        loop {
            if let Some(known) = known(&routes.borrow_and_update()) {
                return known;
            }
            routes.changed().await.map_err(|_| SpendError::Unavailable)?;
        }
    }

    /// Has the driver look at a link that does not answer as it should.
    fn suspect(&self, link: Option<&Link>) {
        if link.is_some_and(Link::suspect) {
            self.wake.notify_one();
        }
    }

    /// Sees to it that a driver runs, if there is a runtime: its own may have ended.
    fn start(self: &Arc<Self>) {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if driver.as_ref().is_some_and(|driver| !driver.is_finished()) {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let running = driver::drive(Arc::downgrade(self), Arc::clone(&self.wake));
            *driver = Some(runtime.spawn(running).abort_handle());
        }
    }

    fn latest_issued(&self) -> u64 {
        self.latest_issued.load(Ordering::Relaxed)
    }

    /// Tells requests where to go, and the log what is wrong.
    fn publish(&self, routes: Routes) {
        let was = self.routes.send_replace(routes.clone());
        match (&was.problem, &routes.problem) {
            (was, Some(problem)) if was.as_ref() != Some(problem) => {
                tracing::warn!(%problem, "the store of spent ids cannot be used as it should be");
            }
            (Some(_), None) => tracing::info!("the store of spent ids is well again"),
            _ => {}
        }
        if was.epoch.began > 0 && routes.epoch.began > was.epoch.began {
            tracing::warn!(
                began = routes.epoch.began / 1_000,
                "the store of spent ids was emptied, or another server holds it; what was issued before is refused"
            );
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner);
        driver.iter().for_each(AbortHandle::abort);
    }
}

/// A place among the requests that wait.
struct Permit(Arc<Inner>);

impl Permit {
    fn of(inner: &Arc<Inner>) -> Option<Self> {
        // Made in any case, so that what was counted is given back.
        let permit = Self(Arc::clone(inner));
        (inner.in_flight.fetch_add(1, Ordering::Relaxed) < inner.settings.max_in_flight).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Milliseconds since 1970.
fn millis(time: UnixTime) -> u64 {
    u64::try_from(time.since(UnixTime::default()).as_millis()).unwrap_or(u64::MAX)
}

/// Shows where it is, and no login.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("settings", &self.inner.settings)
            .field("fails_open", &self.fails_open)
            .field("health", &self.health())
            .finish()
    }
}
