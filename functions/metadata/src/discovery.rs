//! Where everything is: authorization server metadata (RFC 8414 §2), which is OpenID Connect's discovery document too. It
//! lists what answers and nothing else; all links start with the configured issuer.

use crate::jwks::CACHE;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use doorward_core::signing::PublicKey;
use doorward_http::extract::NoBody;
use doorward_http::{App, Error};
use serde::Serialize;
use std::collections::BTreeSet;

/// Those who prove themselves by an API key, and those who do not.
const CLIENT_AUTHENTICATION: &[&str] = &["client_secret_basic", "client_secret_post", "none"];

#[derive(Serialize)]
pub struct Metadata {
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: &'static [&'static str],
    grant_types_supported: [&'static str; 2],
    /// Empty: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    revocation_endpoint: String,
    /// Possession of the token is enough; what a client says of itself besides is not looked at.
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    userinfo_endpoint: String,
    claims_supported: [&'static str; 5],
    subject_types_supported: [&'static str; 1],
    /// OpenID Connect wants to know. There are no ID tokens; access tokens are signed by these.
    id_token_signing_alg_values_supported: BTreeSet<String>,
    /// The docs page, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_documentation: Option<String>,
}

pub async fn metadata(
    State(app): State<App>,
    _: NoBody,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Metadata>), Error> {
    let ring = app.keys.current().await?;
    let algorithms = ring.published(app.clock.now()).map(PublicKey::algorithm).map(str::to_owned).collect();
    let issuer = &app.config.parties.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let metadata = Metadata {
        issuer: issuer.clone(),
        jwks_uri: at("/.well-known/jwks.json"),
        token_endpoint: at("/oauth2/token"),
        token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        grant_types_supported: ["refresh_token", "client_credentials"],
        response_types_supported: [],
        revocation_endpoint: at("/oauth2/revoke"),
        revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        introspection_endpoint: at("/oauth2/introspect"),
        introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "Bearer"],
        userinfo_endpoint: at("/oauth2/userinfo"),
        claims_supported: ["sub", "preferred_username", "name", "email", "email_verified"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
        service_documentation: app.config.docs.then(|| at("/docs")),
    };
    Ok(([CACHE], Json(metadata)))
}
