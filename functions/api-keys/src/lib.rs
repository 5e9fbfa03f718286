//! API keys: made, listed, rotated and deleted by their owners. A key may not make keys: these routes take a Bearer.

mod create;
mod delete;
mod docs;
mod list;
mod rotate;
mod view;

use axum::Router;
use axum::routing::{delete, get, post};
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: none, it only verifies.
pub const OPENS: &[Purpose] = &[];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api-keys", get(list::list).post(create::create))
        .route("/api-keys/{id}", delete(delete::delete))
        .route("/api-keys/{id}/rotate", post(rotate::rotate))
}
