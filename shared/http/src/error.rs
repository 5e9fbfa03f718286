//! Errors become HTTP here and nowhere else: [`Error`] in the first-party dialect, [`OAuthError`] in that of the RFCs.

mod oauth;

pub use oauth::OAuthError;

use crate::hasher::HashError;
use crate::keys::KeyError;
use crate::throttle::Quota;
use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorward_core::grant::GrantRefusal;
use doorward_core::mfa_token::MfaRefusal;
use doorward_core::random::NoRandomness;
use doorward_core::seal_key::DoesNotOpen;
use doorward_core::session::BearerRefusal;
use doorward_core::signing::UnusableKey;
use doorward_core::user::{AdminRefusal, Role};
use doorward_store::StoreError;
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error as StdError;

/// Everything that a request can be refused for.
#[derive(Debug)]
pub enum Error {
    /// No credentials were sent.
    NotAuthenticated,
    /// The access token is bad, expired or foreign, or its user or session is gone.
    InvalidToken,
    /// The access token or its session was ended.
    TokenRevoked,
    /// The user is disabled.
    InactiveUser,
    /// Unknown user, wrong password, or a closed account: nobody is told which.
    IncorrectLogin,
    /// The caller's own password is wrong, or their account is closed.
    IncorrectPassword,
    /// The caller lacks a permission, or may not do this to an admin.
    InsufficientPermissions,
    /// The token lacks a scope that the route needs.
    NotEnoughScope,
    /// The caller lacks a role that the route needs.
    RoleRequired(Role),
    /// No API key was sent.
    ApiKeyRequired,
    /// The API key is unknown, ended or mistyped, or its owner is disabled or gone.
    InvalidApiKey,
    /// The owner has as many API keys as anybody may have.
    TooManyApiKeys,
    /// An admin cannot do this to themselves.
    AnotherAdmin,
    /// There is no such user.
    UserNotFound,
    /// The cursor is none that an answer gave.
    InvalidCursor,
    /// The password is right, and a code is needed too: the `mfa_token` that waits for it.
    MfaRequired(String),
    /// The one-time code is wrong, or was used.
    InvalidCode,
    /// The `mfa_token` is unknown, expired or used.
    InvalidMfaToken,
    /// Passwords are not taken here.
    PasswordLoginOff,
    /// More scopes than there are to give.
    ScopeNotAllowed,
    /// The refresh token is bad, spent or of a dead session.
    InvalidRefreshToken,
    /// Something else than a refresh token was sent for one.
    InvalidTokenType,
    /// Nobody may sign up.
    SignUpClosed,
    /// Somebody has that name.
    UsernameTaken,
    /// Somebody has that e-mail address.
    EmailTaken,
    /// The body or the query is not what it should be.
    Invalid(Vec<Defect>),
    /// A limit is reached.
    TooManyRequests(Quota),
    /// There is no such route.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// The body is longer than anything that is asked for.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// The body is of a type that is not asked for.
    UnsupportedMediaType,
    /// The service is not called that.
    InvalidHost,
    /// The store or another part does not answer; the cause is logged and never told.
    Unavailable(Box<dyn StdError + Send + Sync>),
    /// A defect of Doorward's own.
    Internal,
}

/// What is wrong with a member of a body or with a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// Which: a JSON pointer (RFC 6901), `/name` for parameters too.
    pub pointer: String,
    /// What is wrong with it. Never what it was.
    pub detail: String,
}

macro_rules! unavailable {
    ($($cause:ty),*) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Self::Unavailable(Box::new(cause))
            }
        }
    )*};
}
unavailable!(StoreError, KeyError, HashError, NoRandomness, UnusableKey, DoesNotOpen);

impl From<BearerRefusal> for Error {
    fn from(refusal: BearerRefusal) -> Self {
        match refusal {
            BearerRefusal::Gone => Self::InvalidToken,
            BearerRefusal::Inactive => Self::InactiveUser,
            BearerRefusal::Revoked => Self::TokenRevoked,
        }
    }
}

impl From<MfaRefusal> for Error {
    fn from(refusal: MfaRefusal) -> Self {
        match refusal {
            MfaRefusal::Dead => Self::InvalidMfaToken,
            MfaRefusal::Inactive => Self::InactiveUser,
        }
    }
}

impl From<AdminRefusal> for Error {
    fn from(refusal: AdminRefusal) -> Self {
        match refusal {
            AdminRefusal::NotAllowed => Self::InsufficientPermissions,
            AdminRefusal::AnotherAdmin => Self::AnotherAdmin,
        }
    }
}

impl From<GrantRefusal> for Error {
    fn from(refusal: GrantRefusal) -> Self {
        match refusal {
            GrantRefusal::Inactive => Self::InactiveUser,
            GrantRefusal::ScopeNotAllowed => Self::ScopeNotAllowed,
        }
    }
}

/// A problem document (RFC 9457 §3).
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Defect],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_token: Option<&'a str>,
}

