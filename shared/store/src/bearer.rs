use crate::item::{Item, text};
use crate::keys::{API_KEYS, REVOKED_TOKENS, SECOND_FACTORS, SESSIONS, USER_ID, USERS};
use crate::write::{ATTEMPTS, back_off};
use crate::{Store, StoreError, api_keys, revoked, second_factors, sessions, users};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use doorward_core::api_key::{ApiKey, ApiKeyId};
use doorward_core::ids::{SessionId, TokenId, UserId};
use doorward_core::mfa_token::MfaToken;
use doorward_core::second_factor::SecondFactor;
use doorward_core::session::Session;
use doorward_core::user::User;
use std::collections::HashMap;

/// How things stand with an access token: what one strongly consistent batch found.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose it is.
    pub user: Option<User>,
    /// The login that it comes from.
    pub session: Option<Session>,
    /// Whether the token itself was revoked.
    pub revoked: bool,
}

/// How things stand with a client's access token: what one strongly consistent batch found.
#[derive(Clone, Debug)]
pub struct ClientStanding {
    /// The client.
    pub key: Option<ApiKey>,
    /// Whose it is.
    pub owner: Option<User>,
    /// Whether the token itself was revoked.
    pub revoked: bool,
}

/// What a batch found, by table.
type Found = HashMap<String, Vec<Item>>;

/// What is read about a user in one batch.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    user: &'a UserId,
    session: Option<SessionId>,
    /// A token of whichever kind: whether it was revoked.
    token: Option<&'a TokenId>,
    factor: bool,
    /// Somebody else, or the same.
    other: Option<&'a UserId>,
}

impl<'a> Wanted<'a> {
    fn of(user: &'a UserId) -> Self {
        Self { user, session: None, token: None, factor: false, other: None }
    }

    fn of_token(user: &'a UserId, session: SessionId, token: &'a TokenId) -> Self {
        Self { session: Some(session), token: Some(token), ..Self::of(user) }
    }
}

/// What was found of what was wanted.
struct About {
    user: Option<User>,
    session: Option<Session>,
    revoked: bool,
    factor: Option<SecondFactor>,
    other: Option<User>,
}

impl About {
    /// Whether another look may find something else: DynamoDB isolates each item of a batch, and not all of them together.
    fn may_be_of_two_moments(&self, wanted: Wanted<'_>) -> bool {
        let Some(user) = &self.user else { return false };
        let has_moved = self.session.as_ref().is_some_and(|session| session.may_have_moved(user));
        let is_on = self.factor.as_ref().is_some_and(|factor| factor.live.is_some());
        has_moved || (wanted.factor && user.two_factor_enabled != is_on)
    }

    fn standing(self) -> Standing {
        Standing { user: self.user, session: self.session, revoked: self.revoked }
    }
}

