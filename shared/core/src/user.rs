//! Users and their rights.

use crate::clock::Timestamp;
use crate::email::Email;
use crate::ids::UserId;
use crate::scope::ScopeSet;
use crate::username::Username;
use std::fmt;

/// The text is no name of a person or thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 characters, none of them a control character")]
pub struct InvalidName;

/// What a person or thing is called: 1 to 200 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Takes a name as it was given.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(given: &str) -> Result<Self, InvalidName> {
        if (1..=200).contains(&given.chars().count()) && !given.chars().any(char::is_control) {
            Ok(Self(given.to_owned()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a user is; an admin has every role and permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Somebody who signed up.
    #[default]
    User,
    /// Somebody who may moderate what others write.
    Moderator,
    /// Somebody who may do everything.
    Admin,
}

/// The text is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 'user', 'moderator' or 'admin'")]
pub struct InvalidRole;

impl Role {
    /// Takes a role's name.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn parse(name: &str) -> Result<Self, InvalidRole> {
        match name {
            "user" => Ok(Self::User),
            "moderator" => Ok(Self::Moderator),
            "admin" => Ok(Self::Admin),
            _ => Err(InvalidRole),
        }
    }

    /// The role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often everything of a user was ended at once: a session of another epoch is dead.
///
/// Counted and not timed, so that a login in the same instant is neither lost nor spared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of somebody new. Not zero: should an id ever be given again, no session of the earlier one is of it.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self(u64::try_from(now.millis()).unwrap_or(0))
    }

    /// The epoch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The epoch after this one into which a session is taken along. Two further, so that it cannot be taken for one that
    /// ended everything.
    #[must_use]
    pub fn next_with_one_kept(self) -> Self {
        self.next().next()
    }
}

/// A user's profile: everything that is known of them but what they prove themselves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The `sub` of their tokens; never reused.
    pub id: UserId,
    /// The name they log in by.
    pub username: Username,
    /// The address they may log in by; imported users may have none.
    pub email: Option<Email>,
    /// Whether somebody vouches that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub full_name: Option<DisplayName>,
    /// Whether they are shut out.
    pub disabled: bool,
    /// What they are.
    pub role: Role,
    /// What they may do besides.
    pub permissions: ScopeSet,
    /// What they may give to a token.
    pub scopes: ScopeSet,
    /// Whether a login asks for a second factor.
    pub two_factor_enabled: bool,
    /// Which sessions are theirs still.
    pub epoch: Epoch,
    /// When they came.
    pub created_at: Timestamp,
}

/// Permissions that routes ask for.
pub mod permission {
    /// See other users.
    pub const READ_USERS: &str = "read:users";
    /// Change other users.
    pub const WRITE_USERS: &str = "write:users";
    /// Delete other users.
    pub const DELETE_USERS: &str = "delete:users";
}

impl User {
    /// Whether the user is an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the user has a permission; an admin has every one.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.is_admin() || self.permissions.contains(permission)
    }

    /// Whether the user has a role; an admin has every one.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.is_admin() || self.role == role
    }
}

/// Why a user may not be changed or deleted by another, or by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminRefusal {
    /// The caller has no right to it.
    #[error("the caller has no right to it")]
    NotAllowed,
    /// An admin cannot delete, disable or demote themselves, so that one always remains.
    #[error("another admin must do this")]
    AnotherAdmin,
}

/// Permissions and scopes that are together longer than a token can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most 2048 bytes, permissions and scopes together")]
pub struct TooManyRights;

/// Whether permissions and scopes fit together.
///
/// # Errors
/// When they do not.
pub fn check_rights(permissions: &ScopeSet, scopes: &ScopeSet) -> Result<(), TooManyRights> {
    let length = permissions.bytes() + scopes.bytes();
    if length > ScopeSet::MAX_BYTES { Err(TooManyRights) } else { Ok(()) }
}

