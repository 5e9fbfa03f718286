//! What two functions do alike: minting, and refreshing in both dialects.

use crate::answer::TokenResponse;
use crate::audit::Event;
use crate::client::Client;
use crate::{App, Error};
use doorward_core::access_token::AccessToken;
use doorward_core::clock::Timestamp;
use doorward_core::ids::TokenId;
use doorward_core::refresh_token::{InvalidRefreshToken, RefreshToken, Unverified};
use doorward_core::scope::ScopeSet;
use doorward_core::session::{Refresh, RefreshRefusal, Rotation, Session, access_ends_at, judge_refresh};
use doorward_core::user::User;

/// Signs an access token for a session.
///
/// # Errors
/// When there is no key or no randomness.
pub async fn mint_access(
    app: &App,
    user: &User,
    session: &Session,
    scopes: ScopeSet,
    ends_at: Timestamp,
) -> Result<TokenResponse, Error> {
    let now = app.clock.now();
    let ring = app.keys.current().await?;
    let token = AccessToken {
        id: TokenId::from_random(app.random.bytes()?),
        user: user.id.clone(),
        session: session.id,
        scopes,
        issued_at: now,
        expires_at: ends_at,
    };
    Ok(TokenResponse {
        access_token: token.sign(user, session, &app.config.parties, ring.signing(now)?)?,
        token_type: "bearer",
        expires_in: ends_at.seconds().saturating_sub(now.seconds()).max(0),
        refresh_token: None,
        scope: token.scopes.to_string(),
    })
}

/// Signs an access token for a session, and adds the refresh token of the session's generation.
///
/// # Errors
/// When a key is missing or there is no randomness.
pub async fn mint_pair(app: &App, user: &User, session: &Session, scopes: ScopeSet) -> Result<TokenResponse, Error> {
    let now = app.clock.now();
    let ring = app.keys.current().await?;
    // The session was checked by a token of this key, or made with it, in this very request.
    let key = ring.refresh(&session.key, now).ok_or(Error::InvalidRefreshToken)?;
    let refresh_token = key.issue(&session.user, session.id, session.generation);
    let ends_at = access_ends_at(session, now, app.config.access_ttl);
    let access = mint_access(app, user, session, scopes, ends_at).await?;
    Ok(TokenResponse { refresh_token: Some(refresh_token.reveal().to_owned()), ..access })
}

/// Reads a refresh token that a client sent. A forged one is refused without a read of the store.
async fn verify_refresh_token(app: &App, text: &str) -> Result<RefreshToken, Error> {
    let refuse = |error| match error {
        InvalidRefreshToken::Jwt => Error::InvalidTokenType,
        InvalidRefreshToken::Malformed | InvalidRefreshToken::Forged => Error::InvalidRefreshToken,
    };
    let unverified = Unverified::parse(text).map_err(refuse)?;
    let now = app.clock.now();
    let ring = app.keys.knowing(|ring| ring.refresh(unverified.key_id(), now).is_some()).await?;
    let key = ring.refresh(unverified.key_id(), now).ok_or(Error::InvalidRefreshToken)?;
    unverified.verify(key).map_err(refuse)
}

/// Exchanges a refresh token for its successor and a new access token: one conditional write beside one read.
///
/// # Errors
/// When the token is not good, is spent, or asks for too much.
pub async fn refresh(app: &App, client: &Client, text: &str, scope: Option<&str>) -> Result<TokenResponse, Error> {
    let token = verify_refresh_token(app, text).await?;
    let asked = scope.map(ScopeSet::parse).transpose().map_err(|_| Error::ScopeNotAllowed)?;
    let asked = asked.filter(|scopes| !scopes.is_empty());
    let refresh = Refresh { token: &token, scopes: asked.as_ref(), request: &client.request, now: app.clock.now() };
    let rules = &app.config.sessions;

    let (rotation, user) = tokio::join!(app.store.sessions.rotate(&refresh, rules), app.store.users.get(&token.user));
    let (rotation, user) = caught_up(app, rotation?, user?).await?;
    let session = match judge_refresh(rotation, user.as_ref(), &refresh, rules) {
        Ok(session) => session,
        Err(RefreshRefusal::Theft) => {
            app.store.sessions.revoke(&token.user, token.session, refresh.now).await?;
            app.audit.record(client, Event::TheftDetected { user: token.user, session: token.session });
            return Err(Error::InvalidRefreshToken);
        }
        Err(RefreshRefusal::Dead) => return Err(Error::InvalidRefreshToken),
        Err(RefreshRefusal::Inactive) => return Err(Error::InactiveUser),
        Err(RefreshRefusal::ScopeNotAllowed) => return Err(Error::ScopeNotAllowed),
    };
    let user = user.ok_or(Error::InvalidRefreshToken)?;

    // Never wider than the login, and never wider than the user is by now.
    let scopes = asked.as_ref().unwrap_or(&session.scopes).intersection(&user.scopes);
    let response = mint_pair(app, &user, &session, scopes).await?;
    app.audit.record(client, Event::Refreshed { user: session.user, session: session.id });
    Ok(response)
}

/// The session and the user as they are by now, if the write and the read beside it fell on two sides of a new epoch: a
/// password change takes one session along, and that one is not to be refused.
async fn caught_up(app: &App, mut rotation: Rotation, user: Option<User>) -> Result<(Rotation, Option<User>), Error> {
    let (Rotation::Moved(session) | Rotation::Refused(Some(session))) = &mut rotation else {
        return Ok((rotation, user));
    };
    let Some(epoch) = user.as_ref().map(|user| user.epoch) else { return Ok((rotation, user)) };
    if session.epoch < epoch
        && let Some(now) = app.store.sessions.get(&session.user, session.id).await?
    {
        session.epoch = now.epoch;
        session.revoked_at = now.revoked_at;
    }
    let user = if session.epoch > epoch { app.store.users.get(&session.user).await? } else { user };
    Ok((rotation, user))
}
