//! What the routes take and give, for the OpenAPI document.

use crate::userinfo::UserInfo;
use doorward_http::error::OAuthError;
use doorward_http::guard::{IntrospectTokens, Scope as _};
use doorward_http::openapi::schema::{any_object, credential, optional, required, text};
use doorward_http::openapi::{Operation, Section};
use serde_json::json;

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let about = "What a token is worth, and whose it is, for any OAuth 2 or OpenID Connect library.";
    let post = Operation::post("/oauth2/userinfo", "post_userinfo", "Whose the access token is");
    let get = Operation::get("/oauth2/userinfo", "userinfo", "Whose the access token is");
    Section { name: "Standards", about, operations: vec![introspect(), userinfo(get), userinfo(post)] }
}

fn introspect() -> Operation {
    let members = [
        required("token", credential()),
        optional("token_type_hint", text()),
        optional("client_id", text()),
        optional("client_secret", text()),
    ];
    Operation::post("/oauth2/introspect", "introspect", "What a token is worth at this moment (RFC 7662)")
        .about("Of a token that is worth nothing it says no more than that. Asking is no use of the token.")
        .client_key_or_bearer(IntrospectTokens::VALUE)
        .form(&members, json!({"token": "dwr_AQIDBAUGBwgJCgsMDQ4PEA"}))
        .gives_as("application/json", any_object(), "What it is worth", json!({"active": false}))
        .refuses_in_oauth([OAuthError::InvalidRequest("The parameter token is missing")])
}

fn userinfo(operation: Operation) -> Operation {
    operation.about("OpenID Connect Core §5.3.").oauth_bearer().gives::<UserInfo>(
        "What is known of the user",
        json!({"sub": "u1", "preferred_username": "ann", "email": "ann@example.com", "email_verified": false}),
    )
}
