//! Who is asking: a handler that has a [`Caller`] in its signature is called by nobody else.

mod rights;

pub use rights::*;

use crate::audit::{Event, Needed};
use crate::body::refuse_long;
use crate::client::Client;
use crate::extract::PathId;
use crate::{App, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_core::access_token::{AccessToken, InvalidAccessToken, Subject, Unverified};
use doorward_core::api_key::{ApiKey, PlainKey, judge_api_key, judge_client};
use doorward_core::ids::{SessionId, UserId};
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::SecondFactor;
use doorward_core::session::{Session, judge_bearer};
use doorward_core::user::User;

/// Whoever has an access token that is good at this moment: a user, or a client that acts for the owner of its key.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Whose resources the token reaches: the user, or the owner of the client's key.
    pub user: User,
    /// What the token may do; a client's is cut to what its key and its owner may by now.
    pub scopes: ScopeSet,
    /// What the token comes from.
    pub origin: Origin,
    /// The token.
    pub token: AccessToken,
    /// The request.
    pub client: Client,
}

/// What an access token comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A user's login.
    Login(Session),
    /// A client's API key.
    Key(ApiKey),
}

impl FromRequestParts<App> for Bearer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let bearer = Self::judged(parts, app).await?;
        refuse_long(&parts.headers)?;
        Ok(bearer)
    }
}

impl Bearer {
    /// The bearer, before anything is said of the body: that comes after all that is said of the caller, and on routes that
    /// read none nobody else would say it.
    async fn judged(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(client) = Client::from_request_parts(parts, app).await;
        let token = verify(app, bearer_token(&parts.headers)?).await?;
        let Standing { user, scopes, origin } = judge(app, &token).await?;
        Ok(Self { user, scopes, origin, token, client })
    }

    /// Tells the audit that the bearer was refused for want of something.
    pub fn lacks(&self, app: &App, needed: Needed) {
        let key = match &self.origin {
            Origin::Login(_) => None,
            Origin::Key(key) => Some(key.id.clone()),
        };
        app.audit.record(&self.client, Event::AccessRefused { user: self.user.id.clone(), key, needed });
    }
}

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
        let caller = Self::judged(parts, app).await?;
        refuse_long(&parts.headers)?;
        Ok(caller)
    }
}

impl Caller {
    async fn judged(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let claimed = Claimed::verified(parts, app).await?;
        let found = app.store.standing(&claimed.user, claimed.session, &claimed.token.id).await?;
        claimed.judged(app, found)
    }

    /// Tells the audit that the caller was refused for want of something.
    pub fn lacks(&self, app: &App, needed: Needed) {
        app.audit.record(&self.client, Event::AccessRefused { user: self.user.id.clone(), key: None, needed });
    }

    /// Refuses who has not that permission.
    ///
    /// # Errors
    /// When the caller has it not.
    pub fn expect_permission(&self, app: &App, permission: &'static str) -> Result<(), Error> {
        if self.user.has_permission(permission) {
            return Ok(());
        }
        self.lacks(app, Needed::Permission(permission));
        Err(Error::InsufficientPermissions)
    }

    /// The user as they are by now, if the token is good still: for a request that found somebody else had changed them.
    ///
    /// # Errors
    /// When the token is good no longer, or the store is unavailable.
    pub async fn again(&self, app: &App) -> Result<User, Error> {
        judge(app, &self.token).await.map(|standing| standing.user)
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
        let claimed = Claimed::verified(parts, app).await?;
        let found = app.store.standing_and_factor(&claimed.user, claimed.session, &claimed.token.id).await?;
        let (caller, factor) = (claimed.judged(app, found.0)?, found.1);
        refuse_long(&parts.headers)?;
        Ok(Self { caller, factor })
    }
}

/// A caller, and the user whom the path names, who rides in the same read.
#[derive(Clone, Debug)]
pub struct CallerOver {
    /// The caller.
    pub caller: Caller,
    /// The user whom the path names, if there is one; it may be the caller.
    pub target: Option<User>,
}

impl CallerOver {
    async fn judged(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let claimed = Claimed::verified(parts, app).await?;
        let PathId(id) = PathId::from_request_parts(parts, app).await?;
        let (store, user, session) = (&app.store, &claimed.user, claimed.session);
        let (found, target) = match UserId::parse(&id) {
            Ok(id) => store.standing_and_user(user, session, &claimed.token.id, &id).await?,
            Err(_) => (store.standing(user, session, &claimed.token.id).await?, None),
        };
        Ok(Self { caller: claimed.judged(app, found)?, target })
    }
}

/// Whoever has a token of a user, before anything is read of them.
struct Claimed {
    user: UserId,
    session: SessionId,
    token: AccessToken,
    client: Client,
}

impl Claimed {
    async fn verified(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(client) = Client::from_request_parts(parts, app).await;
        let token = verify(app, bearer_token(&parts.headers)?).await?;
        if let Subject::User(user, session) = &token.subject {
            return Ok(Self { user: user.clone(), session: *session, token, client });
        }
        let Standing { user, scopes, origin } = judge(app, &token).await?;
        Bearer { user, scopes, origin, token, client }.lacks(app, Needed::User);
        Err(Error::InsufficientPermissions)
    }

