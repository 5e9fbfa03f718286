use crate::item::Item;
use crate::keys::{API_KEYS, REVOKED_TOKENS, SESSIONS, USERS};
use crate::write::{ATTEMPTS, back_off};
use crate::{Store, StoreError, api_keys, revoked, sessions, users};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use doorward_core::api_key::{ApiKey, ApiKeyId};
use doorward_core::ids::{SessionId, TokenId, UserId};
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

impl Store {
    /// Reads how things stand with an access token, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn standing(&self, user: &UserId, session: SessionId, token: &TokenId) -> Result<Standing, StoreError> {
        let keys = [
            (self.db.table(USERS), users::key(user)),
            (self.db.table(SESSIONS), sessions::key(user, session)),
            (self.db.table(REVOKED_TOKENS), revoked::key(token)),
        ];
        let found = self.batch(keys).await?;
        Ok(Standing {
            user: found.get(&self.db.table(USERS)).map(users::read).transpose()?,
            session: found.get(&self.db.table(SESSIONS)).map(sessions::read).transpose()?,
            revoked: found.contains_key(&self.db.table(REVOKED_TOKENS)),
        })
    }

    /// Reads an API key and its owner, in one call.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn api_key(&self, id: &ApiKeyId) -> Result<(Option<ApiKey>, Option<User>), StoreError> {
        let keys = [(self.db.table(USERS), users::key(id.owner())), (self.db.table(API_KEYS), api_keys::key(id))];
        let found = self.batch(keys).await?;
        let key = found.get(&self.db.table(API_KEYS)).map(api_keys::read).transpose()?;
        Ok((key, found.get(&self.db.table(USERS)).map(users::read).transpose()?))
    }

    /// One item each of several tables. What DynamoDB leaves out under load is asked for again, and then it is an error: it
    /// is never absence.
    async fn batch<const N: usize>(&self, keys: [(String, Item); N]) -> Result<HashMap<String, Item>, StoreError> {
        let mut pending = HashMap::with_capacity(N);
        for (table, key) in keys {
            let wanted = KeysAndAttributes::builder().keys(key).consistent_read(true).build();
            pending.insert(table, wanted.map_err(StoreError::unavailable)?);
        }
        let mut found = HashMap::with_capacity(N);
        for attempt in 1..=ATTEMPTS {
            let sent = self.db.client.batch_get_item().set_request_items(Some(pending)).send().await;
            let output = sent.map_err(StoreError::unavailable)?;
            for (table, items) in output.responses.unwrap_or_default() {
                found.extend(items.into_iter().next().map(|item| (table, item)));
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
