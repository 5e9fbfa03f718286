//! Tokens that are made wrong on purpose, each in one thing, and signed with the right key.

use super::*;
use crate::ids::RequestId;
use crate::refresh_token::Generation;
use crate::signing::Algorithm;
use crate::user::Epoch;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub(super) const SESSION: &str = "018bcfe5-6800-7000-8000-000000000000";

pub(super) struct Key {
    pub(super) pkcs8: Vec<u8>,
    pub(super) signing: SigningKey,
    pub(super) verifying: VerifyingKey,
}

impl Key {
    fn new(id: &str, algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = match algorithm {
            Algorithm::Rs256 => {
                let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
                der.as_ref().to_vec()
            }
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap().as_ref().to_vec()
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec(),
        };
        let signing = SigningKey::from_pkcs8(KeyId::parse(id).unwrap(), algorithm, &pkcs8).unwrap();
        let verifying = VerifyingKey::from_public(&signing.public()).unwrap();
        Self { pkcs8, signing, verifying }
    }
}

pub(super) static RSA: LazyLock<Key> = LazyLock::new(|| Key::new("rsa", Algorithm::Rs256));
pub(super) static EC: LazyLock<Key> = LazyLock::new(|| Key::new("ec", Algorithm::Es256));
pub(super) static ED: LazyLock<Key> = LazyLock::new(|| Key::new("ed", Algorithm::EdDsa));
pub(super) static ATTACKER: LazyLock<Key> = LazyLock::new(|| Key::new("rsa", Algorithm::Rs256));

pub(super) fn ours() -> [&'static Key; 3] {
    [&RSA, &EC, &ED]
}

pub(super) fn parties() -> Parties {
    Parties { issuer: "https://id.example".to_owned(), audience: "https://api.example".to_owned() }
}

pub(super) fn header_of(key: &Key) -> Value {
    json!({ "alg": key.signing.algorithm.as_str(), "typ": "at+jwt", "kid": key.signing.id.as_str() })
}

pub(super) fn header() -> Value {
    header_of(&RSA)
}

pub(super) fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "ann", "aud": "https://api.example", "client_id": "doorward",
        "iat": NOW.seconds(), "nbf": NOW.seconds(), "exp": NOW.seconds() + 900, "jti": "t1", "sid": SESSION,
        "scope": "read:items write:items", "roles": ["user"], "permissions": ["read:users"], "amr": ["pwd"],
        "auth_time": NOW.seconds() - 60,
    })
}

/// Who `claims` are about.
pub(super) fn user() -> User {
    User {
        permissions: ScopeSet::parse("read:users").unwrap(),
        scopes: ScopeSet::parse("read:items write:items").unwrap(),
        epoch: Epoch(0),
        created_at: NOW,
        ..User::ann()
    }
}

/// The login that `claims` are about.
pub(super) fn session() -> Session {
    Session {
        id: SessionId::parse(SESSION).unwrap(),
        user: user().id,
        generation: Generation(0),
        rotated_at: NOW,
        rotated_by: RequestId::parse("r1").unwrap(),
        epoch: Epoch(0),
        auth_time: NOW.minus(Duration::from_mins(1)),
        amr: vec![Amr::Pwd],
        scopes: user().scopes,
        key: KeyId::parse("refresh").unwrap(),
        created_at: NOW,
        ends_at: NOW.plus(Duration::from_hours(1)),
        revoked_at: None,
        address: String::new(),
        user_agent: String::new(),
    }
}

/// A client of its own, and no user behind it.
pub(super) const CLIENT: &str = "ann.0123456789abcdef";

pub(super) fn client_claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": CLIENT, "aud": "https://api.example", "client_id": CLIENT,
        "iat": NOW.seconds(), "nbf": NOW.seconds(), "exp": NOW.seconds() + 900, "jti": "t1",
        "scope": "read:items write:items",
    })
}

pub(super) fn with(mut object: Value, member: &str, value: impl Into<Value>) -> Value {
    object[member] = value.into();
    object
}

pub(super) fn without(mut object: Value, member: &str) -> Value {
    object.as_object_mut().unwrap().remove(member).unwrap();
    object
}

/// `object` with a member in front that need not be valid JSON, and may stand there again.
pub(super) fn raw(object: &Value, member: &str) -> String {
    object.to_string().replacen('{', &format!("{{{member},"), 1)
}

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Two parts, whatever they are, with the signature that fits.
pub(super) fn seal(header: &str, claims: &str, key: &Key) -> String {
    let signed = format!("{header}.{claims}");
    let signature = key.signing.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{signature}")
}

#[allow(clippy::needless_pass_by_value)] // Most are made in the call.
pub(super) fn forge(header: impl ToString, claims: impl ToString, key: &Key) -> String {
    seal(&b64(header.to_string()), &b64(claims.to_string()), key)
}

pub(super) fn good() -> String {
    forge(header(), claims(), &RSA)
}

/// Judges a token as the callers do: by the key that it names. One that names none of ours is tried with `RSA` all the same.
pub(super) fn judge(token: &str, now: Timestamp) -> Result<AccessToken, InvalidAccessToken> {
    let unverified = Unverified::parse(token)?;
    let named = ours().into_iter().find(|key| key.verifying.id == *unverified.key_id());
    unverified.verify(&named.unwrap_or(&RSA).verifying, &parties(), now)
}

#[track_caller]
pub(super) fn refused(token: &str, what: impl std::fmt::Debug) {
    assert_eq!(judge(token, NOW), Err(InvalidAccessToken), "{what:?}");
}

#[track_caller]
pub(super) fn accepted(token: &str, what: impl std::fmt::Debug) {
    assert!(judge(token, NOW).is_ok(), "{what:?}");
}

/// No token passes whose header has one of `values` there.
#[track_caller]
pub(super) fn refused_in_header(name: &str, values: &Value) {
    for value in values.as_array().unwrap() {
        refused(&forge(with(header(), name, value.clone()), claims(), &RSA), (name, value));
    }
}

/// No token passes whose claims have one of `values` there.
#[track_caller]
pub(super) fn refused_in_claims(name: &str, values: &Value) {
    for value in values.as_array().unwrap() {
        refused(&forge(header(), with(claims(), name, value.clone()), &RSA), (name, value));
    }
}
