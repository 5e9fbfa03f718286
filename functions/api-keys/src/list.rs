//! `GET /api-keys`: one's own keys.

use crate::view::KeyView;
use axum::extract::State;
use doorward_http::answer::Private;
use doorward_http::{App, Caller, Error};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Keys {
    items: Vec<KeyView>,
}

pub async fn list(State(app): State<App>, caller: Caller) -> Result<Private<Keys>, Error> {
    let keys = app.store.api_keys.list(&caller.user.id, app.clock.now()).await?;
    Ok(Private(Keys { items: keys.iter().map(KeyView::of).collect() }))
}
