//! `cargo run` as a person meets it: the real binary, over HTTP, in a folder of its own.
#![cfg(test)]

mod client;
mod commands;
mod crash;
mod journey;
mod server;
mod starts;
#[cfg(feature = "watch")]
mod watch;
