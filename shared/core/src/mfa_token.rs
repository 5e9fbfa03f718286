//! `mfa_token`: the right password, waiting for a code.
//!
//! `dwm_` and, in base64url, a line of words and a tag: version, key id, user id, token id, epoch, end in epoch seconds and
//! the scopes that were asked for, then the first half of the line's HMAC-SHA-256 (RFC 2104 §5). Nothing is stored of it
//! until it is used; a forged one is refused without a read.

use crate::clock::Timestamp;
use crate::grant::{GrantRefusal, grant_login};
use crate::ids::{KeyId, TokenId, UserId};
use crate::scope::ScopeSet;
use crate::seal_key::SealKey;
use crate::user::{Epoch, User};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// What an `mfa_token` starts with, so that a leaked one can be searched for.
pub const PREFIX: &str = "dwm_";
/// How long one lives.
pub const LIFETIME: Duration = Duration::from_mins(5);

const VERSION: &str = "1";
const TAG: usize = 16;
/// All scopes and permissions that a user may have, and some.
const LONGEST: usize = 4096;

/// What an `mfa_token` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaToken {
    /// Its id: used once.
    pub id: TokenId,
    /// Whose password was right.
    pub user: UserId,
    /// The user's epoch when it was: another password, and what ends every session, ends this too.
    pub epoch: Epoch,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The scopes that the login asked for.
    pub scopes: Option<ScopeSet>,
}

/// The text is no `mfa_token`, or a forged or expired one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an mfa token")]
pub struct InvalidMfaToken;

/// Why an `mfa_token` that was vouched for is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MfaRefusal {
    /// It was used, or what it was given for is over: the user is gone, has another password, ended every session, or has no
    /// second factor any more.
    #[error("the token is worth nothing any more")]
    Dead,
    /// The user is shut out.
    #[error("the user is disabled")]
    Inactive,
}

/// An `mfa_token` that reads well and that nothing has vouched for yet.
#[derive(Debug)]
pub struct Unverified {
    key: KeyId,
    token: MfaToken,
    bytes: Vec<u8>,
}

impl MfaToken {
    /// The text for the client.
    #[must_use]
    pub fn issue(&self, key: &SealKey) -> String {
        let Self { id, user, epoch, expires_at, scopes } = self;
        let scopes = scopes.as_ref().map(|scopes| format!(" {scopes}")).unwrap_or_default();
        let line = format!("{VERSION} {} {user} {id} {} {}{scopes}", key.id, epoch.0, expires_at.seconds());
        let tag = hmac::sign(&key.vouching, line.as_bytes());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([line.as_bytes(), &tag.as_ref()[..TAG]].concat()))
    }

    /// Judges the token by its user and whether it was used, as one batch found them.
    ///
    /// # Errors
    /// Why no code is looked at.
    pub fn judge(&self, user: Option<User>, used: bool) -> Result<User, MfaRefusal> {
        let user = user.ok_or(MfaRefusal::Dead)?;
        if user.disabled {
            return Err(MfaRefusal::Inactive);
        }
        if used || user.epoch != self.epoch || !user.two_factor_enabled { Err(MfaRefusal::Dead) } else { Ok(user) }
    }

    /// The scopes that are to be granted: the second step may ask for fewer than the first one.
    ///
    /// # Errors
    /// When it asks for more.
    pub fn scopes(&self, user: &User, asked: Option<&str>) -> Result<ScopeSet, GrantRefusal> {
        let first = self.scopes.as_ref().map(ToString::to_string);
        let scopes = grant_login(user, asked.or(first.as_deref()))?;
        let within = self.scopes.as_ref().is_none_or(|first| scopes.is_subset(first));
        if within { Ok(scopes) } else { Err(GrantRefusal::ScopeNotAllowed) }
    }
}

impl Unverified {
    /// Reads a text that should be an `mfa_token`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidMfaToken> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() <= LONGEST).ok_or(InvalidMfaToken)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidMfaToken)?;
        let (line, _) = bytes.split_last_chunk::<TAG>().ok_or(InvalidMfaToken)?;
        let (key, token) = std::str::from_utf8(line).ok().and_then(read).ok_or(InvalidMfaToken)?;
        Ok(Self { key, token, bytes })
    }

    /// The key that should vouch for it.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key
    }

    /// What the token says, if `key` vouches for it and it has not ended.
    ///
    /// # Errors
    /// When it does not, or has.
    pub fn verify(self, key: &SealKey, now: Timestamp) -> Result<MfaToken, InvalidMfaToken> {
        let (line, tag) = self.bytes.split_last_chunk::<TAG>().ok_or(InvalidMfaToken)?;
        let expected = hmac::sign(&key.vouching, line);
        let vouched = constant_time::verify_slices_are_equal(&expected.as_ref()[..TAG], tag).is_ok();
        if vouched && key.id == self.key && now < self.token.expires_at { Ok(self.token) } else { Err(InvalidMfaToken) }
    }
}

