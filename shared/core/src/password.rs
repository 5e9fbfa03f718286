//! Passwords: what a person knows, and what is kept of it.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::fmt;
use std::hint::black_box;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password as somebody typed it. Nothing shows it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password {
    /// In NFC.
    text: String,
    /// The bytes that came, where they are others: hashes that somebody brought along may have been made of such.
    typed: Option<String>,
}

/// A password that may be set: long enough and not among the common ones.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// Why a password may not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer characters than asked for.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// More than [`Password::MAX_BYTES`].
    #[error("must have at most 1024 bytes")]
    TooLong,
    /// One of those that are tried first.
    #[error("is one of the most common passwords")]
    Common,
}

impl Password {
    /// The longest password that may be set, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 1024;

    /// Takes what somebody typed, whatever it is: a wrong password is refused by its hash and by nothing else.
    #[must_use]
    pub fn typed(mut typed: String) -> Self {
        let text: String = typed.nfc().collect();
        if text != typed {
            return Self { text, typed: Some(typed) };
        }
        typed.zeroize();
        Self { text, typed: None }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl NewPassword {
    /// Takes a password that somebody wants to have; `minimum` is in characters after NFC (NIST SP 800-63B §3.1.1.2).
    ///
    /// # Errors
    /// When it is too short, too long or too common.
    pub fn parse(text: &str, minimum: usize) -> Result<Self, WeakPassword> {
        let password = Password::typed(text.to_owned());
        if password.text.len() > Password::MAX_BYTES {
            Err(WeakPassword::TooLong)
        } else if password.text.chars().count() < minimum {
            Err(WeakPassword::TooShort(minimum))
        } else if is_common(&password.text) {
            Err(WeakPassword::Common)
        } else {
            Ok(Self(password))
        }
    }

    /// The password itself.
    #[must_use]
    pub fn password(&self) -> &Password {
        &self.0
    }
}

/// Sorted, lower case, eight characters and more.
const COMMON: &str = include_str!("common-passwords.txt");

fn is_common(password: &str) -> bool {
    let mut lower = password.to_lowercase();
    // The list is one sorted text: halve it by bytes, then step to the start of a line.
    let (mut low, mut high) = (0, COMMON.len());
    let mut found = false;
    while low < high && !found {
        let middle = usize::midpoint(low, high);
        let start = COMMON.as_bytes()[..middle].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let end = COMMON.as_bytes()[middle..].iter().position(|&b| b == b'\n').map_or(COMMON.len(), |at| middle + at);
        match COMMON[start..end].cmp(&lower) {
            std::cmp::Ordering::Equal => found = true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    lower.zeroize();
    found
}

/// How much work a new hash is (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl HashCost {
    /// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane. The least that a deployed service may have.
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// Takes a cost within what [`PasswordHash::parse`] verifies; `None` beyond it.
    #[must_use]
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let cost = Self { memory_kib, passes, lanes };
        (cost.is_bearable() && Params::new(memory_kib, passes, lanes, None).is_ok()).then_some(cost)
    }

    /// At most 64 MiB, 10 passes and 4 lanes: more would be a hash that holds up everybody else's.
    fn is_bearable(self) -> bool {
        self.memory_kib <= 65_536 && self.passes <= 10 && self.lanes <= 4
    }

    /// Whether this cost is in nothing below `floor`.
    #[must_use]
    pub fn reaches(self, floor: Self) -> bool {
        self.memory_kib >= floor.memory_kib && self.passes >= floor.passes && self.lanes >= floor.lanes
    }
}

/// As a PHC string has it.
impl fmt::Display for HashCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

/// What is kept of a password: a PHC string of Argon2, or a bcrypt hash that somebody brought along.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The text is no hash that can be verified within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHash {
    /// It is of another kind, malformed, or too much work.
    #[error("must be a bcrypt hash of cost 4 to 14 or an Argon2 hash of at most 64 MiB, 10 passes and 4 lanes")]
    Beyond,
    /// The salt or the output of an Argon2 hash is too short to be safe, or too long.
    #[error("must, if it is an Argon2 hash, have a salt of 8 to 48 bytes and an output of 16 to 64")]
    Length,
}

enum Scheme<'a> {
    Argon2 { argon2: Box<Argon2<'static>>, cost: HashCost, salt: phc::Salt, output: phc::Output, id: bool },
    Bcrypt(&'a str),
}

impl PasswordHash {
    /// Takes a stored or imported hash.
    ///
    /// # Errors
    /// When it is of another kind, malformed, or more work than [`HashCost`] and bcrypt's cost 14 allow.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        match scheme(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None if has_other_lengths(text) => Err(InvalidHash::Length),
            None => Err(InvalidHash::Beyond),
        }
    }

    /// A hash of this cost that no password has.
    fn unmatchable(cost: HashCost) -> Self {
        // No preimage of 256 zero bits is known, nor will one be found.
        Self(phc(cost, &[0; 16], &[0; 32]))
    }

    /// The stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a right password should be hashed anew, because this hash is not of the kind and cost that new ones are.
    #[must_use]
    pub fn is_outdated(&self, wanted: HashCost) -> bool {
        !matches!(scheme(&self.0), Some(Scheme::Argon2 { cost, id: true, .. }) if cost == wanted)
    }

