//! Where keys come from: configured, or fetched from the issuer and kept fresh.
//!
//! - `key_source`: the keys of one issuer, wherever they are from, as the modules above see them.
//! - `fixed`: keys that the application holds; `given`: those that it gives beside fetched ones;
//!   `revoked`: those that it has withdrawn.
//! - `remote`: the keys of one issuer from the network, what a request asks of them; `shared`: what they
//!   and their refresher have in common; `snapshot`: the keys of this moment.
//! - `schedule`: when to fetch, and what a request without its key is told; pure. `budget` bounds
//!   what unknown keys may cause, `permits` how many requests may wait.
//! - `refresher`: the task that carries the schedule out; `load`: one refresh.
//! - `by_kid`: keys that are fetched one by one, each by its name.
//! - `tenants`: issuers by `pattern`, resolved on demand within bounds.
//! - `discovery`: from the issuer to its key set; `fetch`: one request for a document, sent through
//!   [`net`](crate::net).
//! - `settings`: every number; `health`: how a source is doing, and [`runbook`] what to do about it; `error`: why a refresh failed.
//!
//! What this module promises:
//!
//! - **Reading keys never waits.** A snapshot is immutable and behind an atomic pointer; it is
//!   replaced whole, so a key that the issuer removed is gone with the refresh that notices.
//! - **An issuer's bad minute turns no good token away.** The last good keys are served until the
//!   stale-if-error limit; a set that is empty or unusable is refused and the old one kept. (So emptying the set
//!   is not a revocation unless the settings say so; `revoke_key` is.)
//! - **No 401 without evidence.** "This key does not exist" takes a fetch that started after the
//!   request arrived, or, once the budget is spent, within the evidence window; anything less is
//!   503 and a time to come again.
//! - **Requests cause bounded work**: a budget for fetches, permits to wait, one fetch at a time
//!   however many ask. Dropping a request cancels nothing that others share.
//! - **Monotonic time**, so that a wall clock that is set back revives no keys; and for the stale-if-error limit
//!   the wall clock too, whichever says more: a machine that was suspended does not serve removed
//!   keys for longer. A wall clock that jumps ahead by hours costs one fetch.

#[cfg(feature = "remote")]
mod budget;
#[cfg(feature = "remote")]
mod by_kid;
#[cfg(feature = "remote")]
mod discovery;
mod error;
#[cfg(feature = "remote")]
mod fetch;
mod fixed;
#[cfg(feature = "remote")]
mod given;
mod health;
mod key_source;
#[cfg(feature = "remote")]
mod load;
#[cfg(feature = "remote")]
mod pattern;
#[cfg(feature = "remote")]
mod permits;
#[cfg(feature = "remote")]
mod refresher;
#[cfg(feature = "remote")]
mod remote;
mod revoked;
#[cfg(feature = "remote")]
mod schedule;
mod settings;
#[cfg(feature = "remote")]
mod shared;
mod snapshot;
#[cfg(feature = "remote")]
mod tenants;

#[cfg(not(feature = "remote"))]
mod without_remote;

#[cfg(feature = "remote")]
#[cfg(test)]
mod tests;

#[doc = include_str!("runbook.md")]
pub mod runbook {
    #[cfg(test)]
    mod tests {
        #[test]
        fn the_events_are_the_ones_that_are_told() {
            let told = [include_str!("refresher.rs"), include_str!("remote.rs")].concat();
            let (_, events) = include_str!("runbook.md").split_once("## Events").unwrap();
            let columns = events.lines().map(|line| line.split(" | ").collect::<Vec<_>>());
            let messages: Vec<_> = columns
                .filter_map(|columns| match columns[..] {
                    ["| INFO" | "| WARN" | "| DEBUG", message, ..] => Some(message),
                    _ => None,
                })
                .collect();
            assert_eq!(messages.len(), 7, "the rows of the table");
            for message in messages {
                assert!(told.contains(&format!("\"{message}\"")), "no event says {message:?}");
            }
        }

        #[test]
        fn every_state_is_in_the_book() {
            use crate::source::SourceState::*;
            for state in [Fixed, Empty, Loading, Fresh, Refreshing, Stale, Dead] {
                assert!(include_str!("runbook.md").contains(&format!("| `{state}` |")), "{state}");
            }
        }
    }
}

pub use error::{FetchError, IssuerRefreshError, MetadataError, NoRuntime, RefreshError};
pub use health::{Health, IssuerHealth, SourceState};
pub use settings::{MAX_WAITERS_OF_CANDIDATES, MAX_WAITERS_PER_SERVER, RefreshSettings, TenantSettings};
#[cfg(feature = "remote")]
pub use {
    by_kid::KidForm,
    tenants::{TenantKeys, TenantResolver},
};

pub(crate) use fixed::FixedKeys;
pub(crate) use key_source::{KeyAnswer, KeySource};
#[cfg(not(feature = "remote"))]
pub(crate) use without_remote::{KeyWait, KeysByKid, RemoteKeys, Tenant, Tenants};
#[cfg(feature = "remote")]
pub(crate) use {
    by_kid::{ByKidConfig, KeysByKid, KidUrls},
    discovery::Discovery,
    load::KeyLocation,
    pattern::TenantPattern,
    permits::{IssuerCounts, WaiterPools},
    remote::{KeyWait, RemoteConfig, RemoteKeys, random},
    tenants::{Tenant, TenantList, Tenants, TenantsConfig},
};
