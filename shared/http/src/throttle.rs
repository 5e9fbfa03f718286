//! Limits per address: counted in the store, so that they hold across instances and cold starts.

use crate::client::Client;
use crate::config::Rate;
use crate::{App, Error};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use doorward_core::clock::Timestamp;
use doorward_core::second_factor::{CodeRate, WrongCodes};
use doorward_store::Taken;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Passwords on `/token`.
    Login,
    /// Sign-ups.
    SignUp,
    /// The sample of a limited route: 5 a minute.
    Sample,
}

impl Limited {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SignUp => "sign-up",
            Self::Sample => "sample",
        }
    }

    fn rate(self, app: &App) -> Option<Rate> {
        match self {
            Self::Login => app.config.login_rate,
            Self::SignUp => app.config.sign_up_rate,
            Self::Sample => Some(Rate { requests: 5, seconds: 60 }),
        }
    }
}

fn seconds_until(end: Timestamp, now: Timestamp) -> u64 {
    end.since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// How much of a limit is left, for the answer's `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    name: &'static str,
    rate: Rate,
    remaining: u32,
    /// Seconds until the window ends, at least one.
    reset: u64,
}

/// Windows that this process has found full: until they end they are answered from here, so that a flood costs no store.
#[derive(Debug, Default)]
pub struct FullWindows(Mutex<HashMap<String, Timestamp>>);

impl FullWindows {
    /// More than these are forgotten: they cost a call of the store then, and nothing else.
    const MOST: usize = 10_000;

    fn has(&self, subject: &str, end: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(subject) == Some(&end)
    }

    fn remember(&self, subject: String, end: Timestamp, now: Timestamp) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= Self::MOST {
            windows.retain(|_, end| *end > now);
        }
        if windows.len() >= Self::MOST {
            windows.clear();
        }
        windows.insert(subject, end);
    }
}

/// The window that a request falls in.
struct Window {
    name: &'static str,
    rate: Rate,
    subject: String,
    now: Timestamp,
    end: Timestamp,
}

impl Window {
    /// Windows are aligned: a limit of 5 a minute lets through at most 5 in each minute of the clock.
    fn of(app: &App, limited: Limited, client: &Client) -> Option<Self> {
        let rate = limited.rate(app)?;
        let now = app.clock.now();
        let seconds = i64::from(rate.seconds);
        let end = Timestamp::from_seconds((now.seconds().div_euclid(seconds) + 1) * seconds);
        let name = limited.name();
        Some(Self { name, rate, subject: format!("{name}#{}", client.address.network()), now, end })
    }

    fn quota(&self, remaining: u32) -> Quota {
        Quota { name: self.name, rate: self.rate, remaining, reset: seconds_until(self.end, self.now) }
    }

    fn refuse_if_known_full(&self, app: &App) -> Result<(), Error> {
        let known = app.full_windows.has(&self.subject, self.end);
        if known { Err(Error::TooManyRequests(self.quota(0))) } else { Ok(()) }
    }
}

/// Refuses a request of an address whose limit this process knows to be reached, before anything is read.
///
/// # Errors
/// When it is.
pub fn refuse_if_known_full(app: &App, limited: Limited, client: &Client) -> Result<(), Error> {
    Window::of(app, limited, client).map_or(Ok(()), |window| window.refuse_if_known_full(app))
}

/// Counts a request of an address. `Ok(None)` where nothing is limited, `Err` with the quota where it is used up.
///
/// # Errors
/// When the limit is reached, or the store is unavailable: a limit that cannot be counted lets nobody through.
pub async fn take(app: &App, limited: Limited, client: &Client) -> Result<Option<Quota>, Error> {
    let Some(window) = Window::of(app, limited, client) else { return Ok(None) };
    window.refuse_if_known_full(app)?;
    let Window { rate, subject, now, end, .. } = &window;
    match app.store.limits.take(subject, *end, rate.requests, &client.request).await? {
        Taken::Counted(count) => Ok(Some(window.quota(rate.requests.saturating_sub(count)))),
        Taken::Full => {
            app.full_windows.remember(subject.clone(), *end, *now);
            Err(Error::TooManyRequests(window.quota(0)))
        }
    }
}

/// How much of a limit an address has left, without counting. `None` where nothing is limited, or the store does not say.
async fn left(app: &App, limited: Limited, client: &Client) -> Option<Quota> {
    let window = Window::of(app, limited, client)?;
    if window.refuse_if_known_full(app).is_err() {
        return Some(window.quota(0));
    }
    let count = app.store.limits.count(&window.subject, window.end).await.ok()?;
    Some(window.quota(window.rate.requests.saturating_sub(count)))
}

impl Quota {
    /// How many wrong codes an account may have still.
    #[must_use]
    pub fn of_codes(rate: CodeRate, wrong: WrongCodes, now: Timestamp) -> Self {
        let WrongCodes { count, window_ends_at } = wrong.remembered(now);
        let window = rate.window.as_secs();
        Self {
            name: "otp",
            rate: Rate { requests: rate.most, seconds: window.try_into().unwrap_or(u32::MAX) },
            remaining: rate.most.saturating_sub(count),
            reset: window_ends_at.map_or(window, |end| seconds_until(end, now)),
        }
    }

    /// A limit that is used up, as an example.
    pub(crate) const fn sample() -> Self {
        Self { name: "login", rate: Rate { requests: 5, seconds: 60 }, remaining: 0, reset: 42 }
    }

    /// `Retry-After` (RFC 9110 §10.2.3), in seconds.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        self.reset
    }

    /// Says in the answer how much is left.
    pub fn describe(&self, headers: &mut HeaderMap) {
        let Self { name, rate, remaining, reset } = self;
        let policy = format!("\"{name}\";q={};w={}", rate.requests, rate.seconds);
        let left = format!("\"{name}\";r={remaining};t={reset}");
        for (header, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        }
    }
}

/// The answer of a limited route: whatever it is, it says how much is left.
pub struct Metered<T> {
    /// What is left.
    pub quota: Option<Quota>,
    /// What came of it.
    pub outcome: Result<T, Error>,
}

impl<T> Metered<T> {
    /// A refusal of what is not worth counting.
    pub async fn uncounted(app: &App, limited: Limited, client: &Client, refusal: Error) -> Self {
        Self { quota: left(app, limited, client).await, outcome: Err(refusal) }
    }
}

impl<T: IntoResponse> IntoResponse for Metered<T> {
    fn into_response(self) -> Response {
        // A refusal for another limit speaks of that one.
        let quota = self.quota.filter(|_| !matches!(self.outcome, Err(Error::TooManyRequests(_))));
        let mut response = self.outcome.into_response();
        if let Some(quota) = quota {
            quota.describe(response.headers_mut());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_many_addresses_takes_no_more_memory_than_ten_thousand() {
        let (windows, now) = (FullWindows::default(), Timestamp::from_seconds(1_800_000_000));
        let end = Timestamp::from_seconds(1_800_000_060);
        for address in 0..3 * FullWindows::MOST {
            windows.remember(format!("login#{address}"), end, now);
            assert!(windows.has(&format!("login#{address}"), end));
            assert!(windows.0.lock().unwrap().len() <= FullWindows::MOST);
        }
        // The next minute, what is over goes, and nothing else.
        let later = Timestamp::from_seconds(1_800_000_120);
        for address in 0..FullWindows::MOST {
            windows.remember(format!("sign-up#{address}"), later, end);
        }
        assert!((0..FullWindows::MOST).all(|address| windows.has(&format!("sign-up#{address}"), later)));
    }
}
