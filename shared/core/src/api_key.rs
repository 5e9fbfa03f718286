//! API keys: what a program proves itself with.
//!
//! `dwk_<id>_<secret><checksum>`: the id contains its owner's, so that key and owner are found in one read; the secret is
//! 256 bits in base64url; the checksum refuses a typo without a read. Only a SHA-256 of the secret is kept: 256 random bits
//! need no slow hash.

use crate::clock::Timestamp;
use crate::ids::{InvalidId, UserId};
use crate::scope::ScopeSet;
use crate::session::BearerRefusal;
use crate::user::{DisplayName, User};
use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What an API key starts with, so that a leaked one can be searched for.
pub const PREFIX: &str = "dwk_";
/// 256 bits in base64url.
const SECRET: usize = 43;
/// 36 bits in base64url.
const CHECKSUM: usize = 6;

/// An API key's id: its owner's, a dot, and 64 random bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId {
    owner: UserId,
    text: String,
}

impl ApiKeyId {
    /// A new id of an owner.
    #[must_use]
    pub fn new(owner: &UserId, random: [u8; 8]) -> Self {
        Self { owner: owner.clone(), text: format!("{owner}.{:016x}", u64::from_be_bytes(random)) }
    }

    /// Takes an id that was made earlier.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (owner, random) = text.rsplit_once('.').ok_or(InvalidId)?;
        let is_random = random.len() == 16 && random.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_random { Ok(Self { owner: UserId::parse(owner)?, text: text.to_owned() }) } else { Err(InvalidId) }
    }

    /// Whose key it is.
    #[must_use]
    pub fn owner(&self) -> &UserId {
        &self.owner
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An API key as a program holds it. Nothing shows it but [`PlainKey::reveal`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PlainKey {
    #[zeroize(skip)]
    id: ApiKeyId,
    text: String,
}

/// The text is no API key: mistyped, cut off, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct InvalidApiKey;

impl PlainKey {
    /// A new key out of 256 random bits.
    #[must_use]
    pub fn new(id: ApiKeyId, random: &[u8; 32]) -> Self {
        let unchecked = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(random));
        let text = format!("{unchecked}{}", checksum(&unchecked));
        Self { id, text }
    }

    /// Takes a key that a program sent.
    ///
    /// # Errors
    /// When it is none, by form or checksum.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let invalid = InvalidApiKey;
        if !text.is_ascii() {
            return Err(invalid);
        }
        let rest = text.strip_prefix(PREFIX).ok_or(invalid)?;
        let at = rest.len().checked_sub(SECRET + CHECKSUM).ok_or(invalid)?;
        let id = rest[..at].strip_suffix('_').ok_or(invalid)?;
        let (unchecked, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(unchecked) != sum {
            return Err(invalid);
        }
        Ok(Self { id: ApiKeyId::parse(id).map_err(|_| invalid)?, text: text.to_owned() })
    }

    /// Which key it says it is.
    #[must_use]
    pub fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// The text for its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        let digest = digest::digest(&digest::SHA256, self.text.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        KeyHash(hash)
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainKey({}, …)", self.id)
    }
}

fn checksum(unchecked: &str) -> String {
    let digest = digest::digest(&digest::SHA256, unchecked.as_bytes());
    let mut text = URL_SAFE_NO_PAD.encode(digest.as_ref());
    text.truncate(CHECKSUM);
    text
}

/// What is kept of an API key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Whether it is of the same key. The time says nothing.
    #[must_use]
    pub fn is_of_same_key(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// An API key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: DisplayName,
    /// What is kept of it.
    pub hash: KeyHash,
    /// What is kept of the key before the last rotation, and until when that one works still.
    pub previous: Option<(KeyHash, Timestamp)>,
    /// What it may do at most; at every use cut to its owner's.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub ends_at: Option<Timestamp>,
    /// When it was used, to five minutes.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// What its text starts with: enough to tell it from others, and no secret.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }

    /// Whether it has ended. The store deletes what is expired days late.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| now >= end)
    }
}

/// Judges a key by what one batch found under its id, and returns its owner with the scopes that both have.
///
/// # Errors
/// When it is unknown, ended or another, or its owner is disabled or gone.
pub fn judge_api_key(
    presented: &PlainKey,
    found: Option<ApiKey>,
    owner: Option<User>,
    now: Timestamp,
) -> Result<(ApiKey, User, ScopeSet), InvalidApiKey> {
    let (Some(key), Some(owner)) = (found, owner) else { return Err(InvalidApiKey) };
    let hash = presented.hash();
    let is_current = key.hash.is_of_same_key(&hash);
    let is_previous = key.previous.is_some_and(|(previous, until)| previous.is_of_same_key(&hash) && now < until);
    if (!is_current && !is_previous) || key.has_ended(now) || owner.disabled {
        return Err(InvalidApiKey);
    }
    let scopes = key.scopes.intersection(&owner.scopes);
    Ok((key, owner, scopes))
}

/// Judges a client's access token by what one batch found of its key and its owner, and returns both with what the client
/// may do: what token, key and owner share. It lives as long as its key, through every rotation of the key's secret.
///
/// # Errors
/// Why the token is worth nothing, in the order in which clients are told.
pub fn judge_client(
    granted: &ScopeSet,
    key: Option<ApiKey>,
    owner: Option<User>,
    revoked: bool,
    now: Timestamp,
) -> Result<(ApiKey, User, ScopeSet), BearerRefusal> {
    let (Some(key), Some(owner)) = (key, owner) else { return Err(BearerRefusal::Gone) };
    if key.has_ended(now) {
        return Err(BearerRefusal::Gone);
    }
    if owner.disabled {
        return Err(BearerRefusal::Inactive);
    }
    if revoked {
        return Err(BearerRefusal::Revoked);
    }
    let scopes = granted.intersection(&key.scopes).intersection(&owner.scopes);
    Ok((key, owner, scopes))
}

#[cfg(test)]
#[path = "api_key_tests.rs"]
mod tests;
