//! Where it is recorded that a proof was used.

#[cfg(feature = "redis")]
use std::time::Duration;

use clap::Args;
use tower_resource_server::Dpop;
#[cfg(feature = "redis")]
use tower_resource_server::store::redis::{RedisSettings, RedisStore};

/// How long a start waits for the store, so that what comes first is not refused. Requests are taken all the same
/// when it is over, and answered with 503.
#[cfg(feature = "redis")]
const READY_WITHIN: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(crate) struct StoreFlags {
    /// Where it is recorded that a proof was used: memory, or the URL of a Redis or Valkey that several servers share
    ///
    /// redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// with TLS, redis+sentinel://HOST,HOST/NAME or
    /// redis+cluster://HOST,HOST. Needs --dpop.
    #[arg(long, value_name = "STORE", default_value = "memory")]
    store: String,

    /// What the names of keys in the store begin with
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "PREFIX")]
    store_prefix: Option<String>,
}

/// The store of a server.
pub(crate) enum Store {
    Memory,
    #[cfg(feature = "redis")]
    Redis(RedisStore),
}

impl StoreFlags {
    pub(crate) fn store(&self) -> Result<Store, String> {
        if self.store == "memory" {
            return Ok(Store::Memory);
        }
        #[cfg(feature = "redis")]
        {
            let made = RedisSettings::from_url(&self.store).and_then(|settings| {
                self.store_prefix.iter().fold(settings, |settings, prefix| settings.prefix(prefix)).build()
            });
            made.map(Store::Redis).map_err(|error| format!("--store: {error}"))
        }
        #[cfg(not(feature = "redis"))]
        Err("--store: only memory, unless this is built with the feature redis".into())
    }
}

impl Store {
    pub(crate) fn on(&self, dpop: Option<Dpop>) -> Result<Option<Dpop>, String> {
        match (self, dpop) {
            (Self::Memory, dpop) => Ok(dpop),
            #[cfg(feature = "redis")]
            (Self::Redis(store), Some(dpop)) => Ok(Some(dpop.store(store.clone()))),
            #[cfg(feature = "redis")]
            (Self::Redis(_), None) => Err("--store needs --dpop allowed or required".into()),
        }
    }

    /// Waits for a while until ids that are issued now can be spent.
    pub(crate) async fn ready(&self) {
        #[cfg(feature = "redis")]
        if let Self::Redis(store) = self
            && tokio::time::timeout(READY_WITHIN, store.ready()).await.is_err()
            && let Some(problem) = store.health().problem
        {
            eprintln!("the store is not ready: {problem}");
        }
    }
}