    fn judged(self, app: &App, found: doorward_store::Standing) -> Result<Caller, Error> {
        let (user, session) = judge_bearer(found.user, found.session, found.revoked, app.clock.now())?;
        Ok(Caller { user, session, token: self.token, client: self.client })
    }
}

/// How an access token stands that is good at this moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose resources it reaches.
    pub user: User,
    /// What it may do.
    pub scopes: ScopeSet,
    /// What it comes from.
    pub origin: Origin,
}

/// How a verified token stands: one read.
///
/// # Errors
/// When the token, or what it comes from, is good no longer, or the store is unavailable.
pub async fn judge(app: &App, token: &AccessToken) -> Result<Standing, Error> {
    match &token.subject {
        Subject::User(user, session) => {
            let found = app.store.standing(user, *session, &token.id).await?;
            let (user, session) = judge_bearer(found.user, found.session, found.revoked, app.clock.now())?;
            Ok(Standing { user, scopes: token.scopes.clone(), origin: Origin::Login(session) })
        }
        Subject::Client(client) => {
            let found = app.store.client_standing(client, &token.id).await?;
            let judged = judge_client(&token.scopes, found.key, found.owner, found.revoked, app.clock.now());
            let (key, user, scopes) = judged?;
            Ok(Standing { user, scopes, origin: Origin::Key(key) })
        }
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
        let presented = presented_key(&parts.headers)?.ok_or(Error::ApiKeyRequired)?;
        let caller = Self::authenticate(app, &presented).await?;
        refuse_long(&parts.headers)?;
        Ok(caller)
    }
}

impl ApiKeyCaller {
    /// The program that has an API key; that it was used is written down.
    ///
    /// # Errors
    /// When the key is not good at this moment, or the store is unavailable.
    pub async fn authenticate(app: &App, presented: &PlainKey) -> Result<Self, Error> {
        let (key, owner) = app.store.api_key(presented.id()).await?;
        let now = app.clock.now();
        let judged = judge_api_key(presented, key, owner, now).map_err(|_| Error::InvalidApiKey)?;
        let (key, owner, scopes) = judged;
        app.store.api_keys.mark_used(&key, now).await?;
        Ok(Self { key, owner, scopes })
    }
}

/// The API key of the `X-API-Key` header, if there is one. A typo is refused here, without a read.
///
/// # Errors
/// When it is no key, or more than one.
pub fn presented_key(headers: &HeaderMap) -> Result<Option<PlainKey>, Error> {
    let mut values = headers.get_all("x-api-key").iter();
    let Some(value) = values.next().filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(Error::InvalidApiKey)?;
    PlainKey::parse(text).map(Some).map_err(|_| Error::InvalidApiKey)
}

/// The token of the `Authorization` header (RFC 6750 §2.1). Another scheme is no credentials at all.
///
/// # Errors
/// When there is none, or more than one.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::NotAuthenticated)?;
    if values.next().is_some() {
        return Err(Error::InvalidToken);
    }
    let text = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim_matches(' ')) } else { Err(Error::NotAuthenticated) }
}

/// What an access token says, if it is one of ours and it is its time. Whether it was ended is for [`judge`] to say.
///
/// # Errors
/// When it is anything else, or the keys cannot be read.
pub async fn verify(app: &App, text: &str) -> Result<AccessToken, Error> {
    let invalid = |_: InvalidAccessToken| Error::InvalidToken;
    let unverified = Unverified::parse(text).map_err(invalid)?;
    let key = app.keys.find(|ring, now| ring.verifying(unverified.key_id(), now)).await?.ok_or(Error::InvalidToken)?;
    unverified.verify(&key, &app.config.parties, app.clock.now()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let value = |bytes: &&[u8]| HeaderValue::from_bytes(bytes).ok();
        values.iter().filter_map(value).map(|value| (header::AUTHORIZATION, value)).collect()
    }

    proptest! {
        #[test]
        fn a_bearer_says_so_and_stands_alone(
            scheme in "(?i:bearer)|[A-Za-z]{0,8}",
            token in "[!-~]{0,40}",
            spaces in " {1,3}",
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = format!("{scheme}{spaces}{token}{spaces}");
            let alone = headers(&[text.as_bytes()]);
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            match bearer_token(&alone) {
                Ok(read) => prop_assert!(is_bearer && read == token),
                Err(error) => prop_assert!(!is_bearer && matches!(error, Error::NotAuthenticated)),
            }
            let twice = headers(&[text.as_bytes(), b"Bearer x"]);
            prop_assert!(matches!(bearer_token(&twice), Err(Error::InvalidToken)));
            if let Ok(read) = bearer_token(&headers(&[&bytes])) {
                prop_assert!(bytes[..6].eq_ignore_ascii_case(b"bearer"));
                prop_assert!(read.is_ascii() && !read.starts_with(' ') && !read.ends_with(' '));
            }
        }
    }
}
