//! `GET /.well-known/jwks.json`: the keys that access tokens are verified with (RFC 7517 §5).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use doorward_core::signing::PublicKey;
use doorward_http::extract::NoBody;
use doorward_http::{App, Error};
use serde::Serialize;

#[derive(Serialize)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// Five minutes: short beside the two hours for which API Gateway keeps keys and a new one waits before it signs.
pub const CACHE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));

/// Before the first keys are made. Who kept that would refuse every token of the first hours.
const NOT_YET: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

pub async fn jwks(State(app): State<App>, _: NoBody) -> Result<([(HeaderName, HeaderValue); 1], Json<KeySet>), Error> {
    let ring = app.keys.current().await?;
    let keys: Vec<_> = ring.published(app.clock.now()).cloned().collect();
    let policy = if keys.is_empty() { NOT_YET } else { CACHE };
    Ok(([policy], Json(KeySet { keys })))
}
