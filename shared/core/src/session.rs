//! Sessions: one per login, and what they still allow.
//!
//! What a refresh or a call is worth is decided here, from what one read or one conditional write of the store returned.

use crate::clock::Timestamp;
use crate::ids::{KeyId, RequestId, SessionId, UserId};
use crate::refresh_token::{Generation, RefreshToken};
use crate::scope::{AskedScopes, ScopeSet};
use crate::user::{Epoch, User};
use std::cmp::Ordering;
use std::time::Duration;

/// How a user proved themselves (RFC 8176 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amr {
    /// A password.
    Pwd,
    /// A one-time code.
    Otp,
    /// More than one factor.
    Mfa,
}

impl Amr {
    /// Takes a registered value.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pwd, Self::Otp, Self::Mfa].into_iter().find(|amr| amr.as_str() == name)
    }

    /// The registered value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pwd => "pwd",
            Self::Otp => "otp",
            Self::Mfa => "mfa",
        }
    }
}

/// One login and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// How often it was refreshed.
    pub generation: Generation,
    /// When it was last refreshed; at first, when it began.
    pub rotated_at: Timestamp,
    /// The request that refreshed it last: how a request knows its own write whose answer was lost.
    pub rotated_by: RequestId,
    /// The user's epoch when they logged in.
    pub epoch: Epoch,
    /// When the user proved themselves.
    pub auth_time: Timestamp,
    /// How the user proved themselves.
    pub amr: Vec<Amr>,
    /// What its tokens may do at most.
    pub scopes: ScopeSet,
    /// The key that vouches for its refresh tokens, from beginning to end.
    pub key: KeyId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
    /// Where the login came from.
    pub address: String,
    /// What program it came from, in that program's own words.
    pub user_agent: String,
}

/// How long sessions last and refresh tokens stay good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session lasts without a refresh.
    pub idle: Duration,
    /// How long it lasts at most.
    pub lifetime: Duration,
    /// How long after a refresh the spent token still gets the same successor.
    pub grace: Duration,
}

impl Session {
    /// When it is over by time, if nobody refreshes it until then: at its end, or unused for too long.
    #[must_use]
    pub fn lapses_at(&self, rules: &SessionRules) -> Timestamp {
        self.rotated_at.plus(rules.idle).min(self.ends_at)
    }

    /// Whether it is over by time.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp, rules: &SessionRules) -> bool {
        now >= self.lapses_at(rules)
    }

    /// Whether its tokens are good for anything.
    #[must_use]
    pub fn is_alive(&self, user: &User, now: Timestamp, rules: &SessionRules) -> bool {
        self.is_of(user) && self.revoked_at.is_none() && !self.has_lapsed(now, rules)
    }

    /// Ends it, for good: what the store's write does. `false` when it had been ended before, at another time.
    pub fn revoke(&mut self, now: Timestamp) -> bool {
        *self.revoked_at.get_or_insert(now) == now
    }

    /// Whether it still is what the user's epoch says.
    fn is_of(&self, user: &User) -> bool {
        self.epoch == user.epoch
    }
}

/// What the conditional write of a refresh returned: *if* the session stands at the token's generation, is alive and has
/// the scopes asked for, it moves on to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The condition held; the session as it stands now.
    Moved(Session),
    /// The condition did not hold; the session as it stood, if there is one.
    Refused(Option<Session>),
}

/// Which of two that were read side by side is the older one: somebody raised the epoch in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// The session is to be read again.
    Session,
    /// The user is to be read again.
    User,
}

impl Rotation {
    /// What the conditional write does with the session that it finds. The store says the same in `DynamoDB`'s words, and
    /// `tests/api/conditions.rs` holds the two side by side.
    #[must_use]
    pub fn of(found: Option<Session>, refresh: &Refresh<'_>, rules: &SessionRules) -> Self {
        let may_move = |session: &Session| {
            session.generation == refresh.token.generation
                && session.revoked_at.is_none()
                && !session.has_lapsed(refresh.now, rules)
                && refresh.scopes.within(&session.scopes)
        };
        match found {
            Some(session) if may_move(&session) => Self::Moved(Session {
                generation: session.generation.next(),
                rotated_at: refresh.now,
                rotated_by: refresh.request.clone(),
                ..session
            }),
            found => Self::Refused(found),
        }
    }

    /// The session, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Moved(session) => Some(session),
            Self::Refused(found) => found.as_ref(),
        }
    }

    /// What is to be read again before the two are judged: a password change takes one session along, and that one is not
    /// to be refused.
    #[must_use]
    pub fn behind(&self, user: Option<&User>) -> Option<Behind> {
        match self.session()?.epoch.cmp(&user?.epoch) {
            Ordering::Less => Some(Behind::Session),
            Ordering::Equal => None,
            Ordering::Greater => Some(Behind::User),
        }
    }

    /// Takes over what a session that was read again says of its end. Where it stands is what the write found.
    pub fn catch_up(&mut self, now: &Session) {
        if let Self::Moved(session) | Self::Refused(Some(session)) = self {
            session.epoch = now.epoch;
            session.revoked_at = now.revoked_at;
        }
    }
}

/// A refresh, as the decision sees it.
#[derive(Clone, Copy, Debug)]
pub struct Refresh<'a> {
    /// The token that was presented, its tag verified.
    pub token: &'a RefreshToken,
    /// The scopes that were asked for.
    pub scopes: &'a AskedScopes,
    /// The request that presents it.
    pub request: &'a RequestId,
    /// When.
    pub now: Timestamp,
}

