//! How the API keys are doing: who still uses which.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{ApiKeys, table::Table};
use crate::{
    error::ConfigError,
    server::{Inner, ResourceServer},
    time::UnixTime,
};

/// How one API key is doing; from [`ResourceServer::api_keys`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKeyStatus {
    /// What the key is called.
    pub name: Arc<str>,
    /// Whether it is good.
    pub state: ApiKeyState,
    /// The moment from which on it is refused.
    pub not_after: Option<UnixTime>,
    /// How often it was used since the server was built, in requests that it authenticated. A key keeps the number
    /// where another of its name is [put in its place](ResourceServer::replace_api_keys).
    pub uses: u64,
}

/// Whether an API key is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiKeyState {
    /// It is good.
    Active,
    /// It is good, and its holder should have a token by now.
    Deprecated,
    /// Its time is over.
    Ended,
}

impl ApiKeyState {
    /// As the health document has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Ended => "ended",
        }
    }
}

/// Why the API keys of a server cannot be replaced; those that it has stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceApiKeysError {
    /// The server was built without [`api_keys`](crate::ResourceServerBuilder::api_keys): it looks none up.
    #[error("the server was built without API keys")]
    NoApiKeys,
    /// What `build()` would say of these keys.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
}

impl ResourceServer {
    /// The API keys in the order of the configuration: their names and how they are doing, and nothing of their secrets.
    #[must_use]
    pub fn api_keys(&self) -> Vec<ApiKeyStatus> {
        let keys = self.0.table();
        keys.map_or_else(Vec::new, |keys| keys.load().status(self.0.clock.unix()))
    }

    /// Puts these API keys in the place of those that the server has, at once: the next request is judged by the new
    /// ones. So a key is added, withdrawn, or exchanged for another of its name. No keys withdraw all.
    ///
    /// A request that is being handled goes on, and what it opened is the application's to close. A
    /// [reload](crate::config::ReloadableServer::reload) takes the keys of its configuration; from a server of before
    /// a reload, the keys of the one that is in force are replaced.
    ///
    /// ```
    /// # use tower_resource_server::{ApiKeys, ResourceServer};
    /// fn reload(api: &ResourceServer, configured: ApiKeys) {
    ///     if let Err(error) = api.replace_api_keys(configured) {
    ///         eprintln!("the API keys stay as they were: {error}");
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ReplaceApiKeysError`]; the keys that the server has stay.
    pub fn replace_api_keys(&self, keys: ApiKeys) -> Result<(), ReplaceApiKeysError> {
        let (in_force, before) = self.in_force();
        let current = in_force.0.table().ok_or(ReplaceApiKeysError::NoApiKeys)?;
        let mut problems = Vec::new();
        keys.check(&mut problems);
        ConfigError::unless_empty(problems, ())?;
        // What is being decided under an earlier configuration, too.
        let tables = before.iter().filter_map(|server| Some((server.table()?, &server.tag)));
        for (table, tag) in tables.chain([(current, in_force.tag())]) {
            table.rcu(|before| Table::new(keys.clone(), tag, Some(before)));
        }
        Ok(())
    }
}

impl Inner {
    /// The API keys, where any are looked up.
    fn table(&self) -> Option<&ArcSwap<Table>> {
        self.opaque.as_ref()?.keys.as_ref()
    }
}
