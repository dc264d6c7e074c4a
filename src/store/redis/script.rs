//! The two scripts that run in the store, each as one step that nothing comes between.
//!
//! All times are milliseconds since 1970, and "now" is the clock of the store, so that every instance is judged by
//! one clock. The key of an epoch holds three words: the process that holds the ids, when it began to, and until
//! when what was issued is refused.

use std::time::Duration;

/// How far the `issued` of an id may be ahead of the store's clock: what the window and the leeway of proofs make
/// possible, and a bound on how long ids are refused that are issued after a loss.
pub(super) const MAX_AHEAD: Duration = Duration::from_secs(600);

/// How long after its end an id is still known, for instances whose clocks are behind.
pub(super) const KEPT_BEYOND: Duration = Duration::from_secs(60);

/// How long after the beginning of an epoch nothing is taken, and what was issued until then never: until each
/// instance has noticed it, and none takes the process before for the primary any longer.
pub(super) const SETTLING: Duration = Duration::from_secs(1);

const NOW: &str = "local t = redis.call('TIME')
local now = t[1] * 1000 + (t[2] - t[2] % 1000) / 1000
local epoch = redis.call('GET', KEYS[1]) or ''
local run, began, bar = string.match(epoch, '^(%S+) (%d+) (%d+)$')
local function text(number) return string.format('%.0f', number) end
";

/// What is asked about an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Spend,
    /// Whether it was spent.
    Look,
}

impl Question {
    /// As the script takes it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::Look => "look",
        }
    }
}

/// Spends an id, or looks for it. Keys: the epoch, the id. Arguments: the process that is asked, until when it is known to
/// be the primary, when the id was issued, when it ends, and the [`Question`].
pub(super) fn ask() -> String {
    format!(
        "{NOW}
if now >= tonumber(ARGV[2]) then return 'unconfirmed' end
if run ~= ARGV[1] then return 'emptied' end
local issued, ends, bar = tonumber(ARGV[3]), tonumber(ARGV[4]) + {beyond}, tonumber(bar)
if issued > now + {ahead} or ends <= now then return 'clock' end
if now <= bar or issued <= bar then return 'forgotten' end
if ARGV[5] == '{look}' then return redis.call('GET', KEYS[2]) and 'again' or 'good' end
if redis.call('SET', KEYS[2], '', 'NX', 'PX', text(ends - now)) then return 'good' end
return 'again'",
        look = Question::Look.word(),
        beyond = KEPT_BEYOND.as_millis(),
        ahead = MAX_AHEAD.as_millis(),
    )
}

/// Begins an epoch where there is none of this process. Key: the epoch. Arguments: the process that is asked; the
/// beginning of the epoch that the instance knows, or 0; the latest `issued` that the instance has had spent.
///
/// An instance that knows another epoch tells what it has had spent under that: a client may date ahead.
pub(super) fn begin() -> String {
    format!(
        "{NOW}
local write = run ~= ARGV[1]
if write then began, bar = text(now), text(now + {settling}) end
local high = math.min(tonumber(ARGV[3]), now + {ahead})
if ARGV[2] ~= '0' and ARGV[2] ~= began and high > tonumber(bar) then bar, write = text(high), true end
if write then redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. began .. ' ' .. bar) end
return {{began, bar, text(now)}}",
        settling = SETTLING.as_millis(),
        ahead = MAX_AHEAD.as_millis(),
    )
}
