//! The verifier: of what our key did not sign nothing passes, and of what it did only what is an access token.
#![no_main]

use doorward_core::access_token::{AccessToken, InvalidAccessToken, Parties, Subject, Unverified};
use doorward_core::clock::Timestamp;
use doorward_core::ids::KeyId;
use doorward_core::signing::{Algorithm, SigningKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const HEADER: &str = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"ed"}"#;
/// An Ed25519 key of 32 zeros (RFC 8410 §7).
const PKCS8: [u8; 48] = {
    let mut der = [0; 48];
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut n = 0;
    while n < head.len() {
        der[n] = head[n];
        n += 1;
    }
    der
};

static KEY: LazyLock<(SigningKey, VerifyingKey)> = LazyLock::new(|| {
    let signing = SigningKey::from_pkcs8(KeyId::parse("ed").unwrap(), Algorithm::EdDsa, &PKCS8).unwrap();
    let verifying = VerifyingKey::from_public(&signing.public()).unwrap();
    (signing, verifying)
});
static PARTIES: LazyLock<Parties> =
    LazyLock::new(|| Parties { issuer: "https://id.example".to_owned(), audience: "https://api.example".to_owned() });

fn judge(text: &str) -> Result<AccessToken, InvalidAccessToken> {
    Unverified::parse(text)?.verify(&KEY.1, &PARTIES, NOW)
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |all, byte| (all << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        text.extend((0..=chunk.len()).map(|n| char::from(ALPHABET[(bits >> (18 - 6 * n) & 63) as usize])));
    }
    text
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let signature = KEY.0.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{signature}")
}

/// What the token says, by a reader that knows nothing of tokens. It wants sense of members that the verifier passes over, such
/// as numbers without an end; whatever was signed is UTF-8.
fn confirm(token: &AccessToken, header: &[u8], claims: &[u8]) {
    let [header, claims] = [header, claims].map(|part| std::str::from_utf8(part).unwrap());
    let [Ok(header), Ok(claims)]: [Result<Value, _>; 2] = [header, claims].map(serde_json::from_str) else { return };
    assert_eq!([&header["alg"], &header["typ"], &header["kid"]], ["EdDSA", "at+jwt", "ed"]);
    assert!(header.get("crit").is_none());
    assert_eq!([&claims["iss"], &claims["aud"]], ["https://id.example", "https://api.example"]);
    assert!(claims["exp"].as_i64().unwrap() > NOW.seconds());
    assert!(["iat", "nbf"].iter().all(|name| claims[name].as_i64().unwrap() <= NOW.seconds() + 5));
    let login = ["sid", "roles", "permissions", "amr", "auth_time"].map(|name| claims.get(name).is_some());
    match &token.subject {
        Subject::User(user, session) => {
            assert_eq!(login, [true; 5]);
            assert_eq!(
                [&claims["sub"], &claims["sid"], &claims["client_id"]],
                [user.as_str(), &session.to_string(), "doorward"]
            );
        }
        Subject::Client(client) => {
            assert_eq!(login, [false; 5]);
            let id = client.to_string();
            assert_eq!([&claims["sub"], &claims["client_id"]], [id.as_str(), &id]);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    // A text that claims to be a token. A signature of this key is not to be had.
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(judge(text).is_err());
    }
    // Claims, or a header and claims, that are signed as they are.
    let (header, claims) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (HEADER.as_bytes(), data),
    };
    let text = signed(header, claims);
    if let Ok(token) = judge(&text) {
        confirm(&token, header, claims);
        // And then not one character is too many.
        assert!(judge(&format!("{text}A")).is_err());
        assert!(judge(&text[..text.len() - 1]).is_err());
    }
});
