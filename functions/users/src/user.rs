//! `GET /users/{id}`: oneself, or anybody for those who may see others.

use doorward_http::Error;
use doorward_http::answer::{Private, UserView};
use doorward_http::guard::{CallerOver, OneselfOr, ReadUsers};

pub async fn user(OneselfOr(CallerOver { target, .. }, _): OneselfOr<ReadUsers>) -> Result<Private<UserView>, Error> {
    Ok(Private(UserView::of(&target.ok_or(Error::UserNotFound)?)))
}
