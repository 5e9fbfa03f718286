//! Users: signing up, one's own profile, and the administration of others.

mod change_me;
mod change_password;
mod change_user;
mod delete_me;
mod delete_user;
mod docs;
mod list_users;
mod me;
mod sessions;
mod sign_up;
mod user;

use axum::Router;
use axum::routing::{delete, get, post};
use doorward_core::ids::RequestId;
use doorward_core::keyring::Purpose;
use doorward_http::{App, Error};

pub use docs::docs;

/// The private keys that the function opens: none, it only verifies.
pub const OPENS: &[Purpose] = &[];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/users", get(list_users::list_users).post(sign_up::sign_up))
        .route("/users/me", get(me::me).patch(change_me::change_me).delete(delete_me::delete_me))
        .route("/users/me/password", post(change_password::change_password))
        .route("/users/me/sessions", get(sessions::list))
        .route("/users/me/sessions/{id}", delete(sessions::end))
        .route("/users/{id}", get(user::user).patch(change_user::change_user).delete(delete_user::delete_user))
}

/// How often a change is judged again because somebody else changed the user in between, after a pause.
const TRIES: u32 = 16;

/// What tells one transaction of a request from another; DynamoDB takes 36 characters.
fn transaction(request: &RequestId, round: u32, attempt: u32) -> String {
    format!("{request}{round:02}{attempt:02}")
}

/// Somebody else changed the user each time.
fn contended() -> Error {
    Error::Unavailable("the user was changed again and again".into())
}
