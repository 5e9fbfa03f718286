//! Time: a value wherever something is decided, a [`Clock`] where it is read.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 1970-01-01T00:00:00Z
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// What four digits of a year reach: 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

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

    /// Takes a time by RFC 3339 (§5.6), with a space for the `T` as well, and what its year can be written in. Of a fraction,
    /// milliseconds are kept; a leap second is the one before.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
        if !has_shape(local, "0000-00-00T00:00:00") {
            return None;
        }
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).filter(|length| *length > 0)?),
            None => ("", rest),
        };
        let seconds = local.parse::<DateTime>().ok()?.duration_since(EPOCH).as_secs() - offset(zone)?;
        let millis = seconds * 1000 + format!("{fraction:0<3.3}").parse::<i64>().ok()?;
        WRITABLE.contains(&millis).then_some(Self(millis))
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

/// RFC 3339 in UTC with `Z`: three digits of a fraction, or none for a whole second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = EPOCH.checked_add(SignedDuration::from_millis(self.0)).map_err(|_| fmt::Error)?;
        let digits = if self.0 % 1000 == 0 { 0 } else { 3 };
        write!(f, "{time:.digits$}Z")
    }
}

/// Whether a text is the shape's, where `0` is any digit, and `T` is what parts a date from a time.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't' | b' '),
            _ => byte == like,
        })
}

/// How many seconds a zone's clocks are ahead of UTC: `time-offset` of RFC 3339 §5.6.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = zone.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':').filter(|_| has_shape(clock, "00:00"))?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    let seconds = (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60)?;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
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
    use proptest::prelude::*;

    #[test]
    fn what_is_no_time_of_rfc_3339_is_refused() {
        for text in [
            "",
            "yesterday",
            "1700000000",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00.",
            "2030-01-01T00:00:00.5",
            "2030-01-01T00:00:00.Z",
            "2030-01-01T00:00:00,5Z",
            "20300101T000000Z",
            "2030-01-01T000000Z",
            "2030-01-01T00Z",
            "2030-01-01T00:00Z",
            "2030-W01-1T00:00:00Z",
            "+002030-01-01T00:00:00Z",
            "-009998-01-02T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "2030-01-01T00:00:00Z[Europe/Berlin]",
            "2030-01-01T00:00:00+01:00[Europe/Berlin]",
            "2030-01-01T00:00:00+02",
            "2030-01-01T00:00:00+0200",
            "2030-01-01T00:00:00+02:00:00",
            "2030-01-01T00:00:00+1:00",
            "2030-01-01T00:00:00+01:0",
            "2030-01-01T00:00:00++1:00",
            "2030-1-001T00:00:00Z",
            "2030-01-01T00:00:0.0Z",
            "2030-01-01T00:00:00+24:00",
            "2030-01-01T00:00:00+25:59",
            "2030-01-01T00:00:00+01:60",
            "2030-01-01T00:00:00\u{2212}01:00",
            "2030-01-01T00:00:00 Z",
            " 2030-01-01T00:00:00Z",
            "2030-01-01T00:00:00Z ",
            "2030-01-01T00:00:00ZZ",
            "2030-01-01_00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:60:00Z",
            "2030-01-01T00:00:61Z",
            "2030-13-01T00:00:00Z",
            "2030-00-01T00:00:00Z",
            "2030-02-29T00:00:00Z",
            "2030-01-01T00:00:0\u{661}Z",
            // Years of UTC that four digits do not write.
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_shown_in_utc_with_z_and_a_fraction_of_three_digits_if_any() {
        for (millis, text) in [
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (1_700_000_000_900, "2023-11-14T22:13:20.900Z"),
            (1_700_000_000_009, "2023-11-14T22:13:20.009Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (*WRITABLE.start(), "0000-01-01T00:00:00Z"),
            (*WRITABLE.end(), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
        }
    }

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for (text, shown) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59Z"),
            ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("2030-01-01t00:00:00z", "2030-01-01T00:00:00Z"),
            ("2030-01-01 00:00:00-00:00", "2030-01-01T00:00:00Z"),
            ("2030-01-01T00:00:00+23:59", "2029-12-31T00:01:00Z"),
            ("2030-01-01T00:00:00.5Z", "2030-01-01T00:00:00.500Z"),
            ("2030-01-01T00:00:00.0059999999999Z", "2030-01-01T00:00:00.005Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), Some(shown), "{text}");
        }
    }

    #[test]
    fn a_moment_is_read_from_any_zone() {
        let moment = Timestamp::from_millis(1_700_000_000_123);
        for text in ["2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.123+01:00"] {
            assert_eq!(Timestamp::parse(text), Some(moment), "{text}");
        }
    }

    #[test]
    fn a_clock_by_hand_goes_as_far_as_it_is_turned_and_the_machines_goes_by_itself() {
        let clock = Clock::manual(Timestamp::from_seconds(10));
        clock.advance(Duration::from_millis(2500));
        assert_eq!(clock.now(), Timestamp::from_millis(12_500));
        let before = Clock::System.now();
        Clock::System.advance(Duration::from_hours(1_000));
        assert!(Clock::System.now().since(before) < Duration::from_hours(1));
        assert!(before > Timestamp::from_seconds(1_700_000_000));
    }

    #[test]
    fn a_moment_ahead_is_no_time_ago() {
        let now = Timestamp::from_seconds(10);
        assert_eq!(now.since(now.plus(Duration::from_secs(3))), Duration::ZERO);
        assert_eq!(now.since(now.minus(Duration::from_secs(3))), Duration::from_secs(3));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(millis in WRITABLE) {
            prop_assert_eq!(Timestamp::parse(&Timestamp(millis).to_string()), Some(Timestamp(millis)));
        }

        #[test]
        fn what_is_read_is_shown_alike(text in "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,12})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])") {
            if let Some(time) = Timestamp::parse(&text) {
                prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
            }
        }
    }
}
