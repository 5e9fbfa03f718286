use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, bytes, number, text, time};
use crate::keys::{
    API_KEYS, CREATED_AT, ENDS_AT, EXPIRES_AT, KEY_ID, LAST_USED_AT, NAME, PREVIOUS_HASH, PREVIOUS_UNTIL, SCOPES,
    SECRET_HASH, USER_ID, USERS,
};
use crate::write::{ATTEMPTS, Check, Transacted, Update, Written, back_off};
use crate::{Db, StoreError, users};
use doorward_core::api_key::{ApiKey, ApiKeyId, KeyHash};
use doorward_core::clock::Timestamp;
use doorward_core::ids::{RequestId, UserId};
use doorward_core::user::DisplayName;
use std::time::Duration;

/// API keys, by owner and key id.
#[derive(Clone, Debug)]
pub struct ApiKeyStore(pub(crate) Db);

/// What became of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is there.
    Done,
    /// Its owner has as many as anybody may have.
    TooMany,
    /// Its owner is gone.
    NoOwner,
}

/// So often those who have made a key too many are waited for.
const PATIENT_LOOKS: u32 = 4;

/// When a key was used is written down at most this often.
const MARK_EVERY: Duration = Duration::from_mins(5);

impl ApiKeyStore {
    /// Keeps a new key of somebody who is there, unless they have `most` already. Of those made at once nobody keeps more
    /// than that either: whoever stays has seen that there are not too many, and the last go first, one place more at each
    /// look.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create(&self, key: &ApiKey, most: usize, request: &RequestId) -> Result<KeyCreated, StoreError> {
        // Before the write, so that one that breaks off after it leaves no key too many.
        if self.list(key.id.owner(), key.created_at).await?.len() >= most {
            return Ok(KeyCreated::TooMany);
        }
        let mut e = Expression::default();
        let condition = format!("attribute_exists({})", e.name(USER_ID));
        let owner = users::key(key.id.owner());
        let owner = Check { table: self.0.table(USERS), key: owner, condition, expression: e }.in_transaction()?;
        // A transaction has a token: what comes late makes no key again that was deleted meanwhile.
        let items = vec![owner, self.0.put_new(API_KEYS, KEY_ID, write(key))?];
        if let Transacted::Refused(found) = self.0.transact(items, &format!("{request}new")).await? {
            let owner_is_gone = matches!(found.first(), Some(Some(_)));
            return if owner_is_gone {
                Ok(KeyCreated::NoOwner)
            } else {
                Err(StoreError::Corrupt { attribute: KEY_ID })
            };
        }
        let stays = self.has_a_place(key, most).await;
        if !matches!(stays, Ok(true)) {
            // Nobody has its secret, so it goes again.
            let deleted = self.delete(&key.id, key.created_at, request).await;
            stays.and(deleted)?;
            return Ok(KeyCreated::TooMany);
        }
        Ok(KeyCreated::Done)
    }

    async fn has_a_place(&self, key: &ApiKey, most: usize) -> Result<bool, StoreError> {
        let mut places = most;
        for attempt in 1..=ATTEMPTS {
            let keys = self.list(key.id.owner(), key.created_at).await?;
            if keys.len() <= most {
                return Ok(true);
            }
            if keys.iter().take(places).all(|other| other.id != key.id) {
                break;
            }
            // Those who go have been given time to.
            if attempt > PATIENT_LOOKS {
                places = places.saturating_sub(1);
            }
            back_off(attempt).await;
        }
        Ok(false)
    }

    /// An owner's keys that have not ended, oldest first.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(&self, owner: &UserId, now: Timestamp) -> Result<Vec<ApiKey>, StoreError> {
        let (mut keys, mut start) = (Vec::new(), None);
        loop {
            let query = self.0.query_of(API_KEYS, owner).set_exclusive_start_key(start);
            let page = query.send().await.map_err(StoreError::unavailable)?;
            for item in page.items() {
                keys.push(read(item)?);
            }
            // What has ended is deleted days late, and may fill pages.
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        keys.retain(|key| !key.has_ended(now));
        keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(keys)
    }

    /// Deletes a key that has not ended. `false` when there is none. `request` makes it the same when it is sent again.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn delete(&self, id: &ApiKeyId, now: Timestamp, request: &RequestId) -> Result<bool, StoreError> {
        let mut e = Expression::default();
        let condition = is_live(&mut e, now);
        let check = Check { table: self.0.table(API_KEYS), key: key(id), condition, expression: e };
        let transacted = self.0.transact(vec![check.delete_in_transaction()?], request.as_str()).await?;
        Ok(matches!(transacted, Transacted::Done))
    }

    /// Gives a key another secret; the one that it had works on until `overlap_ends`. `None` when there is no such key.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn rotate(
        &self,
        id: &ApiKeyId,
        hash: &KeyHash,
        overlap_ends: Timestamp,
        now: Timestamp,
    ) -> Result<Option<ApiKey>, StoreError> {
        let mut e = Expression::default();
        let (secret, new) = (e.name(SECRET_HASH), e.value(bytes(&hash.0)));
        let set = format!(
            "SET {} = {secret}, {secret} = {new}, {}",
            e.name(PREVIOUS_HASH),
            e.compare(PREVIOUS_UNTIL, "=", time(overlap_ends))
        );
        // What was ours already and gave way to another is not to be ours again, when a write comes late.
        let previous = e.name(PREVIOUS_HASH);
        let unused = format!("{secret} <> {new} AND (attribute_not_exists({previous}) OR {previous} <> {new})");
        let condition = format!("{} AND {unused}", is_live(&mut e, now));
        let update = Update { table: self.0.table(API_KEYS), key: key(id), set, condition, expression: e };
        let (Written::Done(item) | Written::Refused(Some(item))) = self.0.update(update).await? else {
            return Ok(None);
        };
        let key = read(&item)?;
        let was_ours = key.previous.as_ref().is_some_and(|(previous, _)| previous == hash);
        // Another secret than ours: refused because the key has ended.
        Ok(Some(key).filter(|key| key.hash == *hash || was_ours))
    }

    /// Writes down that a key was used, if that was not done lately.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn mark_used(&self, used: &ApiKey, now: Timestamp) -> Result<(), StoreError> {
        if used.last_used_at.is_some_and(|last| now.since(last) < MARK_EVERY) {
            return Ok(());
        }
        let mut e = Expression::default();
        let update = Update {
            table: self.0.table(API_KEYS),
            key: key(&used.id),
            set: format!("SET {}", e.compare(LAST_USED_AT, "=", time(now))),
            condition: format!("attribute_exists({})", e.name(USER_ID)),
            expression: e,
        };
        self.0.update(update).await.map(|_| ())
    }
}

