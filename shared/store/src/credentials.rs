use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, number, text, time};
use crate::keys::{
    CREDENTIALS, FAILED_AT, FAILED_BY, FAILURES, ID, PASSWORD_HASH, PASSWORD_SET_AT, USER_ID, USERNAME, mail_id,
    name_id,
};
use crate::write::{Update, Written};
use crate::{Db, StoreError};
use doorward_core::clock::Timestamp;
use doorward_core::grant::{Credentials, Failures, Identifier};
use doorward_core::ids::{RequestId, UserId};
use doorward_core::password::PasswordHash;
use doorward_core::username::CanonicalUsername;

/// What users log in with, by name; e-mail addresses point to names.
#[derive(Clone, Debug)]
pub struct CredentialStore(pub(crate) Db);

/// What a login leaves in the credentials that it was judged by.
#[derive(Clone, Copy, Debug)]
pub enum LoginRecord<'a> {
    /// The right password: failures are forgotten, and an old hash gives way to a new one.
    Right {
        /// The credentials as they were judged.
        read: &'a Credentials,
        /// The hash to keep from now on, if it is another.
        rehash: Option<&'a PasswordHash>,
    },
    /// A wrong password.
    Wrong {
        /// The credentials as they were judged.
        read: &'a Credentials,
        /// How many in a row this makes.
        count: u32,
        /// When.
        now: Timestamp,
        /// The request that it came with.
        request: &'a RequestId,
    },
    /// Nothing: the same write under a condition that cannot hold, so that it costs what the others cost.
    Nothing(&'a Identifier),
}

/// What became of a [`LoginRecord`].
#[derive(Clone, Debug)]
pub enum Recorded {
    /// It is kept.
    Kept,
    /// Somebody changed the credentials in between: they are to be judged again.
    Changed(Credentials),
    /// There are no such credentials, or no longer.
    Gone,
}

impl CredentialStore {
    /// The credentials of a user: one read by name, one more by e-mail address. The unknown costs what the known costs.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn find(&self, identifier: &Identifier) -> Result<Option<Credentials>, StoreError> {
        let id = match identifier {
            Identifier::Username(_) | Identifier::Nobody => id_of(identifier),
            Identifier::Email(email) => match self.get(mail_id(email.as_str())).await? {
                Some(item) => name_id(Reader(&item).text(USERNAME)?),
                None => id_of(identifier),
            },
        };
        self.get(id).await?.as_ref().map(read).transpose()
    }

    async fn get(&self, id: String) -> Result<Option<Item>, StoreError> {
        self.0.get(CREDENTIALS, key(id)).await
    }

    /// Records how a login went, in exactly one conditional write.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn record(&self, record: LoginRecord<'_>) -> Result<Recorded, StoreError> {
        let update = match record {
            LoginRecord::Right { read, rehash } => right(&self.0, read, rehash),
            LoginRecord::Wrong { read, count, now, request } => {
                let mut e = Expression::default();
                let set = [
                    e.compare(FAILURES, "=", number(count)),
                    e.compare(FAILED_AT, "=", time(now)),
                    e.compare(FAILED_BY, "=", text(request)),
                ];
                let condition = as_judged(&mut e, read);
                update_of(&self.0, name_id(read.username.as_str()), &set, condition, e)
            }
            LoginRecord::Nothing(identifier) => {
                let mut e = Expression::default();
                let set = [e.compare(FAILURES, "=", number(0))];
                // No count is negative.
                let condition = e.compare(FAILURES, "=", number(-1));
                update_of(&self.0, id_of(identifier), &set, condition, e)
            }
        };
        let found = match self.0.update(update).await? {
            Written::Done(_) => return Ok(Recorded::Kept),
            Written::Refused(None) => return Ok(Recorded::Gone),
            Written::Refused(Some(item)) => item,
        };
        let credentials = read(&found)?;
        match record {
            LoginRecord::Wrong { count, request, .. }
                if credentials.failures.count == count
                    && Reader(&found).text_if_any(FAILED_BY)? == Some(request.as_str()) =>
            {
                Ok(Recorded::Kept)
            }
            _ => Ok(Recorded::Changed(credentials)),
        }
    }
}

/// The update that a right password comes with: failures are forgotten, and an old hash gives way to a new one.
pub(crate) fn right(db: &Db, judged: &Credentials, rehash: Option<&PasswordHash>) -> Update {
    let mut e = Expression::default();
    let mut set = vec![e.compare(FAILURES, "=", number(0))];
    set.extend(rehash.map(|hash| e.compare(PASSWORD_HASH, "=", text(hash.as_str()))));
    let condition = as_judged(&mut e, judged);
    update_of(db, name_id(judged.username.as_str()), &set, condition, e)
}

fn update_of(db: &Db, id: String, set: &[String], condition: String, expression: Expression) -> Update {
    let set = format!("SET {}", set.join(", "));
    Update { table: db.table(CREDENTIALS), key: key(id), set, condition, expression }
}

/// The condition that credentials are those by which a password was judged.
pub(crate) fn as_judged(e: &mut Expression, judged: &Credentials) -> String {
    let password = e.compare(PASSWORD_SET_AT, "=", time(judged.password_set_at));
    format!("{password} AND {}", e.compare(FAILURES, "=", number(judged.failures.count)))
}

pub(crate) fn key(id: String) -> Item {
    Writer::default().with(ID, text(id)).item()
}

fn id_of(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Username(username) => name_id(username.as_str()),
        // No name has an `@` or is empty, so nothing stands there.
        Identifier::Email(email) => name_id(email.as_str()),
        Identifier::Nobody => name_id(""),
    }
}

pub(crate) fn write(credentials: &Credentials) -> Item {
    Writer::default()
        .with(ID, text(name_id(credentials.username.as_str())))
        .with(USERNAME, text(credentials.username.as_str()))
        .with(USER_ID, text(&credentials.user))
        .with_some(PASSWORD_HASH, credentials.hash.as_ref().map(|hash| text(hash.as_str())))
        .with(PASSWORD_SET_AT, time(credentials.password_set_at))
        .with(FAILURES, number(credentials.failures.count))
        .with_some(FAILED_AT, credentials.failures.last_at.map(time))
        .item()
}

pub(crate) fn read(item: &Item) -> Result<Credentials, StoreError> {
    let item = Reader(item);
    Ok(Credentials {
        username: CanonicalUsername::from_stored(item.text(USERNAME)?),
        user: item.parsed(USER_ID, UserId::parse)?,
        hash: item.parsed_if_any(PASSWORD_HASH, PasswordHash::parse)?,
        password_set_at: item.time(PASSWORD_SET_AT)?,
        failures: Failures { count: item.number(FAILURES)?, last_at: item.time_if_any(FAILED_AT)? },
    })
}
