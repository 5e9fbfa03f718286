//! Refresh tokens, `mfa_token`s, API keys and cursors: what is taken is to the byte what would be given.
#![no_main]

use doorward_core::api_key::{ApiKeyId, PlainKey};
use doorward_core::clock::Timestamp;
use doorward_core::cursor;
use doorward_core::ids::KeyId;
use doorward_core::mfa_token;
use doorward_core::refresh_token::{self, RefreshKey};
use doorward_core::seal_key::SealKey;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn id() -> KeyId {
    KeyId::parse("k1").unwrap()
}

static REFRESH: LazyLock<RefreshKey> = LazyLock::new(|| RefreshKey::new(id(), &[7; 32]));
static SEAL: LazyLock<SealKey> = LazyLock::new(|| SealKey::new(id(), &[7; 32]).unwrap());

fuzz_target!(|text: &str| {
    if let Ok(token) = refresh_token::Unverified::parse(text).and_then(|read| read.verify(&REFRESH)) {
        assert_eq!(REFRESH.issue(&token.user, token.session, token.generation).reveal(), text);
    }
    if let Ok(token) = mfa_token::Unverified::parse(text).and_then(|read| read.verify(&SEAL, NOW)) {
        assert!(token.expires_at > NOW);
        assert_eq!(token.issue(&SEAL), text);
    }
    if let Ok(key) = PlainKey::parse(text) {
        assert_eq!(key.reveal(), text);
        assert_eq!(ApiKeyId::parse(&key.id().to_string()).as_ref(), Ok(key.id()));
    }
    if let Ok(user) = cursor::parse(text) {
        assert_eq!(cursor::after(&user), text);
    }
});
