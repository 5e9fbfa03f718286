//! Codes, secrets of authenticator apps and stored hashes: what is typed, and what an import brings.
#![no_main]

use doorward_core::password::PasswordHash;
use doorward_core::portable_factor::PortableCodes;
use doorward_core::second_factor::{OneTimeCode, RecoveryCode, RecoveryHash};
use doorward_core::totp::TotpSecret;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match OneTimeCode::typed(text) {
        OneTimeCode::Totp(code) => assert!(code < 1_000_000 && RecoveryCode::parse(text).is_err()),
        OneTimeCode::Recovery(code) => assert!(RecoveryCode::parse(&code.reveal()) == Ok(code)),
        OneTimeCode::Unreadable => assert!(RecoveryCode::parse(text).is_err()),
    }
    let secret = TotpSecret::parse(text);
    if let Ok(secret) = &secret {
        assert!(TotpSecret::parse(&secret.reveal()).as_ref() == Ok(secret));
    }
    // Whatever the names are, nothing of them gets out of its place in the address.
    let (issuer, account) = text.split_once('\n').unwrap_or((text, text));
    let uri = TotpSecret::from_random([7; 20]).otpauth_uri(issuer, account);
    let (label, query) = uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
    assert!(label.split(':').count() == 2 && label.split(':').all(|part| part.chars().all(is_plain)));
    assert_eq!(query.split('&').count(), 5);
    assert_eq!(query.matches('=').count(), 5);
    if let Ok(hash) = PasswordHash::parse(text) {
        assert_eq!(hash.as_str(), text);
    }
    if let Ok(hash) = RecoveryHash::parse(text) {
        assert_eq!(hash.as_str(), text);
    }
    let _ = PortableCodes::parse(&text.split('\n').collect::<Vec<_>>());
});
