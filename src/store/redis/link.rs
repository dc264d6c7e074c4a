//! One connection to one process that holds ids.
//!
//! A process is known by its `run_id`, which is learned with the connection and is part of every question: where
//! another process answers for the same keys, after a restart or a failover, its epoch is another, too.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redis::{Pipeline, RedisError, aio::MultiplexedConnection, cmd};

use super::{
    health::RedisProblem,
    millis, script,
    script::Question,
    settings::{Address, RedisSettings},
    shards::{IdKey, Shards},
};
use crate::store::{Life, SpendError};

/// The latest moment that scripts compute with: the year 33658.
const LATEST: u64 = 1_000_000_000_000_000;

/// The codes of errors that say that another server has the shard, or will have.
const ELSEWHERE: [&str; 5] = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"];

pub(super) struct Link {
    pub(super) address: Address,
    connection: MultiplexedConnection,
    run: Box<str>,
    ask: LoadedScript,
    begin: LoadedScript,
    /// Until when it is known to be the primary, by its own clock in milliseconds.
    confirmed: AtomicU64,
    /// Whether it failed to answer since it was last looked at.
    is_suspect: AtomicBool,
}

/// A script, and the name under which the server knows it.
struct LoadedScript {
    text: Box<str>,
    name: Box<str>,
}

/// An epoch, in milliseconds of the clock of its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch {
    pub(super) began: u64,
    /// What was issued until then is refused.
    pub(super) bar: u64,
    pub(super) now: u64,
}

/// Why an id was not spent, or counts as spent.
pub(super) enum NotGood {
    /// The store says so.
    Refused(SpendError),
    /// The link has to be looked at, and the id was not asked for: it can be asked for again.
    NotAsked(RedisProblem),
    /// Something is wrong with the link, which has to be looked at.
    Broken(RedisProblem),
}

impl Link {
    /// Connects to a server, if it is a primary that forgets nothing.
    pub(super) async fn open(settings: &RedisSettings, address: Address) -> Result<Self, RedisProblem> {
        let problem = |error: RedisError| RedisProblem::of(&address, &error);
        let mut connection = settings.connect(&address, &settings.login).await.map_err(problem)?;
        let info: String = cmd("INFO").query_async(&mut connection).await.map_err(problem)?;
        let server = address.to_string();
        if field(&info, "role") != Some("master") {
            return Err(RedisProblem::NotPrimary { server });
        }
        let keeps_all = field(&info, "maxmemory") == Some("0")
            || field(&info, "maxmemory_policy").is_none_or(|policy| policy == "noeviction");
        if !keeps_all && !settings.allow_eviction {
            return Err(RedisProblem::Evicts { server });
        }
        let Some(run) = field(&info, "run_id").map(Box::from) else {
            return Err(RedisProblem::Unreachable { server, why: "it does not tell its run_id".to_owned() });
        };
        let [mut ask, mut begin] = [script::ask(), script::begin()]
            .map(|text| LoadedScript { text: text.into(), name: Box::default() });
        for script in [&mut ask, &mut begin] {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(&*script.text);
            let name: String = load.query_async(&mut connection).await.map_err(problem)?;
            script.name = name.into();
        }
        let (confirmed, is_suspect) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { address, connection, run, ask, begin, confirmed, is_suspect })
    }

    /// Looks at the epochs of these shards, and begins those that there are not: of each its number, and the
    /// beginning of the epoch that is known.
    pub(super) async fn begin(
        &self,
        names: &Shards,
        shards: &[(usize, u64)],
        latest_issued: u64,
    ) -> Result<Vec<Epoch>, RedisProblem> {
        let asked = |by_name: bool| {
            let mut pipeline = Pipeline::new();
            for (shard, known) in shards {
                let (command, script) =
                    if by_name { ("EVALSHA", &self.begin.name) } else { ("EVAL", &self.begin.text) };
                pipeline.cmd(command).arg(&**script).arg(1).arg(names.epoch(*shard));
                pipeline.arg(&*self.run).arg(*known).arg(latest_issued);
            }
            pipeline
        };
        let mut connection = self.connection.clone();
        let mut answer = asked(true).query_async(&mut connection).await;
        if answer.as_ref().is_err_and(is_unknown_script) {
            answer = asked(false).query_async(&mut connection).await;
        }
        let answer: Vec<(u64, u64, u64)> = answer.map_err(|error| RedisProblem::of(&self.address, &error))?;
        self.is_suspect.store(false, Ordering::Relaxed);
        Ok(answer.into_iter().map(|(began, bar, now)| Epoch { began, bar, now }).collect())
    }

    /// Spends an id, or looks for it, in one round trip.
    pub(super) async fn ask(
        &self,
        question: Question,
        names: &Shards,
        id: &IdKey,
        life: Life,
    ) -> Result<(), NotGood> {
        let epoch = names.epoch(id.shard);
        let asked = |command, script: &str| {
            let mut command = cmd(command);
            command.arg(script).arg(2).arg(&*epoch).arg(&*id.key).arg(&*self.run);
            command.arg(self.confirmed.load(Ordering::Relaxed));
            command.arg(millis(life.issued).min(LATEST)).arg(millis(life.until).min(LATEST));
            command.arg(question.word());
            command
        };
        let mut connection = self.connection.clone();
        let mut answer = asked("EVALSHA", &self.ask.name).query_async(&mut connection).await;
        // Its scripts were thrown out, and it has not run.
        if answer.as_ref().is_err_and(is_unknown_script) {
            answer = asked("EVAL", &self.ask.text).query_async(&mut connection).await;
        }
        let server = || self.address.to_string();
        let answer: Result<String, RedisError> = answer;
        match answer {
            Ok(answer) => match &*answer {
                "good" => Ok(()),
                "again" => Err(NotGood::Refused(SpendError::AlreadySpent)),
                "forgotten" => Err(NotGood::Refused(SpendError::Forgotten)),
                "clock" => Err(NotGood::Broken(RedisProblem::ClockDiffers { server: server() })),
                "unconfirmed" => Err(NotGood::NotAsked(RedisProblem::NoMajority)),
                // Emptied, until it is looked at.
                _ => Err(NotGood::Broken(RedisProblem::Unreachable {
                    server: server(),
                    why: "it was emptied".to_owned(),
                })),
            },
            Err(error) if is_full(&error) => Err(NotGood::Refused(SpendError::Full)),
            Err(error) if error.code().is_some_and(|code| ELSEWHERE.contains(&code)) => {
                Err(NotGood::NotAsked(RedisProblem::of(&self.address, &error)))
            }
            Err(error) => Err(NotGood::Broken(RedisProblem::of(&self.address, &error))),
        }
    }

    /// It is known to be the primary until then.
    pub(super) fn confirm(&self, until: u64) {
        self.confirmed.fetch_max(until, Ordering::Relaxed);
    }

    /// It has to be looked at. Whether it was not known already.
    pub(super) fn suspect(&self) -> bool {
        !self.is_suspect.swap(true, Ordering::Relaxed)
    }
}

/// A field of what `INFO` says.
fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT") || error.to_string().contains("NOSCRIPT")
}

/// The code, or in it that of the command inside the script.
fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM")
        || error.detail().is_some_and(|detail| detail.contains("OOM command not allowed"))
}
