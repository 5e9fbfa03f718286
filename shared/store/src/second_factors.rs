use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, bytes, number, text, time};
use crate::keys::{
    FAILED_BY, FAILURES, FAILURES_UNTIL, JTI, KEY_ID, LAST_STEP, PENDING_KEY_ID, PENDING_SEALED, PENDING_UNTIL,
    RECOVERY_CODES, REVOKED_TOKENS, SEALED, SECOND_FACTORS, SESSIONS, TWO_FACTOR_ENABLED, USER_ID, USERS,
};
use crate::write::{ATTEMPTS, Check, Transacted, Update, Written, back_off};
use crate::{Db, StoreError, credentials, revoked, sessions, users};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use doorward_core::clock::Timestamp;
use doorward_core::grant::Credentials;
use doorward_core::ids::{KeyId, RequestId, UserId};
use doorward_core::mfa_token::MfaToken;
use doorward_core::password::PasswordHash;
use doorward_core::second_factor::{RecoveryHash, SealedFactor, SecondFactor, Spent, WrongCodes};
use doorward_core::session::Session;
use doorward_core::totp::Step;
use doorward_core::user::User;
use std::collections::BTreeSet;

/// Authenticator apps and recovery codes, by user id.
#[derive(Clone, Debug)]
pub struct SecondFactorStore(pub(crate) Db);

/// What became of a wrong code.
#[derive(Clone, Debug)]
pub enum CodeCounted {
    /// It is counted.
    Kept,
    /// Somebody else changed the factor in between: the code is to be judged again. `None` when it is gone.
    Changed(Option<SecondFactor>),
}

/// What became of a new secret.
#[derive(Clone, Debug)]
pub enum Pended {
    /// It waits for its first code.
    Done,
    /// The credentials are others by now: judge the password again. `None` when they are gone.
    CredentialsChanged(Option<Credentials>),
    /// The user has turned the second factor on or off, or is gone.
    UserChanged,
}

/// A right code and what it is for: all of it is done at once, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// The factor as the code was judged by it, its budget of wrong codes included.
    pub read: &'a SecondFactor,
    /// What the code uses up.
    pub spent: &'a Spent,
    /// What becomes of the factor.
    pub then: Then<'a>,
    /// The password that came with the code.
    pub password: Option<RightPassword<'a>>,
    /// The session that begins, and the `mfa_token` that is used up with it.
    pub login: Option<(&'a Session, Option<&'a MfaToken>)>,
}

/// The credentials by which a password was found right, and the hash to keep from now on, if it is another.
pub type RightPassword<'a> = (&'a Credentials, Option<&'a PasswordHash>);

/// What becomes of a factor with a right code.
#[derive(Clone, Copy, Debug)]
pub enum Then<'a> {
    /// It stays as it is.
    Stays,
    /// It has these recovery codes and no others; a new secret becomes the live one.
    Has(&'a BTreeSet<RecoveryHash>),
    /// It is gone.
    Off,
}

/// What became of a right code.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// All was done.
    Done,
    /// The factor is another by now: judge the code again. `None` when it is gone.
    FactorChanged(Option<SecondFactor>),
    /// The credentials are others by now: judge the password again. `None` when they are gone.
    CredentialsChanged(Option<Credentials>),
    /// The `mfa_token` was used by somebody else.
    TokenUsed,
    /// The user is gone.
    UserGone,
}

/// What an item of the transaction was for.
#[derive(Clone, Copy)]
enum Part {
    Token,
    Credentials,
    User,
    Factor,
    Session,
}

