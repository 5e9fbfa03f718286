//! Audit: what happened to whom, in one place to one sink.

use crate::client::Client;
use crate::events::Fields;

pub use crate::events::{CodeFailure, Event, LoginFailure, Needed, RefreshFailure, Rights};

use std::sync::{Arc, Mutex, PoisonError};

/// The target of the log lines that are events.
pub(crate) const AUDIT: &str = "doorward::audit";

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

    /// Tells the sink what a request did.
    pub fn record(&self, client: &Client, event: Event) {
        self.tell(Some(client), event);
    }

    /// Tells the sink what happened without a request: keys are turned over.
    pub(crate) fn record_turn(&self, event: Event) {
        self.tell(None, event);
    }

    fn tell(&self, client: Option<&Client>, event: Event) {
        let Fields { name, user, session, token, key, by, reason, needed, rights, purpose, kid, term } = event.fields();
        let Rights { role, permissions, scopes, disabled } = rights;
        tracing::info!(
            target: AUDIT,
            event = name,
            user,
            session,
            token,
            key,
            by,
            reason,
            needed,
            role = role.map(display),
            permissions = permissions.map(display),
            scopes = scopes.map(display),
            disabled,
            purpose,
            kid,
            signs_from = term.map(|term| display(term.signs_from)),
            signs_until = term.and_then(|term| term.signs_until).map(display),
            verifies_until = term.and_then(|term| term.verifies_until).map(display),
            request = client.map(|client| display(&client.request)),
            address = client.map(|client| display(client.address)),
        );
        if let Some(kept) = &self.kept {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }
}
