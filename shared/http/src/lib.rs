//! The edge of Doorward: everything between HTTP and the decisions.
//!
//! A function is its routes: [`serve`] runs them on Lambda, [`edge`] puts the same coat around them for `cargo run` and the
//! tests.

pub mod answer;
pub mod app;
pub mod audit;
mod body;
pub mod claims;
pub mod client;
pub mod config;
mod cors;
mod edge;
pub mod error;
mod events;
pub mod extract;
pub mod flow;
pub mod gateway;
pub mod guard;
pub mod hasher;
pub mod keys;
pub mod kms;
pub mod oauth_client;
pub mod openapi;
pub mod password;
mod patience;
pub mod preference;
pub mod rotate;
pub mod seal;
pub mod second_factor;
pub mod serve;
pub mod telemetry;
pub mod throttle;

pub use app::App;
pub use edge::edge;
pub use error::Error;
pub use guard::{ApiKeyCaller, Bearer, Caller, FactorCaller, RequirePermission, RequireRole, RequireScope};
pub use patience::ANSWERED_WITHIN;
pub use serve::serve;

/// The Rust of README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
