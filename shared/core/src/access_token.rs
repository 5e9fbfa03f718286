//! Access tokens: JWTs by RFC 9068, and the one strict verifier.

use crate::clock::Timestamp;
use crate::ids::{KeyId, SessionId, TokenId, UserId};
use crate::scope::ScopeSet;
use crate::session::{Amr, Session};
use crate::signing::{SigningKey, UnusableKey, VerifyingKey};
use crate::user::User;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `typ` of an access token (RFC 9068 §2.1).
const TYP: &str = "at+jwt";
/// `client_id` of the tokens that a user's own login makes.
const FIRST_PARTY: &str = "doorward";
/// How far another clock may be ahead of this one.
const LEEWAY: Duration = Duration::from_secs(5);
/// The longest token that is read at all: rights of 2 048 bytes each fit in easily.
const MAX_BYTES: usize = 16 * 1024;

/// Who makes the tokens and whom they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// `iss` (RFC 7519 §4.1.1).
    pub issuer: String,
    /// `aud` (RFC 7519 §4.1.3), one string.
    pub audience: String,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// `jti`.
    pub id: TokenId,
    /// `sub`.
    pub user: UserId,
    /// `sid`.
    pub session: SessionId,
    /// `scope`.
    pub scopes: ScopeSet,
    /// `iat` and `nbf`, to the second.
    pub issued_at: Timestamp,
    /// `exp`, to the second: from then on the token is dead.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default, skip_serializing, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// A member that is there, even as `null`.
fn present<'de, D: serde::Deserializer<'de>>(member: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(member).map(Some)
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    sid: String,
    scope: String,
    roles: Vec<String>,
    permissions: Vec<String>,
    amr: Vec<String>,
    auth_time: i64,
}

impl AccessToken {
    /// Signs the token. Roles, permissions, `amr` and `auth_time` are copies for others: Doorward reads its own store.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(
        &self,
        user: &User,
        session: &Session,
        parties: &Parties,
        key: &SigningKey,
    ) -> Result<String, UnusableKey> {
        let header =
            Header { alg: key.algorithm.as_str().to_owned(), typ: TYP.to_owned(), kid: key.id.to_string(), crit: None };
        let claims = Claims {
            iss: parties.issuer.clone(),
            sub: self.user.to_string(),
            aud: parties.audience.clone(),
            client_id: FIRST_PARTY.to_owned(),
            iat: self.issued_at.seconds(),
            nbf: self.issued_at.seconds(),
            exp: self.expires_at.seconds(),
            jti: self.id.to_string(),
            sid: self.session.to_string(),
            scope: self.scopes.to_string(),
            roles: vec![user.role.to_string()],
            permissions: user.permissions.iter().map(str::to_owned).collect(),
            amr: session.amr.iter().map(|amr| amr.as_str().to_owned()).collect(),
            auth_time: session.auth_time.seconds(),
        };
        let signed = format!("{}.{}", encode(&header)?, encode(&claims)?);
        let signature = key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{signature}"))
    }
}

fn encode(part: &impl Serialize) -> Result<String, UnusableKey> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).map_err(|_| UnusableKey)?))
}

/// The text is no access token of ours, or not at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid access token")]
pub struct InvalidAccessToken;

/// An access token whose header reads well and whose signature nobody has looked at.
#[derive(Debug)]
pub struct Unverified<'a> {
    algorithm: String,
    key: KeyId,
    signed: &'a str,
    claims: Vec<u8>,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Reads a text that should be an access token: three parts in base64url (RFC 7515 §3.1), a header with `alg`, `kid` and
    /// the right `typ`, no `crit`. Keys that the header brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &'a str) -> Result<Self, InvalidAccessToken> {
        let invalid = InvalidAccessToken;
        if text.len() > MAX_BYTES {
            return Err(invalid);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(invalid)?;
        let header: Header = object(&decode(header)?)?;
        let claims = decode(claims)?;
        decode(signature)?;
        if header.typ != TYP || header.crit.is_some() {
            return Err(invalid);
        }
        let key = KeyId::parse(&header.kid).map_err(|_| invalid)?;
        Ok(Self { algorithm: header.alg, key, signed, claims, signature })
    }

    /// The key that should have signed it.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key
    }

    /// What the token says, if `key` signed it, it is from and for the right parties, and it is its time.
    ///
    /// # Errors
    /// When any of that is not so, or a claim is missing or of another type.
    pub fn verify(
        self,
        key: &VerifyingKey,
        parties: &Parties,
        now: Timestamp,
    ) -> Result<AccessToken, InvalidAccessToken> {
        let invalid = InvalidAccessToken;
        // The algorithm is the key's; the token can only agree (RFC 8725 §3.1).
        if key.id != self.key
            || self.algorithm != key.algorithm.as_str()
            || !key.verifies(self.signature, self.signed.as_bytes())
        {
            return Err(invalid);
        }
        let claims: Claims = object(&self.claims)?;
        let ours = claims.iss == parties.issuer && claims.aud == parties.audience && claims.client_id == FIRST_PARTY;
        let known_amr = !claims.amr.is_empty() && claims.amr.iter().all(|amr| Amr::parse(amr).is_some());
        let latest = now.plus(LEEWAY);
        let begun =
            [claims.iat, claims.nbf, claims.auth_time].into_iter().all(|time| Timestamp::from_seconds(time) <= latest);
        let expires_at = Timestamp::from_seconds(claims.exp);
        if !ours || !known_amr || !begun || now >= expires_at {
            return Err(invalid);
        }
        Ok(AccessToken {
            id: TokenId::parse(&claims.jti).map_err(|_| invalid)?,
            user: UserId::parse(&claims.sub).map_err(|_| invalid)?,
            session: SessionId::parse(&claims.sid).map_err(|_| invalid)?,
            scopes: ScopeSet::parse(&claims.scope).map_err(|_| invalid)?,
            issued_at: Timestamp::from_seconds(claims.iat),
            expires_at,
        })
    }
}

/// base64url without padding or stray bits.
fn decode(part: &str) -> Result<Vec<u8>, InvalidAccessToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidAccessToken)
}

/// A JSON object: a derived `Deserialize` would take an array too. It refuses a known member that stands twice.
fn object<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, InvalidAccessToken> {
    if json.first() != Some(&b'{') {
        return Err(InvalidAccessToken);
    }
    serde_json::from_slice(json).map_err(|_| InvalidAccessToken)
}

#[cfg(test)]
#[path = "access_token_forge.rs"]
mod forge;
#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
