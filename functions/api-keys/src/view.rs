//! What is shown of a key.

use doorward_core::api_key::{ApiKey, ApiKeyId, PlainKey};
use doorward_core::ids::UserId;
use doorward_http::Error;
use doorward_http::answer::rfc3339;
use serde::Serialize;
use utoipa::ToSchema;

/// A key, as its owner sees it in the list.
#[derive(Serialize, ToSchema)]
pub struct KeyView {
    id: String,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

/// A key, as its owner sees it this once.
#[derive(Serialize, ToSchema)]
pub struct NewKeyView {
    id: String,
    name: String,
    key: String,
    prefix: String,
    scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
}

impl KeyView {
    pub fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix(),
            scopes: key.scopes.iter().map(str::to_owned).collect(),
            created_at: rfc3339(key.created_at),
            expires_at: key.ends_at.map(rfc3339),
            last_used_at: key.last_used_at.map(rfc3339),
        }
    }
}

impl NewKeyView {
    pub fn of(key: &ApiKey, plain: &PlainKey) -> Self {
        let KeyView { id, name, prefix, scopes, created_at, expires_at, .. } = KeyView::of(key);
        Self { id, name, key: plain.reveal().to_owned(), prefix, scopes, created_at, expires_at }
    }
}

/// The id of one of the owner's keys; another's names nothing.
pub fn own(id: &str, owner: &UserId) -> Result<ApiKeyId, Error> {
    ApiKeyId::parse(id).ok().filter(|id| id.owner() == owner).ok_or(Error::NotFound)
}
