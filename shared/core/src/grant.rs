//! What a proof of identity is worth: the password, the account's failures, and what the user may have.

use crate::clock::Timestamp;
use crate::email::{CanonicalEmail, Email};
use crate::ids::UserId;
use crate::password::PasswordHash;
use crate::scope::ScopeSet;
use crate::user::User;
use crate::username::{CanonicalUsername, Username};
use std::time::Duration;

/// Whom somebody says they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// By their name.
    Username(CanonicalUsername),
    /// By their e-mail address.
    Email(CanonicalEmail),
    /// By something that nobody can be called. It is looked up like a name, so that it costs the same.
    Nobody,
}

impl Identifier {
    /// Takes what was typed where a name or an e-mail address is asked for.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        match (Username::parse(text), Email::parse(text)) {
            (Ok(username), _) => Self::Username(username.canonical().clone()),
            (_, Ok(email)) => Self::Email(email.canonical().clone()),
            _ => Self::Nobody,
        }
    }
}

/// What a user logs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name they stand under.
    pub username: CanonicalUsername,
    /// Whose they are.
    pub user: UserId,
    /// The hash of the password; an imported user may have none yet.
    pub hash: Option<PasswordHash>,
    /// When the password was set: which password it is, when two requests meet.
    pub password_set_at: Timestamp,
    /// Wrong passwords in a row.
    pub failures: Failures,
}

/// Wrong passwords in a row, as the credentials have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
}

impl Failures {
    /// From this one on, each failure closes the account for a while.
    pub const TOLERATED: u32 = 5;
    /// How long an account is closed at most.
    pub const LONGEST: Duration = Duration::from_mins(15);
    /// When a failure is forgotten.
    pub const MEMORY: Duration = Duration::from_hours(24);

    /// The failures that still count.
    #[must_use]
    pub fn remembered(self, now: Timestamp) -> u32 {
        match self.last_at {
            Some(last) if now.since(last) < Self::MEMORY => self.count,
            _ => 0,
        }
    }

    /// Whether nobody gets in for now: the n-th failure, from the fifth on, closes the account for 2^(n−5) seconds.
    #[must_use]
    pub fn close_the_account(self, now: Timestamp) -> bool {
        let Some(last) = self.last_at else { return false };
        let Some(beyond) = self.remembered(now).checked_sub(Self::TOLERATED) else { return false };
        let closed_for =
            1_u64.checked_shl(beyond).map_or(Self::LONGEST, |seconds| Duration::from_secs(seconds).min(Self::LONGEST));
        now < last.plus(closed_for)
    }
}

/// What a checked password comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It is the right one: the failures are forgotten.
    Right,
    /// It is a wrong one: that makes this many failures in a row.
    Wrong(u32),
    /// The account is closed: whatever it is, it is refused and not counted.
    Closed,
}

/// Judges a password whose hash was compared: `matches` says with what result.
#[must_use]
pub fn judge_password(failures: Failures, matches: bool, now: Timestamp) -> PasswordVerdict {
    if failures.close_the_account(now) {
        PasswordVerdict::Closed
    } else if matches {
        PasswordVerdict::Right
    } else {
        PasswordVerdict::Wrong(failures.remembered(now).saturating_add(1))
    }
}

/// Why somebody with the right password gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// The user is shut out.
    #[error("the user is disabled")]
    Inactive,
    /// More scopes than the user has, or none at all.
    #[error("the scope is not the user's")]
    ScopeNotAllowed,
}

/// The scopes of a new session: those asked for, or all of the user's.
///
/// # Errors
/// When the user is disabled or asks for more than they have.
pub fn grant_login(user: &User, asked: Option<&str>) -> Result<ScopeSet, GrantRefusal> {
    if user.disabled {
        return Err(GrantRefusal::Inactive);
    }
    let Some(asked) = asked else { return Ok(user.scopes.clone()) };
    match ScopeSet::parse(asked) {
        Ok(scopes) if scopes.is_subset(&user.scopes) => Ok(scopes),
        _ => Err(GrantRefusal::ScopeNotAllowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn failures(count: u32, seconds_ago: u64) -> Failures {
        Failures { count, last_at: Some(NOW.minus(Duration::from_secs(seconds_ago))) }
    }

    #[test]
    fn the_fifth_failure_closes_for_a_second_and_each_one_for_twice_as_long() {
        for (count, closed_for) in
            [(5, 1), (6, 2), (7, 4), (10, 32), (14, 512), (15, 900), (16, 900), (40, 900), (80, 900), (u32::MAX, 900)]
        {
            assert!(failures(count, closed_for - 1).close_the_account(NOW), "{count}");
            assert!(!failures(count, closed_for).close_the_account(NOW), "{count}");
        }
        assert!(!failures(4, 0).close_the_account(NOW));
        assert!(!Failures::default().close_the_account(NOW));
    }

    #[test]
    fn a_closed_account_is_closed_to_the_right_password_too() {
        for matches in [true, false] {
            assert_eq!(judge_password(failures(5, 0), matches, NOW), PasswordVerdict::Closed);
        }
    }

    #[test]
    fn failures_add_up_until_they_are_forgotten() {
        let day = 24 * 60 * 60;
        assert_eq!(judge_password(Failures::default(), false, NOW), PasswordVerdict::Wrong(1));
        assert_eq!(judge_password(failures(7, day - 1), false, NOW), PasswordVerdict::Wrong(8));
        assert_eq!(judge_password(failures(7, day), false, NOW), PasswordVerdict::Wrong(1));
        assert_eq!(judge_password(failures(7, 4), true, NOW), PasswordVerdict::Right);
    }

    #[test]
    fn a_login_is_by_name_or_address_and_anything_else_is_nobodys() {
        assert_eq!(Identifier::typed("Ann"), Identifier::Username(Username::parse("ann").unwrap().canonical().clone()));
        let email = Email::parse("ann@example.com").unwrap();
        assert_eq!(Identifier::typed("Ann@Example.com"), Identifier::Email(email.canonical().clone()));
        for nobody in ["", "a b", "ann@", "@example.com", "a\0b"] {
            assert_eq!(Identifier::typed(nobody), Identifier::Nobody, "{nobody}");
        }
    }

    #[test]
    fn a_session_gets_what_its_user_has_and_asks_for() {
        let granted = |asked| grant_login(&User::ann(), asked).map(|scopes| scopes.to_string());
        assert_eq!(granted(None), Ok("read write".to_owned()));
        assert_eq!(granted(Some("write")), Ok("write".to_owned()));
        for wider in ["admin", "read admin", "\"", "READ"] {
            assert_eq!(granted(Some(wider)), Err(GrantRefusal::ScopeNotAllowed), "{wider}");
        }
        let disabled = User { disabled: true, ..User::ann() };
        for asked in [None, Some("write"), Some("admin")] {
            assert_eq!(grant_login(&disabled, asked), Err(GrantRefusal::Inactive));
        }
    }
}
