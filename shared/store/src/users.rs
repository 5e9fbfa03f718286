use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, number, text, time};
use crate::keys::{
    CREATED_AT, CREDENTIALS, DISABLED, EMAIL, EMAIL_VERIFIED, EPOCH, FULL_NAME, ID, PASSWORD_SET_AT, PERMISSIONS, ROLE,
    SCOPES, SECOND_FACTORS, TWO_FACTOR_ENABLED, USER_ID, USERNAME, USERS,
};
use crate::write::{ATTEMPTS, Found, Transacted, Update, Written, back_off};
use crate::{Db, StoreError, credentials, second_factors, user_changes};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::clock::Timestamp;
use doorward_core::email::Email;
use doorward_core::grant::{Credentials, Failures};
use doorward_core::ids::{RequestId, UserId};
use doorward_core::password::PasswordHash;
use doorward_core::second_factor::SecondFactor;
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
    /// What they are asked for besides, if their profile says so.
    pub factor: Option<SecondFactor>,
}

impl NewUser {
    /// Somebody with that profile and that password's hash, set now; imported users may have none.
    #[must_use]
    pub fn new(user: User, hash: Option<PasswordHash>, now: Timestamp) -> Self {
        let credentials = Credentials {
            username: user.username.canonical().clone(),
            user: user.id.clone(),
            hash,
            password_set_at: now,
            failures: Failures::default(),
        };
        Self { user, credentials, factor: None }
    }
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

    /// A page of users, in no order that means anything, after the one that an earlier page ended with: `limit` at most,
    /// and the one to go on after, if there are more. The only scan: an administrator asks for it, page by page.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(&self, limit: u16, after: Option<&UserId>) -> Result<(Vec<User>, Option<UserId>), StoreError> {
        // One more than are given: a page that is exactly full may be the last.
        let scan =
            self.0.client.scan().table_name(self.0.table(USERS)).consistent_read(true).limit(i32::from(limit) + 1);
        let page = scan.set_exclusive_start_key(after.map(key)).send().await.map_err(StoreError::unavailable)?;
        let users = page.items().iter().take(limit.into()).map(read).collect::<Result<Vec<_>, _>>()?;
        let last = match page.last_evaluated_key() {
            _ if page.items().len() > users.len() => users.last().map(|user| user.id.clone()),
            last => last.map(|key| Reader(key).parsed(USER_ID, UserId::parse)).transpose()?,
        };
        Ok((users, last))
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
            let marker = user_changes::marker(email.canonical(), &new.user);
            items.push((CREDENTIALS, ID, marker));
        }
        let puts = items.into_iter().map(|(table, key, item)| self.0.put_new(table, key, item));
        let mut puts = puts.collect::<Result<Vec<_>, _>>()?;
        // Whatever stands there is of somebody who had the id before.
        let factor = new.factor.as_ref().map(|factor| self.0.put_over(SECOND_FACTORS, second_factors::write(factor)));
        puts.extend(factor.transpose()?);
        match self.0.transact(puts, request.as_str()).await? {
            Transacted::Done => Ok(SignedUp::Created),
            Transacted::Refused(found) => Ok(refused(found, &new.credentials)),
        }
    }

    /// Ends every session of a user by raising the epoch above `from`, the one that the caller has seen. `false` when there
    /// is no such user. Sent twice, it raises once.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn raise_epoch(&self, id: &UserId, mut from: Epoch) -> Result<bool, StoreError> {
        for attempt in 1..=ATTEMPTS {
            let mut e = Expression::default();
            let set = format!("SET {}", e.compare(EPOCH, "=", number(from.next().0)));
            let condition = e.compare(EPOCH, "=", number(from.0));
            let table = self.0.table(USERS);
            let update = Update { table, key: key(id), set, condition, expression: e };
            let found = match self.0.update_unseen(update).await? {
                Written::Done(_) => return Ok(true),
                Written::Refused(None) => return Ok(false),
                Written::Refused(Some(item)) => Epoch(Reader(&item).number(EPOCH)?),
            };
            if found == from.next() {
                // Our own write, whose answer was lost, or another one that ended everything that was seen.
                return Ok(true);
            }
            // A password was changed, and a session taken along: that one is to end too.
            from = found;
            back_off(attempt).await;
        }
        Err(StoreError::Unavailable("the epoch was raised again and again".to_owned()))
    }
}

/// Which condition of a sign-up did not hold, in the order of its items; a lost answer to our own is a success. Our own is
/// known by when it was written too: somebody who is put in again brings the id that they have.
fn refused(found: Vec<Option<Found>>, new: &Credentials) -> SignedUp {
    let outcomes = [SignedUp::UsernameTaken, SignedUp::IdTaken, SignedUp::EmailTaken];
    let failed = found.into_iter().zip(outcomes).find_map(|(found, outcome)| Some((found?, outcome)));
    let Some((found, outcome)) = failed else { return SignedUp::IdTaken };
    let ours = [(USER_ID, text(&new.user)), (PASSWORD_SET_AT, time(new.password_set_at))];
    let is_ours = |item: &Item| ours.iter().all(|(name, value)| item.get(*name) == Some(value));
    // Our own stands under the name, which is the first of the items.
    let is_done = outcome == SignedUp::UsernameTaken && found.as_ref().is_some_and(is_ours);
    if is_done { SignedUp::Created } else { outcome }
}

pub(crate) fn key(id: &UserId) -> Item {
    Writer::default().with(USER_ID, text(id)).item()
}

pub(crate) fn write(user: &User) -> Item {
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
