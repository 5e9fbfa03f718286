//! What the routes take and give, for the OpenAPI document.

use doorward_http::answer::Message;
use doorward_http::openapi::schema::{credential, optional, required, text};
use doorward_http::openapi::{Operation, Section};
use serde_json::json;

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let operations = vec![
        Operation::post("/logout", "logout", "Log out")
            .bearer()
            .gives::<Message>("The session and its tokens are dead", json!({"message": "Successfully logged out"})),
        Operation::post("/logout/all", "logout_everywhere", "Log out everywhere").bearer().gives::<Message>(
            "Every session and token of the user is dead",
            json!({"message": "Successfully logged out everywhere"}),
        ),
        Operation::post("/revoke-token", "revoke_token", "Revoke this access token")
            .bearer()
            .gives::<Message>("The access token is dead", json!({"message": "Token revoked successfully"})),
        oauth_revoke(),
    ];
    Section { name: "Getting out", about: "Tokens are dead on the next request.", operations }
}

fn oauth_revoke() -> Operation {
    let members = [required("token", credential()), optional("token_type_hint", text())];
    Operation::post("/oauth2/revoke", "oauth2_revoke", "End a token (RFC 7009)")
        .about("A refresh token ends its session, an access token itself. Possession is enough; an unknown token is ended already.")
        .form(&members, json!({"token": "dwr_AQIDBAUGBwgJCgsMDQ4PEA"}))
        .gives_nothing(200, "It is worth nothing any more")
}
