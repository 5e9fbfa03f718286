use crate::expression::Expression;
use crate::item::{Item, Reader, Writer, number, text, time};
use crate::keys::{
    ADDRESS, AMR, AUTH_TIME, CREATED_AT, ENDS_AT, EPOCH, EXPIRES_AT, GENERATION, KEY_ID, REVOKED_AT, REVOKED_BY,
    ROTATED_AT, ROTATED_BY, SCOPES, SESSION_ID, SESSIONS, USER_AGENT, USER_ID,
};
use crate::write::{Update, Written};
use crate::{Db, StoreError};
use doorward_core::clock::Timestamp;
use doorward_core::ids::{KeyId, RequestId, SessionId, UserId};
use doorward_core::refresh_token::Generation;
use doorward_core::scope::{AskedScopes, ScopeSet};
use doorward_core::session::{Amr, Refresh, Rotation, Session, SessionRules};
use doorward_core::user::{Epoch, User};

/// Logins, by user id and session id.
#[derive(Clone, Debug)]
pub struct SessionStore(pub(crate) Db);

/// So many scopes fit into one condition (4 KB, 300 operators); more are compared with the session first.
const SCOPES_IN_A_CONDITION: usize = 100;

/// How many of a user's sessions are read to list those that are alive: one page of DynamoDB's, whatever comes.
const SESSIONS_READ: i32 = 1000;

impl SessionStore {
    /// Keeps a new session.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create(&self, session: &Session) -> Result<(), StoreError> {
        match self.0.insert(SESSIONS, USER_ID, write(session)).await? {
            Written::Refused(Some(found)) if read(&found)?.rotated_by != session.rotated_by => {
                Err(StoreError::Corrupt { attribute: SESSION_ID })
            }
            // Refused by our own item: the answer to the first attempt was lost.
            _ => Ok(()),
        }
    }

    /// A session.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn get(&self, user: &UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.0.get(SESSIONS, key(user, session)).await?.as_ref().map(read).transpose()
    }

    /// Moves a session on to the next generation, *if* it stands at the token's, is alive, and has the scopes asked for: one
    /// conditional write. What it comes to is for [`doorward_core::session::judge_refresh`] to say.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn rotate(&self, refresh: &Refresh<'_>, rules: &SessionRules) -> Result<Rotation, StoreError> {
        let (token, now) = (refresh.token, refresh.now);
        let scopes = match refresh.scopes {
            AskedScopes::All => None,
            AskedScopes::These(asked) if asked.len() <= SCOPES_IN_A_CONDITION => Some(asked),
            // A session's scopes never change, so they may be read ahead.
            asked => match self.get(&token.user, token.session).await? {
                Some(session) if asked.within(&session.scopes) => None,
                found => return Ok(Rotation::Refused(found)),
            },
        };
        let mut e = Expression::default();
        let set = [
            e.compare(GENERATION, "=", number(token.generation.next().0)),
            e.compare(ROTATED_AT, "=", time(now)),
            e.compare(ROTATED_BY, "=", text(refresh.request)),
        ];
        let mut conditions = vec![
            e.compare(GENERATION, "=", number(token.generation.0)),
            format!("attribute_not_exists({})", e.name(REVOKED_AT)),
            e.compare(ENDS_AT, ">", time(now)),
            e.compare(ROTATED_AT, ">", time(now.minus(rules.idle))),
        ];
        for scope in scopes.into_iter().flat_map(ScopeSet::iter) {
            conditions.push(format!("contains({}, {})", e.name(SCOPES), e.value(text(scope))));
        }
        let update = Update {
            table: self.0.table(SESSIONS),
            key: key(&token.user, token.session),
            set: format!("SET {}", set.join(", ")),
            condition: conditions.join(" AND "),
            expression: e,
        };
        Ok(match self.0.update(update).await? {
            Written::Done(item) => Rotation::Moved(read(&item)?),
            Written::Refused(item) => Rotation::Refused(item.as_ref().map(read).transpose()?),
        })
    }

    /// Ends a session, for good. Sent twice, it is the same. `false` when there is none, or it had been ended before.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn revoke(&self, user: &UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let mut e = Expression::default();
        let revoked = e.name(REVOKED_AT);
        let update = Update {
            table: self.0.table(SESSIONS),
            key: key(user, session),
            set: format!("SET {revoked} = if_not_exists({revoked}, {})", e.value(time(now))),
            condition: format!("attribute_exists({})", e.name(USER_ID)),
            expression: e,
        };
        Ok(match self.0.update(update).await? {
            // Its own earlier write, whose answer was lost, has the same time.
            Written::Done(item) => read(&item)?.revoked_at == Some(now),
            Written::Refused(_) => false,
        })
    }

    /// Ends a session that its user has seen in the list. `false` when it is none that is alive.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn end(
        &self,
        user: &User,
        session: SessionId,
        now: Timestamp,
        rules: &SessionRules,
        request: &RequestId,
    ) -> Result<bool, StoreError> {
        let mut e = Expression::default();
        let set = [e.compare(REVOKED_AT, "=", time(now)), e.compare(REVOKED_BY, "=", text(request))];
        let conditions = [
            e.compare(EPOCH, "=", number(user.epoch.0)),
            e.compare(ENDS_AT, ">", time(now)),
            e.compare(ROTATED_AT, ">", time(now.minus(rules.idle))),
            format!("attribute_not_exists({})", e.name(REVOKED_AT)),
        ];
        let update = Update {
            table: self.0.table(SESSIONS),
            key: key(&user.id, session),
            set: format!("SET {}", set.join(", ")),
            condition: conditions.join(" AND "),
            expression: e,
        };
        Ok(match self.0.update(update).await? {
            Written::Done(_) => true,
            // Ended by this very request, whose first answer was lost.
            Written::Refused(Some(item)) => Reader(&item).text_if_any(REVOKED_BY)? == Some(request.as_str()),
            Written::Refused(None) => false,
        })
    }

    /// A user's newest sessions that are alive, newest first, `limit` at most. Older ones than [`SESSIONS_READ`] are not
    /// looked at, however few of those are alive.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(
        &self,
        user: &User,
        limit: usize,
        now: Timestamp,
        rules: &SessionRules,
    ) -> Result<Vec<Session>, StoreError> {
        let query = self.0.query_of(SESSIONS, &user.id).scan_index_forward(false).limit(SESSIONS_READ);
        let page = query.send().await.map_err(StoreError::unavailable)?;
        let sessions = page.items().iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let alive = |session: &Session| session.is_alive(user, now, rules);
        Ok(sessions.into_iter().filter(alive).take(limit).collect())
    }

    /// Takes back a session whose tokens nobody got.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn withdraw(&self, session: &Session) -> Result<(), StoreError> {
        let key = key(&session.user, session.id);
        let sent = self.0.client.delete_item().table_name(self.0.table(SESSIONS)).set_key(Some(key)).send().await;
        sent.map(|_| ()).map_err(StoreError::unavailable)
    }
}

