use crate::item::{Item, Writer, number, text};
use crate::keys::{EXPIRES_AT, JTI, REVOKED_BY, REVOKED_TOKENS};
use crate::{Db, StoreError};
use doorward_core::clock::Timestamp;
use doorward_core::ids::{RequestId, TokenId};
use std::time::Duration;

/// Access tokens that were revoked before their end, by `jti`.
#[derive(Clone, Debug)]
pub struct RevokedStore(pub(crate) Db);

impl RevokedStore {
    /// Revokes a token, for as long as it could be used and a minute more. Sent twice, it is the same.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn revoke(&self, token: &TokenId, ends_at: Timestamp, request: &RequestId) -> Result<(), StoreError> {
        let table = self.0.table(REVOKED_TOKENS);
        let item = write(token, ends_at, request);
        let sent = self.0.client.put_item().table_name(table).set_item(Some(item)).send().await;
        sent.map(|_| ()).map_err(StoreError::unavailable)
    }
}

pub(crate) fn write(token: &TokenId, ends_at: Timestamp, request: &RequestId) -> Item {
    Writer::default()
        .with(JTI, text(token))
        .with(REVOKED_BY, text(request))
        .with(EXPIRES_AT, number(ends_at.plus(Duration::from_mins(1)).seconds()))
        .item()
}

pub(crate) fn key(token: &TokenId) -> Item {
    Writer::default().with(JTI, text(token)).item()
}
