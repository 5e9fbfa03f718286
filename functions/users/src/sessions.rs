//! `GET /users/me/sessions`, `DELETE /users/me/sessions/{id}`: where one is logged in.

use axum::extract::State;
use axum::http::StatusCode;
use doorward_core::ids::SessionId;
use doorward_core::session::Session;
use doorward_core::user::User;
use doorward_http::answer::{Private, rfc3339};
use doorward_http::audit::Event;
use doorward_http::extract::PathId;
use doorward_http::{App, Caller, Error};
use serde::Serialize;
use utoipa::ToSchema;

/// How many are listed.
const NEWEST: usize = 100;

#[derive(Serialize, ToSchema)]
pub struct Sessions {
    items: Vec<SessionView>,
}

#[derive(Serialize, ToSchema)]
struct SessionView {
    id: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: String,
    address: String,
    user_agent: String,
    current: bool,
}

impl SessionView {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.rotated_at),
            address: session.address,
            user_agent: session.user_agent,
            current: session.id == current,
        }
    }
}

pub async fn list(State(app): State<App>, caller: Caller) -> Result<Private<Sessions>, Error> {
    let now = app.clock.now();
    let (sessions, rules, current) = (&app.store.sessions, &app.config.sessions, caller.session.id);
    let mut found = sessions.list(&caller.user, NEWEST, now, rules).await?;
    if !found.iter().any(|session| session.id == current)
        && let Some(user) = in_another_epoch(&app, &caller).await?
    {
        found = sessions.list(&user, NEWEST, now, rules).await?;
    }
    let items = found.into_iter().map(|session| SessionView::of(session, current)).collect();
    Ok(Private(Sessions { items }))
}

pub async fn end(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, Error> {
    let session = SessionId::parse(&id).map_err(|_| Error::NotFound)?;
    let (now, rules, request) = (app.clock.now(), &app.config.sessions, &caller.client.request);
    let sessions = &app.store.sessions;
    // Looked for among the caller's own: another's id finds nothing.
    let mut is_ended = sessions.end(&caller.user, session, now, rules, request).await?;
    if !is_ended && let Some(user) = in_another_epoch(&app, &caller).await? {
        is_ended = sessions.end(&user, session, now, rules, request).await?;
    }
    if !is_ended {
        return Err(Error::NotFound);
    }
    app.audit.record(&caller.client, Event::SessionEnded { user: caller.user.id, session });
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's user, if their epoch is another by now: a change of the password took the caller's session along into it, where
/// the user as the check read them has no session.
async fn in_another_epoch(app: &App, caller: &Caller) -> Result<Option<User>, Error> {
    let user = caller.again(app).await?;
    Ok((user.epoch != caller.user.epoch).then_some(user))
}
