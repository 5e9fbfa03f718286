//! Answers that several routes give.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::user::User;
use serde::Serialize;
use utoipa::ToSchema;

/// An answer that nobody may keep: it has tokens, codes or user data in it.
pub struct Private<T>(pub T);

impl<T: Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self.0)).into_response()
    }
}

/// A sentence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The sentence.
    pub message: &'static str,
}

impl Message {
    /// An answer of one sentence.
    #[must_use]
    pub fn new(message: &'static str) -> Private<Self> {
        Private(Self { message })
    }
}

/// Tokens (RFC 6749 §5.1).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    /// The access token: a JWT.
    pub access_token: String,
    /// `bearer`
    pub token_type: &'static str,
    /// Seconds until the access token is dead.
    pub expires_in: i64,
    /// The refresh token, where one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What the access token may do.
    pub scope: String,
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        let pragma: (HeaderName, HeaderValue) = (header::PRAGMA, HeaderValue::from_static("no-cache"));
        ([pragma], Private(self)).into_response()
    }
}

/// A user, as others with the right to see one get it. Never a hash or a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    id: String,
    username: String,
    #[schema(required)]
    email: Option<String>,
    email_verified: bool,
    #[schema(required)]
    full_name: Option<String>,
    disabled: bool,
    role: &'static str,
    permissions: Vec<String>,
    scopes: Vec<String>,
    two_factor_enabled: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

impl UserView {
    /// What may be shown of a user.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let list = |set: &ScopeSet| set.iter().map(str::to_owned).collect();
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.as_ref().map(ToString::to_string),
            email_verified: user.email_verified,
            full_name: user.full_name.as_ref().map(|name| name.as_str().to_owned()),
            disabled: user.disabled,
            role: user.role.as_str(),
            permissions: list(&user.permissions),
            scopes: list(&user.scopes),
            two_factor_enabled: user.two_factor_enabled,
            created_at: rfc3339(user.created_at),
        }
    }
}

/// RFC 3339 in UTC with `Z`: three digits of a fraction, or none for a whole second.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    time.to_string()
}