impl Error {
    fn status_and_detail(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotAuthenticated => (S::UNAUTHORIZED, "Not authenticated"),
            Self::InvalidToken => (S::UNAUTHORIZED, "Could not validate credentials"),
            Self::TokenRevoked => (S::UNAUTHORIZED, "Token has been revoked"),
            Self::InactiveUser => (S::BAD_REQUEST, "Inactive user"),
            Self::IncorrectLogin => (S::UNAUTHORIZED, "Incorrect username or password"),
            Self::IncorrectPassword => (S::BAD_REQUEST, "Incorrect password"),
            Self::InsufficientPermissions => (S::FORBIDDEN, "Insufficient permissions"),
            Self::NotEnoughScope => (S::FORBIDDEN, "Not enough permissions"),
            Self::RoleRequired(Role::User) => (S::FORBIDDEN, "Access denied. Required role: user"),
            Self::RoleRequired(Role::Moderator) => (S::FORBIDDEN, "Access denied. Required role: moderator"),
            Self::RoleRequired(Role::Admin) => (S::FORBIDDEN, "Access denied. Required role: admin"),
            Self::ApiKeyRequired => (S::FORBIDDEN, "API key required"),
            Self::InvalidApiKey => (S::FORBIDDEN, "Invalid API key"),
            Self::TooManyApiKeys => (S::CONFLICT, "Too many API keys"),
            Self::AnotherAdmin => (S::CONFLICT, "Another admin must do this"),
            Self::UserNotFound => (S::NOT_FOUND, "User not found"),
            Self::InvalidCursor => (S::BAD_REQUEST, "Invalid cursor"),
            Self::MfaRequired(_) => (S::FORBIDDEN, "Two-factor code required"),
            Self::InvalidCode => (S::BAD_REQUEST, "Invalid 2FA code"),
            Self::InvalidMfaToken => (S::UNAUTHORIZED, "Invalid mfa token"),
            Self::PasswordLoginOff => (S::FORBIDDEN, "Password login is off"),
            Self::ScopeNotAllowed => (S::BAD_REQUEST, "Scope not allowed"),
            Self::InvalidRefreshToken => (S::UNAUTHORIZED, "Invalid refresh token"),
            Self::InvalidTokenType => (S::UNAUTHORIZED, "Invalid token type"),
            Self::SignUpClosed => (S::FORBIDDEN, "Sign-up is closed"),
            Self::UsernameTaken => (S::CONFLICT, "Username already registered"),
            Self::EmailTaken => (S::CONFLICT, "Email already registered"),
            Self::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "Invalid request"),
            Self::TooManyRequests(_) => (S::TOO_MANY_REQUESTS, "Too many requests"),
            Self::NotFound => (S::NOT_FOUND, "Not Found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "Method Not Allowed"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "Request body too large"),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "Request body too slow"),
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
            Self::InvalidHost => (S::BAD_REQUEST, "Invalid host header"),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "Service unavailable"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "Internal server error"),
        }
    }

    /// RFC 6750 §3. Every 401 has one (RFC 9110 §15.5.2).
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::NotAuthenticated
            | Self::IncorrectLogin
            | Self::InvalidMfaToken
            | Self::InvalidRefreshToken
            | Self::InvalidTokenType => Some("Bearer"),
            Self::InvalidToken | Self::TokenRevoked => Some("Bearer error=\"invalid_token\""),
            Self::NotEnoughScope => Some("Bearer error=\"insufficient_scope\""),
            _ => None,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: Cow<'static, str>| {
            if let Ok(value) = HeaderValue::try_from(value.as_ref()) {
                headers.insert(name, value);
            }
        };
        set(header::CACHE_CONTROL, "no-store".into());
        if let Some(challenge) = self.challenge() {
            set(header::WWW_AUTHENTICATE, challenge.into());
        }
        match self {
            Self::TooManyRequests(quota) => {
                set(header::RETRY_AFTER, quota.retry_after().to_string().into());
                quota.describe(&mut headers);
            }
            Self::Unavailable(cause) => {
                tracing::error!(cause = %cause, "unavailable");
                set(header::RETRY_AFTER, "1".into());
            }
            _ => {}
        }
        headers
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, detail) = self.status_and_detail();
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail,
            errors: if let Self::Invalid(defects) = &self { defects } else { &[] },
            error: match &self {
                Self::TooManyRequests(_) => Some(detail),
                Self::MfaRequired(_) => Some("mfa_required"),
                _ => None,
            },
            mfa_token: if let Self::MfaRequired(token) = &self { Some(token) } else { None },
        };
        let mut response = (status, self.headers(), Json(problem)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

/// An [`Error`] on a route that needs a scope: the challenge names it (RFC 6750 §3).
#[derive(Debug)]
pub struct ScopedError {
    /// What is wrong.
    pub error: Error,
    /// The scope that the route needs.
    pub scope: &'static str,
}

impl IntoResponse for ScopedError {
    fn into_response(self) -> Response {
        let challenge = self.error.challenge();
        let mut response = self.error.into_response();
        if let Some(challenge) = challenge {
            let separator = if challenge.contains('=') { "," } else { "" };
            if let Ok(value) = HeaderValue::try_from(format!("{challenge}{separator} scope=\"{}\"", self.scope)) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
            }
        }
        response
    }
}
