//! Time: a value wherever something is decided, a [`Clock`] where it is read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment that many seconds after the epoch, the unit of a JWT's `NumericDate` (RFC 7519 §2).
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Takes a time by RFC 3339.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_millisecond()))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The moment `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long ago `earlier` was; zero when it lies ahead, as it may between two machines' clocks.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The only thing that reads the time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until it is turned: time in tests is never waited for.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.0)))
    }

    /// The time.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // The one place where the machine's clock is read.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(elapsed) => millis(elapsed),
                Err(before) => -millis(before.duration()),
            }),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }

    /// Turns a manual clock on by `duration`; the machine's clock takes no notice.
    pub fn advance(&self, duration: Duration) {
        if let Self::Manual(now) = self {
            now.fetch_add(millis(duration), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_z() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn a_moment_is_read_from_any_zone() {
        let moment = Timestamp::from_millis(1_700_000_000_123);
        for text in ["2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.123+01:00"] {
            assert_eq!(Timestamp::parse(text), Some(moment), "{text}");
        }
        for text in ["", "yesterday", "2023-11-14", "2023-11-14T22:13:20.123", "1700000000"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_ahead_is_no_time_ago() {
        let now = Timestamp::from_seconds(10);
        assert_eq!(now.since(now.plus(Duration::from_secs(3))), Duration::ZERO);
        assert_eq!(now.since(now.minus(Duration::from_secs(3))), Duration::from_secs(3));
    }
}
