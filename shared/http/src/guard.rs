//! Who is asking: a handler that has a [`Caller`] in its signature is called by nobody else.

use crate::client::Client;
use crate::error::ScopedError;
use crate::extract::refuse_long;
use crate::{App, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_core::access_token::{AccessToken, InvalidAccessToken, Unverified};
use doorward_core::api_key::{ApiKey, PlainKey, judge_api_key};
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::SecondFactor;
use doorward_core::session::{Session, judge_bearer};
use doorward_core::user::{Role, User, permission};
use doorward_store::Standing;
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
        let (user, session) = judge(app, &token).await?;
        // A body is looked at after the caller, and on routes that read none nobody else would.
        refuse_long(&parts.headers)?;
        Ok(Self { user, session, token, client })
    }
}

impl Caller {
    /// The user as they are by now, if the token is good still: for a request that found somebody else had changed them.
    ///
    /// # Errors
    /// When the token is good no longer, or the store is unavailable.
    pub async fn again(&self, app: &App) -> Result<User, Error> {
        judge(app, &self.token).await.map(|(user, _)| user)
    }
}

/// A caller, and their second factor, which rides in the same read.
#[derive(Clone, Debug)]
pub struct FactorCaller {
    /// The caller.
    pub caller: Caller,
    /// What they have of a second factor, if anything.
    pub factor: Option<SecondFactor>,
}

impl FromRequestParts<App> for FactorCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(client) = Client::from_request_parts(parts, app).await;
        let token = verify(app, bearer_token(&parts.headers)?).await?;
        let read = app.store.standing_and_factor(&token.user, token.session, &token.id).await?;
        let (Standing { user, session, revoked }, factor) = read;
        let (user, session) = judge_bearer(user, session, revoked, app.clock.now())?;
        refuse_long(&parts.headers)?;
        Ok(Self { caller: Caller { user, session, token, client }, factor })
    }
}

/// The user and the session of a token, if both and the token itself are good at this moment.
async fn judge(app: &App, token: &AccessToken) -> Result<(User, Session), Error> {
    let standing = app.store.standing(&token.user, token.session, &token.id).await?;
    Ok(judge_bearer(standing.user, standing.session, standing.revoked, app.clock.now())?)
}

macro_rules! markers {
    ($trait:ident: $type:ty; $($(#[$doc:meta])* $name:ident = $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl $trait for $name {
            const VALUE: $type = $value;
        }
    )*};
}

/// A permission, as a type: a handler that has a [`RequirePermission`] of it in its signature is called by nobody else.
pub trait Permission {
    /// Its name.
    const VALUE: &'static str;
}
markers! { Permission: &'static str;
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
        if caller.user.has_permission(P::VALUE) {
            Ok(Self(caller, PhantomData))
        } else {
            Err(Error::InsufficientPermissions)
        }
    }
}

/// A scope, as a type. A function of your own names its own.
pub trait Scope {
    /// Its name.
    const VALUE: &'static str;
}
markers! { Scope: &'static str;
    /// See the sample items.
    ReadItems = "read:items";
    /// Make sample items.
    WriteItems = "write:items";
}

/// A caller whose token has a scope.
#[derive(Clone, Debug)]
pub struct RequireScope<S>(pub Caller, pub PhantomData<S>);

impl<S: Scope> FromRequestParts<App> for RequireScope<S> {
    type Rejection = ScopedError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ScopedError> {
        let refuse = |error| ScopedError { error, scope: S::VALUE };
        let caller = Caller::from_request_parts(parts, app).await.map_err(refuse)?;
        if caller.token.scopes.contains(S::VALUE) {
            Ok(Self(caller, PhantomData))
        } else {
            Err(refuse(Error::NotEnoughScope))
        }
    }
}

/// A role, as a type.
pub trait RequiredRole {
    /// The role.
    const VALUE: Role;
}
markers! { RequiredRole: Role;
    /// May moderate what others write.
    Moderator = Role::Moderator;
    /// May do everything.
    Admin = Role::Admin;
}

/// A caller with a role, or an admin.
#[derive(Clone, Debug)]
pub struct RequireRole<R>(pub Caller, pub PhantomData<R>);

impl<R: RequiredRole> FromRequestParts<App> for RequireRole<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.user.has_role(R::VALUE) { Ok(Self(caller, PhantomData)) } else { Err(Error::RoleRequired(R::VALUE)) }
    }
}

/// A program with an API key, in the `X-API-Key` header, that is good at this moment.
#[derive(Clone, Debug)]
pub struct ApiKeyCaller {
    /// The key.
    pub key: ApiKey,
    /// Whose it is.
    pub owner: User,
    /// What it may do: what key and owner both may.
    pub scopes: ScopeSet,
}

impl FromRequestParts<App> for ApiKeyCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let mut values = parts.headers.get_all("x-api-key").iter();
        let value = values.next().filter(|value| !value.is_empty()).ok_or(Error::ApiKeyRequired)?;
        let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(Error::InvalidApiKey)?;
        // A typo is refused here, without a read.
        let presented = PlainKey::parse(text).map_err(|_| Error::InvalidApiKey)?;
        let (key, owner) = app.store.api_key(presented.id()).await?;
        let now = app.clock.now();
        let judged = judge_api_key(&presented, key, owner, now).map_err(|_| Error::InvalidApiKey)?;
        let (key, owner, scopes) = judged;
        app.store.api_keys.mark_used(&key, now).await?;
        refuse_long(&parts.headers)?;
        Ok(Self { key, owner, scopes })
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
