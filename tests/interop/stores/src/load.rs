//! Instances that spend ids all the time, each id with several of them at once and again later, and an account of
//! which passed how often.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use tower_resource_server::{
    store::{
        Life, SpendError, SpentStore as _,
        redis::{RedisSettings, RedisStore},
    },
    time::{Clock as _, SystemClock, UnixTime},
};

/// How many instances there are.
const INSTANCES: usize = 3;
/// How many clients send to them at once.
const CLIENTS: u64 = 12;
/// How long a request waits for the store.
pub const DEADLINE: Duration = Duration::from_millis(400);
/// How long an id lives: as long as any case runs.
const LIFE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Account {
    /// How often each id passed, and its life.
    ids: Mutex<HashMap<u64, (Life, u32)>>,
    asked: AtomicU64,
    unavailable: AtomicU64,
    forgotten: AtomicU64,
    full: AtomicU64,
    slowest: AtomicU64,
    times: Mutex<Vec<u32>>,
    next: AtomicU64,
    ends: AtomicBool,
}

pub struct Load {
    pub stores: Vec<RedisStore>,
    account: Arc<Account>,
    clients: Vec<JoinHandle<()>>,
}

/// The head of the table.
pub const HEAD: &str = "case | asked | passed once | twice | 503 | issued before a loss | full | p50 ms | p99 ms | slowest ms | well again after ms\n\
    --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | ---";

/// A row of the table.
pub struct Row {
    pub title: String,
    pub asked: u64,
    pub once: usize,
    pub twice: usize,
    pub unavailable: u64,
    pub forgotten: u64,
    pub full: u64,
    pub p50: f64,
    pub p99: f64,
    pub slowest: f64,
    pub recovered: Option<Duration>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, asked, once, twice, unavailable, forgotten, full, p50, p99, slowest, recovered } =
            self;
        let recovered = recovered.map_or("never".to_owned(), |after| after.as_millis().to_string());
        write!(f, "{title} | {asked} | {once} | {twice} | {unavailable} | {forgotten} | {full} | ")?;
        write!(f, "{p50:.2} | {p99:.2} | {slowest:.0} | {recovered}")
    }
}

impl Load {
    /// Begins with stores that are ready.
    pub async fn begin(url: &str) -> Self {
        let settings = || RedisSettings::from_url(url).expect("a URL").deadline(DEADLINE);
        let stores: Vec<_> = (0..INSTANCES).map(|_| settings().build().expect("settings")).collect();
        for store in &stores {
            let ready = tokio::time::timeout(Duration::from_secs(15), store.ready()).await;
            assert!(ready.is_ok(), "{:?}", store.health());
        }
        let account = Arc::new(Account::default());
        let clients = (0..CLIENTS)
            .map(|number| tokio::spawn(client(number, stores.clone(), Arc::clone(&account))))
            .collect();
        Self { stores, account, clients }
    }

    /// How many ids have passed.
    pub fn passed(&self) -> usize {
        self.account.ids.lock().expect("no panic").values().filter(|(_, count)| *count > 0).count()
    }

    /// When ids that are issued from now on pass again with every instance.
    pub async fn recovery(&self, within: Duration) -> Option<Duration> {
        let begin = SystemClock.monotonic();
        let mut samples = Vec::new();
        for (number, store) in self.stores.iter().enumerate() {
            // Ids of several shards, of which each must be there.
            for sample in 0..24 {
                let (store, name) = (store.clone(), format!("{number} {sample}"));
                samples.push(tokio::spawn(async move {
                    while SystemClock.monotonic() - begin < within {
                        let id = format!("sample {name} {:?}", SystemClock.monotonic() - begin);
                        if store.spend(id.as_bytes(), life(), SystemClock.unix()).wait().await.is_ok() {
                            return true;
                        }
                        sleep(Duration::from_millis(20)).await;
                    }
                    false
                }));
            }
        }
        for sample in samples {
            if !sample.await.unwrap_or(false) {
                return None;
            }
        }
        Some(SystemClock.monotonic() - begin)
    }

    /// Ends the load, and has every id that is alive come once more, to every instance.
    pub async fn end(self, title: String, recovered: Option<Duration>) -> Row {
        self.account.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            let _ = client.await;
        }
        let ids: Vec<_> = {
            let ids = self.account.ids.lock().expect("no panic");
            ids.iter().map(|(id, (life, _))| (*id, *life)).collect()
        };
        for chunk in ids.chunks(200) {
            let asked = chunk.iter().enumerate().map(|(number, (id, life))| {
                let (id, life, account) = (*id, *life, Arc::clone(&self.account));
                let store = self.stores[number % INSTANCES].clone();
                tokio::spawn(async move { account.spend(&store, id, life).await })
            });
            for asked in asked.collect::<Vec<_>>() {
                let _ = asked.await;
            }
        }
        self.account.row(title, recovered)
    }
}

fn life() -> Life {
    let issued = SystemClock.unix();
    Life { issued, until: issued.saturating_add(LIFE) }
}

async fn client(number: u64, stores: Vec<RedisStore>, account: Arc<Account>) {
    let mut old: Vec<(u64, Life)> = Vec::new();
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while !account.ends.load(Ordering::Relaxed) {
        let (id, life) = (account.next.fetch_add(1, Ordering::Relaxed), life());
        // The same id with two instances at once.
        let (one, other) = (&stores[(id % 3) as usize], &stores[((id + 1) % 3) as usize]);
        tokio::join!(account.spend(one, id, life), account.spend(other, id, life));
        old.push((id, life));
        // And one from before.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (id, life) = old[(random % old.len() as u64) as usize];
        account.spend(&stores[(random % 3) as usize], id, life).await;
        sleep(Duration::from_millis(2)).await;
    }
}

impl Account {
    async fn spend(&self, store: &RedisStore, id: u64, life: Life) {
        let begin = SystemClock.monotonic();
        let now: UnixTime = SystemClock.unix();
        let result = store.spend(&id.to_be_bytes(), life, now).wait().await;
        let took = u64::try_from((SystemClock.monotonic() - begin).as_micros()).unwrap_or(u64::MAX);
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.slowest.fetch_max(took, Ordering::Relaxed);
        self.times.lock().expect("no panic").push(u32::try_from(took).unwrap_or(u32::MAX));
        let count = match result {
            Err(SpendError::Unavailable) => Some(&self.unavailable),
            Err(SpendError::Forgotten) => Some(&self.forgotten),
            Err(SpendError::Full) => Some(&self.full),
            _ => None,
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let mut ids = self.ids.lock().expect("no panic");
        ids.entry(id).or_insert((life, 0)).1 += u32::from(result.is_ok());
    }

    fn row(&self, title: String, recovered: Option<Duration>) -> Row {
        let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let ids = self.ids.lock().expect("no panic");
        let mut times = self.times.lock().expect("no panic").clone();
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).map_or(0.0, |time| f64::from(*time) / 1e3);
        Row {
            title,
            asked: number(&self.asked),
            once: ids.values().filter(|(_, count)| *count == 1).count(),
            twice: ids.values().filter(|(_, count)| *count > 1).count(),
            unavailable: number(&self.unavailable),
            forgotten: number(&self.forgotten),
            full: number(&self.full),
            p50: at(50),
            p99: at(99),
            slowest: number(&self.slowest) as f64 / 1e3,
            recovered,
        }
    }
}
