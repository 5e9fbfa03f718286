//! `POST /api-keys`: a new key, shown this once.

use crate::view::NewKeyView;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorward_core::api_key::{ApiKey, ApiKeyId, PlainKey};
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::user::DisplayName;
use doorward_http::answer::Private;
use doorward_http::audit::Event;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::{App, Caller, Error};
use doorward_store::KeyCreated;

/// So many keys anybody may have.
const MOST: usize = 50;

pub struct CreateRequest {
    name: DisplayName,
    scopes: ScopeSet,
    ends_at: Option<Timestamp>,
}

impl Parse for CreateRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, app: &App) -> Option<Self> {
        let ahead = |text: &str| match Timestamp::parse(text) {
            Some(time) if time > app.clock.now() => Ok(time),
            Some(_) => Err("must not be in the past"),
            None => Err("must be a time by RFC 3339"),
        };
        let name = fields.required("name", DisplayName::parse);
        let scopes = fields.list_if_any("scopes", |tokens| ScopeSet::from_tokens(tokens.iter().copied()));
        let ends_at = fields.optional("expires_at", ahead);
        Some(Self { name: name?, scopes: scopes?.unwrap_or_default(), ends_at: ends_at? })
    }
}

pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Input(request): Input<CreateRequest>,
) -> Result<Response, Error> {
    if !request.scopes.is_subset(&caller.user.scopes) {
        return Err(Error::ScopeNotAllowed);
    }
    let now = app.clock.now();
    let plain = PlainKey::new(ApiKeyId::new(&caller.user.id, app.random.bytes()?), &app.random.bytes()?);
    let key = ApiKey {
        id: plain.id().clone(),
        name: request.name,
        hash: plain.hash(),
        previous: None,
        scopes: request.scopes,
        created_at: now,
        ends_at: request.ends_at,
        last_used_at: None,
    };
    match app.store.api_keys.create(&key, MOST, &caller.client.request).await? {
        KeyCreated::Done => {}
        KeyCreated::TooMany => return Err(Error::TooManyApiKeys),
        KeyCreated::NoOwner => return Err(Error::InvalidToken),
    }
    app.audit.record(&caller.client, Event::ApiKeyCreated { user: caller.user.id, key: key.id.clone() });
    let mut response = (StatusCode::CREATED, Private(NewKeyView::of(&key, &plain))).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/api-keys/{}", key.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
