//! What the routes take and give, for the OpenAPI document.

use doorward_http::Error;
use doorward_http::answer::TokenResponse;
use doorward_http::openapi::schema::{credential, nullable, required, scope};
use doorward_http::openapi::{Operation, Section, access_token, tokens};
use serde_json::json;

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let about = "New tokens for those who are logged in.";
    Section { name: "Staying in", about, operations: vec![by_refresh_token(), by_access_token()] }
}

fn by_refresh_token() -> Operation {
    let members = [required("refresh_token", credential()), nullable("scope", scope())];
    Operation::post("/token/refresh", "refresh", "Refresh")
        .about("A refresh token is good once; a repetition within the grace time gets the same successor.")
        .json_or_form(&members, json!({"refresh_token": "dwr_AQIDBAUGBwgJCgsMDQ4PEA"}))
        .gives::<TokenResponse>("The successor of the refresh token, and an access token", tokens())
        .refuses([Error::InvalidRefreshToken, Error::InvalidTokenType, Error::InactiveUser, Error::ScopeNotAllowed])
}

fn by_access_token() -> Operation {
    Operation::post("/refresh-token", "renew_access_token", "Renew an access token")
        .about("For a live one; at most an hour after the session's last login or refresh.")
        .bearer()
        .gives::<TokenResponse>("An access token", access_token())
}
