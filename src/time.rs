//! Time, as a value and as a seam.
//!
//! Nothing in this crate asks the operating system for the time except [`SystemClock`], and only
//! the modules that wait or serve requests (`source/`, `server/`) call it; every rule takes `now` as
//! an argument. That makes each verdict a function of its inputs, and lets tests drive hours of
//! key rotation and token expiry without sleeping.

use std::{cell::OnceCell, fmt, future::Future, pin::Pin, sync::OnceLock, time::Duration};

/// A moment in wall-clock time: the seconds, with fraction, since 1970-01-01T00:00:00Z.
///
/// This is the `NumericDate` of [RFC 7519 section 2], which may carry a fraction. Arithmetic
/// saturates, so no claim can overflow it.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::time::UnixTime;
///
/// let issued = UnixTime::from_secs(1_700_000_000);
/// assert_eq!(issued.saturating_add(Duration::from_secs(60)).as_secs(), 1_700_000_060);
/// ```
///
/// [RFC 7519 section 2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(Duration);

impl UnixTime {
    /// The moment `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The moment `since_epoch` after the epoch.
    #[must_use]
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The moment `secs` seconds after the epoch; `None` unless `secs` is finite and not negative.
    ///
    /// A number too large for any date saturates: a token "valid for ever" is still a number.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Option<Self> {
        if !secs.is_finite() || secs < 0.0 {
            return None;
        }
        Some(Self(Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)))
    }

    /// Whole seconds since the epoch, the fraction cut off.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// This moment moved into the future, held at the end of time.
    #[must_use]
    pub const fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// This moment moved into the past, held at the epoch.
    #[must_use]
    pub const fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())
    }
}

/// A pending [`Clock::sleep_until`].
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time comes from.
///
/// Wall time judges tokens; monotonic time judges ages and deadlines of our own, so that a wall clock
/// that is set back revives nothing. One age is the larger of what both say: how long keys are
/// served that cannot be refreshed, since monotonic time stands still while a machine is suspended.
/// [`SystemClock`] is the one for production; the feature `test-util` brings a `ManualClock` that
/// tests move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock time.
    fn unix(&self) -> UnixTime;

    /// The time since an arbitrary fixed origin; never goes back.
    fn monotonic(&self) -> Duration;

    /// Completes once [`monotonic`](Self::monotonic) has reached `deadline`.
    fn sleep_until(&self, deadline: Duration) -> Sleep;
}

/// The two clocks at one moment. Each is read when it is first asked for, since most requests need one
/// and what is no token needs none.
pub(crate) struct Now<'c> {
    clock: &'c dyn Clock,
    unix: OnceCell<UnixTime>,
    monotonic: OnceCell<Duration>,
}

impl<'c> Now<'c> {
    pub(crate) const fn new(clock: &'c dyn Clock) -> Self {
        Self { clock, unix: OnceCell::new(), monotonic: OnceCell::new() }
    }

    pub(crate) fn unix(&self) -> UnixTime {
        *self.unix.get_or_init(|| self.clock.unix())
    }

    pub(crate) fn monotonic(&self) -> Duration {
        *self.monotonic.get_or_init(|| self.clock.monotonic())
    }

    pub(crate) fn clocks(&self) -> Clocks {
        Clocks { monotonic: self.monotonic(), unix: self.unix() }
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) monotonic: Duration,
    pub(crate) unix: UnixTime,
}

#[cfg(feature = "remote")]
impl Clocks {
    pub(crate) fn read(clock: &dyn Clock) -> Self {
        Self { monotonic: clock.monotonic(), unix: clock.unix() }
    }

    /// How long after `earlier` this is, by the clock that says more: monotonic time stands still
    /// while a machine is suspended, and wall time may be set back.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.monotonic.saturating_sub(earlier.monotonic).max(self.unix.since(earlier.unix))
    }
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn unix(&self) -> UnixTime {
        // A clock set before 1970 reads as the epoch: every `nbf` and `iat` then lies in the
        // future and tokens are refused, which is the safe side.
        UnixTime(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
        ORIGIN.get_or_init(std::time::Instant::now).elapsed()
    }

    /// Uses tokio's timer when the future is made inside a tokio runtime, otherwise a thread that
    /// sleeps.
    ///
    /// # Panics
    /// Inside a tokio runtime that was built without timers (`enable_time` or `enable_all`).
    fn sleep_until(&self, deadline: Duration) -> Sleep {
        let wait = deadline.saturating_sub(self.monotonic());
        #[cfg(feature = "remote")]
        if tokio::runtime::Handle::try_current().is_ok() {
            return Box::pin(tokio::time::sleep(wait));
        }
        Box::pin(thread_sleep(wait))
    }
}

