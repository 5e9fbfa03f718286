use crate::expression::Expression;
use crate::item::{Item, text};
use crate::keys::{API_KEYS, EXAMPLE_ITEMS, ITEM_ID, KEY_ID, SESSION_ID, SESSIONS, USER_ID};
use crate::{Store, StoreError};
use doorward_core::ids::UserId;

impl Store {
    /// Clears away what is left of a user who was deleted: sessions, keys, sample items. All of it is dead already, as long as
    /// nobody has the id again; should it break off, it is only not cleared away.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget(&self, user: &UserId) -> Result<(), StoreError> {
        // Sessions last: there may be many, and they go by themselves when their time is over.
        let tables = [(API_KEYS, KEY_ID), (EXAMPLE_ITEMS, ITEM_ID), (SESSIONS, SESSION_ID)];
        for (table, sort) in tables {
            self.clear(table, sort, user).await?;
        }
        Ok(())
    }

    async fn clear(&self, table: &str, sort: &str, user: &UserId) -> Result<(), StoreError> {
        let mut e = Expression::default();
        let condition = e.compare(USER_ID, "=", text(user));
        let projection = [USER_ID, sort].map(|name| e.name(name)).join(", ");
        let table = self.db.table(table);
        let mut pages = self
            .db
            .client
            .query()
            .table_name(&table)
            .key_condition_expression(condition)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(e.names()))
            .set_expression_attribute_values(e.values())
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(key) = pages.next().await {
            let key: Item = key.map_err(StoreError::unavailable)?;
            let sent = self.db.client.delete_item().table_name(&table).set_key(Some(key)).send().await;
            sent.map_err(StoreError::unavailable)?;
        }
        Ok(())
    }
}
