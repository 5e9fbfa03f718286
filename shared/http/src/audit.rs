//! Audit: what happened to whom, in one place to one sink.

use crate::client::Client;
use crate::events::Fields;

pub use crate::events::{CodeFailure, Event, LoginFailure};

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

    /// Tells the sink.
    pub fn record(&self, client: &Client, event: Event) {
        let Fields { name, user, session, token, key, by, reason } = event.fields();
        let (request, address) = (&client.request, client.address);
        tracing::info!(target: AUDIT, event = name, user, session, token, key, by, reason, %request, %address);
        if let Some(kept) = &self.kept {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }
}
