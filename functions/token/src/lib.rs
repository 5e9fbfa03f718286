//! Logging in: `POST /token` in the first-party dialect, `POST /oauth2/token` in that of RFC 6749.

mod docs;
mod login;
mod oauth_token;
mod second_step;
mod session;

use axum::Router;
use axum::routing::post;
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: it signs access tokens, issues refresh tokens and asks for codes.
pub const OPENS: &[Purpose] = &Purpose::ALL;

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new().route("/token", post(login::login)).route("/oauth2/token", post(oauth_token::token))
}
