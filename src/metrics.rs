//! What is counted, with the feature `metrics` and through the facade of that name; without the
//! feature, nothing is, and nothing is left of it on the way of a request.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | [`AUTHENTICATIONS`] | counter | `result`, `verified` |
//! | [`CACHE`] | counter | `result`: `hit` or `miss` |
//! | [`CREDENTIALS`] | counter | `kind`: `api_key`, `deprecated_api_key` or `verifier` |
//! | [`KEY_FETCHES`] | counter | `issuer`; `outcome`: `changed`, `unchanged` or `failed` |
//! | [`KEY_AGE`] | gauge, in seconds | `issuer` |
//! | [`STORE_SPENDS`] | counter | `outcome`: `spent`, `used_before`, `forgotten`, `full`, `unavailable` or `failed_open` |
//! | [`STORE_CONNECTIONS`] | counter | `outcome`: `opened` or `failed` |
//!
//! - `result` of an authentication is `good`, or the
//!   [code of the reason](crate::http::Reason::code) against the request. `verified` is `yes` where
//!   the signature was good, and `no` where anyone may have written what was found: a thousand
//!   `expired` with `verified="no"` may be one prankster. A good token without the scope of an
//!   operation counts twice: as `good`, and as `insufficient_scope`. `no_credentials` counts
//!   requests without any, once each: those that were let through as anonymous included, whatever a
//!   guard or an extractor behind an [optional](crate::middleware::AuthLayer::optional) layer then
//!   makes of them.
//! - A request that an API key authenticates, or a verifier of the application, counts under the kind of its
//!   credential, whatever it is then allowed. The kind is all that is counted: which key it was, the health
//!   document says. To the cache it is a miss; an answer of a verifier that is remembered is a hit, and no more
//!   than that.
//! - A hit or a miss is counted once for each look-up on behalf of a request.
//! - Ids count where instances share a store (feature `redis`), under what became of them: `used_before`, of which
//!   there are none but where something is replayed; `forgotten`, issued before a loss of what the store held;
//!   `full`, for which it had no memory; `unavailable`, without an answer in time. These are refused, unless a use
//!   of the store [is opened](crate::store::redis::RedisStore::dangerous): what that lets through counts as
//!   `failed_open` alone. A request that is dropped while it waits does not count, nor does a
//!   [look](crate::store::SpentStore::look), but for one that is let through.
//! - A connection to a server of such a store counts when it is made, and when it cannot be. What is `opened` beyond
//!   the first of each server was lost before.
//! - The age of the keys is as of the last fetch, and while fetches fail there is one a minute at
//!   least.
//! - **Install the recorder first**, before the server takes requests: each counter is looked up once,
//!   and one that was looked up before stays silent.
//! - Labels are bounded: `issuer` is a name as configured (for tenants their pattern, and no age);
//!   the rest are fixed words. No text of a token or a response becomes a label.

#[cfg(feature = "remote")]
use std::{sync::Arc, time::Duration};

/// Verdicts on requests.
pub const AUTHENTICATIONS: &str = "resource_server_authentications_total";
/// Look-ups in the cache of verified tokens.
pub const CACHE: &str = "resource_server_token_cache_total";
/// Requests that were authenticated by another credential than a token.
pub const CREDENTIALS: &str = "resource_server_credentials_total";
/// Fetches of keys that came to an end.
pub const KEY_FETCHES: &str = "resource_server_key_fetches_total";
/// How long ago the last successful fetch started, in seconds.
pub const KEY_AGE: &str = "resource_server_key_age_seconds";
/// Ids that were to be spent in a store that instances share.
pub const STORE_SPENDS: &str = "resource_server_store_spends_total";
/// Connections to the servers of such a store.
pub const STORE_CONNECTIONS: &str = "resource_server_store_connections_total";

/// What happens to a store that instances share.
#[cfg(feature = "redis")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreEvent {
    Spent,
    UsedBefore,
    Forgotten,
    Full,
    Unavailable,
    FailedOpen,
    Opened,
    Failed,
}