fn read(line: &str) -> Option<(KeyId, MfaToken)> {
    let mut words = line.splitn(7, ' ');
    let mut word = || words.next();
    (word()? == VERSION).then_some(())?;
    let key = KeyId::parse(word()?).ok()?;
    let user = UserId::parse(word()?).ok()?;
    let id = TokenId::parse(word()?).ok()?;
    let epoch = Epoch(word()?.parse().ok()?);
    let expires_at = Timestamp::from_seconds(word()?.parse().ok()?);
    let scopes = word().map(ScopeSet::parse).transpose().ok()?;
    Some((key, MfaToken { id, user, epoch, expires_at, scopes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key(byte: u8) -> SealKey {
        SealKey::new(KeyId::parse("k1").unwrap(), &[byte; 32]).unwrap()
    }

    fn token(scopes: Option<&str>) -> MfaToken {
        MfaToken {
            id: TokenId::from_random([1; 16]),
            user: UserId::parse("a_user-1").unwrap(),
            epoch: Epoch(7),
            expires_at: NOW.plus(LIFETIME),
            scopes: scopes.map(|text| ScopeSet::parse(text).unwrap()),
        }
    }

    #[test]
    fn what_is_no_token() {
        let text = token(None).issue(&key(1));
        let cut = &text[..text.len() - 1];
        for bad in
            ["", "dwm_", "dwm_AAAA", "dwr_AAAA", "a.b.c", cut, &text.replace("dwm_", "dwr_"), &format!("{text}=")]
        {
            assert!(Unverified::parse(bad).and_then(|read| read.verify(&key(1), NOW)).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_its_key_vouches_and_only_for_a_while() {
        for scopes in [None, Some("read:items"), Some("a b c")] {
            let text = token(scopes).issue(&key(1));
            let read = || Unverified::parse(&text).unwrap();
            assert_eq!(read().verify(&key(1), NOW), Ok(token(scopes)));
            assert!(read().verify(&key(2), NOW).is_err());
            assert!(read().verify(&key(1), NOW.plus(LIFETIME)).is_err());
        }
    }

    #[test]
    fn it_dies_with_its_use_its_epoch_and_its_factor() {
        let ann = User { two_factor_enabled: true, epoch: Epoch(7), ..User::ann() };
        let judge = |user: &User, used| token(None).judge(Some(user.clone()), used);
        assert_eq!(judge(&ann, false), Ok(ann.clone()));
        assert_eq!(judge(&ann, true), Err(MfaRefusal::Dead));
        for epoch in [6, 8, 9] {
            assert_eq!(judge(&User { epoch: Epoch(epoch), ..ann.clone() }, false), Err(MfaRefusal::Dead), "{epoch}");
        }
        assert_eq!(judge(&User { two_factor_enabled: false, ..ann.clone() }, false), Err(MfaRefusal::Dead));
        for used in [true, false] {
            assert_eq!(judge(&User { disabled: true, ..ann.clone() }, used), Err(MfaRefusal::Inactive));
        }
        assert_eq!(token(None).judge(None, false), Err(MfaRefusal::Dead));
    }

    #[test]
    fn the_second_step_may_ask_for_less_and_not_for_more() {
        let granted = |first, second| token(first).scopes(&User::ann(), second).map(|scopes| scopes.to_string());
        assert_eq!(granted(None, None), Ok("read write".to_owned()));
        assert_eq!(granted(Some("read"), None), Ok("read".to_owned()));
        assert_eq!(granted(Some("read write"), Some("write")), Ok("write".to_owned()));
        assert_eq!(granted(None, Some("write")), Ok("write".to_owned()));
        for (first, second) in
            [(Some("read"), Some("write")), (Some("read"), Some("read write")), (None, Some("admin"))]
        {
            assert_eq!(granted(first, second), Err(GrantRefusal::ScopeNotAllowed), "{first:?} {second:?}");
        }
        assert_eq!(granted(Some("read admin"), None), Err(GrantRefusal::ScopeNotAllowed));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_a_forgery(at in 4usize..120, with in "[A-Za-z0-9_-]") {
            let text = token(Some("read:items")).issue(&key(1));
            let changed: String = text.char_indices().map(|(n, c)| if n == at { with.clone() } else { c.into() }).collect();
            prop_assume!(changed != text);
            prop_assert!(Unverified::parse(&changed).and_then(|read| read.verify(&key(1), NOW)).is_err());
        }

        #[test]
        fn nothing_makes_it_panic(text in "(dwm_)?\\PC{0,200}") {
            let _ = Unverified::parse(&text);
        }
    }
}
