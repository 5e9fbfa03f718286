//! What the tables have in common. Conditional writes: the condition that did not hold is a value, and a conflict with somebody's transaction is waited out.

use crate::expression::Expression;
use crate::item::{Item, text};
use crate::keys::USER_ID;
use crate::{Db, StoreError};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update as UpdateAction,
};
use doorward_core::ids::UserId;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// What became of a conditional write.
pub(crate) enum Written {
    /// The condition held; the item as it is now.
    Done(Item),
    /// The condition did not hold; the item as it was, if there was one.
    Refused(Option<Item>),
}

/// An update of one item: what it sets, and on what condition.
pub(crate) struct Update {
    pub(crate) table: String,
    pub(crate) key: Item,
    pub(crate) set: String,
    pub(crate) condition: String,
    pub(crate) expression: Expression,
}

/// How often a write that met a transaction is tried, and a batch that was not processed: the SDK retries throttles but not
/// these.
pub const ATTEMPTS: u32 = 10;

/// Waits before the attempt after that many: at most 10 ms, 20 ms, 40 ms, … 160 ms, by chance, so that those who have met do
/// not meet again (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
pub async fn back_off(attempts: u32) {
    let most = 5_000_u64 << attempts.clamp(1, 5);
    // Each is another: nothing that has to be kept secret, and nothing that has to be fair.
    let chance = RandomState::new().hash_one(attempts);
    tokio::time::sleep(Duration::from_micros(chance % most)).await;
}

impl Db {
    pub(crate) async fn update(&self, update: Update) -> Result<Written, StoreError> {
        self.update_returning(ReturnValue::AllNew, update).await
    }

    /// An update by a role that may see and set single attributes only: `ALL_NEW` would show it the others. The item that
    /// comes back of one that was done is empty.
    pub(crate) async fn update_unseen(&self, update: Update) -> Result<Written, StoreError> {
        self.update_returning(ReturnValue::None, update).await
    }

    async fn update_returning(&self, shown: ReturnValue, update: Update) -> Result<Written, StoreError> {
        let mut attempt = 1;
        loop {
            let sent = self
                .client
                .update_item()
                .table_name(&update.table)
                .set_key(Some(update.key.clone()))
                .update_expression(&update.set)
                .condition_expression(&update.condition)
                .set_expression_attribute_names(Some(update.expression.names()))
                .set_expression_attribute_values(update.expression.values())
                .return_values(shown.clone())
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
                .await;
            let error = match sent {
                Ok(output) => return Ok(Written::Done(output.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    return Ok(Written::Refused(failed.item.clone()));
                }
                Some(UpdateItemError::TransactionConflictException(_)) if attempt < ATTEMPTS => back_off(attempt).await,
                _ => return Err(StoreError::unavailable(error)),
            }
            attempt += 1;
        }
    }

    /// Puts an item where there is none.
    pub(crate) async fn insert(&self, table: &str, key: &str, item: Item) -> Result<Written, StoreError> {
        let mut expression = Expression::default();
        let condition = format!("attribute_not_exists({})", expression.name(key));
        let sent = self
            .client
            .put_item()
            .table_name(self.table(table))
            .set_item(Some(item.clone()))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(expression.names()))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written::Done(item)),
            Err(SdkError::ServiceError(error)) => match error.err() {
                PutItemError::ConditionalCheckFailedException(failed) => Ok(Written::Refused(failed.item.clone())),
                _ => Err(StoreError::unavailable(SdkError::ServiceError(error))),
            },
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// What a table has of a user, by its sort key.
    pub(crate) fn query_of(&self, table: &str, user: &UserId) -> QueryFluentBuilder {
        let mut e = Expression::default();
        let condition = e.compare(USER_ID, "=", text(user));
        self.client
            .query()
            .table_name(self.table(table))
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(e.names()))
            .set_expression_attribute_values(e.values())
            .consistent_read(true)
    }

    pub(crate) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
        let sent =
            self.client.get_item().table_name(self.table(table)).set_key(Some(key)).consistent_read(true).send().await;
        Ok(sent.map_err(StoreError::unavailable)?.item)
    }
}

/// A condition on one item.
pub(crate) struct Check {
    pub(crate) table: String,
    pub(crate) key: Item,
    pub(crate) condition: String,
    pub(crate) expression: Expression,
}

/// What became of a transaction.
pub(crate) enum Transacted {
    /// All of it was done.
    Done,
    /// Nothing was done; for each of its items, whether the condition did not hold, and the item as it was.
    Refused(Vec<Option<Found>>),
}

/// The item on which a condition did not hold, if there was one.
pub(crate) type Found = Option<Item>;

impl Db {
    pub(crate) fn put_new(&self, table: &str, key: &str, item: Item) -> Result<TransactWriteItem, StoreError> {
        let mut expression = Expression::default();
        let condition = format!("attribute_not_exists({})", expression.name(key));
        let put = Put::builder()
            .table_name(self.table(table))
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(expression.names()))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().put(put.map_err(StoreError::unavailable)?).build())
    }

    /// Puts an item, whatever stands there.
    pub(crate) fn put_over(&self, table: &str, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(self.table(table)).set_item(Some(item)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(StoreError::unavailable)?).build())
    }

    /// Deletes an item, whatever it is.
    pub(crate) fn delete_over(&self, table: &str, key: Item) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(self.table(table)).set_key(Some(key)).build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(StoreError::unavailable)?).build())
    }

    /// Sends a transaction. `token` makes it the same one when it is sent again (for ten minutes).
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>, token: &str) -> Result<Transacted, StoreError> {
        let mut attempt = 1;
        loop {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = request.client_request_token(token).send().await else { return Ok(Transacted::Done) };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    if reasons.iter().any(is_refusal) {
                        let found = reasons.iter().map(|reason| is_refusal(reason).then(|| reason.item.clone()));
                        return Ok(Transacted::Refused(found.collect()));
                    }
                    if attempt >= ATTEMPTS || !reasons.iter().any(is_passing) {
                        return Err(StoreError::unavailable(error));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) if attempt < ATTEMPTS => {}
                _ => return Err(StoreError::unavailable(error)),
            }
            back_off(attempt).await;
            attempt += 1;
        }
    }
}

impl Update {
    pub(crate) fn in_transaction(self) -> Result<TransactWriteItem, StoreError> {
        let update = UpdateAction::builder()
            .table_name(self.table)
            .set_key(Some(self.key))
            .update_expression(self.set)
            .set_condition_expression((!self.condition.is_empty()).then_some(self.condition))
            .set_expression_attribute_names(Some(self.expression.names()))
            .set_expression_attribute_values(self.expression.values())
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(StoreError::unavailable)?).build())
    }
}

impl Check {
    pub(crate) fn in_transaction(self) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.table)
            .set_key(Some(self.key))
            .condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.expression.names()))
            .set_expression_attribute_values(self.expression.values())
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().condition_check(check.map_err(StoreError::unavailable)?).build())
    }

    pub(crate) fn delete_in_transaction(self) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(self.table)
            .set_key(Some(self.key))
            .condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.expression.names()))
            .set_expression_attribute_values(self.expression.values())
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(StoreError::unavailable)?).build())
    }
}

fn is_refusal(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Whether the transaction may go through when it is sent again.
fn is_passing(reason: &CancellationReason) -> bool {
    matches!(reason.code(), Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"))
}