/// The kinds of credentials beside tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CredentialKind {
    ApiKey,
    DeprecatedApiKey,
    Verifier,
}

#[cfg(feature = "metrics")]
mod counting {
    use std::{
        collections::BTreeMap,
        sync::{OnceLock, PoisonError, RwLock},
    };

    use metrics::{Counter, Key, Label, Level, Metadata};

    use super::{AUTHENTICATIONS, CACHE, CREDENTIALS, CredentialKind};
    #[cfg(feature = "remote")]
    use super::{Arc, Duration, KEY_AGE, KEY_FETCHES};
    #[cfg(feature = "redis")]
    use super::{STORE_CONNECTIONS, STORE_SPENDS, StoreEvent};

    /// The counters of one server that are looked up once: with the first of its requests.
    #[derive(Debug)]
    pub(crate) struct Counters(OnceLock<Handles>);

    struct Handles {
        good: Counter,
        anonymous: Refused,
        hit: Counter,
        miss: Counter,
    }

    impl Counters {
        pub(crate) const fn new() -> Self {
            Self(OnceLock::new())
        }

        pub(crate) fn good(&self) {
            self.handles().good.increment(1);
        }

        pub(crate) fn anonymous(&self) {
            self.handles().anonymous.count();
        }

        pub(crate) fn cache(&self, hit: bool) {
            let handles = self.handles();
            if hit { handles.hit.increment(1) } else { handles.miss.increment(1) }
        }

        fn handles(&self) -> &Handles {
            self.0.get_or_init(|| Handles {
                good: metrics::counter!(AUTHENTICATIONS, "result" => "good", "verified" => "yes"),
                anonymous: Refused::of("no_credentials", false),
                hit: metrics::counter!(CACHE, "result" => "hit"),
                miss: metrics::counter!(CACHE, "result" => "miss"),
            })
        }
    }

