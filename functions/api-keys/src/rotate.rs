//! `POST /api-keys/{id}/rotate`: another secret for a key; the one that it had works on for a while, if that is asked for.

use crate::view::{NewKeyView, own};
use axum::extract::State;
use doorward_core::api_key::PlainKey;
use doorward_http::answer::Private;
use doorward_http::audit::Event;
use doorward_http::extract::{Fields, Input, Media, Parse, PathId};
use doorward_http::{App, Caller, Error};
use std::time::Duration;

/// A week: long enough to bring a new key everywhere.
pub const LONGEST_OVERLAP: u32 = 604_800;

pub struct RotateRequest {
    overlap: Duration,
}

impl Parse for RotateRequest {
    const MEDIA: Media = Media::Json;
    const MAY_BE_ABSENT: bool = true;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let seconds = fields.number_if_any("overlap", 0, LONGEST_OVERLAP)?.unwrap_or(0);
        Some(Self { overlap: Duration::from_secs(u64::from(seconds)) })
    }
}

pub async fn rotate(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Input(request): Input<RotateRequest>,
) -> Result<Private<NewKeyView>, Error> {
    let id = own(&id, &caller.user.id)?;
    let now = app.clock.now();
    let plain = PlainKey::new(id.clone(), &app.random.bytes()?);
    let rotated = app.store.api_keys.rotate(&id, &plain.hash(), now.plus(request.overlap), now).await?;
    let key = rotated.ok_or(Error::NotFound)?;
    app.audit.record(&caller.client, Event::ApiKeyRotated { user: caller.user.id, key: id });
    Ok(Private(NewKeyView::of(&key, &plain)))
}
