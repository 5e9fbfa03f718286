//! Turning keys over: the steps of [`doorward_core::rotation`], taken.

use crate::audit::{Audit, Event};
use crate::config::Config;
use crate::keys::KeyError;
use crate::seal::{SealError, Sealer};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use doorward_core::clock::Clock;
use doorward_core::ids::KeyId;
use doorward_core::keyring::{KeyRecord, Purpose, Term};
use doorward_core::random::{NoRandomness, Random};
use doorward_core::rotation::{Lifetimes, Order, Step, Turn};
use doorward_core::signing::{Algorithm, SigningKey};
use doorward_store::SigningKeyStore;
use std::time::Duration;
use zeroize::Zeroizing;

/// Makes the keys of a store, and ends them.
pub struct Rotator<'a> {
    /// Where they are kept.
    pub store: &'a SigningKeyStore,
    /// What seals them.
    pub sealer: &'a Sealer,
    /// How the next one signs, and how long what they make lives.
    pub config: &'a Config,
    /// The time.
    pub clock: &'a Clock,
    /// Randomness.
    pub random: Random,
    /// Where events go.
    pub audit: &'a Audit,
}

/// What came of a turn.
#[derive(Clone, Debug)]
pub struct Turned {
    /// The key that was made; `None` where none was due, or somebody else made it.
    pub made: Option<KeyId>,
    /// All keys of the purpose as they are now, by their serial numbers.
    pub keys: Vec<KeyRecord>,
}

/// More steps than a turn has, and than others can undo.
const STEPS: usize = 50;

impl Rotator<'_> {
    /// Makes the first keys of a store that has none. Of two processes that do, one makes them.
    ///
    /// # Errors
    /// When they cannot be made or kept.
    pub async fn make_first(&self) -> Result<(), KeyError> {
        for purpose in Purpose::ALL {
            if self.store.list(purpose).await?.is_empty() {
                self.turn(purpose, Order::WhenDue).await?;
            }
        }
        Ok(())
    }

    /// Turns the keys of a purpose over, as far as the order and their age ask for it, and finishes what somebody left half
    /// done.
    ///
    /// # Errors
    /// When keys cannot be made or kept, or the present ones are sealed by something else.
    pub async fn turn(&self, purpose: Purpose, order: Order) -> Result<Turned, KeyError> {
        if (purpose, order) == (Purpose::Seal, Order::RevokeOld) {
            return Err(KeyError::NeverRevoked);
        }
        let lifetimes = Lifetimes { access: self.config.access_ttl, session: self.config.sessions.lifetime };
        let mut keys = self.store.list(purpose).await?;
        let turn = Turn::new(purpose, order, lifetimes, &keys, self.clock.now());
        let mut made = None;
        for _ in 0..STEPS {
            let Some(step) = turn.step(&keys, self.clock.now()) else { return Ok(Turned { made, keys }) };
            match step {
                Step::Make { serial, lead } => {
                    self.refuse_other_sealer(&keys).await?;
                    let key = self.make(purpose, serial, lead).await?;
                    if self.store.add(&key).await? {
                        made = Some(key.id.clone());
                        self.audit.record_turn(Event::KeyCreated { purpose, kid: key.id, term: key.term });
                    }
                }
                Step::Change { key, term } => {
                    if self.store.change(key, &term).await? {
                        self.audit.record_turn(Event::KeyChanged { purpose, kid: key.id.clone(), term });
                    }
                }
                Step::Delete { key } => self.store.delete(key).await?,
            }
            keys = self.store.list(purpose).await?;
        }
        Err(KeyError::Contended(purpose.as_str()))
    }

    /// Nothing is sealed by what does not open the keys that are there: nobody else could open it.
    async fn refuse_other_sealer(&self, keys: &[KeyRecord]) -> Result<(), KeyError> {
        let mut youngest = keys.last().cloned();
        for purpose in Purpose::ALL {
            if youngest.is_none() {
                youngest = self.store.list(purpose).await?.pop();
            }
        }
        if let Some(key) = youngest {
            self.sealer.open(key.purpose, &key.id, &key.sealed).await?;
        }
        Ok(())
    }

    /// A key that is used from `lead` on. The time is asked for last: making and sealing one takes a while.
    async fn make(&self, purpose: Purpose, serial: u64, lead: Duration) -> Result<KeyRecord, KeyError> {
        let id = KeyId::from_random(self.random.bytes().map_err(SealError::from)?);
        let (private, public) = match purpose {
            Purpose::Sign => {
                let algorithm = self.config.signing_alg;
                let private = generate(algorithm).map_err(|_| SealError::NoRandomness(NoRandomness))?;
                let public = SigningKey::from_pkcs8(id.clone(), algorithm, &private)?.public();
                (Zeroizing::new(private), Some((algorithm, public)))
            }
            Purpose::Refresh | Purpose::Seal => {
                (Zeroizing::new(self.random.bytes::<32>().map_err(SealError::from)?.to_vec()), None)
            }
        };
        let sealed = self.sealer.seal(purpose, &id, &private).await?;
        let now = self.clock.now();
        let term = Term { signs_from: now.plus(lead), signs_until: None, verifies_until: None };
        Ok(KeyRecord { purpose, serial, made_at: now, id, public, sealed, term })
    }
}

/// A new private key in PKCS #8.
fn generate(algorithm: Algorithm) -> Result<Vec<u8>, Unspecified> {
    Ok(match algorithm {
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref().to_vec()
        }
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()?.as_ref().to_vec(),
        Algorithm::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8()?.as_ref().to_vec(),
    })
}
