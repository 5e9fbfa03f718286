use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, number, text, time};
use crate::keys::{
    CREATED_AT, CREDENTIALS, DISABLED, EMAIL, EMAIL_VERIFIED, EPOCH, FULL_NAME, ID, PERMISSIONS, ROLE, SCOPES,
    TWO_FACTOR_ENABLED, USER_ID, USERNAME, USERS, mail_id,
};
use crate::write::{ATTEMPTS, Update, Written, back_off};
use crate::{Db, StoreError, credentials};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use doorward_core::email::Email;
use doorward_core::grant::Credentials;
use doorward_core::ids::{RequestId, UserId};
use doorward_core::user::{DisplayName, Epoch, Role, User};
use doorward_core::username::Username;

/// Profiles and rights, by user id.
#[derive(Clone, Debug)]
pub struct UserStore(pub(crate) Db);

/// Somebody new.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The profile.
    pub user: User,
    /// What they log in with.
    pub credentials: Credentials,
}

/// What became of somebody new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedUp {
    /// They are in.
    Created,
    /// Somebody has that name.
    UsernameTaken,
    /// Somebody has that e-mail address.
    EmailTaken,
    /// Somebody has that id.
    IdTaken,
}

impl UserStore {
    /// A user's profile.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.0.get(USERS, key(id)).await?.as_ref().map(read).transpose()
    }

    /// Whether there is no user at all; for a start on an empty store.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let sent = self.0.client.scan().table_name(self.0.table(USERS)).consistent_read(true).limit(1).send().await;
        Ok(sent.map_err(StoreError::unavailable)?.count == 0)
    }

    /// Puts in somebody new: profile, name and e-mail address in one transaction, so that no two have the same.
    ///
    /// `request` makes the transaction the same one when it is sent again.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create(&self, new: &NewUser, request: &RequestId) -> Result<SignedUp, StoreError> {
        let mut items =
            vec![(CREDENTIALS, ID, credentials::write(&new.credentials)), (USERS, USER_ID, write(&new.user))];
        if let Some(email) = &new.user.email {
            let marker = Writer::default()
                .with(ID, text(mail_id(email.canonical().as_str())))
                .with(USERNAME, text(new.credentials.username.as_str()))
                .with(USER_ID, text(&new.user.id))
                .item();
            items.push((CREDENTIALS, ID, marker));
        }
        let puts = items
            .into_iter()
            .map(|(table, key, item)| self.put_new(table, key, item))
            .collect::<Result<Vec<_>, _>>()?;

        let mut attempt = 1;
        loop {
            let sent = self
                .0
                .client
                .transact_write_items()
                .set_transact_items(Some(puts.clone()))
                .client_request_token(request.as_str())
                .send()
                .await;
            let Err(error) = sent else { return Ok(SignedUp::Created) };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    if let Some(outcome) = refused(reasons, &new.user.id) {
                        return Ok(outcome);
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

    fn put_new(&self, table: &str, key: &str, item: Item) -> Result<TransactWriteItem, StoreError> {
        let mut expression = Expression::default();
        let condition = format!("attribute_not_exists({})", expression.name(key));
        let put = Put::builder()
            .table_name(self.0.table(table))
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(expression.names()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::unavailable)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Ends every session of a user by raising the epoch above `from`, the one that the caller has seen. `false` when there
    /// is no such user. Sent twice, it raises once.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn raise_epoch(&self, id: &UserId, from: Epoch) -> Result<bool, StoreError> {
        let mut e = Expression::default();
        let set = format!("SET {}", e.compare(EPOCH, "=", number(from.next().0)));
        let condition = e.compare(EPOCH, "=", number(from.0));
        let table = self.0.table(USERS);
        let written = self.0.update(Update { table, key: key(id), set, condition, expression: e }).await?;
        // Another epoch than the one that was seen is a later one: the caller's sessions are ended already.
        Ok(!matches!(written, Written::Refused(None)))
    }
}

/// Which condition of the transaction did not hold, in the order of its items; a lost answer to our own is a success.
fn refused(reasons: &[CancellationReason], id: &UserId) -> Option<SignedUp> {
    let outcomes = [SignedUp::UsernameTaken, SignedUp::IdTaken, SignedUp::EmailTaken];
    let mut failed = reasons.iter().zip(outcomes).filter(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"));
    let (reason, outcome) = failed.next()?;
    let owner = reason.item().and_then(|item| item.get(USER_ID));
    let ours = outcome != SignedUp::IdTaken && owner == Some(&AttributeValue::S(id.to_string()));
    Some(if ours { SignedUp::Created } else { outcome })
}

/// Whether the transaction may go through when it is sent again.
fn is_passing(reason: &CancellationReason) -> bool {
    matches!(reason.code(), Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"))
}

pub(crate) fn key(id: &UserId) -> Item {
    Writer::default().with(USER_ID, text(id)).item()
}

fn write(user: &User) -> Item {
    Writer::default()
        .with(USER_ID, text(&user.id))
        .with(USERNAME, text(&user.username))
        .with_some(EMAIL, user.email.as_ref().map(text))
        .with(EMAIL_VERIFIED, AttributeValue::Bool(user.email_verified))
        .with_some(FULL_NAME, user.full_name.as_ref().map(|name| text(name.as_str())))
        .with(DISABLED, AttributeValue::Bool(user.disabled))
        .with(ROLE, text(user.role))
        .with_set(PERMISSIONS, &user.permissions)
        .with_set(SCOPES, &user.scopes)
        .with(TWO_FACTOR_ENABLED, AttributeValue::Bool(user.two_factor_enabled))
        .with(EPOCH, number(user.epoch.0))
        .with(CREATED_AT, time(user.created_at))
        .item()
}

pub(crate) fn read(item: &Item) -> Result<User, StoreError> {
    let item = Reader(item);
    Ok(User {
        id: item.parsed(USER_ID, UserId::parse)?,
        username: item.parsed(USERNAME, Username::parse)?,
        email: item.parsed_if_any(EMAIL, Email::parse)?,
        email_verified: item.flag(EMAIL_VERIFIED)?,
        full_name: item.parsed_if_any(FULL_NAME, DisplayName::parse)?,
        disabled: item.flag(DISABLED)?,
        role: item.parsed(ROLE, Role::parse)?,
        permissions: item.set(PERMISSIONS)?,
        scopes: item.set(SCOPES)?,
        two_factor_enabled: item.flag(TWO_FACTOR_ENABLED)?,
        epoch: Epoch(item.number(EPOCH)?),
        created_at: item.time(CREATED_AT)?,
    })
}
