//! Where the servers are, who asks them, and for how long.

use std::{fmt, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    RedisConnectionInfo, RedisError, TlsCertificates, aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use super::RedisStore;
use crate::time::{Clock, SystemClock};

/// How long a request waits for the store unless told otherwise.
pub const DEFAULT_REDIS_DEADLINE: Duration = Duration::from_millis(500);

/// How many requests wait for the store at once, unless told otherwise; any more are refused.
pub const DEFAULT_REDIS_IN_FLIGHT: usize = 4_096;

/// The longest prefix of keys, in bytes: keys are kept in memory, each with it.
const MAX_PREFIX: usize = 64;

/// The port of sentinels.
const SENTINEL_PORT: u16 = 26_379;

/// Settings of a [`RedisStore`]. Neither `Debug` nor an error shows a password.
#[derive(Clone)]
#[must_use]
pub struct RedisSettings {
    pub(super) servers: Servers,
    pub(super) is_tls: bool,
    pub(super) login: RedisConnectionInfo,
    pub(super) sentinel_login: RedisConnectionInfo,
    pub(super) prefix: String,
    pub(super) deadline: Duration,
    pub(super) max_in_flight: usize,
    pub(super) allow_eviction: bool,
    pub(super) clock: Arc<dyn Clock>,
    certificates: Option<TlsCertificates>,
}

/// How the servers are arranged.
#[derive(Clone, Debug)]
pub(super) enum Servers {
    Single(Address),
    Cluster(Vec<Address>),
    Sentinels { master: String, addresses: Vec<Address> },
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl RedisSettings {
    /// Settings from a URL, whose user and password are percent-encoded:
    ///
    /// | servers | URL |
    /// |---|---|
    /// | one | `redis://user:password@host:6379/0` |
    /// | one, whose primary sentinels know by a name | `redis+sentinel://user:password@one:26379,two:26379/name/0` |
    /// | a cluster, of which some nodes are named | `redis+cluster://user:password@one:6379,two:6379` |
    ///
    /// `rediss` in place of `redis` is TLS; `valkey` and `valkeys` mean the same. User, password, port and database
    /// may be left out.
    ///
    /// # Errors
    /// [`RedisSettingsError`]
    pub fn from_url(url: &str) -> Result<Self, RedisSettingsError> {
        use RedisSettingsError as Error;
        let (scheme, rest) = url.split_once("://").ok_or(Error::Scheme)?;
        let (scheme, arrangement) = scheme.split_once('+').unwrap_or((scheme, ""));
        let is_tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(Error::Scheme),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (master, database) = match arrangement {
            "sentinel" => path.split_once('/').unwrap_or((path, "")),
            _ => ("", path),
        };
        let mut parsed = Vec::new();
        for host in hosts.split(',') {
            parsed.push(info_of(login, host, database).ok_or(Error::Server)?);
        }
        let login = parsed.first().map(|(_, info)| info.redis_settings().clone()).ok_or(Error::Server)?;
        let address = |(has_port, info): &(bool, ConnectionInfo)| match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let port = if arrangement == "sentinel" && !has_port { SENTINEL_PORT } else { *port };
                Ok(Address { host: host.clone(), port })
            }
            _ => Err(Error::Server),
        };
        let addresses = parsed.iter().map(address).collect::<Result<Vec<_>, _>>()?;
        let servers = match (arrangement, addresses.as_slice()) {
            ("", [one]) => Servers::Single(one.clone()),
            ("", _) => return Err(Error::Server),
            ("cluster", _) if login.db() != 0 => return Err(Error::Database),
            ("cluster", _) => Servers::Cluster(addresses),
            ("sentinel", _) if master.is_empty() => return Err(Error::NoMaster),
            ("sentinel", _) => Servers::Sentinels { master: master.to_owned(), addresses },
            _ => return Err(Error::Scheme),
        };
        Ok(Self {
            servers,
            is_tls,
            login: login.set_skip_set_lib_name(),
            sentinel_login: RedisConnectionInfo::default().set_skip_set_lib_name(),
            prefix: "trs".to_owned(),
            deadline: DEFAULT_REDIS_DEADLINE,
            max_in_flight: DEFAULT_REDIS_IN_FLIGHT,
            allow_eviction: false,
            clock: Arc::new(SystemClock),
            certificates: None,
        })
    }

    /// The user and password of the servers, in place of those of the URL (ACL, Redis 6). The user needs the
    /// commands `EVALSHA`, `EVAL`, `SCRIPT LOAD`, `INFO`, `TIME`, `GET` and `SET`, in a cluster `CLUSTER SLOTS`, and
    /// the keys `{prefix:*`.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = self.login.set_username(user).set_password(password);
        self
    }

    /// The user and password of the sentinels; none unless set.
    pub fn sentinel_login(mut self, user: &str, password: &str) -> Self {
        self.sentinel_login = self.sentinel_login.set_username(user).set_password(password);
        self
    }

    /// What the names of all keys begin with, `trs` unless set, before the version of their format. Servers that
    /// do not accept the same ids use one store under several prefixes.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a request waits at most: [`DEFAULT_REDIS_DEADLINE`] unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many requests wait at once: [`DEFAULT_REDIS_IN_FLIGHT`] unless set.
    pub fn max_in_flight(mut self, max: usize) -> Self {
        self.max_in_flight = max;
        self
    }

    /// The certificates of the authorities that are trusted with TLS, in PEM, in place of those of the system.
    pub fn certificate_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates_mut().root_cert = Some(pem.into());
        self
    }

    /// A certificate to show with TLS, and its key, in PEM.
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificates_mut().client_tls =
            Some(ClientTlsConfig { client_cert: certificate.into(), client_key: key.into() });
        self
    }

    fn certificates_mut(&mut self) -> &mut TlsCertificates {
        self.certificates.get_or_insert(TlsCertificates { client_tls: None, root_cert: None })
    }

    /// Reads deadlines from this clock; for tests. The moments of ids come from the server that spends them.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Choices that most services must not make.
    pub fn dangerous(self) -> DangerousRedisSettings {
        DangerousRedisSettings(self)
    }

    /// The store. Connects with its first use, and not before.
    ///
    /// # Errors
    /// [`RedisSettingsError::Prefix`] and [`RedisSettingsError::Certificates`].
    pub fn build(self) -> Result<RedisStore, RedisSettingsError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > MAX_PREFIX || !self.prefix.chars().all(is_plain) {
            return Err(RedisSettingsError::Prefix);
        }
        if self.is_tls {
            // The client of Redis takes the provider of the process. Where the application has chosen none, it is
            // the one that signatures are checked with; where it chooses one at this moment, that.
            if CryptoProvider::get_default().is_none() {
                let _ = aws_lc_rs::default_provider().install_default();
            }
            let anywhere = Address { host: "localhost".to_owned(), port: 0 };
            self.client(&anywhere, &self.login).map_err(|_| RedisSettingsError::Certificates)?;
        }
        Ok(RedisStore::new(self))
    }

    fn client(&self, address: &Address, login: &RedisConnectionInfo) -> Result<Client, RedisError> {
        let Address { host, port } = address.clone();
        let info = |addr: ConnectionAddr| {
            // A question is one small packet, which must not wait for the answers to those before it.
            let tcp = TcpSettings::default().set_nodelay(true);
            let info = addr.into_connection_info()?.set_redis_settings(login.clone());
            Ok::<_, RedisError>(info.set_tcp_settings(tcp))
        };
        if !self.is_tls {
            return Client::open(info(ConnectionAddr::Tcp(host, port))?);
        }
        let info = info(ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None })?;
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    /// A connection that has no deadline of its own.
    pub(super) async fn connect(
        &self,
        address: &Address,
        login: &RedisConnectionInfo,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(self.max_in_flight.clamp(1, DEFAULT_REDIS_IN_FLIGHT));
        self.client(address, login)?.get_multiplexed_async_connection_with_config(&config).await
    }
}

