//! What is counted, with the feature `metrics` and through the facade of that name; without the
//! feature, nothing is, and nothing is left of it on the way of a request.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | [`AUTHENTICATIONS`] | counter | `result`, `verified` |
//! | [`CACHE`] | counter | `result`: `hit` or `miss` |
//! | [`KEY_FETCHES`] | counter | `issuer`; `outcome`: `changed`, `unchanged` or `failed` |
//! | [`KEY_AGE`] | gauge, in seconds | `issuer` |
//!
//! - `result` of an authentication is `good`, or the
//!   [code of the reason](crate::http::Reason::code) against the request. `verified` is `yes` where
//!   the signature was good, and `no` where anybody may have written what was found: a thousand
//!   `expired` with `verified="no"` may be one prankster. A good token without the scope of an
//!   operation counts twice: as `good`, and as `insufficient_scope`. `no_credentials` counts
//!   requests without any, those that were let through as anonymous included.
//! - A hit or a miss is counted once for each look-up on behalf of a request.
//! - The age of the keys is as of the last fetch, and while fetches fail there is one a minute at
//!   least.
//! - Labels are bounded: `issuer` is a name as configured (for tenants their pattern, and no age);
//!   the rest are fixed words. No text of a token or a response becomes a label.

#[cfg(feature = "remote")]
use std::{sync::Arc, time::Duration};

/// Verdicts on requests.
pub const AUTHENTICATIONS: &str = "resource_server_authentications_total";
/// Look-ups in the cache of verified tokens.
pub const CACHE: &str = "resource_server_token_cache_total";
/// Fetches of keys that came to an end.
pub const KEY_FETCHES: &str = "resource_server_key_fetches_total";
/// How long ago the last successful fetch started, in seconds.
pub const KEY_AGE: &str = "resource_server_key_age_seconds";

#[cfg(feature = "metrics")]
mod counting {
    use super::{AUTHENTICATIONS, CACHE};
    #[cfg(feature = "remote")]
    use super::{Arc, Duration, KEY_AGE, KEY_FETCHES};

    pub(crate) fn good() {
        metrics::counter!(AUTHENTICATIONS, "result" => "good", "verified" => "yes").increment(1);
    }

    pub(crate) fn refused(code: &'static str, verified: bool) {
        let verified = if verified { "yes" } else { "no" };
        metrics::counter!(AUTHENTICATIONS, "result" => code, "verified" => verified).increment(1);
    }

    pub(crate) fn cache(hit: bool) {
        // Two calls with labels that are constants: those that are computed cost an allocation.
        if hit {
            metrics::counter!(CACHE, "result" => "hit").increment(1);
        } else {
            metrics::counter!(CACHE, "result" => "miss").increment(1);
        }
    }

    #[cfg(feature = "remote")]
    pub(crate) fn fetched(issuer: &Arc<str>, outcome: &'static str, age: Option<Duration>) {
        let issuer = metrics::SharedString::from_shared(Arc::clone(issuer));
        metrics::counter!(KEY_FETCHES, "issuer" => issuer.clone(), "outcome" => outcome).increment(1);
        if let Some(age) = age {
            metrics::gauge!(KEY_AGE, "issuer" => issuer).set(age.as_secs_f64());
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod counting {
    #[cfg(feature = "remote")]
    use super::{Arc, Duration};

    pub(crate) const fn good() {}

    pub(crate) const fn refused(_: &'static str, _: bool) {}

    pub(crate) const fn cache(_: bool) {}

    #[cfg(feature = "remote")]
    pub(crate) const fn fetched(_: &Arc<str>, _: &'static str, _: Option<Duration>) {}
}

pub(crate) use counting::*;
