//! Refresh tokens: opaque to the client, nothing secret stored, a forged one refused without a read.
//!
//! `dwr_` and, in base64url, version (1 byte), key id and user id (a length byte before each), session id (16), generation
//! (4, big endian) and a tag (16): the first half of the HMAC-SHA-256 (RFC 2104 §5) of all that stands before it. The
//! successor of a token follows from the session alone, so it is the same however often it is asked for.

use crate::ids::{KeyId, SessionId, UserId};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a refresh token starts with, so that a leaked one can be searched for.
pub const PREFIX: &str = "dwr_";

const VERSION: u8 = 1;
const TAG: usize = 16;

/// How often a session was refreshed; the token of generation *n* is spent once the session stands at *n+1*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The key that vouches for it.
    pub key: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// The login that it continues.
    pub session: SessionId,
    /// Where in the session it stands.
    pub generation: Generation,
}

/// Why a text is not taken for a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRefreshToken {
    /// Three parts with dots between them: somebody sent an access token.
    #[error("a JWT")]
    Jwt,
    /// Anything else.
    #[error("malformed")]
    Malformed,
    /// The tag is not that key's.
    #[error("forged")]
    Forged,
}

/// A refresh token that reads well and that nothing has vouched for yet.
#[derive(Debug)]
pub struct Unverified {
    token: RefreshToken,
    bytes: Vec<u8>,
}

/// A refresh token as the client holds it. Nothing shows it but [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// The text for the client.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret of a key that vouches for refresh tokens.
#[derive(Clone)]
pub struct RefreshKey {
    /// What tokens name it by.
    pub id: KeyId,
    key: hmac::Key,
}

impl RefreshKey {
    /// A key out of 256 random bits.
    #[must_use]
    pub fn new(id: KeyId, secret: &[u8; 32]) -> Self {
        Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// The token of a session at a generation.
    #[must_use]
    pub fn issue(&self, user: &UserId, session: SessionId, generation: Generation) -> Secret {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(VERSION);
        for id in [self.id.as_str(), user.as_str()] {
            // Ids have at most 64 bytes.
            bytes.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes.extend_from_slice(session.as_bytes());
        bytes.extend_from_slice(&generation.0.to_be_bytes());
        let tag = hmac::sign(&self.key, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG]);
        Secret(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes)))
    }
}

impl fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshKey({})", self.id)
    }
}

impl Unverified {
    /// Reads a text that should be a refresh token.
    ///
    /// # Errors
    /// When it is a JWT or malformed.
    pub fn parse(text: &str) -> Result<Self, InvalidRefreshToken> {
        let malformed = InvalidRefreshToken::Malformed;
        let Some(encoded) = text.strip_prefix(PREFIX) else {
            return Err(if is_jwt(text) { InvalidRefreshToken::Jwt } else { malformed });
        };
        // The decoder refuses padding and stray bits: a token has one spelling.
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| malformed)?;
        let token = read(&bytes).ok_or(malformed)?;
        Ok(Self { token, bytes })
    }

    /// The key that should vouch for it.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.token.key
    }

    /// What the token says, if `key` vouches for it.
    ///
    /// # Errors
    /// When it does not.
    pub fn verify(self, key: &RefreshKey) -> Result<RefreshToken, InvalidRefreshToken> {
        let (signed, tag) = self.bytes.split_at(self.bytes.len() - TAG);
        let expected = hmac::sign(&key.key, signed);
        constant_time::verify_slices_are_equal(&expected.as_ref()[..TAG], tag)
            .map_err(|_| InvalidRefreshToken::Forged)?;
        if key.id == self.token.key { Ok(self.token) } else { Err(InvalidRefreshToken::Forged) }
    }
}

fn read(bytes: &[u8]) -> Option<RefreshToken> {
    let (&[VERSION], rest) = bytes.split_first_chunk::<1>()? else { return None };
    let (key, rest) = read_text(rest)?;
    let (user, rest) = read_text(rest)?;
    let (session, rest) = rest.split_first_chunk::<16>()?;
    let (generation, tag) = rest.split_first_chunk::<4>()?;
    (tag.len() == TAG).then_some(())?;
    Some(RefreshToken {
        key: KeyId::parse(key).ok()?,
        user: UserId::parse(user).ok()?,
        session: SessionId::from_bytes(*session),
        generation: Generation(u32::from_be_bytes(*generation)),
    })
}

fn read_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Three base64url parts with dots between them (RFC 7515 §3.1).
fn is_jwt(text: &str) -> bool {
    let mut parts = text.split('.');
    let base64url = |part: Option<&str>| {
        part.is_some_and(|p| p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
    };
    base64url(parts.next()) && base64url(parts.next()) && base64url(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use proptest::prelude::*;

    fn key(id: &str, secret: u8) -> RefreshKey {
        RefreshKey::new(KeyId::parse(id).unwrap(), &[secret; 32])
    }

    fn session() -> SessionId {
        SessionId::new(Timestamp::from_millis(1_700_000_000_000), [3; 10])
    }

    fn user() -> UserId {
        UserId::parse("ann").unwrap()
    }

    #[test]
    fn a_token_says_what_was_put_in() {
        let key = key("k1", 7);
        let text = key.issue(&user(), session(), Generation(41));
        assert!(text.reveal().starts_with("dwr_"));
        let token = Unverified::parse(text.reveal()).unwrap().verify(&key).unwrap();
        assert_eq!(
            token,
            RefreshToken { key: key.id.clone(), user: user(), session: session(), generation: Generation(41) }
        );
    }

    #[test]
    fn the_successor_is_the_same_however_often_it_is_asked_for() {
        let key = key("k1", 7);
        assert_eq!(key.issue(&user(), session(), Generation(2)), key.issue(&user(), session(), Generation(2)));
        assert_ne!(key.issue(&user(), session(), Generation(2)), key.issue(&user(), session(), Generation(3)));
    }

    #[test]
    fn another_key_does_not_vouch() {
        let text = key("k1", 7).issue(&user(), session(), Generation(0));
        for other in [key("k1", 8), key("k2", 7)] {
            assert_eq!(Unverified::parse(text.reveal()).unwrap().verify(&other), Err(InvalidRefreshToken::Forged));
        }
    }

    #[test]
    fn neither_a_token_nor_its_key_is_shown() {
        let key = key("k1", 7);
        let shown = format!("{key:?} {:?}", key.issue(&user(), session(), Generation(0)));
        assert_eq!(shown, "RefreshKey(k1) Secret(…)");
    }

    #[test]
    fn what_is_no_refresh_token() {
        for text in
            ["", "dwr_", "dwr_AA", "dwr_====", "dwr_A.B.C", "a.b", "a.b.c.d", "dwk_x", "DWR_AQ", "a.b.c=", "é.b.c"]
        {
            assert_eq!(Unverified::parse(text).err(), Some(InvalidRefreshToken::Malformed), "{text:?}");
        }
        for text in ["a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "a-b.c_d.-_"] {
            assert_eq!(Unverified::parse(text).err(), Some(InvalidRefreshToken::Jwt), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_one_too_many(at in 0usize..90, with in any::<char>()) {
            let key = key("k1", 7);
            let text = key.issue(&user(), session(), Generation(5));
            let changed: String = text.reveal().chars().enumerate().map(|(n, c)| if n == at { with } else { c }).collect();
            prop_assume!(changed != text.reveal());
            prop_assert!(Unverified::parse(&changed).and_then(|token| token.verify(&key)).is_err());
        }

        #[test]
        fn nothing_makes_it_panic(text in "(dwr_)?\\PC{0,200}") {
            let _ = Unverified::parse(&text);
        }
    }
}
