//! `POST /logout/all`: every session and token of the user is dead.

use axum::extract::State;
use doorward_http::answer::{Message, Private};
use doorward_http::audit::Event;
use doorward_http::{App, Caller, Error};

pub async fn logout_all(State(app): State<App>, caller: Caller) -> Result<Private<Message>, Error> {
    app.store.users.raise_epoch(&caller.user.id, caller.user.epoch).await?;
    app.audit.record(&caller.client, Event::LoggedOutEverywhere { user: caller.user.id });
    Ok(Message::new("Successfully logged out everywhere"))
}
