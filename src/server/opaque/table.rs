//! The API keys of a server made ready: the identity of each is made once, and found by the hash of the secret.

use std::{
    collections::HashMap,
    sync::{
        Arc,
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
    time::UnixTime,
    verify::{Evidence, VerifiedToken},
};

pub(super) struct Table {
    prefix: Option<Box<str>>,
    /// In the order of the configuration.
    keys: Vec<Entry>,
    by_digest: HashMap<Digest, usize, RandomState>,
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
        let mut table = Self { prefix, keys: Vec::new(), by_digest: HashMap::default() };
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
        let digest = (credential.len() <= MAX_SECRET).then(|| Digest::of(credential));
        let found = digest.and_then(|digest| self.keys.get(*self.by_digest.get(&digest)?));
        match found {
            Some(entry) => Lookup::Key(entry),
            None if self.prefix.is_some() => Lookup::Unknown,
            None => Lookup::NotOurs,
        }
    }

    fn named(&self, name: &str) -> Option<&Entry> {
        self.keys.iter().find(|entry| *entry.name == *name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
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
