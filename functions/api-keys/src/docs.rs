//! What the routes take and give, for the OpenAPI document.

use crate::list::Keys;
use crate::rotate::LONGEST_OVERLAP;
use crate::view::NewKeyView;
use doorward_http::Error;
use doorward_http::openapi::schema::{display_name, nullable, number, required, scopes, time};
use doorward_http::openapi::{Operation, Section};
use serde_json::{Value, json};

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let about = "Keys for programs: made, listed, rotated and deleted by their owners.";
    Section { name: "API keys", about, operations: vec![create(), list(), delete(), rotate()] }
}

const ID: &str = "3kTMd0WQ7H9vUpyZ2rXa1AQIDBAUGBwg";

fn new_key() -> Value {
    json!({
        "id": ID,
        "name": "ci",
        "key": format!("dwk_{ID}_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA000000"),
        "prefix": format!("dwk_{ID}"),
        "scopes": ["read:items"],
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": null,
    })
}

fn create() -> Operation {
    let members = [required("name", display_name()), nullable("scopes", scopes()), nullable("expires_at", time())];
    Operation::post("/api-keys", "create_api_key", "Make an API key")
        .about("Without `scopes` it has none. `expires_at` is not in the past.")
        .bearer()
        .json(&members, json!({"name": "ci", "scopes": ["read:items"]}))
        .creates::<NewKeyView>("The key, shown this once", new_key())
        .refuses([Error::ScopeNotAllowed, Error::TooManyApiKeys])
}

fn list() -> Operation {
    let key = json!({
        "id": ID,
        "name": "ci",
        "prefix": format!("dwk_{ID}"),
        "scopes": ["read:items"],
        "created_at": "2027-01-15T08:00:00Z",
        "expires_at": null,
        "last_used_at": "2027-01-15T08:10:00Z",
    });
    Operation::get("/api-keys", "list_api_keys", "One's own API keys")
        .bearer()
        .gives::<Keys>("All of them", json!({"items": [key]}))
}

fn delete() -> Operation {
    Operation::delete("/api-keys/{id}", "delete_api_key", "Delete an API key")
        .bearer()
        .gives_nothing(204, "The key is dead")
        .refuses([Error::NotFound])
}

fn rotate() -> Operation {
    Operation::post("/api-keys/{id}/rotate", "rotate_api_key", "Give an API key another secret")
        .about("The old secret works for `overlap` seconds more; without it, it is dead at once.")
        .bearer()
        .json_if_any(&[nullable("overlap", number(0, LONGEST_OVERLAP))], json!({"overlap": 3600}))
        .gives::<NewKeyView>("The key with its new secret, shown this once", new_key())
        .refuses([Error::NotFound])
}
