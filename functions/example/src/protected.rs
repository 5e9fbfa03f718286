//! `GET /protected`: a resource for programs with an API key.

use doorward_http::ApiKeyCaller;
use doorward_http::answer::Private;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Granted {
    message: &'static str,
    key_name: String,
}

pub async fn protected(caller: ApiKeyCaller) -> Private<Granted> {
    Private(Granted { message: "Access granted", key_name: caller.key.name.as_str().to_owned() })
}
