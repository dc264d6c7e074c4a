//! A server from a configuration: what is wrong with a file, environment variables, the round trip, secrets,
//! the schema, and a reload while requests come.
#![cfg(all(feature = "axum", feature = "config", feature = "test-util"))]

#[path = "../support/mod.rs"]
mod support;

mod built;
mod environment;
mod guide;
mod kept;
mod locations;
#[path = "../support/log.rs"]
#[expect(dead_code, reason = "nothing here clears it")]
mod log;
mod profiles;
mod reload;
mod round_trip;
mod sample;
mod setters;
mod systems;
mod wrong;

use tower_resource_server::{
    config::{ServerConfig, Settings},
    error::ConfigError,
};

/// A file with these keys before its one issuer, and these in the issuer.
fn file(root: &str, issuer: &str) -> String {
    format!("resource = \"https://api.test\"\n{root}\n[[issuers]]\n{issuer}\n")
}

/// The keys of an issuer that is good by itself.
const ISSUER: &str = "issuer = \"https://issuer.test\"\nprofile = \"rfc9068\"";

fn load(toml: &str) -> Result<ServerConfig, ConfigError> {
    toml::from_str::<Settings>(toml).unwrap_or_else(|error| panic!("{error}\n{toml}")).resolve()
}

fn texts(error: &ConfigError) -> Vec<&str> {
    error.problems().iter().map(|problem| problem.text()).collect()
}
