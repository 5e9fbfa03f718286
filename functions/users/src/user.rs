//! `GET /users/{id}`: oneself, or anybody for those who may see others.

use axum::extract::State;
use doorward_core::ids::UserId;
use doorward_core::user::permission;
use doorward_http::answer::{Private, UserView};
use doorward_http::audit::Needed;
use doorward_http::extract::PathId;
use doorward_http::{App, Caller, Error};

pub async fn user(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<Private<UserView>, Error> {
    if caller.user.id.as_str() == id {
        return Ok(Private(UserView::of(&caller.user)));
    }
    // Whether the user exists is for those who may know.
    if !caller.user.has_permission(permission::READ_USERS) {
        caller.lacks(&app, Needed::Permission(permission::READ_USERS));
        return Err(Error::InsufficientPermissions);
    }
    let id = UserId::parse(&id).map_err(|_| Error::UserNotFound)?;
    let user = app.store.users.get(&id).await?.ok_or(Error::UserNotFound)?;
    Ok(Private(UserView::of(&user)))
}