impl Store {
    /// Reads how things stand with a user's access token, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn standing(&self, user: &UserId, session: SessionId, token: &TokenId) -> Result<Standing, StoreError> {
        Ok(self.about(Wanted::of_token(user, session, token)).await?.standing())
    }

    /// Reads how things stand with a user's access token, and another user's profile, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn standing_and_user(
        &self,
        user: &UserId,
        session: SessionId,
        token: &TokenId,
        other: &UserId,
    ) -> Result<(Standing, Option<User>), StoreError> {
        let wanted = Wanted { other: Some(other), ..Wanted::of_token(user, session, token) };
        let mut about = self.about(wanted).await?;
        let other = about.other.take();
        Ok((about.standing(), other))
    }

    /// Reads how things stand with an access token, and its user's second factor, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn standing_and_factor(
        &self,
        user: &UserId,
        session: SessionId,
        token: &TokenId,
    ) -> Result<(Standing, Option<SecondFactor>), StoreError> {
        let wanted = Wanted { factor: true, ..Wanted::of_token(user, session, token) };
        let mut about = self.about(wanted).await?;
        let factor = about.factor.take();
        Ok((about.standing(), factor))
    }

    /// Reads a profile and its second factor, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn user_and_factor(&self, user: &UserId) -> Result<(Option<User>, Option<SecondFactor>), StoreError> {
        let about = self.about(Wanted { factor: true, ..Wanted::of(user) }).await?;
        Ok((about.user, about.factor))
    }

    /// Reads whom an `mfa_token` is of, their second factor, and whether the token was used, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn waiting_login(
        &self,
        token: &MfaToken,
    ) -> Result<(Option<User>, Option<SecondFactor>, bool), StoreError> {
        let about = self.about(Wanted { token: Some(&token.id), factor: true, ..Wanted::of(&token.user) }).await?;
        Ok((about.user, about.factor, about.revoked))
    }

    /// Reads a session and its user, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn login(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(Option<User>, Option<Session>), StoreError> {
        let about = self.about(Wanted { session: Some(session), ..Wanted::of(user) }).await?;
        Ok((about.user, about.session))
    }

    /// Reads how things stand with a client's access token, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn client_standing(&self, client: &ApiKeyId, token: &TokenId) -> Result<ClientStanding, StoreError> {
        let keys = vec![
            (USERS, users::key(client.owner())),
            (API_KEYS, api_keys::key(client)),
            (REVOKED_TOKENS, revoked::key(token)),
        ];
        let found = self.batch(keys).await?;
        let (key, owner) = (self.key_in(&found)?, self.user_in(&found, client.owner())?);
        Ok(ClientStanding { key, owner, revoked: self.item_in(&found, REVOKED_TOKENS).is_some() })
    }

    /// Reads an API key and its owner, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<(Option<ApiKey>, Option<User>), StoreError> {
        let found = self.batch(vec![(USERS, users::key(id.owner())), (API_KEYS, api_keys::key(id))]).await?;
        Ok((self.key_in(&found)?, self.user_in(&found, id.owner())?))
    }

    /// Reads what is wanted, and once more where it may be of two moments.
    async fn about(&self, wanted: Wanted<'_>) -> Result<About, StoreError> {
        let about = self.about_once(wanted).await?;
        if about.may_be_of_two_moments(wanted) { self.about_once(wanted).await } else { Ok(about) }
    }

    async fn about_once(&self, wanted: Wanted<'_>) -> Result<About, StoreError> {
        let Wanted { user, session, token, factor, other } = wanted;
        let mut keys = vec![(USERS, users::key(user))];
        keys.extend(other.map(|other| (USERS, users::key(other))));
        keys.extend(session.map(|session| (SESSIONS, sessions::key(user, session))));
        keys.extend(token.map(|token| (REVOKED_TOKENS, revoked::key(token))));
        keys.extend(factor.then(|| (SECOND_FACTORS, users::key(user))));
        let found = self.batch(keys).await?;
        Ok(About {
            user: self.user_in(&found, user)?,
            session: self.item_in(&found, SESSIONS).map(sessions::read).transpose()?,
            revoked: self.item_in(&found, REVOKED_TOKENS).is_some(),
            factor: self.item_in(&found, SECOND_FACTORS).map(second_factors::read).transpose()?,
            other: other.map(|other| self.user_in(&found, other)).transpose()?.flatten(),
        })
    }

    /// One of the users that were asked for, who come in any order.
    fn user_in(&self, found: &Found, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = text(id);
        let mut items = found.get(&self.db.table(USERS)).into_iter().flatten();
        items.find(|item| item.get(USER_ID) == Some(&id)).map(users::read).transpose()
    }

    fn key_in(&self, found: &Found) -> Result<Option<ApiKey>, StoreError> {
        self.item_in(found, API_KEYS).map(api_keys::read).transpose()
    }

    fn item_in<'a>(&self, found: &'a Found, table: &str) -> Option<&'a Item> {
        found.get(&self.db.table(table))?.first()
    }

    /// Items by their tables and keys, each asked for once. What DynamoDB leaves out under load is asked for again, and then it is
    /// an error: it is never absence.
    async fn batch(&self, keys: Vec<(&str, Item)>) -> Result<Found, StoreError> {
        let mut wanted: HashMap<_, Vec<Item>> = HashMap::with_capacity(keys.len());
        for (table, key) in keys {
            let keys = wanted.entry(self.db.table(table)).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut pending = HashMap::with_capacity(wanted.len());
        for (table, keys) in wanted {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            pending.insert(table, keys.map_err(StoreError::unavailable)?);
        }
        let mut found = Found::with_capacity(pending.len());
        for attempt in 1..=ATTEMPTS {
            let sent = self.db.client.batch_get_item().set_request_items(Some(pending)).send().await;
            let output = sent.map_err(StoreError::unavailable)?;
            for (table, items) in output.responses.unwrap_or_default() {
                found.entry(table).or_default().extend(items);
            }
            pending = output.unprocessed_keys.unwrap_or_default();
            if pending.is_empty() {
                return Ok(found);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Unavailable("a batch was not processed".to_owned()))
    }
}