/// The condition that a key is there and has not ended.
fn is_live(e: &mut Expression, now: Timestamp) -> String {
    let ends = e.name(ENDS_AT);
    format!(
        "attribute_exists({}) AND (attribute_not_exists({ends}) OR {ends} > {})",
        e.name(USER_ID),
        e.value(time(now))
    )
}

pub(crate) fn key(id: &ApiKeyId) -> Item {
    Writer::default().with(USER_ID, text(id.owner())).with(KEY_ID, text(id)).item()
}

fn write(key: &ApiKey) -> Item {
    Writer::default()
        .with(USER_ID, text(key.id.owner()))
        .with(KEY_ID, text(&key.id))
        .with(NAME, text(key.name.as_str()))
        .with(SECRET_HASH, bytes(&key.hash.0))
        .with_some(PREVIOUS_HASH, key.previous.as_ref().map(|(hash, _)| bytes(&hash.0)))
        .with_some(PREVIOUS_UNTIL, key.previous.as_ref().map(|(_, until)| time(*until)))
        .with_set(SCOPES, &key.scopes)
        .with(CREATED_AT, time(key.created_at))
        .with_some(ENDS_AT, key.ends_at.map(time))
        .with_some(EXPIRES_AT, key.ends_at.map(|end| number(end.seconds())))
        .with_some(LAST_USED_AT, key.last_used_at.map(time))
        .item()
}

pub(crate) fn read(item: &Item) -> Result<ApiKey, StoreError> {
    let item = Reader(item);
    let hash = |name| item.bytes(name)?.try_into().map(KeyHash).map_err(|_| StoreError::Corrupt { attribute: name });
    Ok(ApiKey {
        id: item.parsed(KEY_ID, ApiKeyId::parse)?,
        name: item.parsed(NAME, DisplayName::parse)?,
        hash: hash(SECRET_HASH)?,
        previous: match item.time_if_any(PREVIOUS_UNTIL)? {
            Some(until) => Some((hash(PREVIOUS_HASH)?, until)),
            None => None,
        },
        scopes: item.set(SCOPES)?,
        created_at: item.time(CREATED_AT)?,
        ends_at: item.time_if_any(ENDS_AT)?,
        last_used_at: item.time_if_any(LAST_USED_AT)?,
    })
}
