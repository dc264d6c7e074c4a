//! Every number of the refresher.

use std::time::Duration;

use crate::keys::MAX_KEYS;

/// More redirects are a loop.
const MAX_REDIRECTS: u8 = 5;

/// The most requests of one server that wait for keys at the same moment, over all its issuers.
///
/// Where a server has both configured issuers and tenants, half of them are for the configured
/// issuers alone. Of each half, one half is divided equally among the issuers, and the other is for
/// those that need more. Each issuer has at least one, so it is more for more issuers than that.
pub const MAX_WAITERS_PER_SERVER: usize = 4096;

/// Of these, the most for tenants whose keys have verified nothing yet, over all patterns: anyone can
/// make up such tenants. They are divided in the same way.
pub const MAX_WAITERS_OF_CANDIDATES: usize = 256;

/// How keys from the network are kept fresh: each number, with its default.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::source::RefreshSettings;
///
/// let settings = RefreshSettings::default().hard_bound(Duration::from_secs(3600));
/// # let _ = settings;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshSettings {
    /// How long a key set is fresh when its response does not say: 5 minutes.
    pub default_freshness: Duration,
    /// The least freshness that a response's `max-age` (less its `Age`) can ask for: 1 minute, so
    /// that `max-age=0` does not turn into a fetch per request.
    pub min_freshness: Duration,
    /// The most freshness that a response can ask for: 15 minutes, so that a removed key is noticed.
    pub max_freshness: Duration,
    /// Jitter in percent, 10 by default, at most 50. A refresh starts ahead of expiry, at
    /// 100 % − 2 × jitter to 100 % of the freshness; a back-off varies by ± jitter. It keeps a
    /// fleet from asking in step.
    pub jitter_percent: u8,
    /// How long after the start of the last fetch that succeeded (200 or 304) its keys are still
    /// served: 6 hours, by the monotonic or the wall clock, whichever says more. A key removed by its
    /// issuer lives that long when the issuer cannot be reached; past it, requests are answered 503.
    pub hard_bound: Duration,
    /// The deadline of one whole refresh, discovery included: 5 seconds.
    pub fetch_timeout: Duration,
    /// The largest document accepted, in bytes: 256 KiB, several times the largest key set seen.
    pub max_body: usize,
    /// How many keys for signatures a key set may have: 100. Entries that cannot be used do not count;
    /// with more, the set is refused and the old one kept.
    pub max_keys: usize,
    /// How many redirects of one fetch are followed, as long as they stay within the origin (scheme,
    /// host and port) of the URL: none. The first
    /// request and those that follow have one deadline together.
    pub max_redirects: u8,
    /// The wait after the first failure; it doubles with each further one: 1 second.
    pub min_backoff: Duration,
    /// The longest wait after a failure, give or take the jitter; it also caps a `Retry-After`: 60 seconds.
    pub max_backoff: Duration,
    /// How many fetches unknown keys may cause at once: 5. Never zero.
    pub unknown_key_burst: u32,
    /// How long until such a fetch is earned again: 10 seconds.
    pub unknown_key_interval: Duration,
    /// How recent the start of a successful fetch must be to count as evidence that a key does not
    /// exist when no further fetch may be made: 10 seconds.
    pub evidence_window: Duration,
    /// How long a request waits when its key is unknown: 1 second.
    pub unknown_key_wait: Duration,
    /// How long a request waits when there are no keys at all: 2 seconds.
    pub cold_wait: Duration,
    /// How many requests may wait on this issuer at the same moment: 1 024, within what is divided
    /// among all of them ([`MAX_WAITERS_PER_SERVER`]).
    pub max_waiters: usize,
    /// How old the issuer's metadata may become before a scheduled refresh reads it again: 1 hour.
    /// Refreshes for an unknown key that find nothing new, and failed ones, read it at once.
    pub rediscover_after: Duration,
}

setters!(RefreshSettings {
    default_freshness: Duration,
    min_freshness: Duration,
    max_freshness: Duration,
    jitter_percent: u8,
    hard_bound: Duration,
    fetch_timeout: Duration,
    max_body: usize,
    max_keys: usize,
    max_redirects: u8,
    min_backoff: Duration,
    max_backoff: Duration,
    unknown_key_burst: u32,
    unknown_key_interval: Duration,
    evidence_window: Duration,
    unknown_key_wait: Duration,
    cold_wait: Duration,
    max_waiters: usize,
    rediscover_after: Duration,
});

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            default_freshness: Duration::from_secs(5 * 60),
            min_freshness: Duration::from_secs(60),
            max_freshness: Duration::from_secs(15 * 60),
            jitter_percent: 10,
            hard_bound: Duration::from_secs(6 * 3600),
            fetch_timeout: Duration::from_secs(5),
            max_body: 256 * 1024,
            max_keys: MAX_KEYS,
            max_redirects: 0,
            min_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            unknown_key_burst: 5,
            unknown_key_interval: Duration::from_secs(10),
            evidence_window: Duration::from_secs(10),
            unknown_key_wait: Duration::from_secs(1),
            cold_wait: Duration::from_secs(2),
            max_waiters: 1024,
            rediscover_after: Duration::from_secs(3600),
        }
    }
}

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
            self.max_freshness < self.hard_bound,
            "refresh settings: max_freshness reaches the hard_bound; keep it well below, or keys die before they are refreshed",
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

/// The bounds on the tenants of a pattern: each number, with its default.
///
/// ```
/// use tower_resource_server::source::TenantSettings;
///
/// let settings = TenantSettings::default().max_live(1_000);
/// # let _ = settings;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantSettings {
    /// How many tenants that work are kept, each with its keys and a task that refreshes them: 200.
    /// Beyond it, the one that was used least recently leaves; it is resolved again when it comes
    /// back.
    pub max_live: usize,
    /// How many tenants are kept whose keys have verified nothing yet: 32. Beyond it, and while all
    /// of them are being fetched, tokens of a new tenant are answered 503.
    pub max_candidates: usize,
    /// After how much time without a token a tenant is no longer refreshed, and makes room: 1 hour.
    pub idle: Duration,
    /// How many tenants may be resolved at once, over all tenants of the pattern: 20. One that turns
    /// out to work gives its token back, so only those that lead nowhere count. While made-up
    /// names spend it, a tenant that is not here yet is answered 503 and comes again; those that work
    /// notice nothing.
    pub first_fetch_burst: u32,
    /// How long until another may be: 1 second.
    pub first_fetch_interval: Duration,
}

setters!(TenantSettings {
    max_live: usize,
    max_candidates: usize,
    idle: Duration,
    first_fetch_burst: u32,
    first_fetch_interval: Duration,
});

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            max_live: 200,
            max_candidates: 32,
            idle: Duration::from_secs(3600),
            first_fetch_burst: 20,
            first_fetch_interval: Duration::from_secs(1),
        }
    }
}

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

#[cfg(test)]
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