/// Sleeps on a thread of its own: for runtimes that are not tokio.
async fn thread_sleep(wait: Duration) {
    use std::{
        sync::{Arc, Condvar, Mutex, PoisonError},
        task::{Poll, Waker},
    };

    #[derive(Default)]
    struct Shared {
        done: bool,
        waker: Option<Waker>,
    }

    /// Ends the thread with the wait, however that ends.
    struct Ending(Arc<(Mutex<Shared>, Condvar)>);

    impl Drop for Ending {
        fn drop(&mut self) {
            let (shared, ended) = &*self.0;
            shared.lock().unwrap_or_else(PoisonError::into_inner).done = true;
            ended.notify_one();
        }
    }

    let ending = Ending(Arc::default());
    let timer = Arc::clone(&ending.0);
    let sleeper = std::thread::Builder::new().spawn(move || {
        let (shared, ended) = &*timer;
        let shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = ended.wait_timeout_while(shared, wait, |shared| !shared.done);
        let (mut shared, _) = waited.unwrap_or_else(PoisonError::into_inner);
        shared.done = true;
        if let Some(waker) = shared.waker.take() {
            waker.wake();
        }
    });
    if sleeper.is_err() {
        // No thread to be had: too early is better than never.
        return;
    }
    let (shared, _) = &*ending.0;
    std::future::poll_fn(|cx| {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.done {
            return Poll::Ready(());
        }
        shared.waker = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

/// A span of time, to the two largest units that it fills.
pub(crate) fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = span.as_secs();
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = left / unit;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}"));
        }
        left %= unit;
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// How far away a moment is.
pub(crate) fn distance(date: UnixTime, now: UnixTime) -> String {
    match (date.since(now), now.since(date)) {
        (Duration::ZERO, Duration::ZERO) => "now".to_owned(),
        (Duration::ZERO, past) => format!("{} ago", span(past)),
        (future, _) => format!("in {}", span(future)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "remote")]
    #[test]
    fn an_age_is_the_larger_of_what_the_clocks_say() {
        let at = |monotonic, unix| Clocks {
            monotonic: Duration::from_secs(monotonic),
            unix: UnixTime::from_secs(unix),
        };
        for (name, monotonic, unix, age) in [
            ("at once", 100, 1000, 0),
            ("both went on", 130, 1030, 30),
            ("the machine was suspended", 130, 5000, 4000),
            ("the wall clock was set back", 130, 7, 30),
        ] {
            assert_eq!(at(monotonic, unix).since(at(100, 1000)).as_secs(), age, "{name}");
        }
    }

    #[test]
    fn numeric_dates_saturate_and_refuse_what_is_no_date() {
        assert_eq!(UnixTime::from_secs_f64(1.5).map(UnixTime::as_secs), Some(1));
        assert_eq!(UnixTime::from_secs_f64(1e300), Some(UnixTime(Duration::MAX)));
        for bad in [-1.0, -0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(UnixTime::from_secs_f64(bad), None, "{bad}");
        }
        let end = UnixTime(Duration::MAX);
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        assert_eq!(UnixTime::from_secs(1).saturating_sub(Duration::from_secs(2)), UnixTime::default());
    }

    #[test]
    fn spans_are_told_in_two_units() {
        for (secs, expected) in [
            (0, "0 s"),
            (1, "1 s"),
            (60, "1 min"),
            (3_599, "59 min 59 s"),
            (3_601, "1 h 1 s"),
            (90_061, "1 d 1 h"),
            (604_800, "7 d"),
        ] {
            assert_eq!(span(Duration::from_secs(secs)), expected, "{secs}");
        }
        let now = UnixTime::from_secs(100);
        for (at, expected) in [(100, "now"), (40, "1 min ago"), (105, "in 5 s")] {
            assert_eq!(distance(UnixTime::from_secs(at), now), expected, "{at}");
        }
    }
}
