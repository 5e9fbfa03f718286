//! What two functions do alike: minting, and refreshing in both dialects.

use crate::answer::TokenResponse;
use crate::audit::{Event, RefreshFailure};
use crate::client::Client;
use crate::{App, Error, guard};
use doorward_core::access_token::{AccessToken, Holder, NewToken};
use doorward_core::api_key::ApiKey;
use doorward_core::clock::Timestamp;
use doorward_core::ids::{SessionId, TokenId, UserId};
use doorward_core::refresh_token::{InvalidRefreshToken, RefreshToken, Unverified};
use doorward_core::scope::{AskedScopes, ScopeSet};
use doorward_core::session::{Behind, Refresh, RefreshRefusal, Rotation, Session, access_ends_at, judge_refresh};
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
    mint(app, Holder::User(user, session, &app.claims), scopes, ends_at).await
}

/// Signs an access token for a client, which never lasts longer than its key.
///
/// # Errors
/// When there is no key or no randomness.
pub async fn mint_for_client(app: &App, key: &ApiKey, scopes: ScopeSet) -> Result<TokenResponse, Error> {
    let full = app.clock.now().plus(app.config.access_ttl);
    let ends_at = key.ends_at.map_or(full, |end| full.min(end));
    mint(app, Holder::Client(&key.id), scopes, ends_at).await
}

async fn mint(app: &App, holder: Holder<'_>, scopes: ScopeSet, ends_at: Timestamp) -> Result<TokenResponse, Error> {
    let now = app.clock.now();
    let ring = app.keys.current().await?;
    let id = TokenId::from_random(app.random.bytes()?);
    let token = NewToken { id, holder, scopes, issued_at: now, expires_at: ends_at };
    Ok(TokenResponse {
        access_token: token.sign(&app.config.parties, ring.signing(now)?)?,
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
    let ends_at = access_ends_at(session, now, app.config.access_ttl, &app.config.sessions);
    let access = mint_access(app, user, session, scopes, ends_at).await?;
    Ok(TokenResponse { refresh_token: Some(refresh_token.reveal().to_owned()), ..access })
}

/// A token of either kind, by what it says of itself. Whether it was ended is another question.
#[derive(Debug)]
pub enum AnyToken {
    /// An access token at its time.
    Access(AccessToken),
    /// A refresh token of whatever generation.
    Refresh(RefreshToken),
}

/// Reads a token of either kind. `None` when it is none of ours, or not at its time.
///
/// # Errors
/// When the keys cannot be read.
pub async fn verify_any(app: &App, text: &str) -> Result<Option<AnyToken>, Error> {
    match verify_refresh_token(app, text).await {
        Ok(token) => return Ok(Some(AnyToken::Refresh(token))),
        Err(Error::InvalidTokenType) => {}
        Err(Error::InvalidRefreshToken) => return Ok(None),
        Err(error) => return Err(error),
    }
    match guard::verify(app, text).await {
        Ok(token) => Ok(Some(AnyToken::Access(token))),
        Err(Error::InvalidToken) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a refresh token that a client sent. A forged one is refused without a read of the store.
async fn verify_refresh_token(app: &App, text: &str) -> Result<RefreshToken, Error> {
    let refuse = |error| match error {
        InvalidRefreshToken::Jwt => Error::InvalidTokenType,
        InvalidRefreshToken::Malformed | InvalidRefreshToken::Forged => Error::InvalidRefreshToken,
    };
    let unverified = Unverified::parse(text).map_err(refuse)?;
    let key = app.keys.find(|ring, now| ring.refresh(unverified.key_id(), now)).await?;
    unverified.verify(&*key.ok_or(Error::InvalidRefreshToken)?).map_err(refuse)
}

/// Exchanges a refresh token for its successor and a new access token: one conditional write, and one read beside it.
///
/// # Errors
/// When the token is not good, is spent, or asks for too much.
pub async fn refresh(app: &App, client: &Client, text: &str, scope: Option<&str>) -> Result<TokenResponse, Error> {
    let token = verify_refresh_token(app, text).await?;
    let (sessions, users, rules) = (&app.store.sessions, &app.store.users, &app.config.sessions);
    let asked = AskedScopes::parse(scope);
    let known = match asked {
        AskedScopes::All => None,
        // The user is read first, so that nothing is used up for a scope that they have no longer.
        _ => Some(users.get(&token.user).await?),
    };
    let asked = asked.of_user(known.as_ref().and_then(Option::as_ref));
    let refresh = Refresh { token: &token, scopes: &asked, request: &client.request, now: app.clock.now() };
    let (rotation, user) = if let Some(user) = known {
        (sessions.rotate(&refresh, rules).await, Ok(user))
    } else {
        tokio::join!(sessions.rotate(&refresh, rules), users.get(&token.user))
    };
    let (rotation, user) = caught_up(app, &token, rotation?, user?).await?;
    let session = match judge_refresh(rotation, user.as_ref(), &refresh, rules) {
        Ok(session) => session,
        Err(refusal) => {
            if matches!(refusal, RefreshRefusal::Theft) {
                app.store.sessions.revoke(&token.user, token.session, refresh.now).await?;
            }
            let (event, error) = refused(token.user, token.session, refusal);
            app.audit.record(client, event);
            return Err(error);
        }
    };
    let user = user.ok_or(Error::InvalidRefreshToken)?;

    // Never wider than the login, and never wider than the user is by now.
    let scopes = asked.of(&session.scopes).intersection(&user.scopes);
    let response = mint_pair(app, &user, &session, scopes).await?;
    app.audit.record(client, Event::Refreshed { user: session.user, session: session.id });
    Ok(response)
}

/// What the audit and what the client is told of a refresh token that is not taken.
fn refused(user: UserId, session: SessionId, refusal: RefreshRefusal) -> (Event, Error) {
    let (reason, error) = match refusal {
        RefreshRefusal::Theft => return (Event::TheftDetected { user, session }, Error::InvalidRefreshToken),
        RefreshRefusal::Dead => (RefreshFailure::SessionEnded, Error::InvalidRefreshToken),
        RefreshRefusal::Inactive => (RefreshFailure::Inactive, Error::InactiveUser),
        RefreshRefusal::ScopeNotAllowed => (RefreshFailure::ScopeNotAllowed, Error::ScopeNotAllowed),
    };
    (Event::RefreshFailed { user, session, reason }, error)
}

/// The session and the user as they are by now, if the write and the read beside it fell on two sides of a new epoch.
async fn caught_up(
    app: &App,
    token: &RefreshToken,
    mut rotation: Rotation,
    mut user: Option<User>,
) -> Result<(Rotation, Option<User>), Error> {
    if rotation.behind(user.as_ref()) == Some(Behind::Session)
        && let Some(now) = app.store.sessions.get(&token.user, token.session).await?
    {
        rotation.catch_up(&now);
    }
    if rotation.behind(user.as_ref()) == Some(Behind::User) {
        user = app.store.users.get(&token.user).await?;
    }
    Ok((rotation, user))
}
