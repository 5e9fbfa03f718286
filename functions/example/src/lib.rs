//! Sample resources: how a function of your own is guarded. What a route needs stands in its handler's signature.

mod comments;
mod docs;
mod items;
mod limited;
mod moderate;
mod own_items;
mod protected;
mod tags;

use axum::Router;
use axum::routing::{get, post};
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: none, it only verifies.
pub const OPENS: &[Purpose] = &[];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/items", get(items::list).post(items::create))
        .route("/users/me/items", get(own_items::own_items))
        .route("/moderate", post(moderate::moderate))
        .route("/comments", post(comments::comment))
        .route("/limited", get(limited::limited))
        .route("/protected", get(protected::protected))
}