    impl std::fmt::Debug for Handles {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Handles")
        }
    }

    /// The counters of a server that accepts more than tokens, each looked up with the first of its kind.
    pub(crate) struct CredentialCounters {
        api_key: OnceLock<Counter>,
        deprecated_api_key: OnceLock<Counter>,
        verifier: OnceLock<Counter>,
    }

    impl CredentialCounters {
        pub(crate) const fn new() -> Self {
            Self { api_key: OnceLock::new(), deprecated_api_key: OnceLock::new(), verifier: OnceLock::new() }
        }

        pub(crate) fn count(&self, kind: CredentialKind) {
            let (counter, kind) = match kind {
                CredentialKind::ApiKey => (&self.api_key, "api_key"),
                CredentialKind::DeprecatedApiKey => (&self.deprecated_api_key, "deprecated_api_key"),
                CredentialKind::Verifier => (&self.verifier, "verifier"),
            };
            counter.get_or_init(|| metrics::counter!(CREDENTIALS, "kind" => kind)).increment(1);
        }
    }

    /// The counters of a store, each looked up with the first of its kind.
    #[cfg(feature = "redis")]
    pub(crate) struct StoreCounters([OnceLock<Counter>; 8]);

    #[cfg(feature = "redis")]
    impl StoreCounters {
        pub(crate) const fn new() -> Self {
            Self([const { OnceLock::new() }; 8])
        }

        pub(crate) fn count(&self, event: StoreEvent) {
            let (name, outcome) = match event {
                StoreEvent::Spent => (STORE_SPENDS, "spent"),
                StoreEvent::UsedBefore => (STORE_SPENDS, "used_before"),
                StoreEvent::Forgotten => (STORE_SPENDS, "forgotten"),
                StoreEvent::Full => (STORE_SPENDS, "full"),
                StoreEvent::Unavailable => (STORE_SPENDS, "unavailable"),
                StoreEvent::FailedOpen => (STORE_SPENDS, "failed_open"),
                StoreEvent::Opened => (STORE_CONNECTIONS, "opened"),
                StoreEvent::Failed => (STORE_CONNECTIONS, "failed"),
            };
            if let Some(counter) = self.0.get(event as usize) {
                counter.get_or_init(|| metrics::counter!(name, "outcome" => outcome)).increment(1);
            }
        }
    }

    /// Where a refusal is counted.
    #[derive(Clone)]
    pub(crate) struct Refused(Counter);

    impl Refused {
        /// For the code of a reason, and whether that is about a token whose signature was good.
        pub(crate) fn of(code: &'static str, verified: bool) -> Self {
            static METADATA: Metadata<'static> =
                Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
            let key = key(code, verified);
            Self(metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA)))
        }

        pub(crate) fn count(&self) {
            self.0.increment(1);
        }
    }

    impl std::fmt::Debug for Refused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Refused")
        }
    }

    /// The key of a code: made once and kept, so that a refusal that anyone can cause allocates none.
    /// Codes are constants of the tables of reasons, so there are few.
    fn key(code: &'static str, verified: bool) -> &'static Key {
        static KEYS: RwLock<BTreeMap<(&'static str, bool), &'static Key>> = RwLock::new(BTreeMap::new());
        if let Some(key) = KEYS.read().unwrap_or_else(PoisonError::into_inner).get(&(code, verified)) {
            return key;
        }
        let make = || {
            let verified = if verified { "yes" } else { "no" };
            let labels =
                [Label::from_static_parts("result", code), Label::from_static_parts("verified", verified)];
            &*Box::leak(Box::new(Key::from_parts(AUTHENTICATIONS, labels.to_vec())))
        };
        KEYS.write().unwrap_or_else(PoisonError::into_inner).entry((code, verified)).or_insert_with(make)
    }

    #[cfg(feature = "remote")]
    pub(crate) fn fetched(issuer: &Arc<str>, outcome: &'static str, age: Option<Duration>) {
        let issuer = metrics::SharedString::from_shared(Arc::clone(issuer));
        metrics::counter!(KEY_FETCHES, "issuer" => issuer.clone(), "outcome" => outcome).increment(1);
        if let Some(age) = age {
            metrics::gauge!(KEY_AGE, "issuer" => issuer).set(age.as_secs_f64());
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_key_is_made_once_and_says_what_it_counts() {
            for (code, verified) in
                [("expired", false), ("expired", true), ("malformed", false), ("made of late", true)]
            {
                let made = key(code, verified);
                assert!(std::ptr::eq(made, key(code, verified)), "{code}");
                let labels: Vec<_> = made.labels().map(|label| (label.key(), label.value())).collect();
                let verified = if verified { "yes" } else { "no" };
                assert_eq!(labels, [("result", code), ("verified", verified)]);
                assert_eq!(made.name(), AUTHENTICATIONS);
            }
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod counting {
    use super::CredentialKind;
    #[cfg(feature = "redis")]
    use super::StoreEvent;
    #[cfg(feature = "remote")]
    use super::{Arc, Duration};

    #[cfg(feature = "redis")]
    pub(crate) struct StoreCounters;

    #[cfg(feature = "redis")]
    impl StoreCounters {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn count(&self, _: StoreEvent) {}
    }

    pub(crate) struct CredentialCounters;

    impl CredentialCounters {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn count(&self, _: CredentialKind) {}
    }

    #[derive(Debug)]
    pub(crate) struct Counters;

    impl Counters {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn good(&self) {}

        pub(crate) const fn anonymous(&self) {}

        pub(crate) const fn cache(&self, _: bool) {}
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Refused;

    impl Refused {
        pub(crate) const fn of(_: &'static str, _: bool) -> Self {
            Self
        }

        pub(crate) const fn count(&self) {}
    }

    #[cfg(feature = "remote")]
    pub(crate) const fn fetched(_: &Arc<str>, _: &'static str, _: Option<Duration>) {}
}

pub(crate) use counting::*;
