//! The session that a login begins.

use doorward_core::clock::Timestamp;
use doorward_core::ids::SessionId;
use doorward_core::refresh_token::Generation;
use doorward_core::scope::ScopeSet;
use doorward_core::session::{Amr, Session};
use doorward_core::user::User;
use doorward_http::answer::TokenResponse;
use doorward_http::audit::Event;
use doorward_http::client::Client;
use doorward_http::{App, Error, flow};

/// A password and a one-time code (RFC 8176 §2).
pub const BOTH_FACTORS: &[Amr] = &[Amr::Pwd, Amr::Otp, Amr::Mfa];

/// A new session. Nothing is kept of it yet.
pub async fn begin(app: &App, client: &Client, user: &User, scopes: ScopeSet, amr: &[Amr]) -> Result<Session, Error> {
    let now = app.clock.now();
    let ring = app.keys.current().await?;
    Ok(Session {
        id: SessionId::new(now, app.random.bytes()?),
        user: user.id.clone(),
        generation: Generation::default(),
        rotated_at: now,
        rotated_by: client.request.clone(),
        epoch: user.epoch,
        auth_time: now,
        amr: amr.to_vec(),
        scopes,
        key: ring.refresh_for_new(now)?.id.clone(),
        created_at: now,
        // Whole seconds, as tokens have them: the last token of a session ends with it.
        ends_at: Timestamp::from_seconds(now.plus(app.config.sessions.lifetime).seconds()),
        revoked_at: None,
        address: client.address.to_string(),
        user_agent: client.user_agent.clone(),
    })
}

/// The tokens of a session that was begun.
pub async fn give_tokens(app: &App, client: &Client, user: &User, session: &Session) -> Result<TokenResponse, Error> {
    let response = flow::mint_pair(app, user, session, session.scopes.clone()).await?;
    app.audit.record(client, Event::LoggedIn { user: user.id.clone(), session: session.id });
    Ok(response)
}
