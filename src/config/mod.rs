//! A whole server from a file: settings of any serde format, with environment variables laid over them.
//!
//! [`ServerConfig`] is what a configuration says, checked: every key that is unknown, every value that cannot
//! be, is named as the user spelt it, all at once. [`ServerConfig::build`] makes the server and its layer of it
//! through the same builders that a program uses. The [guide](crate::guide::configuration) has every key.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_resource_server::config::Settings;
//!
//! let settings: Settings = toml::from_str(r#"
//!     resource = "https://api.example"
//!
//!     [[issuers]]
//!     issuer = "https://login.example"
//!     profile = "rfc9068"
//!
//!     [requirements.routes]
//!     "GET /orders" = "scope(orders:read)"
//!     "POST /orders" = "scope(orders:write) or role(clerk)"
//! "#)?;
//! let configured = settings.with_env("API", std::iter::empty::<(String, String)>()).resolve()?.build()?;
//! let layer = configured.layer();
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! - `tree`: settings as any format gives them; `schema`: the words that the tables of keys are written in.
//! - These tables, one row for each key, with what reads them: `keys` the whole; `issuers`, `tokens`, `given` (keys that
//!   are not fetched), `fetching` (those that are), `presets`, `systems`; `credentials`, `locations`, `dpop`, `mtls`, `store`, `answers`;
//!   `settings`.
//! - `check`: a tree against the tables; `duration`, `near`: how durations are written, and the nearest name.
//! - `env`: environment variables; `files`: files that settings name.
//! - `build`: from a configuration to a server; `problems`: what only building finds, under the keys of the
//!   configuration.
//! - `json_schema`: the tables as a JSON Schema, for editors.
//! - `reload`: a configuration that is exchanged while requests come.

mod answers;
mod build;
mod check;
mod credentials;
mod dpop;
mod duration;
mod env;
mod fetching;
mod files;
mod given;
mod issuers;
mod json_schema;
mod keys;
mod locations;
mod mtls;
mod near;
mod presets;
mod problems;
mod reload;
mod schema;
mod settings;
mod store;
mod systems;
mod tokens;
mod tree;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::{fetching::Clients, tree::Node};
pub use self::{
    json_schema::json_schema,
    reload::{ReloadableDocument, ReloadableLayer, ReloadableServer, ReloadableService},
};
use crate::{
    ResourceServer, ResourceServerBuilder,
    error::{ConfigError, ConfigProblem},
    middleware::{AuthLayer, ForwardedIdentity, RequirementTable},
};

/// Settings as they were read, not checked yet: from any self-describing serde format, such as TOML or JSON.
///
/// Reading them never fails for what they say; [`resolve`](Self::resolve) names everything that is wrong.
#[derive(Clone, Default)]
pub struct Settings {
    root: Node,
    /// Where the user finds them.
    path: String,
    problems: Vec<ConfigProblem>,
}

impl Settings {
    /// No settings: for those that come from the environment alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names keys as the user finds them in a larger file: `auth.issuers[0].profile` for `auth`.
    #[must_use]
    pub fn under(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Lays environment variables over these settings: those whose names begin with `prefix` and an underscore.
    /// Each must be a key: choose a prefix that nothing else has.
    ///
    /// A variable is called as its key, in capitals: `API_CACHE_MAX_BYTES` is `cache.max_bytes`, and
    /// `API_ISSUERS_0_JWKS_URI` is `issuers[0].jwks_uri`. A list of texts is written with commas, or item by item
    /// with numbers from 0 on; a table of names, such as `requirements.routes`, with a line `NAME = VALUE` for
    /// each. What the environment says counts, whatever the file says.
    ///
    /// A secret has two variables: `API_NONCES_SECRET`, and `API_NONCES_SECRET_FILE` for a file that holds it.
    /// Both at once are an error.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::config::Settings;
    ///
    /// let variables = [
    ///     ("API_RESOURCE", "https://api.example"),
    ///     ("API_ISSUERS_0_PRESET_KEYCLOAK_SERVER", "https://keycloak.example"),
    ///     ("API_ISSUERS_0_PRESET_KEYCLOAK_REALM", "shop"),
    ///     ("API_REQUIREMENTS_ALWAYS", "scope(orders)"),
    ///     ("PATH", "/usr/bin"),
    /// ];
    /// let api = Settings::new().with_env("API", variables).resolve()?.build()?;
    /// assert_eq!(api.server().resource(), "https://api.example");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_env<N: Into<String>, V: Into<String>>(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        env::overlay(&mut self.root, prefix, variables, &mut self.problems);
        self
    }

