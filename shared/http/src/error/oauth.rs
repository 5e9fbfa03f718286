use super::{Error, ScopedError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;

/// What a request of the standards dialect is refused for: RFC 6749 §5.2 and RFC 6750 §3.1. The transport's own refusals
/// stay problem documents.
#[derive(Debug)]
pub enum OAuthError {
    /// `invalid_request`, with what is wrong.
    InvalidRequest(&'static str),
    /// `invalid_client`: there is no client authentication, or it is not good.
    InvalidClient {
        /// Whether the answer says how clients prove themselves: not to those who chose the body, where many libraries
        /// would read the header before the code.
        challenge: bool,
    },
    /// `invalid_grant`. It never comes with `WWW-Authenticate`, for the same reason.
    InvalidGrant,
    /// `invalid_scope`
    InvalidScope,
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// No access token was sent; the answer names no error (RFC 6750 §3.1).
    NoToken,
    /// `invalid_token`, with the scope that the route needs, if it needs one.
    InvalidToken(Option<&'static str>),
    /// `insufficient_scope`, with the scope that would do, if one would.
    InsufficientScope(Option<&'static str>),
    /// Whatever is no matter of OAuth.
    Other(Error),
}

/// An error where a grant is presented: a disabled user's is like any other that is not good.
impl<E: Into<Error>> From<E> for OAuthError {
    fn from(error: E) -> Self {
        match error.into() {
            Error::InvalidRefreshToken | Error::InvalidTokenType | Error::InactiveUser | Error::TokenRevoked => {
                Self::InvalidGrant
            }
            Error::ScopeNotAllowed => Self::InvalidScope,
            Error::Invalid(_) => Self::InvalidRequest("A parameter is missing, repeated or malformed"),
            Error::UnsupportedMediaType => {
                Self::InvalidRequest("The body must be of type application/x-www-form-urlencoded")
            }
            other => Self::Other(other),
        }
    }
}

impl OAuthError {
    /// An error where an access token is presented.
    #[must_use]
    pub fn of_bearer(error: Error) -> Self {
        match error {
            Error::NotAuthenticated => Self::NoToken,
            Error::InvalidToken | Error::TokenRevoked | Error::InactiveUser => Self::InvalidToken(None),
            Error::InsufficientPermissions => Self::InsufficientScope(None),
            other => Self::Other(other),
        }
    }

    /// The same on a route that needs a scope.
    #[must_use]
    pub fn of_scoped(ScopedError { error, scope }: ScopedError) -> Self {
        match error {
            Error::NotEnoughScope => Self::InsufficientScope(Some(scope)),
            error => match Self::of_bearer(error) {
                Self::InvalidToken(_) => Self::InvalidToken(Some(scope)),
                other => other,
            },
        }
    }
}

/// RFC 6749 §5.2.
#[derive(Default, Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
}

impl OAuthError {
    fn status(&self) -> StatusCode {
        match self {
            Self::InvalidClient { .. } | Self::NoToken | Self::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn body(&self) -> Body {
        let (error, description) = match self {
            Self::InvalidRequest(what) => ("invalid_request", *what),
            Self::InvalidClient { .. } => ("invalid_client", "Client authentication failed"),
            Self::InvalidGrant => ("invalid_grant", "The refresh token is invalid, expired or revoked"),
            Self::InvalidScope => ("invalid_scope", "The scope is wider than what may be granted"),
            Self::UnsupportedGrantType => ("unsupported_grant_type", "This grant type is not served here"),
            Self::InvalidToken(_) => ("invalid_token", "The access token is invalid, expired or revoked"),
            Self::InsufficientScope(_) => ("insufficient_scope", "More is needed than what was granted"),
            Self::NoToken | Self::Other(_) => return Body::default(),
        };
        Body { error: Some(error), error_description: Some(description) }
    }

    fn challenge(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::InvalidClient { challenge: true } => "Basic realm=\"doorward\"".into(),
            Self::NoToken => "Bearer".into(),
            Self::InvalidToken(scope) => bearer("invalid_token", *scope),
            Self::InsufficientScope(scope) => bearer("insufficient_scope", *scope),
            _ => return None,
        })
    }
}

/// RFC 6750 §3.
fn bearer(error: &str, scope: Option<&str>) -> Cow<'static, str> {
    let scope = scope.map_or_else(String::new, |scope| format!(", scope=\"{scope}\""));
    format!("Bearer error=\"{error}\"{scope}").into()
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        if let Self::Other(error) = self {
            return error.into_response();
        }
        let mut response = (self.status(), Json(self.body())).into_response();
        if let Some(challenge) = self.challenge().and_then(|text| HeaderValue::try_from(text.as_ref()).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
