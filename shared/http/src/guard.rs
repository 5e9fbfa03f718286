//! Who is asking: a handler that has a [`Caller`] in its signature is called by nobody else.

use crate::client::Client;
use crate::extract::refuse_long;
use crate::{App, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_core::access_token::{AccessToken, InvalidAccessToken, Unverified};
use doorward_core::session::{Session, judge_bearer};
use doorward_core::user::{User, permission};
use std::marker::PhantomData;

/// Somebody whose access token, session and user are all good at this moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user, as this check read them: what they may is what they may now.
    pub user: User,
    /// The login that the token comes from.
    pub session: Session,
    /// The token.
    pub token: AccessToken,
    /// The request.
    pub client: Client,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(client) = Client::from_request_parts(parts, app).await;
        let token = verify(app, bearer_token(&parts.headers)?).await?;
        let standing = app.store.standing(&token.user, token.session, &token.id).await?;
        let (user, session) = judge_bearer(standing.user, standing.session, standing.revoked, app.clock.now())?;
        // A body is looked at after the caller, and on routes that read none nobody else would.
        refuse_long(&parts.headers)?;
        Ok(Self { user, session, token, client })
    }
}

/// A permission, as a type: a handler that has a [`RequirePermission`] of it in its signature is called by nobody else.
pub trait Permission {
    /// Its name.
    const NAME: &'static str;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl Permission for $name {
            const NAME: &'static str = $value;
        }
    )*};
}
permissions! {
    /// See other users.
    ReadUsers = permission::READ_USERS;
    /// Change other users.
    WriteUsers = permission::WRITE_USERS;
    /// Delete other users.
    DeleteUsers = permission::DELETE_USERS;
}

/// A caller with a permission, or an admin.
#[derive(Clone, Debug)]
pub struct RequirePermission<P>(pub Caller, pub PhantomData<P>);

impl<P: Permission> FromRequestParts<App> for RequirePermission<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.user.has_permission(P::NAME) {
            Ok(Self(caller, PhantomData))
        } else {
            Err(Error::InsufficientPermissions)
        }
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1). Another scheme is no credentials at all.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::NotAuthenticated)?;
    if values.next().is_some() {
        return Err(Error::InvalidToken);
    }
    let text = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim_matches(' ')) } else { Err(Error::NotAuthenticated) }
}

async fn verify(app: &App, text: &str) -> Result<AccessToken, Error> {
    let invalid = |_: InvalidAccessToken| Error::InvalidToken;
    let unverified = Unverified::parse(text).map_err(invalid)?;
    let now = app.clock.now();
    let ring = app.keys.knowing(|ring| ring.verifying(unverified.key_id(), now).is_some()).await?;
    let key = ring.verifying(unverified.key_id(), now).ok_or(Error::InvalidToken)?;
    unverified.verify(key, &app.config.parties, now).map_err(invalid)
}
