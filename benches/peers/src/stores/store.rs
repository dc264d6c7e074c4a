//! The two stores behind one seam, with the key, the weight and the value of the real one.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use foldhash::fast::RandomState;
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

/// What an entry weighs: the token, and what is kept of it.
pub(crate) const WEIGHT: usize = 992 + BODY;
const BODY: usize = 700;
const TAIL: usize = 32;

pub(crate) struct Token(pub(crate) Box<[u8]>);

/// A token that is looked up without being copied.
pub(crate) struct TokenRef<'a>(&'a [u8]);

/// What is kept of a token.
#[derive(Clone)]
pub(crate) struct Identity(#[allow(dead_code, reason = "it has a size, and is not read")] Arc<[u8; BODY]>);

impl Identity {
    pub(crate) fn new() -> Self {
        Self(Arc::new([7; BODY]))
    }
}

fn hash_tail<H: Hasher>(token: &[u8], state: &mut H) {
    state.write(&token[token.len().saturating_sub(TAIL)..]);
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tail(&self.0, state);
    }
}

impl Hash for TokenRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tail(self.0, state);
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Token {}

impl Equivalent<Token> for TokenRef<'_> {
    fn equivalent(&self, key: &Token) -> bool {
        self.0 == &*key.0
    }
}

pub(crate) trait Store: Send + Sync + 'static {
    const NAME: &'static str;

    fn new(max_bytes: usize) -> Self;
    fn get(&self, token: &[u8]) -> Option<Identity>;
    fn insert(&self, token: Token, identity: Identity);
    /// Lets the store finish what it has put off.
    fn settle(&self);
}

#[derive(Clone)]
pub(crate) struct Bytes;

impl Weighter<Token, Identity> for Bytes {
    fn weight(&self, token: &Token, _: &Identity) -> u64 {
        (token.0.len() + BODY) as u64
    }
}

pub(crate) struct Quick(quick_cache::sync::Cache<Token, Identity, Bytes, RandomState>);

impl Store for Quick {
    const NAME: &'static str = "quick_cache";

    fn new(max_bytes: usize) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(max_bytes / WEIGHT)
            .weight_capacity(max_bytes as u64)
            .build()
            .expect("both capacities are given");
        let (random, lifecycle) = (RandomState::default(), Default::default());
        Self(quick_cache::sync::Cache::with_options(options, Bytes, random, lifecycle))
    }

    fn get(&self, token: &[u8]) -> Option<Identity> {
        self.0.get(&TokenRef(token))
    }

    fn insert(&self, token: Token, identity: Identity) {
        self.0.insert(token, identity);
    }

    fn settle(&self) {}
}

pub(crate) struct Moka(moka::sync::Cache<Token, Identity, RandomState>);

impl Store for Moka {
    const NAME: &'static str = "moka";

    fn new(max_bytes: usize) -> Self {
        Self(
            moka::sync::Cache::builder()
                .initial_capacity(max_bytes / WEIGHT)
                .max_capacity(max_bytes as u64)
                .weigher(|token: &Token, _: &Identity| (token.0.len() + BODY) as u32)
                .build_with_hasher(RandomState::default()),
        )
    }

    fn get(&self, token: &[u8]) -> Option<Identity> {
        self.0.get(&TokenRef(token))
    }

    fn insert(&self, token: Token, identity: Identity) {
        self.0.insert(token, identity);
    }

    fn settle(&self) {
        self.0.run_pending_tasks();
    }
}
