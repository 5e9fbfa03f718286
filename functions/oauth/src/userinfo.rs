//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core §5.3): whose an access token is.

use axum::Json;
use doorward_http::error::OAuthError;
use doorward_http::{Caller, Error};
use serde::Serialize;
use utoipa::ToSchema;

/// The claims of OpenID Connect Core §5.1 that are known of a user; what is not known is absent.
#[derive(Serialize, ToSchema)]
pub struct UserInfo {
    sub: String,
    preferred_username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

pub async fn userinfo(caller: Result<Caller, Error>) -> Result<Json<UserInfo>, OAuthError> {
    let user = caller.map_err(OAuthError::of_bearer)?.user;
    Ok(Json(UserInfo {
        sub: user.id.to_string(),
        preferred_username: user.username.to_string(),
        name: user.full_name.map(|name| name.as_str().to_owned()),
        email_verified: user.email.is_some().then_some(user.email_verified),
        email: user.email.map(|email| email.to_string()),
    }))
}
