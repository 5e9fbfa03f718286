//! The key ring: the keys of the store, opened, and read again when they may have changed.

use crate::seal::{SealError, Sealer};
use doorward_core::clock::{Clock, Timestamp};
use doorward_core::ids::KeyId;
use doorward_core::keyring::{KeyRecord, Purpose, Term};
use doorward_core::refresh_token::RefreshKey;
use doorward_core::rotation::RING_AGE;
use doorward_core::seal_key::SealKey;
use doorward_core::signing::{PublicKey, SigningKey, UnusableKey, VerifyingKey};
use doorward_store::{SigningKeyStore, StoreError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A key that the ring does not know is looked for at most this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They are sealed by something else.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// They are not what they should be.
    #[error(transparent)]
    Unusable(#[from] UnusableKey),
    /// There is none that may be used now.
    #[error("there is no {0} key: the first ones are made by `cargo run` or by the rotation function")]
    None(&'static str),
    /// A key that seals was to be revoked.
    #[error("a key that seals is never revoked: nobody could open the second factors that it sealed")]
    NeverRevoked,
    /// Others changed them again and again.
    #[error("the {0} keys were changed again and again; try once more")]
    Contended(&'static str),
}

/// The keys as they were read once.
#[derive(Debug)]
pub struct Ring {
    read_at: Timestamp,
    verifying: Vec<(Term, Arc<VerifyingKey>, PublicKey)>,
    signing: Vec<(Term, Arc<SigningKey>)>,
    refresh: Vec<(Term, Arc<RefreshKey>)>,
    seal: Vec<(Term, Arc<SealKey>)>,
}

impl Ring {
    /// The key that signs access tokens now.
    ///
    /// # Errors
    /// When there is none.
    pub fn signing(&self, now: Timestamp) -> Result<&SigningKey, KeyError> {
        youngest(&self.signing, now).ok_or(KeyError::None(Purpose::Sign.as_str()))
    }

    /// The key that vouches for the refresh tokens of a new session.
    ///
    /// # Errors
    /// When there is none.
    pub fn refresh_for_new(&self, now: Timestamp) -> Result<&RefreshKey, KeyError> {
        youngest(&self.refresh, now).ok_or(KeyError::None(Purpose::Refresh.as_str()))
    }

    /// The key of that id, if its tokens are good still.
    #[must_use]
    pub fn verifying(&self, id: &KeyId, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        let found = self.verifying.iter().find(|(term, key, _)| key.id == *id && term.verifies(now));
        found.map(|(_, key, _)| Arc::clone(key))
    }

    /// The key of that id, if its refresh tokens are good still.
    #[must_use]
    pub fn refresh(&self, id: &KeyId, now: Timestamp) -> Option<Arc<RefreshKey>> {
        verifies(&self.refresh, id, now)
    }

    /// The key that seals new second factors and vouches for new `mfa_token`s.
    ///
    /// # Errors
    /// When there is none.
    pub fn seal_for_new(&self, now: Timestamp) -> Result<&SealKey, KeyError> {
        youngest(&self.seal, now).ok_or(KeyError::None(Purpose::Seal.as_str()))
    }

    /// The key of that id, if what it sealed is good still.
    #[must_use]
    pub fn seal(&self, id: &KeyId, now: Timestamp) -> Option<Arc<SealKey>> {
        verifies(&self.seal, id, now)
    }

    /// What is published: every key whose tokens are or will be good.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &PublicKey> {
        self.verifying.iter().filter(move |(term, ..)| term.verifies(now)).map(|(_, _, public)| public)
    }
}

/// Keys are in the order of their serial numbers, so the last one that may is the youngest.
fn youngest<K>(keys: &[(Term, Arc<K>)], now: Timestamp) -> Option<&K> {
    keys.iter().rev().find(|(term, _)| term.signs(now)).map(|(_, key)| &**key)
}

fn verifies<K: Private>(keys: &[(Term, Arc<K>)], id: &KeyId, now: Timestamp) -> Option<Arc<K>> {
    keys.iter().find(|(term, key)| key.id() == id && term.verifies(now)).map(|(_, key)| Arc::clone(key))
}

/// A key with its private part.
trait Private: Sized {
    const PURPOSE: Purpose;

    fn id(&self) -> &KeyId;

    fn opened(record: &KeyRecord, private: &[u8]) -> Result<Self, UnusableKey>;

    /// Whether the private part is of use still: where it verifies too, until what the key made is dead.
    fn is_needed(term: &Term, now: Timestamp) -> bool {
        term.verifies(now)
    }
}

impl Private for SigningKey {
    const PURPOSE: Purpose = Purpose::Sign;

    fn id(&self) -> &KeyId {
        &self.id
    }

    fn opened(record: &KeyRecord, private: &[u8]) -> Result<Self, UnusableKey> {
        let (algorithm, _) = record.public.as_ref().ok_or(UnusableKey)?;
        Self::from_pkcs8(record.id.clone(), *algorithm, private)
    }

    fn is_needed(term: &Term, now: Timestamp) -> bool {
        term.signs_until.is_none_or(|until| now < until)
    }
}

impl Private for RefreshKey {
    const PURPOSE: Purpose = Purpose::Refresh;

    fn id(&self) -> &KeyId {
        &self.id
    }

    fn opened(record: &KeyRecord, private: &[u8]) -> Result<Self, UnusableKey> {
        Ok(Self::new(record.id.clone(), private.try_into().map_err(|_| UnusableKey)?))
    }
}

impl Private for SealKey {
    const PURPOSE: Purpose = Purpose::Seal;

    fn id(&self) -> &KeyId {
        &self.id
    }

    fn opened(record: &KeyRecord, private: &[u8]) -> Result<Self, UnusableKey> {
        Self::new(record.id.clone(), private.try_into().map_err(|_| UnusableKey)?)
    }
}

/// The key ring of a process.
pub struct KeyRing {
    store: SigningKeyStore,
    sealer: Option<Sealer>,
    opens: &'static [Purpose],
    clock: Clock,
    ring: RwLock<Option<Arc<Ring>>>,
    reading: tokio::sync::Mutex<()>,
}

impl KeyRing {
    /// A ring that opens the private parts of those purposes, by that sealer.
    #[must_use]
    pub fn new(store: SigningKeyStore, sealer: Option<Sealer>, opens: &'static [Purpose], clock: Clock) -> Self {
        Self { store, sealer, opens, clock, ring: RwLock::default(), reading: tokio::sync::Mutex::default() }
    }

    /// The ring, read again when it is older than [`RING_AGE`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn current(&self) -> Result<Arc<Ring>, KeyError> {
        self.younger_than(RING_AGE).await
    }

    /// A key that is looked for by its id, at this moment: a ring that does not know it is read again, at most once in 30
    /// seconds, because the key may be younger than the ring and because anybody can make up ids.
    ///
    /// # Errors
    /// When the ring cannot be read.
    pub async fn find<K>(&self, key: impl Fn(&Ring, Timestamp) -> Option<Arc<K>>) -> Result<Option<Arc<K>>, KeyError> {
        let now = self.clock.now();
        match key(&*self.current().await?, now) {
            Some(found) => Ok(Some(found)),
            None => Ok(key(&*self.younger_than(LOOK_AGAIN).await?, now)),
        }
    }

    fn held(&self) -> Option<Arc<Ring>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn younger_than(&self, age: Duration) -> Result<Arc<Ring>, KeyError> {
        let young = |ring: &Arc<Ring>| self.clock.now().since(ring.read_at) < age;
        if let Some(ring) = self.held().filter(young) {
            return Ok(ring);
        }
        // One reads, the others wait for what it found.
        let _reading = self.reading.lock().await;
        if let Some(ring) = self.held().filter(young) {
            return Ok(ring);
        }
        let ring = Arc::new(Box::pin(self.read(self.held().as_deref())).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
        Ok(ring)
    }

    /// Reads the keys, and opens those that were not open before.
    async fn read(&self, before: Option<&Ring>) -> Result<Ring, KeyError> {
        let now = self.clock.now();
        let (sign, refresh, seal) = tokio::try_join!(
            self.store.list(Purpose::Sign),
            self.list_if_opened(Purpose::Refresh),
            self.list_if_opened(Purpose::Seal)
        )?;
        let mut verifying = Vec::new();
        for record in sign.iter().filter(|record| record.term.verifies(now)) {
            let Some((_, public)) = &record.public else { continue };
            verifying.push((record.term, Arc::new(VerifyingKey::from_public(public)?), public.clone()));
        }
        let (signing, refresh, seal) = tokio::try_join!(
            self.open(&sign, before.map(|ring| &ring.signing), now),
            self.open(&refresh, before.map(|ring| &ring.refresh), now),
            self.open(&seal, before.map(|ring| &ring.seal), now)
        )?;
        Ok(Ring { read_at: now, verifying, signing, refresh, seal })
    }

    async fn list_if_opened(&self, purpose: Purpose) -> Result<Vec<KeyRecord>, StoreError> {
        if self.opens.contains(&purpose) { self.store.list(purpose).await } else { Ok(Vec::new()) }
    }

    /// The private parts that are of use, if those of the purpose are opened here.
    async fn open<K: Private>(
        &self,
        records: &[KeyRecord],
        before: Option<&Vec<(Term, Arc<K>)>>,
        now: Timestamp,
    ) -> Result<Vec<(Term, Arc<K>)>, KeyError> {
        let Some(sealer) = self.sealer.as_ref().filter(|_| self.opens.contains(&K::PURPOSE)) else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        for record in records.iter().filter(|record| K::is_needed(&record.term, now)) {
            let held = before.into_iter().flatten().find(|(_, key)| *key.id() == record.id);
            let key = match held {
                Some((_, key)) => Arc::clone(key),
                None => Arc::new(K::opened(record, &sealer.open(record.purpose, &record.id, &record.sealed).await?)?),
            };
            keys.push((record.term, key));
        }
        Ok(keys)
    }
}
