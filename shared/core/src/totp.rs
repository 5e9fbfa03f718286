//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 seconds, which is what every authenticator app
//! computes.

use crate::clock::Timestamp;
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Seconds that a code is shown.
const PERIOD: i64 = 30;

/// So many periods after the epoch: the counter that a code is computed from (RFC 6238 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub u64);

impl Step {
    /// The step of a moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.seconds().div_euclid(PERIOD)).unwrap_or(0))
    }

    /// This one, the one before and the one after: a phone's clock is not ours, and a code takes its time to be typed
    /// (RFC 6238 §5.2).
    fn and_neighbours(self) -> impl Iterator<Item = Self> {
        (self.0.saturating_sub(1)..=self.0.saturating_add(1)).map(Self)
    }
}

/// The text is no secret of an authenticator app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 80 to 512 bits in base32")]
pub struct InvalidTotpSecret;

/// What an authenticator app and Doorward share. Nothing shows it but [`TotpSecret::reveal`].
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A new secret of 160 bits, as long as the hash (RFC 4226 §4, R6).
    #[must_use]
    pub fn from_random(random: [u8; 20]) -> Self {
        Self(random.to_vec())
    }

    /// Takes a secret as apps show it: base32 (RFC 4648 §6) in either case, with spaces or padding if need be. Secrets of
    /// other systems may be shorter or longer than ours.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidTotpSecret> {
        let plain: String = text.trim_end_matches('=').chars().filter(|c| *c != ' ').collect();
        let bytes = BASE32_NOPAD.decode(plain.to_ascii_uppercase().as_bytes()).map_err(|_| InvalidTotpSecret)?;
        Self::from_bytes(bytes)
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidTotpSecret> {
        if (10..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidTotpSecret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret in base32, for its owner's app.
    #[must_use]
    pub fn reveal(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// The code of a step (RFC 4226 §5.3).
    #[must_use]
    pub fn code(&self, step: Step) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.0.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 0x0f);
        let truncated = tag[offset..offset + 4].iter().fold(0, |all, byte| (all << 8) | u32::from(*byte));
        (truncated & 0x7fff_ffff) % 1_000_000
    }

    /// The step that a code is of, if it is of one around `now` and after `last`, the last one that was accepted.
    #[must_use]
    pub fn matching_step(&self, code: u32, now: Timestamp, last: Option<Step>) -> Option<Step> {
        // All three are computed, whichever fits.
        let matching: Vec<_> = Step::at(now).and_neighbours().filter(|step| self.code(*step) == code).collect();
        matching.into_iter().find(|step| last.is_none_or(|last| *step > last))
    }

    /// The address that an app takes from a QR code (Google Authenticator's "Key Uri Format").
    #[must_use]
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> String {
        let encoded = |text| utf8_percent_encode(text, RESERVED);
        let (issuer, account) = (encoded(issuer), encoded(account));
        let secret = self.reveal();
        format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// All but the unreserved (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn secret() -> TotpSecret {
        TotpSecret(b"12345678901234567890".to_vec())
    }

    #[test]
    fn what_is_no_secret() {
        for text in ["", "A", "JBSWY3DPEHPK3PX", "1BSWY3DPEHPK3PXP", "JBSWY3DP-EHPK3PXP", &"A".repeat(104)] {
            assert_eq!(TotpSecret::parse(text), Err(InvalidTotpSecret), "{text}");
        }
        for text in ["JBSWY3DPEHPK3PXP", "jbsw y3dp ehpk 3pxp", "JBSWY3DPEHPK3PXP===="] {
            assert_eq!(TotpSecret::parse(text).unwrap().reveal(), "JBSWY3DPEHPK3PXP", "{text}");
        }
    }

    /// RFC 6238, appendix B, to six digits.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(secret().code(Step::at(Timestamp::from_seconds(seconds))), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_more_on_either_side_and_once() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let (step, code) = (Step::at(now), secret().code(Step::at(now)));
        for (seconds, found) in [(-31, None), (-30, Some(step)), (0, Some(step)), (59, Some(step)), (60, None)] {
            let at = Timestamp::from_seconds(now.seconds() + seconds);
            assert_eq!(secret().matching_step(code, at, None), found, "{seconds}");
        }
        assert_eq!(secret().matching_step(code, now, Some(step)), None);
        assert_eq!(secret().matching_step(code, now, Some(Step(step.0 - 1))), Some(step));
        let older = secret().code(Step(step.0 - 1));
        assert_eq!(secret().matching_step(older, now, Some(step)), None);
        assert_eq!(secret().matching_step(code, now.plus(Duration::from_secs(29)), Some(step)), None);
    }

    #[test]
    fn an_app_reads_what_stands_in_the_address() {
        let uri = secret().otpauth_uri("Own & Co", "ann@example.com");
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let expected = "otpauth://totp/Own%20%26%20Co:ann%40example.com?secret=".to_owned()
            + secret
            + "&issuer=Own%20%26%20Co&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri, expected);
    }

    proptest! {
        #[test]
        fn a_secret_is_read_as_it_is_shown(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "\\PC{0,40}|[A-Z2-7a-z =]{0,110}") {
            let shown = BASE32_NOPAD.encode(&bytes);
            prop_assert_eq!(TotpSecret::parse(&shown).ok(), TotpSecret::from_bytes(bytes).ok());
            if let Ok(secret) = TotpSecret::parse(&text) {
                prop_assert_eq!(TotpSecret::parse(&secret.reveal()), Ok(secret));
            }
        }

        #[test]
        fn no_name_gets_out_of_its_place_in_the_address(issuer in "\\PC{0,30}|\\p{any}{0,8}", account in "\\PC{0,30}|[&?#/:%=]{0,8}") {
            let uri = secret().otpauth_uri(&issuer, &account);
            let (label, query) = uri.strip_prefix("otpauth://totp/").and_then(|rest| rest.split_once('?')).unwrap();
            let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().unwrap().into_owned();
            let (label_issuer, label_account) = label.split_once(':').unwrap();
            prop_assert_eq!((decoded(label_issuer), decoded(label_account)), (issuer.clone(), account));
            let members: Vec<_> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
            prop_assert_eq!(members.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["secret", "issuer", "algorithm", "digits", "period"]);
            prop_assert_eq!(decoded(members[1].1), issuer);
        }
    }
}
