//! `GET /health`: the process is there. Nothing else is asked.

use axum::Json;
use doorward_http::extract::NoBody;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
}

pub async fn health(_: NoBody) -> Json<Health> {
    Json(Health { status: "ok" })
}
