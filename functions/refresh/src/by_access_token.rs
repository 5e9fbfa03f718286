//! `POST /refresh-token`: a new access token for a live one. It does not move the session, and does not outlast it.

use axum::extract::State;
use doorward_core::session::renewed_access_ends_at;
use doorward_http::answer::TokenResponse;
use doorward_http::{App, Caller, Error, flow};

pub async fn refresh(State(app): State<App>, caller: Caller) -> Result<TokenResponse, Error> {
    let (now, config) = (app.clock.now(), &app.config);
    let ends_at = renewed_access_ends_at(&caller.session, now, config.access_ttl, &config.sessions);
    let ends_at = ends_at.ok_or(Error::InvalidToken)?;
    let scopes = caller.token.scopes.intersection(&caller.user.scopes);
    flow::mint_access(&app, &caller.user, &caller.session, scopes, ends_at).await
}
