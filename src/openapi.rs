//! The OpenAPI document of all functions.

use doorward_http::openapi::document;

/// The document, as `functions/metadata/openapi.json` has it.
///
/// # Errors
/// Never: every part of it can be written as JSON.
pub fn text() -> serde_json::Result<String> {
    let sections = vec![
        doorward_users::docs(),
        doorward_token::docs(),
        doorward_refresh::docs(),
        doorward_two_factor::docs(),
        doorward_logout::docs(),
        doorward_oauth::docs(),
        doorward_api_keys::docs(),
        doorward_example::docs(),
        doorward_metadata::docs(),
    ];
    Ok(document(sections).to_pretty_json()? + "\n")
}