/// One server of a URL, and whether it names its port.
fn info_of(login: &str, host: &str, database: &str) -> Option<(bool, ConnectionInfo)> {
    let at = if login.is_empty() { "" } else { "@" };
    let url = url::Url::parse(&format!("redis://{login}{at}{host}/{database}")).ok()?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && !url.host_str()?.is_empty();
    let has_port = url.port().is_some();
    is_plain.then(|| url.into_connection_info().ok().map(|info| (has_port, info))).flatten()
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("servers", &self.servers)
            .field("is_tls", &self.is_tls)
            .field("user", &self.login.username())
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("max_in_flight", &self.max_in_flight)
            .field("allow_eviction", &self.allow_eviction)
            .finish_non_exhaustive()
    }
}

/// Settings about to be looser than they should be; made by [`RedisSettings::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousRedisSettings(RedisSettings);

impl DangerousRedisSettings {
    /// Uses a server that throws out keys when its memory is full. What was spent counts again when its key is
    /// thrown out, and nothing tells.
    pub fn allow_eviction(mut self, allow: bool) -> RedisSettings {
        self.0.allow_eviction = allow;
        self.0
    }
}

/// What is wrong with the settings of a store. Shows nothing of a URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisSettingsError {
    /// It begins with none of the known schemes.
    #[error("a URL of a store begins with redis://, rediss://, redis+sentinel:// or redis+cluster://")]
    Scheme,
    /// A server cannot be read, or there are several where one is meant.
    #[error(
        "a server of the URL of a store is host or host:port; several need redis+sentinel:// or redis+cluster://"
    )]
    Server,
    /// The path does not name what the sentinels watch.
    #[error("the path of a URL of sentinels begins with the name of the primary that they watch")]
    NoMaster,
    /// A cluster has one database.
    #[error("a cluster has one database; leave its number out")]
    Database,
    /// A prefix that is no prefix.
    #[error("a prefix of keys is 1 to 64 of the characters A-Z a-z 0-9 - _ . : /")]
    Prefix,
    /// The certificates for TLS cannot be used.
    #[error("the certificates for TLS cannot be used")]
    Certificates,
}
