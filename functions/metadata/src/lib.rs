//! What anybody may know: where everything is, the public keys, that the service is there, how it is used, and that there is
//! nothing else.

mod discovery;
mod docs;
mod docs_page;
mod health;
mod jwks;

use axum::Router;
use axum::routing::get;
use doorward_core::keyring::Purpose;
use doorward_http::App;

pub use docs::docs;

/// The private keys that the function opens: none.
pub const OPENS: &[Purpose] = &[];

/// The routes of the function.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/health", get(health::health))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/", get(docs_page::home).fallback(docs_page::other_method))
        .route("/docs", get(docs_page::file).fallback(docs_page::other_method))
        .route("/docs/{file}", get(docs_page::file).fallback(docs_page::other_method))
        .route("/openapi.json", get(docs_page::file).fallback(docs_page::other_method))
}
