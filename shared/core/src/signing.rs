//! Keys that sign access tokens, and their public halves.

use crate::ids::KeyId;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How access tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the only one that API Gateway's JWT authorizer accepts.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Takes the name that JWTs have for it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::EdDsa].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The name that JWTs have for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The bytes are no key of that algorithm, or a signature could not be made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable key")]
pub struct UnusableKey;

const P_256: &str = "P-256";
const ED_25519: &str = "Ed25519";

/// A point is this, x and y (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key that signs access tokens.
pub struct SigningKey {
    /// What tokens name it by.
    pub id: KeyId,
    /// How it signs.
    pub algorithm: Algorithm,
    pair: Pair,
}

impl SigningKey {
    /// Takes a private key in PKCS #8 (RFC 5958).
    ///
    /// # Errors
    /// When the bytes are no such key of that algorithm.
    pub fn from_pkcs8(id: KeyId, algorithm: Algorithm, der: &[u8]) -> Result<Self, UnusableKey> {
        let pair = match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ec),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed),
        };
        Ok(Self { id, algorithm, pair: pair.map_err(|_| UnusableKey)? })
    }

    /// The signature of `message`, in base64url as a JWS has it (RFC 7515 §3.1).
    ///
    /// # Errors
    /// When the library refuses; it has no reason to.
    pub fn sign(&self, message: &[u8]) -> Result<String, UnusableKey> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| UnusableKey)?;
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).map_err(|_| UnusableKey)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        };
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half, as it is published.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let members = match &self.pair {
            Pair::Rsa(pair) => KeyMembers::Rsa {
                n: encode(pair.public_key().modulus().big_endian_without_leading_zero()),
                e: encode(pair.public_key().exponent().big_endian_without_leading_zero()),
            },
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                KeyMembers::Ec { crv: P_256.to_owned(), x: encode(&point[1..33]), y: encode(&point[33..65]) }
            }
            Pair::Ed(pair) => KeyMembers::Okp { crv: ED_25519.to_owned(), x: encode(pair.public_key().as_ref()) },
        };
        PublicKey {
            kid: self.id.to_string(),
            usage: "sig".to_owned(),
            alg: self.algorithm.as_str().to_owned(),
            members,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {:?})", self.id, self.algorithm)
    }
}

/// A key as the JWK set publishes it (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): public members and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
    #[serde(flatten)]
    members: KeyMembers,
}

impl PublicKey {
    /// `alg`: how it signs.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.alg
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
enum KeyMembers {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

/// A key that access tokens are verified with.
#[derive(Clone)]
pub struct VerifyingKey {
    /// What tokens name it by.
    pub id: KeyId,
    /// How it signs: a token that says otherwise is refused.
    pub algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Takes a published key.
    ///
    /// # Errors
    /// When its members are not those of a key that Doorward signs with.
    pub fn from_public(public: &PublicKey) -> Result<Self, UnusableKey> {
        let id = KeyId::parse(&public.kid).map_err(|_| UnusableKey)?;
        let algorithm = Algorithm::parse(&public.alg).ok_or(UnusableKey)?;
        let key = match (algorithm, &public.members) {
            (Algorithm::Rs256, KeyMembers::Rsa { n, e }) => {
                let components = RsaPublicKeyComponents { n: decoded(n)?, e: decoded(e)? };
                components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            (Algorithm::Es256, KeyMembers::Ec { crv, x, y }) if crv == P_256 => {
                let point = [&[UNCOMPRESSED], coordinate(x)?.as_slice(), coordinate(y)?.as_slice()].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            (Algorithm::EdDsa, KeyMembers::Okp { crv, x }) if crv == ED_25519 => {
                ParsedPublicKey::new(&ED25519, coordinate(x)?)
            }
            _ => return Err(UnusableKey),
        };
        Ok(Self { id, algorithm, key: key.map_err(|_| UnusableKey)? })
    }

    /// Whether `signature` (base64url) is this key's of `message`.
    #[must_use]
    pub fn verifies(&self, signature: &str, message: &[u8]) -> bool {
        decoded(signature).is_ok_and(|signature| self.key.verify_sig(message, &signature).is_ok())
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, UnusableKey> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| UnusableKey)
}

fn coordinate(text: &str) -> Result<[u8; 32], UnusableKey> {
    decoded(text)?.try_into().map_err(|_| UnusableKey)
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, {:?})", self.id, self.algorithm)
    }
}
