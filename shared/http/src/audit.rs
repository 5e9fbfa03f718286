//! Audit events: what happened to whom, in one place to one sink.

use crate::client::Client;
use doorward_core::ids::{SessionId, TokenId, UserId};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// An access token was revoked.
    TokenRevoked {
        /// Whose.
        user: UserId,
        /// Which.
        token: TokenId,
    },
}

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

impl LoginFailure {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::AccountClosed => "account_closed",
            Self::Inactive => "inactive",
            Self::ScopeNotAllowed => "scope_not_allowed",
        }
    }
}

/// The sink.
#[derive(Clone, Default)]
pub struct Audit {
    kept: Option<Arc<Mutex<Vec<Event>>>>,
}

impl Audit {
    /// A sink that also keeps what it is told, for tests.
    #[must_use]
    pub fn keeping() -> Self {
        Self { kept: Some(Arc::default()) }
    }

    /// What was kept, in its order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Tells the sink.
    pub fn record(&self, client: &Client, event: Event) {
        let (name, user, session, token, reason) = event.fields();
        let (request, address) = (&client.request, client.address);
        tracing::info!(target: "doorward::audit", event = name, user, session, token, reason, %request, %address);
        if let Some(kept) = &self.kept {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }
}

type Fields = (&'static str, Option<String>, Option<String>, Option<String>, Option<&'static str>);

impl Event {
    /// Stable names: name, user, session, token, reason.
    fn fields(&self) -> Fields {
        let of = |name, user: &UserId| (name, Some(user.to_string()), None, None, None);
        let with = |name, user: &UserId, session: &SessionId| {
            (name, Some(user.to_string()), Some(session.to_string()), None, None)
        };
        match self {
            Self::SignedUp { user } => of("signed_up", user),
            Self::LoggedIn { user, session } => with("logged_in", user, session),
            Self::LoginFailed { user, reason } => {
                ("login_failed", user.as_ref().map(ToString::to_string), None, None, Some(reason.as_str()))
            }
            Self::Refreshed { user, session } => with("refreshed", user, session),
            Self::TheftDetected { user, session } => with("theft_detected", user, session),
            Self::LoggedOut { user, session } => with("logged_out", user, session),
            Self::LoggedOutEverywhere { user } => of("logged_out_everywhere", user),
            Self::TokenRevoked { user, token } => {
                ("token_revoked", Some(user.to_string()), None, Some(token.to_string()), None)
            }
        }
    }
}
