//! `GET /users/me`: who one is.

use doorward_http::Caller;
use doorward_http::answer::Private;
use serde::Serialize;
use utoipa::ToSchema;

/// Exactly what the FastAPI tutorials' `User` has.
#[derive(Serialize, ToSchema)]
pub struct Me {
    username: String,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    full_name: Option<String>,
    disabled: bool,
}

pub async fn me(caller: Caller) -> Private<Me> {
    let user = caller.user;
    Private(Me {
        username: user.username.to_string(),
        email: user.email.map(|email| email.to_string()),
        full_name: user.full_name.map(|name| name.as_str().to_owned()),
        disabled: user.disabled,
    })
}