/// What is done to a user.
#[derive(Clone, Copy, Debug)]
pub enum UserAct<'a> {
    /// The profile is changed to this.
    Change(&'a User),
    /// Role, permissions or scopes are set, if only to what they are; the user is changed to this.
    ChangeRights(&'a User),
    /// The user is deleted.
    Delete,
}

/// Judges what `caller` wants to do to `target`.
///
/// # Errors
/// When it is not the caller's to do.
pub fn judge_act(caller: &User, target: &User, act: UserAct<'_>) -> Result<(), AdminRefusal> {
    let (permission, for_admins, stays) = match act {
        UserAct::Change(wanted) => (permission::WRITE_USERS, false, wanted.is_admin() && !wanted.disabled),
        UserAct::ChangeRights(wanted) => (permission::WRITE_USERS, true, wanted.is_admin() && !wanted.disabled),
        UserAct::Delete => (permission::DELETE_USERS, false, false),
    };
    if !caller.has_permission(permission) || ((for_admins || target.is_admin()) && !caller.is_admin()) {
        return Err(AdminRefusal::NotAllowed);
    }
    if caller.id == target.id && caller.is_admin() && !stays { Err(AdminRefusal::AnotherAdmin) } else { Ok(()) }
}

#[cfg(test)]
impl User {
    /// Somebody with the scopes `read write`.
    pub(crate) fn ann() -> Self {
        Self {
            id: UserId::parse("ann").unwrap(),
            username: Username::parse("Ann").unwrap(),
            email: None,
            email_verified: false,
            full_name: None,
            disabled: false,
            role: Role::User,
            permissions: ScopeSet::default(),
            scopes: ScopeSet::parse("read write").unwrap(),
            two_factor_enabled: false,
            epoch: Epoch(3),
            created_at: Timestamp::from_seconds(1_700_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name() {
        for text in ["", "a\0b", "a\nb", &"a".repeat(201)] {
            assert_eq!(DisplayName::parse(text), Err(InvalidName), "{text:?}");
        }
        assert!(DisplayName::parse(&"é".repeat(200)).is_ok());
    }

    #[test]
    fn a_role_has_one_spelling() {
        for role in [Role::User, Role::Moderator, Role::Admin] {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
        }
        assert_eq!(Role::parse("Admin"), Err(InvalidRole));
    }

    fn somebody(id: &str, role: Role, permissions: &str) -> User {
        let permissions = ScopeSet::parse(permissions).unwrap();
        User { id: UserId::parse(id).unwrap(), role, permissions, ..User::ann() }
    }

    #[test]
    fn an_epoch_goes_up_by_one_and_with_a_session_kept_by_two() {
        assert_eq!((Epoch(7).next(), Epoch(7).next_with_one_kept()), (Epoch(8), Epoch(9)));
        assert_eq!(Epoch::first(Timestamp::from_millis(1_700_000_000_123)), Epoch(1_700_000_000_123));
        assert_eq!(Epoch::first(Timestamp::from_millis(-1)), Epoch(0));
    }

    #[test]
    fn an_admin_has_every_role_and_every_permission_and_others_their_own() {
        let [user, moderator, admin] = [Role::User, Role::Moderator, Role::Admin].map(|role| somebody("a", role, "x"));
        assert_eq!([&user, &moderator, &admin].map(User::is_admin), [false, false, true]);
        assert_eq!([&user, &moderator, &admin].map(|who| who.has_role(Role::User)), [true, false, true]);
        assert_eq!([&user, &moderator, &admin].map(|who| who.has_role(Role::Moderator)), [false, true, true]);
        assert_eq!([&user, &moderator, &admin].map(|who| who.has_role(Role::Admin)), [false, false, true]);
        assert_eq!([&user, &moderator, &admin].map(|who| who.has_permission("x")), [true, true, true]);
        assert_eq!([&user, &moderator, &admin].map(|who| who.has_permission("y")), [false, false, true]);
    }

    #[test]
    fn rights_fit_together_up_to_2048_bytes() {
        let of = |count: usize| ScopeSet::parse(&(0..count).map(|n| format!("{n:064}")).collect::<Vec<_>>().join(" "));
        let [fifteen, sixteen] = [15, 16].map(|count| of(count).unwrap());
        let one = ScopeSet::parse("x").unwrap();
        assert_eq!(check_rights(&sixteen, &sixteen), Ok(()));
        assert_eq!(check_rights(&fifteen, &one), Ok(()));
        assert_eq!(check_rights(&of(32).unwrap(), &one), Err(TooManyRights));
        assert_eq!(check_rights(&one, &of(32).unwrap()), Err(TooManyRights));
    }

    #[test]
    fn who_may_do_what_to_whom() {
        use AdminRefusal::{AnotherAdmin, NotAllowed};
        let bob = somebody("bob", Role::User, "");
        let root = somebody("bob", Role::Admin, "");
        let (shut, shut_root) = (User { disabled: true, ..bob.clone() }, User { disabled: true, ..root.clone() });
        let (change, rights, delete) = (UserAct::Change, UserAct::ChangeRights, UserAct::Delete);
        let nobody = somebody("carl", Role::Moderator, "read:users");
        let writer = somebody("carl", Role::User, "write:users");
        let deleter = somebody("carl", Role::Moderator, "delete:users");
        let admin = somebody("carl", Role::Admin, "");
        for (caller, target, act, verdict) in [
            (&nobody, &bob, change(&bob), Err(NotAllowed)),
            (&nobody, &bob, rights(&bob), Err(NotAllowed)),
            (&nobody, &bob, delete, Err(NotAllowed)),
            (&writer, &bob, change(&shut), Ok(())),
            (&writer, &bob, rights(&bob), Err(NotAllowed)),
            (&writer, &bob, delete, Err(NotAllowed)),
            (&writer, &root, change(&root), Err(NotAllowed)),
            (&deleter, &bob, delete, Ok(())),
            (&deleter, &bob, change(&bob), Err(NotAllowed)),
            (&deleter, &root, delete, Err(NotAllowed)),
            (&admin, &bob, rights(&root), Ok(())),
            (&admin, &root, rights(&bob), Ok(())),
            (&admin, &root, change(&shut_root), Ok(())),
            (&admin, &root, delete, Ok(())),
            // Oneself.
            (&root, &root, change(&root), Ok(())),
            (&root, &root, rights(&root), Ok(())),
            (&root, &root, change(&shut_root), Err(AnotherAdmin)),
            (&root, &root, rights(&shut_root), Err(AnotherAdmin)),
            (&root, &root, rights(&bob), Err(AnotherAdmin)),
            (&root, &root, change(&bob), Err(AnotherAdmin)),
            (&root, &root, delete, Err(AnotherAdmin)),
            (&writer, &writer, change(&writer), Ok(())),
            (&deleter, &deleter, delete, Ok(())),
        ] {
            let what = format!("{} {} to {}: {act:?}", caller.role.as_str(), caller.permissions, target.id);
            assert_eq!(judge_act(caller, target, act), verdict, "{what}");
        }
    }
}