impl SecondFactorStore {
    /// A user's factor.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn get(&self, user: &UserId) -> Result<Option<SecondFactor>, StoreError> {
        self.0.get(SECOND_FACTORS, users::key(user)).await?.as_ref().map(read).transpose()
    }

    /// Keeps a new secret until its first code, beside the live one. `judged` are the credentials of a password that was
    /// asked for; `token` tells this change from every other.
    ///
    /// The only write that makes an item by an update; it holds only while its user is there.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn pend(
        &self,
        user: &User,
        pending: &SealedFactor,
        until: Timestamp,
        judged: Option<&Credentials>,
        token: &str,
    ) -> Result<Pended, StoreError> {
        let mut e = Expression::default();
        let enabled = AttributeValue::Bool(user.two_factor_enabled);
        let condition = e.compare(TWO_FACTOR_ENABLED, "=", enabled);
        let check = Check { table: self.0.table(USERS), key: users::key(&user.id), condition, expression: e };
        let mut items = vec![check.in_transaction()?];
        items.extend(judged.map(|judged| credentials::right(&self.0, judged, None).in_transaction()).transpose()?);
        let mut e = Expression::default();
        let set = [
            e.compare(PENDING_SEALED, "=", bytes(&pending.bytes)),
            e.compare(PENDING_KEY_ID, "=", text(&pending.key)),
            e.compare(PENDING_UNTIL, "=", time(until)),
        ];
        items.push(self.update(&user.id, format!("SET {}", set.join(", ")), String::new(), e).in_transaction()?);
        Ok(match self.0.transact(items, token).await? {
            Transacted::Done => Pended::Done,
            Transacted::Refused(found) => match found.into_iter().nth(1) {
                Some(Some(item)) => Pended::CredentialsChanged(item.as_ref().map(credentials::read).transpose()?),
                _ => Pended::UserChanged,
            },
        })
    }

    /// Counts a wrong code, if the factor still is the one that it was judged by. Sent twice, it counts once.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn count(
        &self,
        judged: &SecondFactor,
        wrong: WrongCodes,
        request: &RequestId,
    ) -> Result<CodeCounted, StoreError> {
        let mut e = Expression::default();
        let set = [
            e.compare(FAILURES, "=", number(wrong.count)),
            e.compare(FAILURES_UNTIL, "=", number(wrong.window_ends_at.map_or(0, Timestamp::millis))),
            e.compare(FAILED_BY, "=", text(request)),
        ];
        let condition = as_judged(&mut e, judged);
        let update = self.update(&judged.user, format!("SET {}", set.join(", ")), condition, e);
        let found = match self.0.update(update).await? {
            Written::Done(_) => return Ok(CodeCounted::Kept),
            Written::Refused(None) => return Ok(CodeCounted::Changed(None)),
            Written::Refused(Some(found)) => found,
        };
        let current = read(&found)?;
        let is_ours = Reader(&found).text_if_any(FAILED_BY)? == Some(request.as_str()) && current.wrong == wrong;
        Ok(if is_ours { CodeCounted::Kept } else { CodeCounted::Changed(Some(current)) })
    }

    /// Uses a right code up, and does what it is for, *if* the factor, the password and the `mfa_token` still are what they
    /// were judged by. `token` tells this redemption from every other.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn redeem(&self, redemption: &Redemption<'_>, token: &str) -> Result<Redeemed, StoreError> {
        let (parts, items): (Vec<_>, Vec<_>) = self.plan(redemption)?.into_iter().unzip();
        let found = match self.0.transact(items, token).await? {
            Transacted::Done => return Ok(Redeemed::Done),
            Transacted::Refused(found) => found,
        };
        let failed = parts.into_iter().zip(found).find_map(|(part, found)| Some((part, found?)));
        Ok(match failed {
            Some((Part::Token, _)) => Redeemed::TokenUsed,
            Some((Part::Credentials, found)) => {
                Redeemed::CredentialsChanged(found.as_ref().map(credentials::read).transpose()?)
            }
            Some((Part::Factor, found)) => Redeemed::FactorChanged(found.as_ref().map(read).transpose()?),
            Some((Part::User, _)) | None => Redeemed::UserGone,
            Some((Part::Session, _)) => return Err(StoreError::Corrupt { attribute: USER_ID }),
        })
    }

    fn plan(&self, redemption: &Redemption<'_>) -> Result<Vec<(Part, TransactWriteItem)>, StoreError> {
        let Redemption { read, spent, then, password, login } = *redemption;
        let mut plan = Vec::new();
        if let Some((session, Some(token))) = login {
            let item = revoked::write(&token.id, token.expires_at, &session.rotated_by);
            plan.push((Part::Token, self.0.put_new(REVOKED_TOKENS, JTI, item)?));
        }
        if let Some((judged, rehash)) = password {
            plan.push((Part::Credentials, credentials::right(&self.0, judged, rehash).in_transaction()?));
        }
        match (then, spent) {
            (Then::Off, _) => plan.push((Part::User, self.flag(&read.user, false)?)),
            (_, Spent::First(_)) => plan.push((Part::User, self.flag(&read.user, true)?)),
            _ => {}
        }
        plan.push((Part::Factor, self.spend(read, spent, then)?));
        if let Some((session, _)) = login {
            plan.push((Part::Session, self.0.put_new(SESSIONS, USER_ID, sessions::write(session))?));
        }
        Ok(plan)
    }

    /// The write of the factor itself.
    fn spend(&self, judged: &SecondFactor, spent: &Spent, then: Then<'_>) -> Result<TransactWriteItem, StoreError> {
        let mut e = Expression::default();
        let mut condition = as_judged(&mut e, judged);
        if let Spent::Recovery(hash) = spent {
            let contained = format!("contains({}, {})", e.name(RECOVERY_CODES), e.value(text(hash.as_str())));
            condition = format!("{condition} AND {contained}");
        }
        if let Then::Off = then {
            let (table, key) = (self.0.table(SECOND_FACTORS), users::key(&judged.user));
            return Check { table, key, condition, expression: e }.delete_in_transaction();
        }
        let mut set = Vec::new();
        if let Spent::Step(step) | Spent::First(step) = spent {
            set.push(e.compare(LAST_STEP, "=", number(step.0)));
        }
        if let Then::Has(hashes) = then {
            set.push(e.compare(RECOVERY_CODES, "=", hashes_of(hashes)));
        }
        let mut clauses = Vec::new();
        if let (Spent::First(_), Some((pending, _))) = (spent, &judged.pending) {
            set.push(e.compare(SEALED, "=", bytes(&pending.bytes)));
            set.push(e.compare(KEY_ID, "=", text(&pending.key)));
            let pending = [PENDING_SEALED, PENDING_KEY_ID, PENDING_UNTIL].map(|name| e.name(name));
            clauses.push(format!("REMOVE {}", pending.join(", ")));
        }
        if let (Spent::Recovery(hash), Then::Stays) = (spent, then) {
            let used = e.value(hashes_of(&BTreeSet::from([hash.clone()])));
            clauses.push(format!("DELETE {} {used}", e.name(RECOVERY_CODES)));
        }
        if !set.is_empty() {
            clauses.push(format!("SET {}", set.join(", ")));
        }
        self.update(&judged.user, clauses.join(" "), condition, e).in_transaction()
    }

    fn flag(&self, user: &UserId, enabled: bool) -> Result<TransactWriteItem, StoreError> {
        let mut e = Expression::default();
        let set = format!("SET {}", e.compare(TWO_FACTOR_ENABLED, "=", AttributeValue::Bool(enabled)));
        let condition = format!("attribute_exists({})", e.name(USER_ID));
        let (table, key) = (self.0.table(USERS), users::key(user));
        Update { table, key, set, condition, expression: e }.in_transaction()
    }

    fn update(&self, user: &UserId, set: String, condition: String, expression: Expression) -> Update {
        Update { table: self.0.table(SECOND_FACTORS), key: users::key(user), set, condition, expression }
    }

    /// Turns a user's second factor off, whatever it is. `false` when there is no such user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn reset(&self, user: &UserId, token: &str) -> Result<bool, StoreError> {
        let delete = self.0.delete_over(SECOND_FACTORS, users::key(user))?;
        let transacted = self.0.transact(vec![self.flag(user, false)?, delete], token).await?;
        Ok(matches!(transacted, Transacted::Done))
    }

    /// Forgets the wrong codes of a user.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn forget_wrong(&self, user: &UserId) -> Result<(), StoreError> {
        for attempt in 1..=ATTEMPTS {
            let Some(factor) = self.get(user).await? else { return Ok(()) };
            let mut e = Expression::default();
            let remove = [FAILURES, FAILURES_UNTIL, FAILED_BY].map(|name| e.name(name)).join(", ");
            let condition = as_judged(&mut e, &factor);
            match self.0.update(self.update(user, format!("REMOVE {remove}"), condition, e)).await? {
                Written::Done(_) | Written::Refused(None) => return Ok(()),
                Written::Refused(Some(_)) => back_off(attempt).await,
            }
        }
        Err(StoreError::Unavailable("the second factor was changed again and again".to_owned()))
    }
}