pub(crate) fn key(user: &UserId, session: SessionId) -> Item {
    Writer::default().with(USER_ID, text(user)).with(SESSION_ID, text(session)).item()
}

pub(crate) fn write(session: &Session) -> Item {
    let amr: Vec<_> = session.amr.iter().map(|amr| amr.as_str()).collect();
    Writer::default()
        .with(USER_ID, text(&session.user))
        .with(SESSION_ID, text(session.id))
        .with(GENERATION, number(session.generation.0))
        .with(ROTATED_AT, time(session.rotated_at))
        .with(ROTATED_BY, text(&session.rotated_by))
        .with(EPOCH, number(session.epoch.0))
        .with(AUTH_TIME, time(session.auth_time))
        .with(AMR, text(amr.join(" ")))
        .with_set(SCOPES, &session.scopes)
        .with(KEY_ID, text(&session.key))
        .with(CREATED_AT, time(session.created_at))
        .with(ENDS_AT, time(session.ends_at))
        .with(EXPIRES_AT, number(session.ends_at.seconds()))
        .with_some(REVOKED_AT, session.revoked_at.map(time))
        .with(ADDRESS, text(&session.address))
        .with(USER_AGENT, text(&session.user_agent))
        .item()
}

pub(crate) fn read(item: &Item) -> Result<Session, StoreError> {
    let item = Reader(item);
    let amr = |text: &str| text.split(' ').map(|name| Amr::parse(name).ok_or(())).collect::<Result<Vec<_>, _>>();
    Ok(Session {
        id: item.parsed(SESSION_ID, SessionId::parse)?,
        user: item.parsed(USER_ID, UserId::parse)?,
        generation: Generation(item.number(GENERATION)?),
        rotated_at: item.time(ROTATED_AT)?,
        rotated_by: item.parsed(ROTATED_BY, RequestId::parse)?,
        epoch: Epoch(item.number(EPOCH)?),
        auth_time: item.time(AUTH_TIME)?,
        amr: item.parsed(AMR, amr)?,
        scopes: item.set(SCOPES)?,
        key: item.parsed(KEY_ID, KeyId::parse)?,
        created_at: item.time(CREATED_AT)?,
        ends_at: item.time(ENDS_AT)?,
        revoked_at: item.time_if_any(REVOKED_AT)?,
        address: item.text(ADDRESS)?.to_owned(),
        user_agent: item.text(USER_AGENT)?.to_owned(),
    })
}
