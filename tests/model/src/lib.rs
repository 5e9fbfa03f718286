//! The session protocol as a model, of which every reachable state is looked at.
//!
//! Tabs of one user share a refresh token, a thief has copied one, the user logs out or changes the password, an operator
//! shuts the user out, keys turn over, answers are lost and writes arrive late. Whatever can happen next may happen next.
//! What a step comes to is asked of `doorward_core`: the model has no rule of its own about sessions.
#![cfg(test)]

mod exchange;
mod promises;
mod protocol;
mod rules;
#[path = "../../support/session.rs"]
mod session;
mod state;
mod tests;
