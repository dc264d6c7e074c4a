//! What keeps the connections of a store: one task, which looks at the servers several times a second, connects to
//! those that are missing, begins epochs and has primaries confirmed. No server that is slow holds up the others.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Weak},
    time::Duration,
};

use aws_lc_rs::rand;
use tokio::{sync::Notify, task::JoinSet};

use super::{
    Inner, Phase, Routes,
    health::RedisProblem,
    link::{Epoch, Link},
    millis,
    settings::{Address, Servers},
    topology::{Owners, Topology},
};
use crate::{metrics::StoreEvent, net::before};

/// How long it takes until the servers are looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How long the answers of the servers are waited for before a majority is asked; the others come later.
const LOOKED_FOR: Duration = Duration::from_millis(100);

/// How long the word of a majority counts: two looks, and no longer than
/// [an epoch settles](super::script::SETTLING).
const CONFIRMED_FOR: Duration = Duration::from_millis(900);

/// How long a server has to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// The first wait before another connection, doubled with each failure.
const FIRST_RETRY: Duration = Duration::from_millis(50);

/// The longest wait before another connection: shorter than an epoch settles, so that every instance is there when
/// it has. A random part of it, up to a half, is left out.
const LAST_RETRY: Duration = Duration::from_millis(500);

/// How far the clock of a server and that of this process may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(30);

/// Runs as long as there is a store.
pub(super) async fn drive(store: Weak<Inner>, wake: Arc<Notify>) {
    let mut driver = Driver::default();
    loop {
        let Some(inner) = store.upgrade() else { return };
        driver.look(&inner).await;
        let clock = Arc::clone(&inner.settings.clock);
        drop(inner);
        let until = clock.monotonic().saturating_add(LOOK_EVERY);
        before(clock.sleep_until(until), wake.notified()).await;
    }
}

#[derive(Default)]
struct Driver {
    topology: Topology,
    owners: Owners,
    servers: BTreeMap<Address, Server>,
    epochs: Vec<Epoch>,
    looks: JoinSet<Looked>,
    openings: JoinSet<(Address, Result<Link, RedisProblem>)>,
}

/// What is known of a server.
#[derive(Default)]
struct Server {
    link: Option<Arc<Link>>,
    /// Whether it is being connected to or looked at.
    is_busy: bool,
    /// What its clock said last.
    told: Option<u64>,
    failures: u32,
    /// When it is tried again, by the monotonic clock.
    retry_at: Duration,
    problem: Option<RedisProblem>,
}

/// The answer of a server about the epochs of some shards.
struct Looked {
    link: Arc<Link>,
    shards: Vec<(usize, u64)>,
    answer: Result<Vec<Epoch>, RedisProblem>,
}

impl Driver {
    /// Looks at the servers once.
    async fn look(&mut self, inner: &Arc<Inner>) {
        let clock = &inner.settings.clock;
        self.epochs.resize(inner.names.count(), Epoch::default());
        self.take_openings(inner);
        self.start_looks(inner);
        let until = clock.monotonic().saturating_add(LOOKED_FOR);
        before(clock.sleep_until(until), self.collect(inner)).await;
        // The clocks were read before a majority is asked, so that its word counts from before that.
        let told: HashMap<Address, u64> =
            self.servers.iter().filter_map(|(of, server)| Some((of.clone(), server.told?))).collect();
        let without_majority = match self.topology.owners(inner).await {
            Ok(owners) => {
                self.take_in(inner, owners, &told);
                None
            }
            Err(why) => Some(why),
        };
        self.open(inner);
        self.publish(inner, without_majority);
    }

    /// Asks every server that is connected for its epochs, but those that still owe an answer.
    fn start_looks(&mut self, inner: &Arc<Inner>) {
        for (address, server) in &mut self.servers {
            let Some(link) = server.link.clone().filter(|_| !server.is_busy) else { continue };
            server.is_busy = true;
            let known = self.owners.iter().zip(&self.epochs).enumerate();
            let own = known.filter(|(_, (owner, _))| owner.as_ref() == Some(address));
            let shards: Vec<_> = own.map(|(shard, (_, epoch))| (shard, epoch.began)).collect();
            let inner = Arc::clone(inner);
            self.looks.spawn(async move {
                let clock = &inner.settings.clock;
                let until = clock.monotonic().saturating_add(inner.settings.deadline);
                let work = link.begin(&inner.names, &shards, inner.latest_issued());
                let answer = before(clock.sleep_until(until), work).await;
                let answer = answer.unwrap_or_else(|| Err(RedisProblem::no_answer(&link.address)));
                Looked { link, shards, answer }
            });
        }
    }

