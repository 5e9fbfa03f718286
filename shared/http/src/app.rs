//! What every handler is given.

use crate::audit::Audit;
use crate::config::Config;
use crate::hasher::Hasher;
use crate::keys::KeyRing;
use crate::seal::Sealer;
use crate::throttle::FullWindows;
use doorward_core::clock::Clock;
use doorward_core::custom_claims::CustomClaims;
use doorward_core::keyring::Purpose;
use doorward_core::random::Random;
use doorward_store::Store;
use std::ops::Deref;
use std::sync::Arc;

/// The state of a process: one of each, shared by all requests.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// The configuration of the start.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// The keys.
    pub keys: KeyRing,
    /// Where passwords are hashed.
    pub hasher: Hasher,
    /// Limits that are known to be reached.
    pub full_windows: FullWindows,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Where events go.
    pub audit: Audit,
    /// What is in the access tokens of users besides.
    pub claims: CustomClaims,
}

/// What the surroundings give to an [`App`]: the same in production and in tests, with other parts.
pub struct Seams {
    /// The store.
    pub store: Store,
    /// What opens the private keys; `None` where none is opened.
    pub sealer: Option<Sealer>,
    /// Which private keys are opened.
    pub opens: &'static [Purpose],
    /// The time.
    pub clock: Clock,
    /// Where events go.
    pub audit: Audit,
    /// What is in the access tokens of users besides.
    pub claims: CustomClaims,
}

impl App {
    /// Puts the parts together. Nothing is sent yet.
    #[must_use]
    pub fn new(config: Config, seams: Seams) -> Self {
        let Seams { store, sealer, opens, clock, audit, claims } = seams;
        let keys = KeyRing::new(store.signing_keys.clone(), sealer, opens, clock.clone());
        let hasher = Hasher::new(config.hash_cost);
        let full_windows = FullWindows::default();
        Self(Arc::new(Parts { config, store, keys, hasher, full_windows, clock, random: Random, audit, claims }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
