//! The key ring: the keys of the store, opened, and read again when they may have changed.

use crate::seal::{SealError, Sealer};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use doorward_core::clock::{Clock, Timestamp};
use doorward_core::ids::KeyId;
use doorward_core::keyring::{KeyRecord, Purpose, Term};
use doorward_core::random::{NoRandomness, Random};
use doorward_core::refresh_token::RefreshKey;
use doorward_core::seal_key::SealKey;
use doorward_core::signing::{Algorithm, PublicKey, SigningKey, UnusableKey, VerifyingKey};
use doorward_store::{SigningKeyStore, StoreError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A ring older than that is read again.
const FRESH: Duration = Duration::from_mins(1);
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
}

/// The keys as they were read once.
#[derive(Debug)]
pub struct Ring {
    read_at: Timestamp,
    verifying: Vec<(Term, VerifyingKey, PublicKey)>,
    signing: Vec<(Term, SigningKey)>,
    refresh: Vec<(Term, RefreshKey)>,
    seal: Vec<(Term, SealKey)>,
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
    pub fn verifying(&self, id: &KeyId, now: Timestamp) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|(term, key, _)| key.id == *id && term.verifies(now)).map(|(_, key, _)| key)
    }

    /// The key of that id, if its refresh tokens are good still.
    #[must_use]
    pub fn refresh(&self, id: &KeyId, now: Timestamp) -> Option<&RefreshKey> {
        self.refresh.iter().find(|(term, key)| key.id == *id && term.verifies(now)).map(|(_, key)| key)
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
    pub fn seal(&self, id: &KeyId, now: Timestamp) -> Option<&SealKey> {
        self.seal.iter().find(|(term, key)| key.id == *id && term.verifies(now)).map(|(_, key)| key)
    }

    /// What is published: every key whose tokens are or will be good.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &PublicKey> {
        self.verifying.iter().filter(move |(term, ..)| term.verifies(now)).map(|(_, _, public)| public)
    }
}

/// Keys are in the order of their serial numbers, so the last one that may is the youngest.
fn youngest<K>(keys: &[(Term, K)], now: Timestamp) -> Option<&K> {
    keys.iter().rev().find(|(term, _)| term.signs(now)).map(|(_, key)| key)
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

    /// The ring, read again when it is older than a minute.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn current(&self) -> Result<Arc<Ring>, KeyError> {
        self.younger_than(FRESH).await
    }

    /// The ring in which `id` is looked for: one that does not know it is read again, at most once in 30 seconds, because
    /// the key may be younger than the ring and because anybody can make up ids.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn knowing(&self, knows: impl Fn(&Ring) -> bool) -> Result<Arc<Ring>, KeyError> {
        let ring = self.current().await?;
        if knows(&ring) { Ok(ring) } else { self.younger_than(LOOK_AGAIN).await }
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
        let ring = Arc::new(self.read().await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
        Ok(ring)
    }

    async fn read(&self) -> Result<Ring, KeyError> {
        let read_at = self.clock.now();
        let mut ring =
            Ring { read_at, verifying: Vec::new(), signing: Vec::new(), refresh: Vec::new(), seal: Vec::new() };
        for record in self.store.list(Purpose::Sign).await? {
            let Some((algorithm, public)) = &record.public else { continue };
            ring.verifying.push((record.term, VerifyingKey::from_public(public)?, public.clone()));
            if let Some(private) = self.open(&record)? {
                let key = SigningKey::from_pkcs8(record.id.clone(), *algorithm, &private)?;
                ring.signing.push((record.term, key));
            }
        }
        for (term, id, secret) in self.secrets(Purpose::Refresh).await? {
            ring.refresh.push((term, RefreshKey::new(id, &secret)));
        }
        for (term, id, secret) in self.secrets(Purpose::Seal).await? {
            ring.seal.push((term, SealKey::new(id, &secret)?));
        }
        Ok(ring)
    }

    /// The keys of a purpose that are nothing but a secret; none of a purpose that is not opened.
    async fn secrets(&self, purpose: Purpose) -> Result<Vec<(Term, KeyId, [u8; 32])>, KeyError> {
        if !self.opens.contains(&purpose) {
            return Ok(Vec::new());
        }
        let mut secrets = Vec::new();
        for record in self.store.list(purpose).await? {
            if let Some(secret) = self.open(&record)? {
                secrets.push((record.term, record.id, secret.try_into().map_err(|_| UnusableKey)?));
            }
        }
        Ok(secrets)
    }

    fn open(&self, record: &KeyRecord) -> Result<Option<Vec<u8>>, SealError> {
        match &self.sealer {
            Some(sealer) if self.opens.contains(&record.purpose) => {
                sealer.open(&bound(record.purpose, &record.id), &record.sealed).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// What a sealed key is bound to: opened for another purpose or under another name, it does not open.
fn bound(purpose: Purpose, id: &KeyId) -> String {
    format!("{}:{id}", purpose.as_str())
}

/// Makes the first keys of a store that has none. Of two processes that do, one makes them.
///
/// # Errors
/// When they cannot be made or kept.
pub async fn make_first(
    store: &SigningKeyStore,
    sealer: &Sealer,
    algorithm: Algorithm,
    clock: &Clock,
    random: Random,
) -> Result<(), KeyError> {
    for purpose in Purpose::ALL {
        if store.list(purpose).await?.is_empty() {
            store.add(&first(purpose, sealer, algorithm, clock.now(), random)?).await?;
        }
    }
    Ok(())
}

fn first(
    purpose: Purpose,
    sealer: &Sealer,
    algorithm: Algorithm,
    now: Timestamp,
    random: Random,
) -> Result<KeyRecord, KeyError> {
    let id = KeyId::from_random(random.bytes().map_err(SealError::from)?);
    let private = match purpose {
        Purpose::Sign => generate(algorithm)?,
        Purpose::Refresh | Purpose::Seal => random.bytes::<32>().map_err(SealError::from)?.to_vec(),
    };
    let public = match purpose {
        Purpose::Sign => Some((algorithm, SigningKey::from_pkcs8(id.clone(), algorithm, &private)?.public())),
        Purpose::Refresh | Purpose::Seal => None,
    };
    let sealed = sealer.seal(&bound(purpose, &id), &private)?;
    let term = Term { signs_from: now, signs_until: None, verifies_until: None };
    Ok(KeyRecord { purpose, serial: 1, id, public, sealed, term })
}

/// A new private key in PKCS #8.
fn generate(algorithm: Algorithm) -> Result<Vec<u8>, KeyError> {
    let fault = |_| KeyError::Seal(SealError::NoRandomness(NoRandomness));
    Ok(match algorithm {
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(fault)?;
            AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(fault)?.as_ref().to_vec()
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(fault)?;
            pair.to_pkcs8v1().map_err(fault)?.as_ref().to_vec()
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::generate().map_err(fault)?;
            pair.to_pkcs8().map_err(fault)?.as_ref().to_vec()
        }
    })
}
