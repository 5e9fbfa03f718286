//! The API as clients see it: the real routers and the unchanged SDK, on the embedded DynamoDB.

#[path = "../support/mod.rs"]
mod support;

mod login;