/// Why a refresh is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// The session is gone, over or ended, or the store was set back to an earlier state.
    #[error("the session is dead")]
    Dead,
    /// A spent token: somebody has a copy. The session must be ended.
    #[error("the token was used before")]
    Theft,
    /// The user is shut out.
    #[error("the user is disabled")]
    Inactive,
    /// More scopes than the session has; nothing is used up.
    #[error("the scope is wider than the session's")]
    ScopeNotAllowed,
}

/// Judges a refresh by what its write returned and who its user is by now.
///
/// # Errors
/// Why nothing is to be minted.
pub fn judge_refresh(
    rotation: Rotation,
    user: Option<&User>,
    refresh: &Refresh<'_>,
    rules: &SessionRules,
) -> Result<Session, RefreshRefusal> {
    let (session, moved) = match rotation {
        Rotation::Moved(session) => (session, true),
        Rotation::Refused(Some(session)) => (session, false),
        Rotation::Refused(None) => return Err(RefreshRefusal::Dead),
    };
    let user = user.ok_or(RefreshRefusal::Dead)?;
    if user.disabled {
        return Err(RefreshRefusal::Inactive);
    }
    if !session.is_of(user) {
        return Err(RefreshRefusal::Dead);
    }
    if moved { Ok(session) } else { judge_refused(session, refresh, rules) }
}

/// The condition did not hold: our own write whose answer was lost, a repetition, a wider scope, theft, or a dead session.
fn judge_refused(session: Session, refresh: &Refresh<'_>, rules: &SessionRules) -> Result<Session, RefreshRefusal> {
    let presented = refresh.token.generation;
    if session.revoked_at.is_some() || session.has_lapsed(refresh.now, rules) || session.generation < presented {
        return Err(RefreshRefusal::Dead);
    }
    let is_successor = session.generation == presented.next();
    let is_ours = is_successor && session.rotated_by == *refresh.request;
    let is_repetition = is_successor && refresh.now.since(session.rotated_at) < rules.grace;
    if session.generation > presented && !is_ours && !is_repetition {
        return Err(RefreshRefusal::Theft);
    }
    if !refresh.scopes.within(&session.scopes) {
        return Err(RefreshRefusal::ScopeNotAllowed);
    }
    // Alive, at its generation and wide enough: the write's own clock and this one disagree by less than a retry takes.
    if is_successor { Ok(session) } else { Err(RefreshRefusal::Dead) }
}

/// Until when a refresh token is good if nobody uses or ends anything: whether it stands where its session does, which is
/// alive. `None` for one that is spent, also within the grace, or dead. Nothing is used up by asking.
#[must_use]
pub fn refresh_token_ends_at(
    token: &RefreshToken,
    user: &User,
    session: &Session,
    now: Timestamp,
    rules: &SessionRules,
) -> Option<Timestamp> {
    let live = !user.disabled && session.generation == token.generation && session.is_alive(user, now, rules);
    live.then(|| session.lapses_at(rules))
}

/// Why an access token whose signature and claims are good is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerRefusal {
    /// The user or the session is gone.
    #[error("the user or the session is gone")]
    Gone,
    /// The user is shut out.
    #[error("the user is disabled")]
    Inactive,
    /// The token, its session or all of the user's sessions were ended.
    #[error("the token was revoked")]
    Revoked,
}

impl Session {
    /// Whether session and user may have been read on two sides of a password change that takes the session along, so that
    /// only another look tells: a batch isolates each of its items and not all of them together.
    #[must_use]
    pub fn may_have_moved(&self, user: &User) -> bool {
        let is_kept = self.epoch > user.epoch || self.epoch.next_with_one_kept() == user.epoch;
        self.revoked_at.is_none() && is_kept
    }
}

/// Judges a call by the user, the session and the revocation that one strongly consistent batch returned.
///
/// # Errors
/// Why the token is worth nothing, in the order in which clients are told.
pub fn judge_bearer(
    user: Option<User>,
    session: Option<Session>,
    revoked: bool,
    now: Timestamp,
) -> Result<(User, Session), BearerRefusal> {
    let (Some(user), Some(session)) = (user, session) else { return Err(BearerRefusal::Gone) };
    // The store deletes what is expired days late.
    if now >= session.ends_at {
        return Err(BearerRefusal::Gone);
    }
    if user.disabled {
        return Err(BearerRefusal::Inactive);
    }
    if revoked || session.revoked_at.is_some() || !session.is_of(&user) {
        return Err(BearerRefusal::Revoked);
    }
    Ok((user, session))
}

/// When an access token minted now ends: after `lifetime`, never past the session's end, also where that is for want of use.
#[must_use]
pub fn access_ends_at(session: &Session, now: Timestamp, lifetime: Duration, rules: &SessionRules) -> Timestamp {
    now.plus(lifetime).min(session.lapses_at(rules))
}

/// When an access token minted from another one ends: besides, at the latest one hour after the last login or refresh, so
/// that a copied access token does not live on by itself. `None` when that is over.
#[must_use]
pub fn renewed_access_ends_at(
    session: &Session,
    now: Timestamp,
    lifetime: Duration,
    rules: &SessionRules,
) -> Option<Timestamp> {
    let unrefreshed = session.rotated_at.plus(Duration::from_hours(1));
    let end = access_ends_at(session, now, lifetime, rules).min(unrefreshed);
    (end.seconds() > now.seconds()).then_some(end)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "session_rotation_tests.rs"]
mod rotation_tests;