    /// Takes in the connections that were made, and those that were not.
    fn take_openings(&mut self, inner: &Inner) {
        while let Some(Ok((address, opened))) = self.openings.try_join_next() {
            let Some(server) = self.servers.get_mut(&address) else { continue };
            server.is_busy = false;
            let event = if opened.is_ok() { StoreEvent::Opened } else { StoreEvent::Failed };
            inner.counters.count(event);
            match opened {
                Ok(link) => server.link = Some(Arc::new(link)),
                Err(why) => server.failed(inner, why),
            }
        }
    }

    /// Takes in what the servers say, until all have.
    async fn collect(&mut self, inner: &Inner) {
        while let Some(Ok(looked)) = self.looks.join_next().await {
            self.take_look(inner, looked);
        }
    }

    fn take_look(&mut self, inner: &Inner, Looked { link, shards, answer }: Looked) {
        let Some(server) = self.servers.get_mut(&link.address) else { return };
        if !server.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, &link)) {
            return;
        }
        server.is_busy = false;
        let own = millis(inner.settings.clock.unix());
        let apart = u64::try_from(CLOCKS_APART.as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok(epochs) if epochs.iter().any(|epoch| epoch.now.abs_diff(own) > apart) => {
                server.failed(inner, RedisProblem::ClockDiffers { server: link.address.to_string() });
            }
            Ok(epochs) => {
                (server.failures, server.problem) = (0, None);
                server.told = epochs.first().map(|epoch| epoch.now);
                for ((shard, _), epoch) in shards.into_iter().zip(epochs) {
                    if let Some(known) = self.epochs.get_mut(shard) {
                        *known = epoch;
                    }
                }
            }
            Err(why) => server.failed(inner, why),
        }
    }

    /// Goes by the word of a majority, which was asked when the clocks of the servers had been read.
    fn take_in(&mut self, inner: &Inner, owners: Owners, told: &HashMap<Address, u64>) {
        self.owners = owners;
        let named: HashSet<&Address> = self.owners.iter().flatten().collect();
        self.servers.retain(|address, _| named.contains(address));
        for address in named {
            let server = self.servers.entry(address.clone()).or_default();
            let (Some(link), Some(told)) = (&server.link, told.get(address)) else { continue };
            // One process alone has no other to be taken for.
            let counts_for = match inner.settings.servers {
                Servers::Single(_) => u64::MAX,
                _ => u64::try_from(CONFIRMED_FOR.as_millis()).unwrap_or_default(),
            };
            link.confirm(told.saturating_add(counts_for));
        }
    }

    /// Connects to the servers that are not connected, if it is time.
    fn open(&mut self, inner: &Arc<Inner>) {
        let now = inner.settings.clock.monotonic();
        for (address, server) in &mut self.servers {
            if server.link.is_some() || server.is_busy || server.retry_at > now {
                continue;
            }
            server.is_busy = true;
            let (inner, address) = (Arc::clone(inner), address.clone());
            self.openings.spawn(async move {
                let clock = &inner.settings.clock;
                let until = clock.monotonic().saturating_add(CONNECT_WITHIN);
                let work = Link::open(&inner.settings, address.clone());
                let opened = before(clock.sleep_until(until), work).await;
                inner.wake.notify_one();
                (address.clone(), opened.unwrap_or_else(|| Err(RedisProblem::no_answer(&address))))
            });
        }
    }

    /// Tells requests where to go.
    fn publish(&self, inner: &Inner, without_majority: Option<RedisProblem>) {
        // One that was not looked at yet may hold no epoch.
        let link = |server: &Server| server.link.clone().filter(|_| server.told.is_some());
        let links = self.owners.iter().map(|owner| self.servers.get(owner.as_ref()?).and_then(link));
        let links = links.chain(std::iter::repeat(None)).take(inner.names.count()).collect();
        let of_servers = || self.servers.values().find_map(|server| server.problem.clone());
        let problem = without_majority.or_else(of_servers);
        let phase = if problem.is_none() { Phase::Connecting } else { Phase::Down };
        let latest = |of: fn(&Epoch) -> u64| self.epochs.iter().map(of).max().unwrap_or_default();
        let epoch =
            Epoch { began: latest(|of| of.began), bar: latest(|of| of.bar), now: latest(|of| of.now) };
        inner.publish(Routes { links, phase, epoch, problem });
    }
}

impl Server {
    /// Gives its connection up, and waits before another.
    fn failed(&mut self, inner: &Inner, why: RedisProblem) {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(8)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        let now = inner.settings.clock.monotonic();
        self.retry_at = now.saturating_add(wait.mul_f64(1.0 - random() / 2.0));
        (self.link, self.told, self.problem) = (None, None, Some(why));
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    let mut byte = [0];
    // Without randomness there is no jitter, and all the same a wait.
    let _ = rand::fill(&mut byte);
    f64::from(u8::from_be_bytes(byte)) / f64::from(u8::MAX)
}
