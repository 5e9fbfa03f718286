//! Browsers of other origins (the Fetch standard, §3.2): exact origins from the configuration, and nobody else's.

use crate::App;
use axum::http::{HeaderMap, HeaderValue, Method, header};

/// What a browser may be told about a request's origin.
pub(crate) struct Cors {
    /// The request's origin, if it is one of ours.
    allowed: Option<HeaderValue>,
    /// Whether answers differ by origin at all.
    varies: bool,
    /// Whether the request only asks what is allowed.
    pub(crate) is_preflight: bool,
}

impl Cors {
    pub(crate) fn of(app: &App, method: &Method, headers: &HeaderMap) -> Self {
        let origins = &app.config.allowed_origins;
        let allowed =
            headers.get(header::ORIGIN).filter(|origin| origins.iter().any(|known| *origin == known.as_str()));
        Self {
            is_preflight: allowed.is_some()
                && method == Method::OPTIONS
                && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
            allowed: allowed.cloned(),
            varies: !origins.is_empty(),
        }
    }

    pub(crate) fn describe(self, headers: &mut HeaderMap) {
        if self.varies {
            // Beside what else the answer differs by.
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = self.allowed else { return };
        let mut set = |name, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
        set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        if self.is_preflight {
            set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE");
            set(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, X-API-Key");
            set(header::ACCESS_CONTROL_MAX_AGE, "3600");
        }
        set(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, Location, X-Request-Id",
        );
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}
