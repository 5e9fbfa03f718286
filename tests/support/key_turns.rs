//! Turning keys over, as the rotation function and the operator do.

use super::Service;
use doorward_core::keyring::{KeyRecord, Purpose};
use doorward_core::random::Random;
use doorward_core::rotation::{Order, State};
use doorward_http::keys::KeyError;
use doorward_http::rotate::{Rotator, Turned};
use doorward_http::seal::Sealer;

impl Service {
    /// A turn by this service's configuration and keys.
    pub async fn try_turn(&self, purpose: Purpose, order: Order) -> Result<Turned, KeyError> {
        self.try_turn_with("keys", purpose, order).await
    }

    /// A turn by somebody who has that key file.
    pub async fn try_turn_with(&self, file: &str, purpose: Purpose, order: Order) -> Result<Turned, KeyError> {
        let sealer = self.sealer_of(file);
        self.rotator(&sealer).turn(purpose, order).await
    }

    /// What turns this service's keys over.
    pub fn rotator<'a>(&'a self, sealer: &'a Sealer) -> Rotator<'a> {
        let (store, config, clock, audit) = (&self.store.signing_keys, &self.config, &self.clock, &self.audit);
        Rotator { store, sealer, config, clock, random: Random, audit }
    }

    /// What seals this service's keys.
    pub fn sealer(&self) -> Sealer {
        self.sealer_of("keys")
    }

    fn sealer_of(&self, file: &str) -> Sealer {
        Sealer::from_file(&self.folder.path().join(file), Random).unwrap()
    }

    pub async fn turn(&self, purpose: Purpose, order: Order) -> Turned {
        self.try_turn(purpose, order).await.unwrap()
    }

    /// The keys of a purpose, as the store has them.
    pub async fn ring(&self, purpose: Purpose) -> Vec<KeyRecord> {
        self.store.signing_keys.list(purpose).await.unwrap()
    }

    /// What they do now.
    pub async fn states(&self, purpose: Purpose) -> Vec<&'static str> {
        let states = State::of(&self.ring(purpose).await, self.clock.now());
        states.into_iter().map(State::as_str).collect()
    }

    /// The ids of the published keys, in their order.
    pub async fn published(&self) -> Vec<String> {
        let answer = self.get("/.well-known/jwks.json").send().await.expect(200);
        let keys = answer.json()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}
