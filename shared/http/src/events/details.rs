//! What events tell besides whom they are about.

use doorward_core::grant::GrantRefusal;
use doorward_core::scope::ScopeSet;
use doorward_core::user::Role;
use std::fmt;

/// Why a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// There is no such user.
    UnknownUser,
    /// The password is wrong.
    WrongPassword,
    /// The account is closed by failures.
    AccountClosed,
    /// The user is disabled.
    Inactive,
    /// More scopes than the user has.
    ScopeNotAllowed,
}

/// Why a one-time code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFailure {
    /// It is wrong, or was used.
    Wrong,
    /// There were too many wrong ones.
    Blocked,
}

impl CodeFailure {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong_code",
            Self::Blocked => "too_many_wrong_codes",
        }
    }
}

impl From<GrantRefusal> for LoginFailure {
    fn from(refusal: GrantRefusal) -> Self {
        match refusal {
            GrantRefusal::Inactive => Self::Inactive,
            GrantRefusal::ScopeNotAllowed => Self::ScopeNotAllowed,
        }
    }
}

impl LoginFailure {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::AccountClosed => "account_closed",
            Self::Inactive => "inactive",
            Self::ScopeNotAllowed => "scope_not_allowed",
        }
    }
}

/// Why a refresh token that is one of ours was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshFailure {
    /// Its session is over, or was ended.
    SessionEnded,
    /// The user is disabled.
    Inactive,
    /// More scopes than the session has.
    ScopeNotAllowed,
}

impl RefreshFailure {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SessionEnded => "session_ended",
            Self::Inactive => "inactive",
            Self::ScopeNotAllowed => "scope_not_allowed",
        }
    }
}

/// What somebody would have needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// That permission.
    Permission(&'static str),
    /// That role.
    Role(Role),
    /// That scope.
    Scope(&'static str),
    /// To be a user: it is a client.
    User,
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission(name) => write!(f, "permission {name}"),
            Self::Role(role) => write!(f, "role {role}"),
            Self::Scope(name) => write!(f, "scope {name}"),
            Self::User => f.write_str("user"),
        }
    }
}

/// Those rights of a user that were set, as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The role.
    pub role: Option<Role>,
    /// All permissions.
    pub permissions: Option<ScopeSet>,
    /// All scopes.
    pub scopes: Option<ScopeSet>,
    /// Whether the user is shut out.
    pub disabled: Option<bool>,
}
