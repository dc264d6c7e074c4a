//! The keys of a store of spent ids that several servers share.

use std::sync::Arc;

#[cfg(feature = "redis")]
use super::{
    files,
    keys::duration_of,
    schema::{
        Kind::{self, Secret, Text},
        Object, Rule, key,
    },
};
use super::{problems::Found, tree::Node};
use crate::store::SpentStore;
#[cfg(feature = "redis")]
use crate::store::redis::{RedisSettings, RedisSettingsError, RedisStore};

#[cfg(feature = "redis")]
pub(super) static STORE: Object = Object {
    what: "a store of spent ids",
    keys: &[
        key(
            "url",
            Secret,
            "Where the Redis or Valkey is: redis://, rediss://, redis+sentinel:// or redis+cluster://, with user and password",
        ),
        key("url_file", Text, "A file with the URL, without the line break at its end"),
        key("prefix", Text, "What the names of keys begin with; trs"),
        key("deadline", Kind::Duration, "How long a request waits for the store; 500ms"),
        key(
            "certificate_authorities_file",
            Text,
            "A file with the certificates that are trusted with TLS, in PEM, in place of those of the system",
        ),
    ],
    rules: &[Rule::One(&["url", "url_file"])],
};

/// The store that a configuration names; `None` where there is none, or it has been said what is wrong with it.
#[cfg(feature = "redis")]
pub(super) fn store(root: &Node, found: &mut Found<'_>) -> Option<Arc<dyn SpentStore>> {
    let table = root.get("store")?;
    let store = found.within("store", |found| redis(table, found))?;
    Some(Arc::new(store))
}

#[cfg(not(feature = "redis"))]
pub(super) fn store(_: &Node, _: &mut Found<'_>) -> Option<Arc<dyn SpentStore>> {
    None
}

#[cfg(feature = "redis")]
fn redis(table: &Node, found: &mut Found<'_>) -> Option<RedisStore> {
    let key = if table.get("url").is_some() { "url" } else { "url_file" };
    let url = match files::secret(table, "url")? {
        Ok(url) => url,
        Err((name, why)) => {
            found.add(table, &name, "file", &why);
            return None;
        }
    };
    let wrong = |found: &mut Found<'_>, error: RedisSettingsError| {
        let key = match error {
            RedisSettingsError::Prefix => "prefix",
            RedisSettingsError::Certificates => "certificate_authorities_file",
            _ => key,
        };
        found.add(table, key, "store", &error.to_string());
    };
    let settings = RedisSettings::from_url(&String::from_utf8_lossy(&url));
    let settings = settings.map_err(|error| wrong(found, error)).ok()?;
    let settings = table.text_of("prefix").into_iter().fold(settings, RedisSettings::prefix);
    let settings = duration_of(table, "deadline").into_iter().fold(settings, RedisSettings::deadline);
    let settings = match table.text_of("certificate_authorities_file") {
        Some(path) => {
            let name = "certificate_authorities_file";
            let pem = files::read(path).map_err(|why| found.add(table, name, "file", &why)).ok()?;
            settings.certificate_authorities(pem.to_vec())
        }
        None => settings,
    };
    settings.build().map_err(|error| wrong(found, error)).ok()
}
