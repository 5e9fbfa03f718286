//! Users: signing up, and who one is.

mod me;
mod sign_up;

use axum::Router;
use axum::routing::{get, post};
use doorward_core::keyring::Purpose;
use doorward_http::App;

/// The private keys that the function opens: none, it only verifies.
pub const OPENS: &[Purpose] = &[];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new().route("/users", post(sign_up::sign_up)).route("/users/me", get(me::me))
}