    /// Bcrypt's cost is of another kind.
    fn may_be_less_work_than(&self, wanted: HashCost) -> bool {
        !matches!(scheme(&self.0), Some(Scheme::Argon2 { cost, .. }) if cost.reaches(wanted))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

fn phc(cost: HashCost, salt: &[u8], output: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD;
    let HashCost { memory_kib, passes, lanes } = cost;
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${}", base64.encode(salt), base64.encode(output))
}

fn scheme(text: &str) -> Option<Scheme<'_>> {
    if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
        let parts: bcrypt::HashParts = text.parse().ok()?;
        // A sign in front of a digit is a number to the parser.
        let is_number = text.get(4..6).is_some_and(|cost| cost.bytes().all(|byte| byte.is_ascii_digit()));
        return (text.len() == 60 && is_number && (4..=14).contains(&parts.get_cost())).then_some(Scheme::Bcrypt(text));
    }
    let hash = phc::PasswordHash::new(text).ok()?;
    let algorithm = Algorithm::new(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
    if hash.params.iter().any(|(name, _)| !matches!(name.as_str(), "m" | "t" | "p")) {
        return None;
    }
    let number = |name: &str| hash.params.get_decimal(name);
    let cost = HashCost { memory_kib: number("m")?, passes: number("t")?, lanes: number("p")? };
    let (salt, output) = (hash.salt?, hash.hash?);
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(output.len())).ok()?;
    // A shorter output would be guessed; a shorter salt is refused by the hash function itself.
    (cost.is_bearable() && output.len() >= 16 && salt.len() >= argon2::MIN_SALT_LEN).then(|| Scheme::Argon2 {
        argon2: Box::new(Argon2::new(algorithm, version, params)),
        cost,
        salt,
        output,
        id: algorithm == Algorithm::Argon2id && version == Version::V0x13,
    })
}

/// Whether it is an Argon2 hash whose salt or output, in base64, is shorter or longer than those that are verified.
fn has_other_lengths(text: &str) -> bool {
    let mut parts = text.rsplit('$');
    let mut length = || parts.next().map_or(0, str::len);
    let (output, salt) = (length(), length());
    let is_argon2 = text.starts_with("$argon2") && parts.next().is_some_and(|params| params.starts_with("m="));
    is_argon2 && !((11..=64).contains(&salt) && (22..=86).contains(&output))
}

/// The memory that Argon2 fills, kept for the next hash: fresh pages would be a third of the hash's time.
#[derive(Default)]
pub struct Workspace(Vec<Block>);

impl Workspace {
    fn of(&mut self, params: &Params) -> &mut [Block] {
        let blocks = params.block_count();
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::new());
        }
        &mut self.0[..blocks]
    }

    /// Hashes a password that may be set.
    ///
    /// # Errors
    /// When Argon2 refuses the cost, which [`HashCost::new`] has ruled out.
    pub fn hash(&mut self, password: &Password, salt: [u8; 16], cost: HashCost) -> Result<PasswordHash, argon2::Error> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut output = [0; 32];
        argon2.hash_password_into_with_memory(
            password.text.as_bytes(),
            &salt,
            &mut output,
            self.of(argon2.params()),
        )?;
        Ok(PasswordHash(phc(cost, &salt, &output)))
    }

    /// Whether `password` is the one of somebody's hash, of which there may be none. That takes no less time than a hash of that
    /// cost: nobody is known to be there by a quick answer.
    #[must_use]
    pub fn judge(&mut self, password: &Password, hash: Option<&PasswordHash>, cost: HashCost) -> bool {
        let is_right = hash.is_some_and(|hash| self.verify(password, hash));
        if hash.is_none_or(|hash| hash.may_be_less_work_than(cost)) {
            black_box(self.verify(password, &PasswordHash::unmatchable(cost)));
        }
        is_right
    }

    /// Whether `password` is the one that `hash` was made from, in NFC or as it was typed. The time does not depend on the answer.
    fn verify(&mut self, password: &Password, hash: &PasswordHash) -> bool {
        let is_right = self.is_made_of(&password.text, hash);
        password.typed.as_ref().is_some_and(|typed| self.is_made_of(typed, hash)) || is_right
    }

    fn is_made_of(&mut self, password: &str, hash: &PasswordHash) -> bool {
        let fits = password.len() <= Password::MAX_BYTES;
        match scheme(&hash.0) {
            Some(Scheme::Argon2 { argon2, salt, output, .. }) => {
                let mut computed = vec![0; output.len()];
                let done = argon2.hash_password_into_with_memory(
                    password.as_bytes(),
                    salt.as_ref(),
                    &mut computed,
                    self.of(argon2.params()),
                );
                let same = aws_lc_rs::constant_time::verify_slices_are_equal(&computed, output.as_bytes()).is_ok();
                done.is_ok() && same && fits
            }
            Some(Scheme::Bcrypt(text)) => {
                // bcrypt reads 72 bytes and takes the key for endless, with a zero byte between its repetitions: a longer
                // password and one with a zero byte would be right for passwords that they are not (CVE-2025-22228).
                let whole = password.len() <= 72 && !password.as_bytes().contains(&0);
                bcrypt::verify(password.as_bytes(), text).unwrap_or(false) && whole
            }
            None => false,
        }
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
