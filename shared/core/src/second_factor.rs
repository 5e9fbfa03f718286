//! Second factors: codes of an authenticator app, recovery codes, and the one budget of wrong ones that both have.

use crate::clock::Timestamp;
use crate::ids::{KeyId, UserId};
use crate::totp::{Step, TotpSecret};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// So many recovery codes are given at a time.
pub const RECOVERY_CODES: usize = 10;

/// How long a new secret waits for its first code.
pub const PENDING_FOR: Duration = Duration::from_mins(10);

/// A code as somebody typed it.
#[derive(Clone)]
pub enum OneTimeCode {
    /// Six digits: of an authenticator app.
    Totp(u32),
    /// A recovery code.
    Recovery(RecoveryCode),
    /// Neither: a wrong code.
    Unreadable,
}

impl OneTimeCode {
    /// Takes what was typed; spaces and hyphens are for the eye.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let plain = without_spacing(text);
        if plain.len() == 6 && plain.bytes().all(|b| b.is_ascii_digit()) {
            return plain.parse().map_or(Self::Unreadable, Self::Totp);
        }
        RecoveryCode::parse(text).map_or(Self::Unreadable, Self::Recovery)
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

fn without_spacing(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

/// The text is no recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 8 to 64 letters and digits, spaces and hyphens aside")]
pub struct InvalidRecoveryCode;

/// A recovery code as its owner keeps it. Nothing shows it but [`RecoveryCode::reveal`].
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// A new code of 80 bits.
    #[must_use]
    pub fn from_random(random: [u8; 10]) -> Self {
        Self(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
    }

    /// Takes a code, in either case. Those of other systems may be shorter or longer than ours.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidRecoveryCode> {
        let plain = without_spacing(text).to_ascii_lowercase();
        let is_code = (8..=64).contains(&plain.len()) && plain.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_code { Ok(Self(plain)) } else { Err(InvalidRecoveryCode) }
    }

    /// The code for its owner, in groups of four.
    #[must_use]
    pub fn reveal(&self) -> String {
        let groups: Vec<_> = self.0.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group)).collect();
        groups.join("-")
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// What is kept of a recovery code: its HMAC-SHA-256, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecoveryHash(String);

impl RecoveryHash {
    /// Takes what was kept.
    ///
    /// # Errors
    /// When it is no HMAC-SHA-256.
    pub fn parse(text: &str) -> Result<Self, InvalidRecoveryCode> {
        let is_hash = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        if is_hash { Ok(Self(text.to_owned())) } else { Err(InvalidRecoveryCode) }
    }

    /// As it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a second factor is made of, opened: the app's secret, and the key of the recovery codes' hashes. That one is the
/// factor's own and not the installation's, so that a factor can move to another store with its codes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FactorSecrets {
    /// What the authenticator app has too.
    pub totp: TotpSecret,
    /// What recovery codes are hashed with.
    pub recovery_key: [u8; 32],
}

impl FactorSecrets {
    /// What is kept of a recovery code.
    #[must_use]
    pub fn hash(&self, code: &RecoveryCode) -> RecoveryHash {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.recovery_key);
        RecoveryHash(URL_SAFE_NO_PAD.encode(hmac::sign(&key, code.0.as_bytes())))
    }
}

impl fmt::Debug for FactorSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactorSecrets(…)")
    }
}

/// [`FactorSecrets`] as they are kept, by the key that seals them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFactor {
    /// Which key.
    pub key: KeyId,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// A second factor as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose it is.
    pub user: UserId,
    /// What logins ask for; `None` until the first code of a new secret.
    pub live: Option<SealedFactor>,
    /// A new secret, and until when it waits for its first code.
    pub pending: Option<(SealedFactor, Timestamp)>,
    /// The last step that was accepted.
    pub last_step: Option<Step>,
    /// The recovery codes that are left.
    pub recovery: BTreeSet<RecoveryHash>,
    /// The wrong codes.
    pub wrong: WrongCodes,
}

impl SecondFactor {
    /// The new secret, if it still waits.
    #[must_use]
    pub fn waiting(&self, now: Timestamp) -> Option<&SealedFactor> {
        self.pending.as_ref().filter(|(_, until)| now < *until).map(|(sealed, _)| sealed)
    }
}

/// So many wrong codes in so long a time, and no code is looked at until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRate {
    /// How many.
    pub most: u32,
    /// How long.
    pub window: Duration,
}

/// Wrong codes, as they are counted: one budget for an account, on whichever route and of whichever factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrongCodes {
    /// How many in the window.
    pub count: u32,
    /// When the window ends; it began with the first of them.
    pub window_ends_at: Option<Timestamp>,
}

impl WrongCodes {
    /// Those that count still.
    #[must_use]
    pub fn remembered(self, now: Timestamp) -> Self {
        if self.window_ends_at.is_some_and(|end| now < end) { self } else { Self::default() }
    }

    /// Whether no code is looked at for now, and until when.
    #[must_use]
    pub fn block(self, rate: CodeRate, now: Timestamp) -> Option<Timestamp> {
        let remembered = self.remembered(now);
        remembered.window_ends_at.filter(|_| remembered.count >= rate.most)
    }

    fn and_one_more(self, rate: CodeRate, now: Timestamp) -> Self {
        let Self { count, window_ends_at } = self.remembered(now);
        Self { count: count.saturating_add(1), window_ends_at: Some(window_ends_at.unwrap_or(now.plus(rate.window))) }
    }
}

/// What a right code uses up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spent {
    /// A step of the live secret: it and all before it are over.
    Step(Step),
    /// A recovery code.
    Recovery(RecoveryHash),
    /// The first step of the new secret, which is the live one from now on.
    First(Step),
}

/// What a code comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    /// It is right, and uses this up.
    Right(Spent),
    /// It is wrong: that makes these.
    Wrong(WrongCodes),
    /// There were too many wrong ones: until then whatever it is, it is refused and not counted.
    Blocked(Timestamp),
}

/// The secrets of a factor by which a code is judged.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Of the live one.
    pub live: Option<FactorSecrets>,
    /// Of the new one, where its first code is asked for.
    pub pending: Option<FactorSecrets>,
}

/// Judges a code.
#[must_use]
pub fn judge_code(
    factor: &SecondFactor,
    opened: &Opened,
    code: &OneTimeCode,
    rate: CodeRate,
    now: Timestamp,
) -> CodeVerdict {
    if let Some(until) = factor.wrong.block(rate, now) {
        return CodeVerdict::Blocked(until);
    }
    let (live, pending) = (opened.live.as_ref(), opened.pending.as_ref());
    let spent = match code {
        OneTimeCode::Totp(code) => pending
            .and_then(|secrets| secrets.totp.matching_step(*code, now, None).map(Spent::First))
            .or_else(|| live?.totp.matching_step(*code, now, factor.last_step).map(Spent::Step)),
        OneTimeCode::Recovery(code) => {
            let hash = live.map(|secrets| secrets.hash(code));
            hash.filter(|hash| factor.recovery.contains(hash)).map(Spent::Recovery)
        }
        OneTimeCode::Unreadable => None,
    };
    spent.map_or_else(|| CodeVerdict::Wrong(factor.wrong.and_one_more(rate, now)), CodeVerdict::Right)
}

#[cfg(test)]
#[path = "second_factor_tests.rs"]
mod tests;
