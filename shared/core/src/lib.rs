//! The decisions of Doorward, and the types that they are made of.
//!
//! Nothing in here does I/O, and nothing asks for the time or for randomness: both are arguments. What is decided here is
//! the same in a Lambda, in `cargo run`, in a test and in a model checker.

pub mod access_token;
pub mod api_key;
pub mod clock;
pub mod cursor;
pub mod custom_claims;
pub mod email;
pub mod grant;
pub mod ids;
pub mod keyring;
pub mod mfa_token;
pub mod password;
pub mod portable_factor;
pub mod random;
pub mod refresh_token;
pub mod rotation;
pub mod scope;
pub mod seal_key;
pub mod second_factor;
pub mod session;
pub mod signing;
mod text;
pub mod totp;
pub mod user;
pub mod username;