    /// [`with_env`](Self::with_env) with the environment of this process. A variable that is not Unicode is a
    /// problem like any other.
    #[must_use]
    pub fn with_process_env(mut self, prefix: &str) -> Self {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let is_own = |name: &&str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'));
            let Some(name) = name.to_str().filter(is_own) else { continue };
            match value.into_string() {
                Ok(value) => variables.push((name.to_owned(), value)),
                Err(_) => {
                    let text = format!("{name}: its value is not Unicode; write it in UTF-8");
                    self.problems.push(ConfigProblem::new(name, "not_unicode", text));
                }
            }
        }
        self.with_env(prefix, variables)
    }

    /// Checks every key.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong, each with its key as the user spelt it: a path such as
    /// `issuers[1].profile`, or an environment variable. No secret is in it.
    pub fn resolve(self) -> Result<ServerConfig, ConfigError> {
        let Self { mut root, path, mut problems } = self;
        if matches!(root.value, tree::Value::Null) {
            root.value = tree::Value::Table(Vec::new());
        }
        let root = check::check(&root, &path, &mut problems);
        ConfigError::unless_empty(problems, ServerConfig { root, path })
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { root: Node::deserialize(deserializer)?, ..Self::default() })
    }
}

/// Shows nothing: what is a secret is known only when it is checked.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// The configuration of a whole server, whose keys and values were checked. What files hold, and what contradicts
/// what, is found by [`build`](Self::build).
///
/// It is read from [`Settings`], or by serde at once: then the error of the format has all problems in its text.
///
/// Written out again, it loads to the same server. A secret is written as `(secret)`, which is refused when it is
/// read: a configuration with secrets in files can be written out and read again, one with a secret in itself can
/// be shown.
#[derive(Clone, PartialEq)]
pub struct ServerConfig {
    root: Node,
    path: String,
}

impl ServerConfig {
    /// A configuration from environment variables alone; see [`Settings::with_env`].
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong, each with its variable.
    pub fn from_env<N: Into<String>, V: Into<String>>(
        prefix: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError> {
        Settings::new().with_env(prefix, variables).resolve()
    }

    /// Builds the server. Files that the configuration names are read; nothing is fetched.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work.
    pub fn build(&self) -> Result<Configured, ConfigError> {
        self.build_with(|server| server)
    }

    /// Builds the server with what no file can say: a clock, a store, an issuer of the program's own.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work.
    pub fn build_with(
        &self,
        and: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Result<Configured, ConfigError> {
        build::build(&self.root, &self.path, &mut Clients::default(), None, and)
    }
}

impl<'de> Deserialize<'de> for ServerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Settings::deserialize(deserializer)?.resolve().map_err(serde::de::Error::custom)
    }
}

impl Serialize for ServerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root.serialize(serializer)
    }
}

/// Shows secrets as `(secret)`.
impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerConfig").field(&self.root).finish()
    }
}

/// A server, and what its configuration says of its layer.
#[derive(Clone, Debug)]
pub struct Configured {
    server: ResourceServer,
    requirements: Option<RequirementTable>,
    optional: bool,
    exposes: bool,
    forward: Option<ForwardedIdentity>,
}

impl Configured {
    /// The server.
    #[must_use]
    pub fn server(&self) -> &ResourceServer {
        &self.server
    }

    /// What single operations require, where the configuration says something of one.
    #[must_use]
    pub fn requirements(&self) -> Option<&RequirementTable> {
        self.requirements.as_ref()
    }

    /// The layer that the configuration describes. What answers look like is the program's to say:
    /// [`reject_with`](AuthLayer::reject_with).
    pub fn layer(&self) -> AuthLayer {
        let layer = self.server.layer().optional(self.optional).expose_rejection(self.exposes);
        let layer = match &self.forward {
            Some(forward) => layer.forward(forward.clone()),
            None => layer,
        };
        match &self.requirements {
            Some(table) => layer.requirements(table.clone()),
            None => layer,
        }
    }
}
