//! What a token is worth, for whom it is shown to (RFC 7662), and whose it is (OpenID Connect Core §5.3).

mod docs;
mod introspect;
mod introspection;
mod userinfo;

use axum::Router;
use axum::routing::{get, post};
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: it reads refresh tokens.
pub const OPENS: &[Purpose] = &[Purpose::Refresh];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/oauth2/introspect", post(introspect::introspect))
        .route("/oauth2/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
}
