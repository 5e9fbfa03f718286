//! The second factor: an authenticator app and recovery codes, set up, shown to be there, replaced and turned off.

mod disable;
mod docs;
mod qr_code;
mod recovery_codes;
mod setup;
mod verify;
mod with_password;

use axum::Router;
use axum::routing::post;
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: it seals second factors.
pub const OPENS: &[Purpose] = &[Purpose::Seal];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/2fa/setup", post(setup::setup))
        .route("/2fa/verify", post(verify::verify))
        .route("/2fa/disable", post(disable::disable))
        .route("/2fa/recovery-codes", post(recovery_codes::recovery_codes))
}
