//! Getting out: this session, all sessions, or one token, in both dialects.

mod docs;
mod logout;
mod logout_all;
mod oauth_revoke;
mod revoke_token;

use axum::Router;
use axum::routing::post;
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: it reads refresh tokens.
pub const OPENS: &[Purpose] = &[Purpose::Refresh];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/logout", post(logout::logout))
        .route("/logout/all", post(logout_all::logout_all))
        .route("/revoke-token", post(revoke_token::revoke_token))
        .route("/oauth2/revoke", post(oauth_revoke::revoke))
}
