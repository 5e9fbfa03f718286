//! Where passwords are hashed: as many at a time as there are processors, in buffers that are kept, and a queue that ends.

use crate::patience::unhurried;
use doorward_core::password::{HashCost, Password, PasswordHash, Workspace};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many hashes may wait; a queue of more would only answer those who have left.
const QUEUE: usize = 256;

/// The workers.
#[derive(Clone)]
pub struct Hasher {
    /// Those that run and those that wait.
    places: Arc<Semaphore>,
    /// Those that run.
    workers: Arc<Semaphore>,
    workspaces: Arc<Mutex<Vec<Workspace>>>,
    cost: HashCost,
}

/// No hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many are waiting.
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    /// The worker is gone or Argon2 refuses.
    #[error("the hash could not be made")]
    Failed,
}

impl Hasher {
    /// Workers that hash at this cost.
    #[must_use]
    pub fn new(cost: HashCost) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            places: Arc::new(Semaphore::new(workers + QUEUE)),
            workers: Arc::new(Semaphore::new(workers)),
            workspaces: Arc::default(),
            cost,
        }
    }

    /// The cost of a new hash.
    #[must_use]
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// Hashes a password that is to be kept.
    ///
    /// # Errors
    /// When too many are waiting.
    pub async fn hash(&self, password: Password, salt: [u8; 16]) -> Result<PasswordHash, HashError> {
        let cost = self.cost;
        self.run(move |workspace| workspace.hash(&password, salt, cost)).await?.map_err(|_| HashError::Failed)
    }

    /// Whether a password is the one of somebody's hash, of which there may be none: in one turn, and in no less time than a new
    /// hash takes.
    ///
    /// # Errors
    /// When too many are waiting.
    pub async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, HashError> {
        let cost = self.cost;
        self.run(move |workspace| workspace.judge(&password, hash.as_ref(), cost)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Workspace) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Overloaded)?;
        unhurried(self.in_turn(place, work)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        work: impl FnOnce(&mut Workspace) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| HashError::Failed)?;
        let workspaces = Arc::clone(&self.workspaces);
        let done = tokio::task::spawn_blocking(move || {
            let idle = workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut workspace = idle.unwrap_or_default();
            let result = work(&mut workspace);
            workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
            // The places are held until the work is done, even if nobody waits for it any longer.
            drop((worker, place));
            result
        });
        done.await.map_err(|_| HashError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever has a hash of less work than new ones would be known by waiting twice.
    #[tokio::test]
    async fn a_password_is_judged_in_one_turn_whatever_its_hash_is() {
        let (light, cost) = (HashCost::new(8, 1, 1).unwrap(), HashCost::new(1024, 1, 1).unwrap());
        let right = || Password::typed("right".to_owned());
        for made_at in [light, cost] {
            let hasher = Hasher::new(cost);
            let hash = Workspace::default().hash(&right(), [0; 16], made_at).unwrap();
            let places = hasher.places.available_permits();
            let held = hasher.workers.acquire_many(u32::try_from(places - QUEUE).unwrap()).await.unwrap();
            let judged = tokio::spawn({
                let hasher = hasher.clone();
                async move { hasher.verify(right(), Some(hash)).await }
            });
            while hasher.places.available_permits() == places {
                tokio::task::yield_now().await;
            }
            // From now on nobody gets a place.
            hasher.places.close();
            drop(held);
            assert_eq!(judged.await.unwrap(), Ok(true));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn beyond_the_queue_a_hash_is_refused_and_those_within_are_made() {
        let cost = HashCost::new(1024, 1, 1).unwrap();
        let hasher = Hasher::new(cost);
        // Nobody works while the queue fills, so that the count is exact.
        let idle = hasher.workers.available_permits();
        let held = hasher.workers.acquire_many(u32::try_from(idle).unwrap()).await.unwrap();
        let waiting: Vec<_> = (0..QUEUE + idle)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.hash(Password::typed("a password".to_owned()), [0; 16]).await })
            })
            .collect();
        while hasher.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = hasher.hash(Password::typed("one too many".to_owned()), [0; 16]).await;
        assert_eq!(refused, Err(HashError::Overloaded));
        drop(held);
        for task in waiting {
            assert!(task.await.unwrap().is_ok());
        }
        assert!(hasher.workspaces.lock().unwrap().len() <= idle, "buffers are reused");
    }
}
