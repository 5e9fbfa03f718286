//! Identifiers: opaque, never reused, of their own type each.

use crate::clock::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The text is not 1 to 64 letters, digits, `-` or `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, '-' or '_'")]
pub struct InvalidId;

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes an id that was made earlier.
            ///
            /// # Errors
            /// When the text is not 1 to 64 letters, digits, `-` or `_`.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if is_id(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id! {
    /// A user's id: the `sub` of their tokens.
    UserId
}
opaque_id! {
    /// An access token's id: its `jti` (RFC 7519 §4.1.7).
    TokenId
}
opaque_id! {
    /// A key's id: the `kid` of what it signs (RFC 7515 §4.1.4).
    KeyId
}
opaque_id! {
    /// One request's id: what its answer's `X-Request-Id`, its log lines and its writes have in common.
    RequestId
}

opaque_id! {
    /// A sample item's id.
    ItemId
}

fn hex(bytes: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(bytes).simple().to_string()
}

impl UserId {
    /// A new id out of 128 random bits.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(hex(random))
    }
}

impl TokenId {
    /// A new id out of 128 random bits.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }
}

impl KeyId {
    /// A new id out of 96 random bits.
    #[must_use]
    pub fn from_random(random: [u8; 12]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }
}

impl RequestId {
    /// A new id out of 128 random bits.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(hex(random))
    }
}

impl ItemId {
    /// A new id of the moment `now` and 74 random bits: a version 7 UUID (RFC 9562 §5.7), so that an owner's items sort by age.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid_of(now, random).to_string())
    }
}

fn uuid_of(now: Timestamp, random: [u8; 10]) -> uuid::Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// A session's id: a version 7 UUID (RFC 9562 §5.7), so that a user's sessions sort by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(uuid::Uuid);

impl SessionId {
    /// A new id of the moment `now` and 74 random bits.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid_of(now, random))
    }

    /// Takes an id that was made earlier, in its one canonical spelling.
    ///
    /// # Errors
    /// When the text is not a lower-case hyphenated UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let uuid = uuid::Uuid::try_parse(text).map_err(|_| InvalidId)?;
        if uuid.to_string() == text { Ok(Self(uuid)) } else { Err(InvalidId) }
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for bad in ["", " ", "a b", "a/b", "a#b", "é", &"a".repeat(65)] {
            assert_eq!(UserId::parse(bad), Err(InvalidId), "{bad:?}");
        }
        assert_eq!(UserId::parse("user_1-A").map(|id| id.to_string()), Ok("user_1-A".to_owned()));
        let random = *b"\x00\x01\x10\xffabcdefghijkl";
        assert_eq!(UserId::from_random(random).to_string(), "000110ff6162636465666768696a6b6c");
    }

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::new(Timestamp::from_millis(1_700_000_000_000), [7; 10]);
        assert_eq!(SessionId::parse(&id.to_string()), Ok(id));
        assert_eq!(SessionId::parse(&id.to_string().to_uppercase()), Err(InvalidId));
        assert_eq!(SessionId::parse(&id.to_string().replace('-', "")), Err(InvalidId));
    }

    #[test]
    fn session_ids_sort_by_age() {
        let older = SessionId::new(Timestamp::from_millis(1), [255; 10]);
        let newer = SessionId::new(Timestamp::from_millis(2), [0; 10]);
        assert!(older.to_string() < newer.to_string());
    }
}
