//! `POST /revoke-token`: this access token is dead; the session goes on.

use axum::extract::State;
use doorward_http::answer::{Message, Private};
use doorward_http::audit::Event;
use doorward_http::{App, Caller, Error};

pub async fn revoke_token(State(app): State<App>, caller: Caller) -> Result<Private<Message>, Error> {
    let token = caller.token;
    app.store.revoked.revoke(&token.id, token.expires_at, &caller.client.request).await?;
    app.audit.record(&caller.client, Event::TokenRevoked { user: caller.user.id, token: token.id });
    Ok(Message::new("Token revoked successfully"))
}
