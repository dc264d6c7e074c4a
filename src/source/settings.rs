//! Every number of the refresher, and of the tenants of a pattern.

use std::time::Duration;

use crate::keys::MAX_KEYS;

/// More redirects are a loop.
#[cfg(feature = "remote")]
const MAX_REDIRECTS: u8 = 5;

/// How long until a bad signature may cause a fetch again, where it
/// [may](RefreshSettings::refetch_on_bad_signature): anyone can make one, and a provider that exchanges keys
/// under one name does so by the day.
#[cfg(feature = "remote")]
pub(super) const BAD_SIGNATURE_INTERVAL: Duration = Duration::from_secs(60);

/// The most requests of one server that wait for keys at the same moment, over all its issuers.
///
/// Where a server has both configured issuers and tenants, half of them are for the configured
/// issuers alone. Of each half, one half is divided equally among the issuers, and the other is for
/// those that need more. Each issuer has at least one, so it is more for more issuers than that.
pub const MAX_WAITERS_PER_SERVER: usize = 4096;

/// Of these, the most for tenants whose keys have verified nothing yet, over all patterns: anyone can
/// make up such tenants. They are divided in the same way.
pub const MAX_WAITERS_OF_CANDIDATES: usize = 256;

/// A struct of settings: each with its default, and with a setter of its name.
macro_rules! settings {
    (
        $(#[$of_struct:meta])*
        pub struct $Name:ident {
            $($(#[$of_field:meta])* $field:ident: $Type:ty = $default:expr,)*
        }
    ) => {
        $(#[$of_struct])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $Name {
            $($(#[$of_field])* pub $field: $Type,)*
        }

        impl Default for $Name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $Name {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $Type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

settings! {
    /// How keys from the network are kept fresh: each number, with its default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::source::RefreshSettings;
    ///
    /// let settings = RefreshSettings::default().stale_if_error(Duration::from_secs(3600)).max_keys(200);
    /// assert_eq!(settings.max_keys, 200);
    /// ```
    pub struct RefreshSettings {
        /// How long a key set is fresh when its response does not say: 5 minutes.
        default_freshness: Duration = Duration::from_secs(5 * 60),
        /// The least freshness that a response's `max-age` (less its `Age`) can ask for: 1 minute, so
        /// that `max-age=0` does not turn into a fetch per request.
        min_freshness: Duration = Duration::from_secs(60),
        /// The most freshness that a response can ask for: 15 minutes, so that a removed key is noticed.
        max_freshness: Duration = Duration::from_secs(15 * 60),
        /// Jitter in percent, 10 by default, at most 50. A refresh starts ahead of expiry, at
        /// 100 % − 2 × jitter to 100 % of the freshness; a back-off varies by ± jitter. It keeps a
        /// fleet from asking in step.
        jitter_percent: u8 = 10,
        /// How long after the start of the last fetch that succeeded (200 or 304) its keys are still
        /// served: 6 hours, by the monotonic or the wall clock, whichever says more. A key removed by its
        /// issuer lives that long when the issuer cannot be reached; past it, requests are answered 503.
        stale_if_error: Duration = Duration::from_secs(6 * 3600),
        /// The deadline of one whole refresh, discovery included: 5 seconds.
        fetch_timeout: Duration = Duration::from_secs(5),
        /// The largest document accepted, in bytes: 256 KiB, several times the largest key set seen.
        max_body: usize = 256 * 1024,
        /// How many keys for signatures a key set may have: 100. Entries that cannot be used do not count;
        /// with more, the set is refused and the old one kept.
        max_keys: usize = MAX_KEYS,
        /// The `use` that keys for tokens have in this document, where it is neither `sig` nor absent (RFC 7517 section
        /// 4.2): `jwt-svid` in a SPIFFE bundle. Keys with another are passed over.
        key_use: Option<Box<str>> = None,
        /// Whether a key set without any usable key revokes all that were there: `false`, so that it is refused and the
        /// old one kept. For issuers that say so, such as trust domains of SPIFFE.
        empty_set_revokes: bool = false,
        /// How many redirects of one fetch are followed, as long as they stay within the origin (scheme,
        /// host and port) of the URL: none. The first
        /// request and those that follow have one deadline together.
        max_redirects: u8 = 0,
        /// The wait after the first failure; it doubles with each further one: 1 second.
        min_backoff: Duration = Duration::from_secs(1),
        /// The longest wait after a failure, give or take the jitter; it also caps a `Retry-After`: 60 seconds.
        max_backoff: Duration = Duration::from_secs(60),
        /// How many fetches unknown keys may cause at once: 5. Never zero.
        unknown_key_burst: u32 = 5,
        /// How long until such a fetch is earned again: 10 seconds.
        unknown_key_interval: Duration = Duration::from_secs(10),
        /// How recent the start of a successful fetch must be to count as evidence that a key does not
        /// exist when no further fetch may be made: 10 seconds.
        evidence_window: Duration = Duration::from_secs(10),
        /// Whether a bad signature under a known `kid` may cause a fetch, at most one a minute: `false`. For
        /// an issuer that exchanges a key and keeps its `kid` (RFC 7517 section 4.5 asks for another): the
        /// exchange is then noticed with the first token of the new key, and not with the next scheduled
        /// refresh. Such a request waits as one does whose key is unknown; once the minute's fetch is spent, a bad
        /// signature is refused at once, as it always is where this is `false`.
        refetch_on_bad_signature: bool = false,
        /// How long a request waits when its key is unknown: 1 second.
        unknown_key_wait: Duration = Duration::from_secs(1),
        /// How long a request waits when there are no keys at all: 2 seconds.
        cold_wait: Duration = Duration::from_secs(2),
        /// How many requests may wait on this issuer at the same moment: 1 024, within what is divided
        /// among all of them ([`MAX_WAITERS_PER_SERVER`]).
        max_waiters: usize = 1024,
        /// How old the issuer's metadata may become before a scheduled refresh reads it again: 1 hour.
        /// Refreshes for an unknown key that find nothing new, and failed ones, read it at once.
        rediscover_after: Duration = Duration::from_secs(3600),
    }
}

#[cfg(feature = "remote")]
impl RefreshSettings {
    /// What contradicts itself, each with what to write instead; empty when all is well.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        require(
            self.min_freshness <= self.max_freshness,
            "refresh settings: min_freshness is above max_freshness; exchange them",
        );
        require(
            self.max_freshness < self.stale_if_error,
            "refresh settings: max_freshness reaches stale_if_error; keep it well below, or keys die before they are refreshed",
        );
        require(self.jitter_percent <= 50, "refresh settings: jitter_percent is above 50; use 10");
        require(
            self.min_backoff <= self.max_backoff,
            "refresh settings: min_backoff is above max_backoff; exchange them",
        );
        require(
            self.unknown_key_burst > 0,
            "refresh settings: unknown_key_burst is 0, so a rotation would lock users out; use 1 or more",
        );
        for (name, value) in [
            ("min_freshness", self.min_freshness),
            ("fetch_timeout", self.fetch_timeout),
            ("min_backoff", self.min_backoff),
            ("unknown_key_interval", self.unknown_key_interval),
        ] {
            require(!value.is_zero(), &format!("refresh settings: {name} is zero; give it a duration"));
        }
        require(self.max_body > 0, "refresh settings: max_body is 0; give it a size in bytes");
        require(
            self.max_keys > 0,
            "refresh settings: max_keys is 0, so that every set is refused; use 1 or more",
        );
        require(
            self.max_redirects <= MAX_REDIRECTS,
            "refresh settings: max_redirects is above 5; a well-known address needs one or two",
        );
        problems
    }
}

settings! {
    /// The bounds on the tenants of a pattern: each number, with its default.
    ///
    /// ```
    /// use tower_resource_server::source::TenantSettings;
    ///
    /// let settings = TenantSettings::default().max_live(1_000);
    /// assert_eq!(settings.max_live, 1_000);
    /// ```
    pub struct TenantSettings {
        /// How many tenants that work are kept, each with its keys and a task that refreshes them: 200.
        /// Beyond it, the one that was used least recently leaves; it is resolved again when it comes
        /// back.
        max_live: usize = 200,
        /// How many tenants are kept whose keys have verified nothing yet: 32. Beyond it, and while all
        /// of them are being fetched, tokens of a new tenant are answered 503.
        max_candidates: usize = 32,
        /// After how much time without a token a tenant is no longer refreshed, and leaves for others: 1 hour.
        idle: Duration = Duration::from_secs(3600),
        /// How many tenants may be resolved at once, over all tenants of the pattern: 20. One that turns
        /// out to work gives its token back, so only those that lead nowhere count. While made-up
        /// names spend it, a tenant that is not here yet is answered 503 and comes again; those that work
        /// notice nothing.
        first_fetch_burst: u32 = 20,
        /// How long until another may be: 1 second.
        first_fetch_interval: Duration = Duration::from_secs(1),
    }
}

#[cfg(feature = "remote")]
impl TenantSettings {
    /// What cannot work, each with what to write instead; empty when all is well.
    pub(crate) fn problems(&self) -> Vec<String> {
        let zero = [
            ("max_live", self.max_live == 0),
            ("max_candidates", self.max_candidates == 0),
            ("idle", self.idle.is_zero()),
            ("first_fetch_burst", self.first_fetch_burst == 0),
            ("first_fetch_interval", self.first_fetch_interval.is_zero()),
        ];
        let zero = zero.into_iter().filter(|(_, is_zero)| *is_zero);
        zero.map(|(name, _)| format!("tenant settings: {name} is zero; give it a value")).collect()
    }
}

#[cfg(all(test, feature = "remote"))]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_together_and_contradictions_are_named() {
        assert_eq!(RefreshSettings::default().problems(), Vec::<String>::new());
        let contradictory = RefreshSettings {
            min_freshness: Duration::from_secs(3600),
            unknown_key_burst: 0,
            fetch_timeout: Duration::ZERO,
            jitter_percent: 51,
            ..RefreshSettings::default()
        };
        let problems = contradictory.problems().join("\n");
        for word in ["min_freshness is above", "unknown_key_burst", "fetch_timeout is zero", "jitter_percent"]
        {
            assert!(problems.contains(word), "{word} is not in {problems}");
        }
    }
}
