use crate::expression::Expression;
use crate::item::{Item, text};
use crate::keys::{API_KEYS, EXAMPLE_ITEMS, ITEM_ID, KEY_ID, SESSION_ID, SESSIONS, USER_ID};
use crate::write::{ATTEMPTS, back_off};
use crate::{Db, Store, StoreError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use doorward_core::ids::UserId;

/// So many items of a table may fail: one fault keeps no other item from being deleted, and a store that is away is not asked
/// about each of thousands.
const FAULTS: usize = 3;

impl Store {
    /// Clears away what is left of a user who was deleted: sessions, keys, sample items. All of it is dead already, as long as
    /// nobody has the id again; should it break off, it is only not cleared away. What fails keeps nothing else from going.
    ///
    /// # Errors
    /// When the store is unavailable: the first fault.
    pub async fn forget(&self, user: &UserId) -> Result<(), StoreError> {
        // Side by side: one that does not answer is waited for alone. On the heap: a deletion would be three times as large.
        let clear = |table, sort| Box::pin(self.clear(table, sort, user));
        let (keys, items, sessions) =
            tokio::join!(clear(API_KEYS, KEY_ID), clear(EXAMPLE_ITEMS, ITEM_ID), clear(SESSIONS, SESSION_ID));
        keys.and(items).and(sessions)
    }

    async fn clear(&self, table: &str, sort: &str, user: &UserId) -> Result<(), StoreError> {
        let mut e = Expression::default();
        let condition = e.compare(USER_ID, "=", text(user));
        let projection = [USER_ID, sort].map(|name| e.name(name)).join(", ");
        let table = self.db.table(table);
        let keys = self
            .db
            .client
            .query()
            .table_name(&table)
            .key_condition_expression(condition)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(e.names()))
            .set_expression_attribute_values(e.values())
            .consistent_read(true);
        let (mut faults, mut after) = (Vec::new(), None);
        'pages: loop {
            let page = match keys.clone().set_exclusive_start_key(after).send().await {
                Ok(page) => page,
                Err(error) => {
                    faults.push(StoreError::unavailable(error));
                    break;
                }
            };
            for key in page.items.unwrap_or_default() {
                faults.extend(self.db.delete(&table, key).await.err());
                if faults.len() >= FAULTS {
                    break 'pages;
                }
            }
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                break;
            }
        }
        faults.into_iter().next().map_or(Ok(()), Err)
    }
}

impl Db {
    async fn delete(&self, table: &str, key: Item) -> Result<(), StoreError> {
        let mut attempt = 1;
        loop {
            let sent = self.client.delete_item().table_name(table).set_key(Some(key.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            match error.as_service_error() {
                Some(DeleteItemError::TransactionConflictException(_)) if attempt < ATTEMPTS => back_off(attempt).await,
                _ => return Err(StoreError::unavailable(error)),
            }
            attempt += 1;
        }
    }
}
