//! A second factor on its way from one store to another, or from another system.

use crate::second_factor::{FactorSecrets, InvalidRecoveryCode, RecoveryCode, RecoveryHash};
use crate::totp::TotpSecret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeSet;

/// What an exported recovery code starts with: its hash and the key of that follow. The code itself is nowhere.
const HASHED: &str = "hmac-sha256:";
/// More than anybody has.
const MOST: usize = 100;

/// The recovery codes of one user, as they travel.
#[derive(Clone, Debug)]
pub enum PortableCodes {
    /// As another system had them.
    Plain(Vec<RecoveryCode>),
    /// As an export has them: their key, and their hashes under it.
    Hashed([u8; 32], BTreeSet<RecoveryHash>),
}

/// The texts are no recovery codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCodes {
    /// One of them is neither a code nor exported.
    #[error(transparent)]
    One(#[from] InvalidRecoveryCode),
    /// Some are codes and some exported, or exported of two users.
    #[error("must be of one kind and of one user")]
    Mixed,
    /// There are more than anybody has.
    #[error("must be at most 100")]
    TooMany,
}

impl PortableCodes {
    /// Takes what a line of an import has.
    ///
    /// # Errors
    /// When that is not it.
    pub fn parse(texts: &[&str]) -> Result<Self, InvalidCodes> {
        if texts.len() > MOST {
            return Err(InvalidCodes::TooMany);
        }
        let hashed: Vec<&str> = texts.iter().filter_map(|text| text.strip_prefix(HASHED)).collect();
        if hashed.is_empty() {
            return Ok(Self::Plain(texts.iter().map(|text| RecoveryCode::parse(text)).collect::<Result<_, _>>()?));
        }
        let pairs = hashed.iter().map(|text| read(text)).collect::<Result<Vec<_>, _>>()?;
        let key = pairs.first().map(|(key, _)| *key).unwrap_or_default();
        if pairs.len() != texts.len() || pairs.iter().any(|(other, _)| *other != key) {
            return Err(InvalidCodes::Mixed);
        }
        Ok(Self::Hashed(key, pairs.into_iter().map(|(_, hash)| hash).collect()))
    }

    /// The factor of these codes and that secret. `fresh` is the key of codes that have none yet.
    #[must_use]
    pub fn into_factor(self, totp: TotpSecret, fresh: [u8; 32]) -> (FactorSecrets, BTreeSet<RecoveryHash>) {
        match self {
            Self::Plain(codes) => {
                let secrets = FactorSecrets { totp, recovery_key: fresh };
                let hashes = codes.iter().map(|code| secrets.hash(code)).collect();
                (secrets, hashes)
            }
            Self::Hashed(recovery_key, hashes) => (FactorSecrets { totp, recovery_key }, hashes),
        }
    }
}

/// A recovery code for an export.
#[must_use]
pub fn exported(secrets: &FactorSecrets, hash: &RecoveryHash) -> String {
    format!("{HASHED}{}:{}", URL_SAFE_NO_PAD.encode(secrets.recovery_key), hash.as_str())
}

fn read(text: &str) -> Result<([u8; 32], RecoveryHash), InvalidRecoveryCode> {
    let (key, hash) = text.split_once(':').ok_or(InvalidRecoveryCode)?;
    let key = URL_SAFE_NO_PAD.decode(key).map_err(|_| InvalidRecoveryCode)?;
    Ok((key.try_into().map_err(|_| InvalidRecoveryCode)?, RecoveryHash::parse(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totp() -> TotpSecret {
        TotpSecret::from_random([1; 20])
    }

    #[test]
    fn what_is_no_list_of_codes() {
        let one = RecoveryCode::from_random([1; 10]);
        let of = |key: u8| {
            let secrets = FactorSecrets { totp: totp(), recovery_key: [key; 32] };
            exported(&secrets, &secrets.hash(&one))
        };
        for texts in [
            &["short"][..],
            &["abcd-efgh", "é"],
            &["hmac-sha256:abc"],
            &[&of(1)[..of(1).len() - 1]],
            &[&of(1), "abcd-efgh"],
            &[&of(1), &of(2)],
            &["abcdefgh"; 101],
        ] {
            assert!(PortableCodes::parse(texts).is_err(), "{texts:?}");
        }
        assert!(PortableCodes::parse(&["abcd-efgh-2345"; 100]).is_ok());
    }

    #[test]
    fn a_code_is_the_same_after_the_way() {
        let code = RecoveryCode::parse("ABCD-efgh-2345").unwrap();
        let (secrets, hashes) = PortableCodes::parse(&["abcd efgh 2345"]).unwrap().into_factor(totp(), [7; 32]);
        assert!(hashes.contains(&secrets.hash(&code)));

        let texts: Vec<String> = hashes.iter().map(|hash| exported(&secrets, hash)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (moved, hashes) = PortableCodes::parse(&texts).unwrap().into_factor(totp(), [8; 32]);
        assert!(hashes.contains(&moved.hash(&code)));
        assert!(!texts[0].contains("abcd"));
    }
}
