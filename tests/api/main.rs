//! The API as clients see it: the real routers and the unchanged SDK, on the embedded DynamoDB.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod admin_changes;
mod admin_faults;
mod admin_rule;
mod api_key_rotation;
mod api_keys;
mod authorizer;
mod authorizer_events;
mod bad_requests;
mod bearer;
mod calls;
mod custom_claims;
mod discovery;
mod docs_page;
mod edge;
mod example;
mod forged;
mod keys;
mod login;
mod logout;
mod lost_replies;
mod oauth;
mod oauth_bearer;
mod oauth_client;
mod oauth_introspect;
mod oauth_revoke;
mod oauth_userinfo;
mod openapi;
mod own_account;
mod profile;
mod protected;
mod races;
mod refresh;
mod renewal;
mod roles;
mod rotate_keys;
mod rotation;
mod rotation_faults;
mod routes;
mod second_factor;
mod second_factor_budget;
mod second_factor_codes;
mod second_factor_faults;
mod second_factor_races;
mod second_factor_secrets;
mod seeds;
mod sessions;
mod sign_up;
mod theft;
mod throttle;
mod two_step_login;
mod two_step_login_token;
