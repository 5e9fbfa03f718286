//! The keys of an installation: each has a purpose, and times instead of a state, so that every instance turns over by its
//! own clock.

use crate::clock::Timestamp;
use crate::ids::KeyId;
use crate::signing::{Algorithm, PublicKey};

/// What a key is for. It is bound to the sealed private part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs access tokens.
    Sign,
    /// Vouches for refresh tokens.
    Refresh,
    /// Seals second factors, and vouches for logins that wait for a code.
    Seal,
}

impl Purpose {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Sign, Self::Refresh, Self::Seal];

    /// Its name in the store and in the seal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Refresh => "refresh",
            Self::Seal => "seal",
        }
    }

    /// Takes its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// When a key makes what, and until when what it made is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From when on it is used to make new things.
    pub signs_from: Timestamp,
    /// Until when; `None` until there is a successor.
    pub signs_until: Option<Timestamp>,
    /// Until when what it made is good; `None` until there is a successor.
    pub verifies_until: Option<Timestamp>,
}

impl Term {
    /// Whether new things are made with the key now.
    #[must_use]
    pub fn signs(&self, now: Timestamp) -> bool {
        self.signs_from <= now && self.signs_until.is_none_or(|until| now < until)
    }

    /// Whether what the key made is good now. Keys are published before they sign.
    #[must_use]
    pub fn verifies(&self, now: Timestamp) -> bool {
        self.verifies_until.is_none_or(|until| now < until)
    }
}

/// A key as the store has it: its private part sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// What it is for.
    pub purpose: Purpose,
    /// Its number among those of its purpose: of two instances that make the next key at once, one does.
    pub serial: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// What it is named by.
    pub id: KeyId,
    /// How it signs and its public half, where it signs tokens.
    pub public: Option<(Algorithm, PublicKey)>,
    /// The private part, sealed.
    pub sealed: Vec<u8>,
    /// Its times.
    pub term: Term,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_from_its_first_moment_and_not_in_its_last() {
        let at = Timestamp::from_seconds;
        let term = Term { signs_from: at(10), signs_until: Some(at(20)), verifies_until: Some(at(30)) };
        for (now, signs, verifies) in [
            (9, false, true),
            (10, true, true),
            (19, true, true),
            (20, false, true),
            (29, false, true),
            (30, false, false),
        ] {
            assert_eq!((term.signs(at(now)), term.verifies(at(now))), (signs, verifies), "{now}");
        }
        let endless = Term { signs_until: None, verifies_until: None, ..term };
        assert!(endless.signs(at(1_000)) && endless.verifies(at(1_000)) && !endless.signs(at(9)));
    }

    #[test]
    fn a_purpose_has_its_name() {
        assert_eq!(Purpose::ALL.map(Purpose::as_str), ["sign", "refresh", "seal"]);
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
        assert_eq!(Purpose::parse("Sign"), None);
    }
}
