//! Changes that touch a user's profile, credentials, e-mail marker and session together, or not at all.

use crate::expression::Expression;
use crate::item::{Item, Writer, number, text, time};
use crate::keys::{
    CREDENTIALS, DISABLED, EMAIL, EMAIL_VERIFIED, EPOCH, FAILURES, FULL_NAME, ID, PASSWORD_HASH, PASSWORD_SET_AT,
    PERMISSIONS, REVOKED_AT, ROLE, SCOPES, SECOND_FACTORS, SESSIONS, TWO_FACTOR_ENABLED, USER_ID, USERNAME, USERS,
    mail_id, name_id,
};
use crate::write::{Check, Transacted, Update};
use crate::{StoreError, UserStore, credentials, sessions, users};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use doorward_core::clock::Timestamp;
use doorward_core::email::CanonicalEmail;
use doorward_core::grant::Credentials;
use doorward_core::ids::{SessionId, UserId};
use doorward_core::password::PasswordHash;
use doorward_core::user::{Role, User};

/// On whose word a user is changed.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// Somebody whose right was checked and may be gone again by now: nothing is lost by that.
    Checked,
    /// An admin who must still be one when it is done, so that of two who remove each other one remains.
    Admin(&'a UserId),
    /// The user's own password, judged by these credentials, whose failures are forgotten with it.
    Password(&'a Credentials),
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum Changed {
    /// It was made.
    Done,
    /// The user is another by now, or gone: read again, judge again.
    Stale,
    /// Somebody has that e-mail address.
    EmailTaken,
    /// The admin is none any more.
    NoAuthority,
    /// The credentials are others by now: judge the password again. `None` when they are gone.
    CredentialsChanged(Option<Credentials>),
}

/// What an item of the transaction was for.
#[derive(Clone, Copy)]
enum Part {
    User,
    NewEmail,
    OldEmail,
    Admin,
    Credentials,
}

/// A transaction in the making.
#[derive(Default)]
struct Plan(Vec<(Part, TransactWriteItem)>);

impl UserStore {
    /// Makes `wanted` of `read`, in what differs. `token` tells this change from every other.
    ///
    /// A transaction also where one item changes: a write that is late, because it was sent again meanwhile and done, would
    /// undo what came after it, where that is what was before.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn change(
        &self,
        read: &User,
        wanted: &User,
        authority: Authority<'_>,
        token: &str,
    ) -> Result<Changed, StoreError> {
        let canonical = |user: &User| user.email.as_ref().map(|email| email.canonical().clone());
        let (old, new) = (canonical(read), canonical(wanted));
        let mut plan = Plan::default();
        // First, as the first part that fails is what is told: whoever has no right to it learns nothing of the address.
        self.authorise(&mut plan, authority)?;
        plan.add(Part::User, self.update_of(read, wanted).in_transaction()?);
        if old != new {
            if let Some(email) = &new {
                plan.add(Part::NewEmail, self.0.put_new(CREDENTIALS, ID, marker(email, wanted))?);
            }
            if let Some(email) = &old {
                plan.add(Part::OldEmail, self.without_marker(email, &read.id)?);
            }
        }
        self.carry_out(plan, token).await
    }

    /// Sets a password. Every session ends but `kept`, which goes on in the new epoch.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn change_password(
        &self,
        user: &User,
        kept: Option<SessionId>,
        judged: &Credentials,
        hash: &PasswordHash,
        now: Timestamp,
        token: &str,
    ) -> Result<Changed, StoreError> {
        let next = user.epoch.next_with_one_kept();
        let mut plan = Plan::default();
        let wanted = User { epoch: next, ..user.clone() };
        plan.add(Part::User, self.update_of(user, &wanted).in_transaction()?);

        // Later than the last one by any clock: it says which password it is.
        let set_at = now.max(Timestamp::from_millis(judged.password_set_at.millis() + 1));
        let mut e = Expression::default();
        let set = [
            e.compare(PASSWORD_HASH, "=", text(hash.as_str())),
            e.compare(PASSWORD_SET_AT, "=", time(set_at)),
            e.compare(FAILURES, "=", number(0)),
        ];
        let update = Update {
            table: self.0.table(CREDENTIALS),
            key: credentials::key(name_id(judged.username.as_str())),
            set: format!("SET {}", set.join(", ")),
            condition: credentials::as_judged(&mut e, judged),
            expression: e,
        };
        plan.add(Part::Credentials, update.in_transaction()?);

        if let Some(session) = kept {
            let mut e = Expression::default();
            let update = Update {
                table: self.0.table(SESSIONS),
                key: sessions::key(&user.id, session),
                set: format!("SET {}", e.compare(EPOCH, "=", number(next.0))),
                condition: format!(
                    "{} AND attribute_not_exists({})",
                    e.compare(EPOCH, "=", number(user.epoch.0)),
                    e.name(REVOKED_AT)
                ),
                expression: e,
            };
            plan.add(Part::User, update.in_transaction()?);
        }
        self.carry_out(plan, token).await
    }

    /// Deletes a user: profile, credentials, e-mail marker and second factor at once. The name and the address are free
    /// again; what else was theirs is dead with them, and [`crate::Store::forget`] clears it away.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn delete(&self, read: &User, authority: Authority<'_>, token: &str) -> Result<Changed, StoreError> {
        let mut plan = Plan::default();
        let mut e = Expression::default();
        let condition = as_read(&mut e, read);
        let check = Check { table: self.0.table(USERS), key: users::key(&read.id), condition, expression: e };
        plan.add(Part::User, check.delete_in_transaction()?);

        let mut e = Expression::default();
        let mut condition = e.compare(USER_ID, "=", text(&read.id));
        if let Authority::Password(judged) = authority {
            condition = format!("{condition} AND {}", credentials::as_judged(&mut e, judged));
        }
        let key = credentials::key(name_id(read.username.canonical().as_str()));
        let check = Check { table: self.0.table(CREDENTIALS), key, condition, expression: e };
        plan.add(Part::Credentials, check.delete_in_transaction()?);

        if let Some(email) = &read.email {
            plan.add(Part::OldEmail, self.without_marker(email.canonical(), &read.id)?);
        }
        plan.add(Part::User, self.0.delete_over(SECOND_FACTORS, users::key(&read.id))?);
        if let Authority::Admin(_) = authority {
            self.authorise(&mut plan, authority)?;
        }
        self.carry_out(plan, token).await
    }

    fn authorise(&self, plan: &mut Plan, authority: Authority<'_>) -> Result<(), StoreError> {
        match authority {
            Authority::Checked => {}
            Authority::Admin(id) => {
                let mut e = Expression::default();
                let condition = format!(
                    "{} AND {}",
                    e.compare(ROLE, "=", text(Role::Admin)),
                    e.compare(DISABLED, "=", AttributeValue::Bool(false))
                );
                let check = Check { table: self.0.table(USERS), key: users::key(id), condition, expression: e };
                plan.add(Part::Admin, check.in_transaction()?);
            }
            Authority::Password(judged) => {
                plan.add(Part::Credentials, credentials::right(&self.0, judged, None).in_transaction()?);
            }
        }
        Ok(())
    }

    async fn carry_out(&self, plan: Plan, token: &str) -> Result<Changed, StoreError> {
        let (parts, items): (Vec<_>, Vec<_>) = plan.0.into_iter().unzip();
        let found = match self.0.transact(items, token).await? {
            Transacted::Done => return Ok(Changed::Done),
            Transacted::Refused(found) => found,
        };
        let failed = parts.into_iter().zip(found).find_map(|(part, found)| Some((part, found?)));
        Ok(match failed {
            Some((Part::NewEmail, _)) => Changed::EmailTaken,
            Some((Part::Admin, _)) => Changed::NoAuthority,
            Some((Part::Credentials, found)) => {
                Changed::CredentialsChanged(found.as_ref().map(credentials::read).transpose()?)
            }
            Some((Part::User | Part::OldEmail, _)) | None => Changed::Stale,
        })
    }

    /// The update of what differs, on the condition that what it was judged by is as it was read.
    fn update_of(&self, read: &User, wanted: &User) -> Update {
        let (before, after) = (users::write(read), users::write(wanted));
        let mut e = Expression::default();
        let mut names: Vec<&String> = after.keys().chain(before.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for name in names {
            match after.get(name) {
                Some(value) if before.get(name) != Some(value) => set.push(e.compare(name, "=", value.clone())),
                Some(_) => {}
                None => remove.push(e.name(name)),
            }
        }
        // An update that changes nothing still says whether the user is there.
        if set.is_empty() && remove.is_empty() {
            set.push(e.compare(EPOCH, "=", number(read.epoch.0)));
        }
        let clause = |word: &str, parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("{word} {} ", parts.join(", ")) }
        };
        let set = format!("{}{}", clause("SET", &set), clause("REMOVE", &remove)).trim_end().to_owned();
        let condition = as_read(&mut e, read);
        Update { table: self.0.table(USERS), key: users::key(&read.id), set, condition, expression: e }
    }

    fn without_marker(&self, email: &CanonicalEmail, owner: &UserId) -> Result<TransactWriteItem, StoreError> {
        let mut e = Expression::default();
        let condition = e.compare(USER_ID, "=", text(owner));
        let key = credentials::key(mail_id(email.as_str()));
        Check { table: self.0.table(CREDENTIALS), key, condition, expression: e }.delete_in_transaction()
    }
}

impl Plan {
    fn add(&mut self, part: Part, item: TransactWriteItem) {
        self.0.push((part, item));
    }
}

/// The marker that makes an e-mail address unique and a login by it possible.
pub(crate) fn marker(email: &CanonicalEmail, owner: &User) -> Item {
    Writer::default()
        .with(ID, text(mail_id(email.as_str())))
        .with(USERNAME, text(owner.username.canonical().as_str()))
        .with(USER_ID, text(&owner.id))
        .item()
}

/// What a change is judged by, and what its answer shows: all of a profile that changes.
fn as_read(e: &mut Expression, read: &User) -> String {
    let mut item = users::write(read);
    let changes = [EMAIL, EMAIL_VERIFIED, FULL_NAME, DISABLED, ROLE, PERMISSIONS, SCOPES, TWO_FACTOR_ENABLED, EPOCH];
    changes.map(|name| e.is(name, item.remove(name))).join(" AND ")
}
