//! The key that seals second factors and vouches for logins that wait for a code: two keys derived from one secret
//! (HKDF, RFC 5869), so that neither says anything of the other.

use crate::ids::{KeyId, UserId};
use crate::second_factor::{FactorSecrets, SealedFactor};
use crate::signing::UnusableKey;
use crate::totp::TotpSecret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// A key of the purpose `seal`.
pub struct SealKey {
    /// What sealed things name it by.
    pub id: KeyId,
    aead: LessSafeKey,
    pub(crate) vouching: hmac::Key,
}

/// The sealed bytes are of another key or another user, or were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed does not open")]
pub struct DoesNotOpen;

const NONCE: usize = 12;

impl SealKey {
    /// A key out of 256 random bits.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn new(id: KeyId, secret: &[u8; 32]) -> Result<Self, UnusableKey> {
        let derived = Salt::new(HKDF_SHA256, &[]).extract(secret);
        let derive = |info: &'static [u8]| {
            let mut key = Zeroizing::new([0; 32]);
            let filled = derived.expand(&[info], HKDF_SHA256).and_then(|okm| okm.fill(&mut *key));
            filled.map(|()| key).map_err(|_| UnusableKey)
        };
        let aead = UnboundKey::new(&AES_256_GCM, &*derive(b"doorward second factor")?).map_err(|_| UnusableKey)?;
        let vouching = hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"doorward mfa token")?);
        Ok(Self { id, aead: LessSafeKey::new(aead), vouching })
    }

    /// Seals a user's factor, with whose it is bound in: a random nonce, then the sealed bytes and their tag.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn seal(
        &self,
        user: &UserId,
        secrets: &FactorSecrets,
        nonce: [u8; NONCE],
    ) -> Result<SealedFactor, UnusableKey> {
        let mut plain = [&secrets.recovery_key, secrets.totp.as_bytes()].concat();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.aead
            .seal_in_place_append_tag(unique, Aad::from(user.as_str().as_bytes()), &mut plain)
            .map_err(|_| UnusableKey)?;
        Ok(SealedFactor { key: self.id.clone(), bytes: [&nonce[..], &plain].concat() })
    }

    /// Opens a user's factor.
    ///
    /// # Errors
    /// When it is of another key or user, or was changed.
    pub fn open(&self, user: &UserId, sealed: &SealedFactor) -> Result<FactorSecrets, DoesNotOpen> {
        let (nonce, bytes) = sealed.bytes.split_first_chunk::<NONCE>().ok_or(DoesNotOpen)?;
        let mut bytes = Zeroizing::new(bytes.to_vec());
        let aad = Aad::from(user.as_str().as_bytes());
        let unique = Nonce::assume_unique_for_key(*nonce);
        let plain = self.aead.open_in_place(unique, aad, &mut bytes).map_err(|_| DoesNotOpen)?;
        let (recovery_key, totp) = plain.split_first_chunk::<32>().ok_or(DoesNotOpen)?;
        let totp = TotpSecret::from_bytes(totp.to_vec()).map_err(|_| DoesNotOpen)?;
        Ok(FactorSecrets { totp, recovery_key: *recovery_key })
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealKey {
        SealKey::new(KeyId::parse("k").unwrap(), &[byte; 32]).unwrap()
    }

    #[test]
    fn only_the_same_key_and_user_open() {
        let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
        let secrets = FactorSecrets { totp: TotpSecret::from_random([1; 20]), recovery_key: [2; 32] };
        let sealed = key(1).seal(&ann, &secrets, [3; 12]).unwrap();
        let opened = key(1).open(&ann, &sealed).unwrap();
        assert!(opened.totp == secrets.totp && opened.recovery_key == secrets.recovery_key);
        assert!(key(1).open(&bob, &sealed).is_err());
        assert!(key(2).open(&ann, &sealed).is_err());
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert!(key(1).open(&ann, &changed).is_err());
            changed.bytes.truncate(at);
            assert!(key(1).open(&ann, &changed).is_err());
        }
        let secret = secrets.totp.as_bytes();
        assert!(!sealed.bytes.windows(secret.len()).any(|window| window == secret));
    }
}
