//! `GET /users/{id}`: oneself, or anybody for those who may see others.

use axum::extract::State;
use doorward_core::user::permission;
use doorward_http::answer::{Private, UserView};
use doorward_http::guard::CallerOver;
use doorward_http::{App, Error};

pub async fn user(
    State(app): State<App>,
    CallerOver { caller, target }: CallerOver,
) -> Result<Private<UserView>, Error> {
    // Whether somebody else exists is for those who may know.
    if target.as_ref().is_none_or(|target| target.id != caller.user.id) {
        caller.expect_permission(&app, permission::READ_USERS)?;
    }
    Ok(Private(UserView::of(&target.ok_or(Error::UserNotFound)?)))
}
