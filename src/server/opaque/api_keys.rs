//! The API keys of a server, as data.

use std::collections::HashMap;

use super::api_key::ApiKey;
use crate::{error::ConfigProblem, http::is_token68, server::problems::Problems, time::UnixTime};

/// The API keys of a server: plain data, so that a new set can be made of a new configuration and
/// [put in the place](crate::ResourceServer::replace_api_keys) of the old one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tower_resource_server::{ResourceServer, TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
/// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
/// # let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068());
/// use tower_resource_server::{ApiKey, ApiKeys, Credential};
///
/// let secret = "shop_3q2-7wAAKjX0iE9s1vBQmZpT";
/// let keys = ApiKeys::new()
///     .prefix("shop_")
///     .key(ApiKey::from_secret("billing-2026", secret, "billing").scopes("orders:read"));
/// let api = ResourceServer::builder("https://api.example").issuer(issuer).api_keys(keys).build()?;
///
/// let who = api.verify_now(secret)?;
/// assert_eq!((who.subject(), who.credential()), ("billing", Credential::ApiKey("billing-2026")));
/// # Ok(())
/// # }
/// ```
///
/// # How a key is found
///
/// A key is sent as a bearer token is. What has the [form of a JWT](crate::guide::api_keys) is never an API key, and what
/// has not is never a token. The credential is hashed (SHA-256), and the hash is looked up in a table under a random
/// seed; hashes are compared in constant time. A key that was used before is known again by a faster hash, under a secret
/// of this table (SipHash). So how long an answer takes says nothing about how much of a secret is right: to guess at a
/// hash byte by byte, one would have to choose it, and the hash of a guess is beyond anyone's choosing. A credential of
/// more than 512 bytes is not hashed.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct ApiKeys {
    pub(super) keys: Vec<ApiKey>,
    pub(super) prefix: Option<Box<str>>,
    pub(super) not_after: Option<UnixTime>,
}

impl ApiKeys {
    /// No key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts this key.
    pub fn key(mut self, key: ApiKey) -> Self {
        self.keys.push(key);
        self
    }

    /// What every key begins with, such as `shop_`: a credential that does not is not looked up. Scanners of published
    /// code find keys by it.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The moment from which on no key is accepted, whatever it says itself: the end of a migration. None unless it is
    /// set.
    pub fn not_after(mut self, moment: impl Into<Option<UnixTime>>) -> Self {
        self.not_after = moment.into();
        self
    }

    /// A server that is built without a key has lost them: the set that holds them was empty.
    pub(super) fn check_not_empty(&self, all: &mut Vec<ConfigProblem>) {
        Problems::of(all, "api_keys", "api_keys").refuse(
            self.keys.is_empty(),
            "no_key",
            "there is none; give at least one, or leave api_keys out",
        );
    }

    /// What cannot work.
    pub(super) fn check(&self, all: &mut Vec<ConfigProblem>) {
        let bad =
            |prefix: &str| !is_token68(prefix.as_bytes()) || prefix.ends_with('=') || prefix.contains('.');
        Problems::of(all, "api_keys.prefix", "api_keys").refuse(
            self.prefix.as_deref().is_some_and(bad),
            "prefix",
            "the prefix is no beginning of a bearer token without dots; write letters, digits, _ and -",
        );
        let (mut names, mut secrets) = (HashMap::new(), HashMap::new());
        for (n, key) in self.keys.iter().enumerate() {
            let label =
                if key.has_good_name() { format!("API key {:?}", key.name) } else { format!("API key {n}") };
            let mut problems = Problems::of(all, format!("api_keys[{n}]"), label);
            key.problems().for_each(|(code, text)| problems.add(code, text));
            problems.refuse(
                names.insert(&key.name, n).is_some(),
                "twice",
                "another key has its name; call the two by different names",
            );
            problems.refuse(
                key.digest.is_ok_and(|digest| secrets.insert(digest, n).is_some()),
                "one_secret",
                "another key has its secret; give each a secret of its own",
            );
        }
    }
}

impl Extend<ApiKey> for ApiKeys {
    fn extend<I: IntoIterator<Item = ApiKey>>(&mut self, keys: I) {
        self.keys.extend(keys);
    }
}

impl FromIterator<ApiKey> for ApiKeys {
    fn from_iter<I: IntoIterator<Item = ApiKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }
}
