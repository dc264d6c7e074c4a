//! The API keys of a server made ready: the identity of each is made once, and found by a hash of the secret.

use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::{
    api_key::{ApiKey, MAX_SECRET},
    api_keys::ApiKeys,
    contents::Given,
    digest::Digest,
    status::{ApiKeyState, ApiKeyStatus},
};
use crate::{
    identity::{self, Identity, RawTokens, Role, ServerTag},
    metrics::{CredentialCounters, CredentialKind},
    store::{Fingerprint, Fingerprints},
    time::UnixTime,
    verify::{Evidence, VerifiedToken},
};

pub(super) struct Table {
    prefix: Option<Box<str>>,
    /// In the order of the configuration.
    keys: Vec<Entry>,
    by_digest: HashMap<Digest, usize, RandomState>,
    /// Those that were used, by a hash that takes a fraction of the time of a digest.
    known: RwLock<HashMap<Fingerprint, usize, RandomState>>,
    fingerprints: Fingerprints,
}

pub(super) struct Entry {
    name: Arc<str>,
    identity: Identity,
    deprecated: bool,
    /// Whether it was logged that a deprecated key is used.
    told: AtomicBool,
    uses: Arc<AtomicU64>,
}

/// What a credential is, for the keys of a server.
pub(super) enum Lookup<'t> {
    /// This key, ended or not.
    Key(&'t Entry),
    /// It begins as keys do, and is none.
    Unknown,
    /// It does not begin as keys do.
    NotOurs,
}

impl Table {
    /// The keys that can be used; `before` are those in whose place they come.
    pub(super) fn new(keys: ApiKeys, tag: &ServerTag, before: Option<&Self>) -> Self {
        let ApiKeys { keys, prefix, not_after } = keys;
        let mut table = Self {
            prefix,
            keys: Vec::new(),
            by_digest: HashMap::default(),
            known: RwLock::default(),
            fingerprints: Fingerprints::default(),
        };
        for key in keys {
            let Ok(digest) = key.digest else { continue };
            table.by_digest.insert(digest, table.keys.len());
            let uses = before.and_then(|before| before.named(&key.name)).map(|entry| Arc::clone(&entry.uses));
            table.keys.push(Entry::new(key, not_after, tag, uses.unwrap_or_default()));
        }
        table
    }

    pub(super) fn look_up(&self, credential: &[u8]) -> Lookup<'_> {
        match &self.prefix {
            Some(prefix) if !credential.starts_with(prefix.as_bytes()) => return Lookup::NotOurs,
            _ => {}
        }
        match self.place_of(credential).and_then(|place| self.keys.get(place)) {
            Some(entry) => Lookup::Key(entry),
            None if self.prefix.is_some() => Lookup::Unknown,
            None => Lookup::NotOurs,
        }
    }

    /// Where the key with this secret is. One that was used before is known again; what is no key costs a digest each
    /// time, and leaves nothing.
    fn place_of(&self, secret: &[u8]) -> Option<usize> {
        if secret.len() > MAX_SECRET {
            return None;
        }
        let fingerprint = self.fingerprints.of(secret);
        // While another writes, the digest says the same; while others read, the next use is remembered.
        if let Ok(known) = self.known.try_read()
            && let Some(place) = known.get(&fingerprint)
        {
            return Some(*place);
        }
        let place = *self.by_digest.get(&Digest::of(secret))?;
        if let Ok(mut known) = self.known.try_write() {
            known.insert(fingerprint, place);
        }
        Some(place)
    }

    fn named(&self, name: &str) -> Option<&Entry> {
        self.keys.iter().find(|entry| *entry.name == *name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// Whether the identity of some key has this issuer.
    pub(super) fn names(&self, issuer: &str) -> bool {
        self.keys.iter().any(|entry| entry.identity.issuer() == issuer)
    }

    pub(super) fn status(&self, now: UnixTime) -> Vec<ApiKeyStatus> {
        self.keys.iter().map(|entry| entry.status(now)).collect()
    }
}

impl Entry {
    fn new(key: ApiKey, all_end: Option<UnixTime>, tag: &ServerTag, uses: Arc<AtomicU64>) -> Self {
        let ends = [key.not_after, all_end].into_iter().flatten().min();
        let given = Given {
            issuer: key.issuer.unwrap_or_else(|| Arc::clone(tag.resource())),
            subject: &key.subject,
            client: key.client.as_deref(),
            scopes: &key.scopes,
            roles: key.roles,
            claims: "{}".into(),
            until: ends,
        };
        let evidence = Evidence::ApiKey(Arc::clone(&key.name));
        let main = VerifiedToken::vouched(given.contents(), evidence);
        let tokens = identity::Tokens { main, role: Role::Access };
        Self {
            name: key.name,
            identity: Identity::new(tag.clone(), tokens, RawTokens::default()),
            deprecated: key.deprecated,
            told: AtomicBool::new(false),
            uses,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_deprecated(&self) -> bool {
        self.deprecated
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether the key is good at this moment.
    pub(super) fn is_good(&self, now: UnixTime) -> bool {
        self.identity.window().contains(now)
    }

    /// Notes that the key was used.
    pub(super) fn used(&self, counters: &CredentialCounters) {
        self.uses.fetch_add(1, Ordering::Relaxed);
        if !self.deprecated {
            return counters.count(CredentialKind::ApiKey);
        }
        counters.count(CredentialKind::DeprecatedApiKey);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(name = &*self.name, "a deprecated API key is in use");
        }
    }

    fn status(&self, now: UnixTime) -> ApiKeyStatus {
        let state = match (self.is_good(now), self.deprecated) {
            (false, _) => ApiKeyState::Ended,
            (true, true) => ApiKeyState::Deprecated,
            (true, false) => ApiKeyState::Active,
        };
        ApiKeyStatus {
            name: Arc::clone(&self.name),
            state,
            not_after: self.identity.expires_at(),
            uses: self.uses.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_used_are_known_again_and_what_is_no_key_leaves_nothing() {
        let secrets = ["3q2-7wAAKjX0iE9s1vBQmZpT", "b1946ac92492d2347c6235b4d2611184"];
        let keys = ["first", "second"].into_iter().zip(secrets);
        let keys = keys.fold(ApiKeys::new(), |keys, (name, secret)| {
            keys.key(ApiKey::from_secret(name, secret, "someone"))
        });
        let table = Table::new(keys, &ServerTag::new("https://api.example".to_owned()), None);
        let known = || table.known.read().unwrap().len();
        let found = |secret: &str| match table.look_up(secret.as_bytes()) {
            Lookup::Key(entry) => Some(entry.name()),
            Lookup::Unknown | Lookup::NotOurs => None,
        };
        let long = "x".repeat(MAX_SECRET + 1);
        for secret in ["", "unknown", &secrets[0][1..], &long] {
            assert_eq!((found(secret), found(secret), known()), (None, None, 0), "{secret}");
        }
        for (n, (name, secret)) in ["first", "second"].into_iter().zip(secrets).enumerate() {
            assert_eq!((found(secret), known()), (Some(name), n + 1));
            assert_eq!((found(secret), known()), (Some(name), n + 1), "known again");
        }
        let _held = table.known.write().unwrap();
        assert_eq!(found(secrets[1]), Some("second"), "while another writes");
    }
}
