//! `POST /logout`: this session and its tokens are dead.

use axum::extract::State;
use doorward_http::answer::{Message, Private};
use doorward_http::audit::Event;
use doorward_http::{App, Caller, Error};

pub async fn logout(State(app): State<App>, caller: Caller) -> Result<Private<Message>, Error> {
    // That there is none any more is what was asked for.
    app.store.sessions.revoke(&caller.user.id, caller.session.id, app.clock.now()).await?;
    let event = Event::LoggedOut { user: caller.user.id, session: caller.session.id };
    app.audit.record(&caller.client, event);
    Ok(Message::new("Successfully logged out"))
}
