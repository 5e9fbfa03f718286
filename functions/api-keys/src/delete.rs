//! `DELETE /api-keys/{id}`: the key is dead.

use crate::view::own;
use axum::extract::State;
use axum::http::StatusCode;
use doorward_http::audit::Event;
use doorward_http::extract::PathId;
use doorward_http::{App, Caller, Error};

pub async fn delete(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, Error> {
    let id = own(&id, &caller.user.id)?;
    if !app.store.api_keys.delete(&id, app.clock.now(), &caller.client.request).await? {
        return Err(Error::NotFound);
    }
    app.audit.record(&caller.client, Event::ApiKeyDeleted { user: caller.user.id, key: id });
    Ok(StatusCode::NO_CONTENT)
}
