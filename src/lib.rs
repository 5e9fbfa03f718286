//! Doorward on one machine: every function in one process, on a DynamoDB of its own.

mod attached;
mod authorizers;
pub mod background;
pub mod cli;
mod commands;
mod connections;
mod doctor;
mod dotenv;
pub mod dynamodb;
mod farewell;
pub mod first_session;
mod first_user;
mod folder;
mod gate;
mod hashing;
mod http;
pub mod openapi;
mod server;
mod setup;
mod stack;
pub mod tables;

use axum::Router;
use doorward_core::keyring::Purpose;
use doorward_http::App;

/// The routes of all functions.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(doorward_api_keys::routes())
        .merge(doorward_example::routes())
        .merge(doorward_logout::routes())
        .merge(doorward_metadata::routes())
        .merge(doorward_oauth::routes())
        .merge(doorward_refresh::routes())
        .merge(doorward_token::routes())
        .merge(doorward_two_factor::routes())
        .merge(doorward_users::routes())
}

/// The private keys that all functions together open.
pub const OPENS: &[Purpose] = &Purpose::ALL;
