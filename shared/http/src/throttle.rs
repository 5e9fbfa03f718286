//! Limits per address: counted in the store, so that they hold across instances and cold starts.

use crate::client::Client;
use crate::config::Rate;
use crate::{App, Error};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use doorward_core::clock::Timestamp;
use doorward_store::Taken;

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

/// How much of a limit is left, for the answer's `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    name: &'static str,
    rate: Rate,
    remaining: u32,
    /// Seconds until the window ends, at least one.
    reset: u64,
}

/// Counts a request of an address. `Ok(None)` where nothing is limited, `Err` with the quota where it is used up.
///
/// Windows are aligned: a limit of 5 a minute lets through at most 5 in each minute of the clock.
///
/// # Errors
/// When the limit is reached, or the store is unavailable: a limit that cannot be counted lets nobody through.
pub async fn take(app: &App, limited: Limited, client: &Client) -> Result<Option<Quota>, Error> {
    let Some(rate) = limited.rate(app) else { return Ok(None) };
    let now = app.clock.now();
    let window = i64::from(rate.seconds);
    let end = Timestamp::from_seconds((now.seconds().div_euclid(window) + 1) * window);
    let reset = end.since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    let subject = format!("{}#{}", limited.name(), client.address.network());
    let quota = |remaining| Quota { name: limited.name(), rate, remaining, reset };
    match app.store.limits.take(&subject, end, rate.requests, &client.request).await? {
        Taken::Counted(count) => Ok(Some(quota(rate.requests.saturating_sub(count)))),
        Taken::Full => Err(Error::TooManyRequests(quota(0))),
    }
}

impl Quota {
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
    /// What was left when the request was counted, if it was.
    pub quota: Option<Quota>,
    /// What came of it.
    pub outcome: Result<T, Error>,
}

impl<T: IntoResponse> IntoResponse for Metered<T> {
    fn into_response(self) -> Response {
        let mut response = self.outcome.into_response();
        if let Some(quota) = self.quota {
            quota.describe(response.headers_mut());
        }
        response
    }
}
