//! The keys of settings that are structs of numbers: a row for each field, and what it sets.

use std::time::Duration;

use super::{
    duration,
    schema::{Key, Kind, Object, key},
    tree::Node,
};
use crate::{
    CacheSettings,
    source::{RefreshSettings, TenantSettings},
    token::TokenLimits,
};

/// A field that can be read.
trait Field: Sized {
    const KIND: Kind;

    /// The value of a node that was checked.
    fn read(node: &Node) -> Option<Self>;
}

impl Field for Duration {
    const KIND: Kind = Kind::Duration;

    fn read(node: &Node) -> Option<Self> {
        duration::read(node.text()).ok()
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Bool;

    fn read(node: &Node) -> Option<Self> {
        Some(node.is_true())
    }
}

impl Field for Option<Box<str>> {
    const KIND: Kind = Kind::Text;

    fn read(node: &Node) -> Option<Self> {
        Some(Some(node.text().into()))
    }
}

macro_rules! numbers {
    ($($Number:ty,)*) => {$(
        impl Field for $Number {
            const KIND: Kind = Kind::Number(0, <$Number>::MAX as u64);

            fn read(node: &Node) -> Option<Self> {
                node.number().try_into().ok()
            }
        }
    )*};
}

numbers! { u8, u32, usize, }

macro_rules! fields {
    (
        $OBJECT:ident, $apply:ident: $Settings:ty, $what:literal, also [$($also:expr),*] {
            $($field:ident: $Type:ty = $doc:literal,)*
        }
    ) => {
        pub(super) static $OBJECT: Object = Object {
            what: $what,
            keys: &[$($also,)* $(key(stringify!($field), <$Type as Field>::KIND, $doc),)*],
            rules: &[],
        };

        /// The settings with what `table` says.
        pub(super) fn $apply(mut settings: $Settings, table: &Node) -> $Settings {
            $(
                if let Some(value) = table.get(stringify!($field)).and_then(<$Type as Field>::read) {
                    settings.$field = value;
                }
            )*
            settings
        }
    };
}

const fn also(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    key(name, kind, doc)
}

fields! {
    CACHE, cache: CacheSettings, "the cache", also [] {
        max_bytes: usize = "The most memory it takes, in bytes; 16777216, and 0 turns it off",
        digests: bool = "Whether it keeps digests in place of tokens; false",
    }
}

fields! {
    LIMITS, limits: TokenLimits, "limits", also [] {
        token_bytes: usize = "The longest token, in bytes; 16384",
        header_bytes: usize = "The longest header segment, in bytes; 4096",
        kid_bytes: usize = "The longest `kid`, in bytes; 256",
        keys_tried: usize = "How many keys are tried for a token that names none; 4",
        nesting: u32 = "How deep objects and arrays may nest; 32, at most 100",
    }
}

fields! {
    REFRESH, refresh: RefreshSettings, "refresh settings", also [] {
        default_freshness: Duration = "How long keys are fresh when their response does not say; 5m",
        min_freshness: Duration = "The least freshness that a response can ask for; 1m",
        max_freshness: Duration = "The most freshness that a response can ask for; 15m",
        jitter_percent: u8 = "Jitter in percent, at most 50; 10",
        stale_if_error: Duration = "How long keys are used after the last fetch that succeeded; 6h",
        fetch_timeout: Duration = "The deadline of one whole refresh; 5s",
        max_body: usize = "The largest document accepted, in bytes; 262144",
        max_keys: usize = "How many keys a key set may have; 100",
        key_use: Option<Box<str>> = "The `use` of keys for tokens where it is neither `sig` nor absent, as in jwt-svid",
        empty_set_revokes: bool = "Whether a set without a usable key revokes all that were there; false",
        max_redirects: u8 = "How many redirects are followed within the origin, at most 5; 0",
        min_backoff: Duration = "The wait after the first failure; 1s",
        max_backoff: Duration = "The longest wait after a failure; 60s",
        unknown_key_burst: u32 = "How many fetches unknown keys may cause at once; 5",
        unknown_key_interval: Duration = "How long until such a fetch is earned again; 10s",
        evidence_window: Duration = "How recent a fetch must be to be evidence that a key does not exist; 10s",
        refetch_on_bad_signature: bool = "Whether a bad signature may cause a fetch, at most one a minute; false",
        unknown_key_wait: Duration = "How long a request waits when its key is unknown; 1s",
        cold_wait: Duration = "How long a request waits when there are no keys at all; 2s",
        max_waiters: usize = "How many requests may wait on the issuer at once; 1024",
        rediscover_after: Duration = "How old the metadata of the issuer may become; 1h",
    }
}

fields! {
    TENANTS, tenants: TenantSettings, "tenants", also [
        also("allow", Kind::List(&Kind::Text), "The names of the tenants that are trusted")
    ] {
        max_live: usize = "How many tenants that work are kept; 200",
        max_candidates: usize = "How many tenants are kept whose keys have verified nothing yet; 32",
        idle: Duration = "After how much time without a token a tenant may leave; 1h",
        first_fetch_burst: u32 = "How many tenants may be resolved at once; 20",
        first_fetch_interval: Duration = "How long until another may be; 1s",
    }
}
