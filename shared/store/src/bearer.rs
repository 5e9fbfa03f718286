use crate::item::Item;
use crate::keys::{API_KEYS, REVOKED_TOKENS, SECOND_FACTORS, SESSIONS, USERS};
use crate::write::{ATTEMPTS, back_off};
use crate::{Store, StoreError, api_keys, revoked, second_factors, sessions, users};
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use doorward_core::api_key::{ApiKey, ApiKeyId};
use doorward_core::ids::{SessionId, TokenId, UserId};
use doorward_core::mfa_token::MfaToken;
use doorward_core::second_factor::SecondFactor;
use doorward_core::session::Session;
use doorward_core::user::User;
use std::collections::HashMap;

/// What a batch found, by table.
type Found = HashMap<String, Vec<Item>>;

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

impl Store {
    /// Reads how things stand with a user's access token, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn standing(&self, user: &UserId, session: SessionId, token: &TokenId) -> Result<Standing, StoreError> {
        let keys = [
            (self.db.table(USERS), users::key(user)),
            (self.db.table(SESSIONS), sessions::key(user, session)),
            (self.db.table(REVOKED_TOKENS), revoked::key(token)),
        ];
        Ok(self.standing_of(user, keys).await?.0)
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
        if other == user {
            let standing = self.standing(user, session, token).await?;
            let same = standing.user.clone();
            return Ok((standing, same));
        }
        let keys = [
            (self.db.table(USERS), users::key(user)),
            (self.db.table(USERS), users::key(other)),
            (self.db.table(SESSIONS), sessions::key(user, session)),
            (self.db.table(REVOKED_TOKENS), revoked::key(token)),
        ];
        let (standing, found) = self.standing_of(user, keys).await?;
        Ok((standing, self.user_in(&found, other)?))
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
        let keys = [
            (self.db.table(USERS), users::key(user)),
            (self.db.table(SESSIONS), sessions::key(user, session)),
            (self.db.table(REVOKED_TOKENS), revoked::key(token)),
            (self.db.table(SECOND_FACTORS), users::key(user)),
        ];
        let (standing, found) = self.standing_of(user, keys).await?;
        Ok((standing, self.factor_in(&found)?))
    }

    /// Reads a profile and its second factor, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn user_and_factor(&self, user: &UserId) -> Result<(Option<User>, Option<SecondFactor>), StoreError> {
        let keys = [(self.db.table(USERS), users::key(user)), (self.db.table(SECOND_FACTORS), users::key(user))];
        let found = self.coherent(user, keys).await?;
        Ok((self.user_in(&found, user)?, self.factor_in(&found)?))
    }

    /// Reads whom an `mfa_token` is of, their second factor, and whether the token was used, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn waiting_login(
        &self,
        token: &MfaToken,
    ) -> Result<(Option<User>, Option<SecondFactor>, bool), StoreError> {
        let keys = [
            (self.db.table(USERS), users::key(&token.user)),
            (self.db.table(REVOKED_TOKENS), revoked::key(&token.id)),
            (self.db.table(SECOND_FACTORS), users::key(&token.user)),
        ];
        let found = self.coherent(&token.user, keys).await?;
        Ok((self.user_in(&found, &token.user)?, self.factor_in(&found)?, self.revoked_in(&found)))
    }

    fn user_in(&self, found: &Found, id: &UserId) -> Result<Option<User>, StoreError> {
        let users = found.get(&self.db.table(USERS)).into_iter().flatten().map(users::read);
        // Two may be asked for, and come in any order.
        let wanted = users.filter(|user| user.as_ref().map_or(true, |user| user.id == *id));
        wanted.take(1).collect::<Result<Vec<_>, _>>().map(|mut users| users.pop())
    }

    fn item_in<'a>(&self, found: &'a Found, table: &str) -> Option<&'a Item> {
        found.get(&self.db.table(table))?.first()
    }

    fn factor_in(&self, found: &Found) -> Result<Option<SecondFactor>, StoreError> {
        self.item_in(found, SECOND_FACTORS).map(second_factors::read).transpose()
    }

    fn session_in(&self, found: &Found) -> Result<Option<Session>, StoreError> {
        self.item_in(found, SESSIONS).map(sessions::read).transpose()
    }

    fn key_in(&self, found: &Found) -> Result<Option<ApiKey>, StoreError> {
        self.item_in(found, API_KEYS).map(api_keys::read).transpose()
    }

    fn revoked_in(&self, found: &Found) -> bool {
        self.item_in(found, REVOKED_TOKENS).is_some()
    }

    /// How things stand with a token of that user, and all that was found.
    async fn standing_of<const N: usize>(
        &self,
        user: &UserId,
        keys: [(String, Item); N],
    ) -> Result<(Standing, Found), StoreError> {
        let found = self.coherent(user, keys).await?;
        let session = self.session_in(&found)?;
        let standing = Standing { user: self.user_in(&found, user)?, session, revoked: self.revoked_in(&found) };
        Ok((standing, found))
    }

    /// A batch about a user, which is read once more where what it found may be of different moments: DynamoDB isolates each of
    /// its items, and not all of them together.
    async fn coherent<const N: usize>(&self, user: &UserId, keys: [(String, Item); N]) -> Result<Found, StoreError> {
        let found = self.batch(keys.clone()).await?;
        let Some(owner) = self.user_in(&found, user)? else { return Ok(found) };
        let has_moved = self.session_in(&found)?.is_some_and(|session| session.may_have_moved(&owner));
        let is_on = self.factor_in(&found)?.is_some_and(|factor| factor.live.is_some());
        let is_factor_read = keys.iter().any(|(table, _)| *table == self.db.table(SECOND_FACTORS));
        if has_moved || (is_factor_read && owner.two_factor_enabled != is_on) {
            return self.batch(keys).await;
        }
        Ok(found)
    }

    /// Reads how things stand with a client's access token, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn client_standing(&self, client: &ApiKeyId, token: &TokenId) -> Result<ClientStanding, StoreError> {
        let keys = [
            (self.db.table(USERS), users::key(client.owner())),
            (self.db.table(API_KEYS), api_keys::key(client)),
            (self.db.table(REVOKED_TOKENS), revoked::key(token)),
        ];
        let found = self.batch(keys).await?;
        let owner = self.user_in(&found, client.owner())?;
        Ok(ClientStanding { key: self.key_in(&found)?, owner, revoked: self.revoked_in(&found) })
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
        let keys = [(self.db.table(USERS), users::key(user)), (self.db.table(SESSIONS), sessions::key(user, session))];
        let found = self.coherent(user, keys).await?;
        Ok((self.user_in(&found, user)?, self.session_in(&found)?))
    }

    /// Reads an API key and its owner, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<(Option<ApiKey>, Option<User>), StoreError> {
        let keys = [(self.db.table(USERS), users::key(id.owner())), (self.db.table(API_KEYS), api_keys::key(id))];
        let found = self.batch(keys).await?;
        Ok((self.key_in(&found)?, self.user_in(&found, id.owner())?))
    }

    /// Items by their keys, each asked for once. What DynamoDB leaves out under load is asked for again, and then it is an error: it
    /// is never absence.
    async fn batch<const N: usize>(&self, keys: [(String, Item); N]) -> Result<Found, StoreError> {
        let mut wanted: HashMap<_, KeysAndAttributesBuilder> = HashMap::with_capacity(N);
        for (table, key) in keys {
            let keys = wanted.remove(&table).unwrap_or_default().keys(key);
            wanted.insert(table, keys);
        }
        let mut pending = HashMap::with_capacity(N);
        for (table, keys) in wanted {
            pending.insert(table, keys.consistent_read(true).build().map_err(StoreError::unavailable)?);
        }
        let mut found = Found::with_capacity(N);
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
