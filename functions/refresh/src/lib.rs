//! Staying in: `POST /token/refresh` with a refresh token, `POST /refresh-token` with an access token.

mod by_access_token;
mod by_refresh_token;
mod docs;

use axum::Router;
use axum::routing::post;
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: it signs access tokens and issues refresh tokens.
pub const OPENS: &[Purpose] = &[Purpose::Sign, Purpose::Refresh];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/token/refresh", post(by_refresh_token::refresh))
        .route("/refresh-token", post(by_access_token::refresh))
}
