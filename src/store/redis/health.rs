//! How a store is, for operators.

use std::fmt;

#[cfg(doc)]
use super::RedisStore;
use redis::{ErrorKind, RedisError};

use crate::time::UnixTime;

/// How a [`RedisStore`] is, from [`RedisStore::health`]. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisHealth {
    /// Of how many shards the primary is connected: all of them when the store is well. There is one shard but in
    /// a cluster.
    pub shards_connected: usize,
    /// How many shards there are.
    pub shards: usize,
    /// What was wrong when the servers were last looked at.
    pub problem: Option<RedisProblem>,
    /// When the servers began to hold what they hold, by their clock: what was issued before is not known to be
    /// unspent, and refused. The latest, of several shards.
    pub began: Option<UnixTime>,
    /// What was issued until then is refused.
    pub refused_until: Option<UnixTime>,
    /// How many requests wait for an answer.
    pub in_flight: usize,
    /// How many requests were let through without an answer, where a handle
    /// [fails open](super::DangerousRedisStore::fail_open).
    pub failed_open: u64,
}

impl RedisHealth {
    /// Whether every id can be spent.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.shards_connected == self.shards
    }
}

/// Why the servers of a store cannot be used. Its text names servers and no logins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisProblem {
    /// There is no connection, or no answer in time.
    Unreachable {
        /// The server.
        server: String,
        /// The kind of failure.
        why: String,
    },
    /// The server knows no such user or password, or the user may not run a command or use a key.
    LoginRefused {
        /// The server.
        server: String,
    },
    /// The server is a replica.
    NotPrimary {
        /// The server.
        server: String,
    },
    /// The server throws out keys when its memory is full, and so would forget what was spent. Set
    /// `maxmemory-policy noeviction`.
    Evicts {
        /// The server.
        server: String,
    },
    /// The clock of the server and that of this process are too far apart.
    ClockDiffers {
        /// The server.
        server: String,
    },
    /// Less than a majority, of the sentinels or of the primaries of the cluster, agree on where ids are.
    NoMajority,
}

impl RedisProblem {
    /// What an error of the client says. Its text is left out: it may quote what was sent.
    pub(super) fn of(server: impl fmt::Display, error: &RedisError) -> Self {
        let server = server.to_string();
        let code = error.code().unwrap_or_default();
        if error.kind() == ErrorKind::AuthenticationFailed
            || ["NOAUTH", "WRONGPASS", "NOPERM"].contains(&code)
        {
            return Self::LoginRefused { server };
        }
        if code == "READONLY" {
            return Self::NotPrimary { server };
        }
        let why = match code {
            "" if error.is_timeout() => "no answer in time",
            "" => error.category(),
            code => code,
        };
        Self::Unreachable { server, why: why.to_owned() }
    }

    pub(super) fn no_answer(server: impl fmt::Display) -> Self {
        Self::Unreachable { server: server.to_string(), why: "no answer in time".to_owned() }
    }
}

impl fmt::Display for RedisProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { server, why } => write!(f, "{server} cannot be used: {why}"),
            Self::LoginRefused { server } => write!(f, "{server} refuses the user, or what it does"),
            Self::NotPrimary { server } => write!(f, "{server} is a replica"),
            Self::Evicts { server } => {
                write!(f, "{server} evicts keys when its memory is full; set maxmemory-policy noeviction")
            }
            Self::ClockDiffers { server } => write!(f, "the clocks of {server} and of this process differ"),
            Self::NoMajority => f.write_str("no majority agrees on where ids are"),
        }
    }
}
