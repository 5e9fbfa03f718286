//! What the routes take and give, for the OpenAPI document.

use crate::health::Health;
use doorward_http::Error;
use doorward_http::openapi::schema::{any_object, key_set, text};
use doorward_http::openapi::{Operation, Section, unavailable};
use serde_json::json;

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let operations = vec![health(), jwks(), authorization_server(), openid_configuration(), home(), page(), openapi()];
    Section { name: "Metadata", about: "What anybody may know.", operations }
}

fn health() -> Operation {
    Operation::get("/health", "health", "Is the process there?")
        .gives::<Health>("It is; nothing else was asked", json!({"status": "ok"}))
}

fn jwks() -> Operation {
    let key = json!({"kid": "k1", "use": "sig", "alg": "ES256", "kty": "EC", "crv": "P-256", "x": "AQID", "y": "BAUG"});
    Operation::get("/.well-known/jwks.json", "jwks", "The keys that access tokens are verified with (RFC 7517)")
        .gives_as("application/json", key_set(), "The public keys", json!({"keys": [key]}))
        .refuses([unavailable()])
}

fn authorization_server() -> Operation {
    let path = "/.well-known/oauth-authorization-server";
    discovery(Operation::get(path, "oauth_authorization_server", "Where everything is (RFC 8414)"))
}

fn openid_configuration() -> Operation {
    let path = "/.well-known/openid-configuration";
    discovery(Operation::get(path, "openid_configuration", "The same, where OpenID Connect looks for it"))
}

fn discovery(operation: Operation) -> Operation {
    operation
        .gives_as("application/json", any_object(), "What answers", json!({"issuer": "https://auth.example.com"}))
        .refuses([unavailable()])
}

fn home() -> Operation {
    Operation::get("/", "home", "The way to the docs page")
        .redirects(307, "To the docs page")
        .refuses([Error::NotFound])
}

fn page() -> Operation {
    Operation::get("/docs", "docs", "The docs page")
        .gives_as("text/html", text(), "Swagger UI", json!("<!doctype html>"))
        .gives_nothing(304, "What the client has is what there is")
        .refuses([Error::NotFound])
}

fn openapi() -> Operation {
    Operation::get("/openapi.json", "openapi", "This document")
        .gives_as("application/json", any_object(), "The document", json!({"openapi": "3.1.0"}))
        .gives_nothing(304, "What the client has is what there is")
        .refuses([Error::NotFound])
}
