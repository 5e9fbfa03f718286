use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, number, text};
use crate::keys::{COUNT, COUNTED_BY, EXPIRES_AT, ID, LIMITS};
use crate::write::{Update, Written};
use crate::{Db, StoreError};
use doorward_core::clock::Timestamp;
use doorward_core::ids::RequestId;

/// Counters, by what they count and their window.
#[derive(Clone, Debug)]
pub struct LimitStore(pub(crate) Db);

/// What became of a request that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the so-manyth of its window.
    Counted(u32),
    /// The window is full.
    Full,
}

impl LimitStore {
    /// Counts a request in the window that ends at `window_end`, if `limit` is not reached. One write, whatever the limit; a
    /// request that is refused does not count, and one whose answer was lost counts once.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn take(
        &self,
        subject: &str,
        window_end: Timestamp,
        limit: u32,
        request: &RequestId,
    ) -> Result<Taken, StoreError> {
        let mut e = Expression::default();
        let (count, by) = (e.name(COUNT), e.name(COUNTED_BY));
        let by_us = e.value(text(request));
        let set = format!(
            "SET {count} = if_not_exists({count}, {}) + {}, {by} = {by_us}, {}",
            e.value(number(0)),
            e.value(number(1)),
            e.compare(EXPIRES_AT, "=", number(window_end.seconds().saturating_add(60)))
        );
        let room = e.value(number(limit));
        let condition = format!("attribute_not_exists({count}) OR ({count} < {room} AND {by} <> {by_us})");
        let update =
            Update { table: self.0.table(LIMITS), key: key(subject, window_end), set, condition, expression: e };
        match self.0.update(update).await? {
            Written::Done(item) => Ok(Taken::Counted(Reader(&item).number(COUNT)?)),
            Written::Refused(Some(item)) if Reader(&item).text_if_any(COUNTED_BY)? == Some(request.as_str()) => {
                Ok(Taken::Counted(Reader(&item).number(COUNT)?))
            }
            Written::Refused(_) => Ok(Taken::Full),
        }
    }

    /// How many requests the window that ends at `window_end` has counted.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count(&self, subject: &str, window_end: Timestamp) -> Result<u32, StoreError> {
        let item = self.0.get(LIMITS, key(subject, window_end)).await?;
        item.map_or(Ok(0), |item| Reader(&item).number(COUNT))
    }
}

fn key(subject: &str, window_end: Timestamp) -> Item {
    Writer::default().with(ID, text(format!("{subject}#{}", window_end.seconds()))).item()
}