/// The condition that a factor is the one by which a code was judged: secrets, last step, budget of wrong codes.
fn as_judged(e: &mut Expression, judged: &SecondFactor) -> String {
    let live = judged.live.as_ref().map(|sealed| bytes(&sealed.bytes));
    let pending = judged.pending.as_ref().map(|(sealed, _)| bytes(&sealed.bytes));
    let window = judged.wrong.window_ends_at;
    let mut conditions = vec![format!("attribute_exists({})", e.name(USER_ID))];
    for (name, value) in [
        (SEALED, live),
        (PENDING_SEALED, pending),
        (LAST_STEP, judged.last_step.map(|step| number(step.0))),
        (FAILURES, window.map(|_| number(judged.wrong.count))),
        (FAILURES_UNTIL, window.map(time)),
    ] {
        conditions.push(e.is(name, value));
    }
    conditions.join(" AND ")
}

fn hashes_of(hashes: &BTreeSet<RecoveryHash>) -> AttributeValue {
    AttributeValue::Ss(hashes.iter().map(|hash| hash.as_str().to_owned()).collect())
}

pub(crate) fn write(factor: &SecondFactor) -> Item {
    let pending = factor.pending.as_ref();
    let recovery = (!factor.recovery.is_empty()).then(|| hashes_of(&factor.recovery));
    Writer::default()
        .with(USER_ID, text(&factor.user))
        .with_some(SEALED, factor.live.as_ref().map(|sealed| bytes(&sealed.bytes)))
        .with_some(KEY_ID, factor.live.as_ref().map(|sealed| text(&sealed.key)))
        .with_some(PENDING_SEALED, pending.map(|(sealed, _)| bytes(&sealed.bytes)))
        .with_some(PENDING_KEY_ID, pending.map(|(sealed, _)| text(&sealed.key)))
        .with_some(PENDING_UNTIL, pending.map(|(_, until)| time(*until)))
        .with_some(LAST_STEP, factor.last_step.map(|step| number(step.0)))
        .with_some(RECOVERY_CODES, recovery)
        .with_some(FAILURES, factor.wrong.window_ends_at.map(|_| number(factor.wrong.count)))
        .with_some(FAILURES_UNTIL, factor.wrong.window_ends_at.map(time))
        .item()
}

pub(crate) fn read(item: &Item) -> Result<SecondFactor, StoreError> {
    let item = Reader(item);
    let sealed = |key: &'static str, bytes: &'static str| {
        let key = item.parsed_if_any(key, KeyId::parse)?;
        key.map(|key| Ok(SealedFactor { key, bytes: item.bytes(bytes)?.to_vec() })).transpose()
    };
    let pending = match sealed(PENDING_KEY_ID, PENDING_SEALED)? {
        Some(sealed) => Some((sealed, item.time(PENDING_UNTIL)?)),
        None => None,
    };
    Ok(SecondFactor {
        user: item.parsed(USER_ID, UserId::parse)?,
        live: sealed(KEY_ID, SEALED)?,
        pending,
        last_step: item.number_if_any(LAST_STEP)?.map(Step),
        recovery: item.parsed_set(RECOVERY_CODES, RecoveryHash::parse)?,
        wrong: WrongCodes {
            count: item.number_if_any(FAILURES)?.unwrap_or(0),
            window_ends_at: item.time_if_any(FAILURES_UNTIL)?,
        },
    })
}
