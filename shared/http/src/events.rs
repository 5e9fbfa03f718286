//! What is told to the audit sink: stable names and fields, which docs/events.md explains.

mod details;

use doorward_core::api_key::ApiKeyId;
use doorward_core::ids::{KeyId, SessionId, TokenId, UserId};
use doorward_core::keyring::{Purpose, Term};

pub use details::{CodeFailure, LoginFailure, Needed, RefreshFailure, Rights};

/// What happened. No secret is part of one, and no name that nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed up.
    SignedUp {
        /// Who.
        user: UserId,
    },
    /// Somebody logged in.
    LoggedIn {
        /// Who.
        user: UserId,
        /// Into which session.
        session: SessionId,
    },
    /// Somebody did not log in.
    LoginFailed {
        /// Who, if there is such a user.
        user: Option<UserId>,
        /// Why.
        reason: LoginFailure,
    },
    /// A session was refreshed.
    Refreshed {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A refresh token of ours was not taken, and it was no theft.
    RefreshFailed {
        /// Whose.
        user: UserId,
        /// Of which session.
        session: SessionId,
        /// Why.
        reason: RefreshFailure,
    },
    /// A spent refresh token was used: somebody has a copy. The session was ended.
    TheftDetected {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session was ended by its user.
    LoggedOut {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// All of a user's sessions were ended.
    LoggedOutEverywhere {
        /// Whose.
        user: UserId,
    },
    /// A session was ended from the list, or by one of its refresh tokens.
    SessionEnded {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A user set another password.
    PasswordChanged {
        /// Who.
        user: UserId,
    },
    /// Wrong passwords have closed an account for a while.
    AccountClosed {
        /// Whose.
        user: UserId,
    },
    /// A user's own password was asked for again and was not right.
    PasswordRefused {
        /// Who.
        user: UserId,
        /// Why.
        reason: LoginFailure,
    },
    /// A password was right, and a code is asked for.
    CodeRequired {
        /// Of whom.
        user: UserId,
    },
    /// A one-time code was not taken.
    CodeRefused {
        /// Whose.
        user: UserId,
        /// Why.
        reason: CodeFailure,
    },
    /// A user turned the second factor on, or gave it another secret.
    SecondFactorEnabled {
        /// Who.
        user: UserId,
    },
    /// A user turned the second factor off.
    SecondFactorDisabled {
        /// Who.
        user: UserId,
    },
    /// A user got other recovery codes.
    RecoveryCodesReplaced {
        /// Who.
        user: UserId,
    },
    /// A profile was changed.
    UserChanged {
        /// Whose.
        user: UserId,
        /// By whom.
        by: UserId,
    },
    /// Somebody's rights were set, or somebody was shut out or let in again.
    RightsChanged {
        /// Who.
        user: UserId,
        /// By whom.
        by: UserId,
        /// What was set.
        rights: Rights,
    },
    /// Somebody who was known was refused for want of a right.
    AccessRefused {
        /// Who, or whose key it is.
        user: UserId,
        /// The API key, if it was no user.
        key: Option<ApiKeyId>,
        /// What they would have needed.
        needed: Needed,
    },
    /// A user was deleted.
    UserDeleted {
        /// Who.
        user: UserId,
        /// By whom.
        by: UserId,
    },
    /// An API key was made.
    ApiKeyCreated {
        /// Whose.
        user: UserId,
        /// Which.
        key: ApiKeyId,
    },
    /// An API key got another secret.
    ApiKeyRotated {
        /// Whose.
        user: UserId,
        /// Which.
        key: ApiKeyId,
    },
    /// An API key was deleted.
    ApiKeyDeleted {
        /// Whose.
        user: UserId,
        /// Which.
        key: ApiKeyId,
    },
    /// A client proved itself with an API key and got an access token.
    ClientGranted {
        /// Whose key it is.
        user: UserId,
        /// Which.
        key: ApiKeyId,
    },
    /// An access token was revoked.
    TokenRevoked {
        /// Whose, or whose key's.
        user: UserId,
        /// Which.
        token: TokenId,
    },
    /// A key that signs, vouches or seals was made.
    KeyCreated {
        /// What it is for.
        purpose: Purpose,
        /// Which.
        kid: KeyId,
        /// When it is used.
        term: Term,
    },
    /// Such a key got other times: mostly its end.
    KeyChanged {
        /// What it is for.
        purpose: Purpose,
        /// Which.
        kid: KeyId,
        /// When it is used now.
        term: Term,
    },
}

/// An event as a log line has it: stable names.
#[derive(Default)]
pub(crate) struct Fields {
    pub(crate) name: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) needed: Option<String>,
    pub(crate) rights: Rights,
    pub(crate) purpose: Option<&'static str>,
    pub(crate) kid: Option<String>,
    pub(crate) term: Option<Term>,
}

impl Fields {
    fn of(name: &'static str, user: &UserId) -> Self {
        Self { name, user: Some(user.to_string()), ..Self::default() }
    }

    fn session(self, session: &SessionId) -> Self {
        Self { session: Some(session.to_string()), ..self }
    }

    fn key(self, key: &ApiKeyId) -> Self {
        Self { key: Some(key.to_string()), ..self }
    }

    fn of_key(name: &'static str, purpose: Purpose, kid: &KeyId, term: Term) -> Self {
        let (purpose, kid) = (Some(purpose.as_str()), Some(kid.to_string()));
        Self { name, purpose, kid, term: Some(term), ..Self::default() }
    }

    fn by(self, by: &UserId) -> Self {
        Self { by: Some(by.to_string()), ..self }
    }
}

impl Event {
    pub(crate) fn fields(&self) -> Fields {
        match self {
            Self::SignedUp { user } => Fields::of("signed_up", user),
            Self::LoggedIn { user, session } => Fields::of("logged_in", user).session(session),
            Self::LoginFailed { user, reason } => Fields {
                name: "login_failed",
                user: user.as_ref().map(ToString::to_string),
                reason: Some(reason.as_str()),
                ..Fields::default()
            },
            Self::Refreshed { user, session } => Fields::of("refreshed", user).session(session),
            Self::RefreshFailed { user, session, reason } => {
                Fields { reason: Some(reason.as_str()), ..Fields::of("refresh_failed", user).session(session) }
            }
            Self::TheftDetected { user, session } => Fields::of("theft_detected", user).session(session),
            Self::LoggedOut { user, session } => Fields::of("logged_out", user).session(session),
            Self::LoggedOutEverywhere { user } => Fields::of("logged_out_everywhere", user),
            Self::SessionEnded { user, session } => Fields::of("session_ended", user).session(session),
            Self::PasswordChanged { user } => Fields::of("password_changed", user),
            Self::AccountClosed { user } => Fields::of("account_closed", user),
            Self::PasswordRefused { user, reason } => {
                Fields { reason: Some(reason.as_str()), ..Fields::of("password_refused", user) }
            }
            Self::CodeRequired { user } => Fields::of("code_required", user),
            Self::CodeRefused { user, reason } => {
                Fields { reason: Some(reason.as_str()), ..Fields::of("code_refused", user) }
            }
            Self::SecondFactorEnabled { user } => Fields::of("second_factor_enabled", user),
            Self::SecondFactorDisabled { user } => Fields::of("second_factor_disabled", user),
            Self::RecoveryCodesReplaced { user } => Fields::of("recovery_codes_replaced", user),
            Self::UserChanged { user, by } => Fields::of("user_changed", user).by(by),
            Self::RightsChanged { user, by, rights } => {
                Fields { rights: rights.clone(), ..Fields::of("rights_changed", user).by(by) }
            }
            Self::AccessRefused { user, key, needed } => Fields {
                key: key.as_ref().map(ToString::to_string),
                needed: Some(needed.to_string()),
                ..Fields::of("access_refused", user)
            },
            Self::UserDeleted { user, by } => Fields::of("user_deleted", user).by(by),
            Self::ApiKeyCreated { user, key } => Fields::of("api_key_created", user).key(key),
            Self::ApiKeyRotated { user, key } => Fields::of("api_key_rotated", user).key(key),
            Self::ApiKeyDeleted { user, key } => Fields::of("api_key_deleted", user).key(key),
            Self::ClientGranted { user, key } => Fields::of("client_granted", user).key(key),
            Self::TokenRevoked { user, token } => {
                Fields { token: Some(token.to_string()), ..Fields::of("token_revoked", user) }
            }
            Self::KeyCreated { purpose, kid, term } => Fields::of_key("key_created", *purpose, kid, *term),
            Self::KeyChanged { purpose, kid, term } => Fields::of_key("key_changed", *purpose, kid, *term),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The words in double quotes after each `marker`.
    fn quoted_after<'a>(text: &'a str, marker: &str) -> BTreeSet<&'a str> {
        text.split(marker).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn the_table_of_events_has_each_name_and_reason_once_and_no_other() {
        let source = include_str!("events.rs").split("#[cfg(test)]").next().unwrap();
        let mut names = quoted_after(source, "Fields::of(\"");
        names.extend(quoted_after(source, "Fields::of_key(\""));
        names.extend(quoted_after(source, "name: \""));
        let reasons = quoted_after(include_str!("events/details.rs"), "=> \"");
        let table = include_str!("../../../docs/events.md");
        let listed = |heading: &str| -> Vec<&str> {
            let section = table.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
            section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
        };
        for (heading, known) in [("Events", names), ("Reasons", reasons)] {
            let found = listed(heading);
            assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), known, "{heading}");
            assert_eq!(found.len(), known.len(), "{heading}");
        }
    }
}
