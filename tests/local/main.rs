//! `cargo run` as a person meets it: the real binary, over HTTP, in a folder of its own.
#![cfg(test)]

mod bench;
mod canary;
mod client;
#[cfg(feature = "tools")]
mod cloud;
mod comes_back;
mod commands;
mod crash;
mod doctor;
#[cfg(feature = "tools")]
mod faults;
#[cfg(feature = "tools")]
mod first_session;
mod forwarder;
mod gate;
#[cfg(feature = "tools")]
mod histories;
#[path = "../support/invariants.rs"]
mod invariants;
mod journey;
mod keys;
mod kills;
#[cfg(feature = "tools")]
mod kms;
#[cfg(feature = "tools")]
mod microburst;
#[cfg(feature = "tools")]
mod ministack;
mod modes;
#[cfg(feature = "tools")]
mod pages;
#[allow(dead_code)] // The API's tests use the rest.
#[path = "../api/routes.rs"]
mod routes;
mod second_factor;
mod server;
mod slow;
#[cfg(target_os = "linux")] // They look at the memory of a process.
mod slow_clients;
#[cfg(feature = "tools")]
mod stack;
mod starts;
#[cfg(feature = "tools")]
#[path = "../support/successor.rs"]
mod successor;
mod tune_hash;
mod typed;
#[cfg(feature = "tools")]
mod watch;
mod writes;
