//! Access tokens: JWTs by RFC 9068, and the one strict verifier.

use crate::api_key::ApiKeyId;
use crate::clock::Timestamp;
use crate::custom_claims::{ClaimsOf, CustomClaims};
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
/// `client_id` of the tokens that a user's own login makes: a public client (RFC 6749 §2.1).
pub const FIRST_PARTY: &str = "doorward";
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

/// Whom an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user who logged in: `sub` and `sid`.
    User(UserId, SessionId),
    /// A client that proved itself, which is an API key: `sub` and `client_id` (RFC 9068 §2.2).
    Client(ApiKeyId),
}

/// Whom an access token is made for.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A user, for one of their sessions, and what their profile says besides.
    User(&'a User, &'a Session, &'a CustomClaims),
    /// A client.
    Client(&'a ApiKeyId),
}

/// An access token in the making.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// `jti`.
    pub id: TokenId,
    /// Whom it is for.
    pub holder: Holder<'a>,
    /// `scope`.
    pub scopes: ScopeSet,
    /// `iat` and `nbf`, to the second.
    pub issued_at: Timestamp,
    /// `exp`, to the second.
    pub expires_at: Timestamp,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// `jti`.
    pub id: TokenId,
    /// Whom it stands for.
    pub subject: Subject,
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

/// The members of one that says who logged in are absent from a client's, and a `null` is not absent.
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
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    sid: Option<String>,
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    permissions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    amr: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    auth_time: Option<i64>,
}

/// What is signed. Custom claims are written and never read: nothing of Doorward depends on them.
#[derive(Serialize)]
struct Signed<'a> {
    #[serde(flatten)]
    claims: Claims,
    #[serde(flatten)]
    custom: Option<ClaimsOf<'a>>,
}

/// A member that, where it is there, has a value.
fn some<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

impl Claims {
    /// Whom the token stands for, if everything is there that says so and nothing that says otherwise.
    fn subject(&self, latest: Timestamp) -> Option<Subject> {
        match (&self.sid, &self.roles, &self.permissions, &self.amr, self.auth_time) {
            (Some(sid), Some(_), Some(_), Some(amr), Some(auth_time)) if self.client_id == FIRST_PARTY => {
                let known_amr = !amr.is_empty() && amr.iter().all(|amr| Amr::parse(amr).is_some());
                if !known_amr || Timestamp::from_seconds(auth_time) > latest {
                    return None;
                }
                Some(Subject::User(UserId::parse(&self.sub).ok()?, SessionId::parse(sid).ok()?))
            }
            (None, None, None, None, None) if self.client_id == self.sub => {
                ApiKeyId::parse(&self.sub).ok().map(Subject::Client)
            }
            _ => None,
        }
    }
}

impl NewToken<'_> {
    /// Signs the token. Roles, permissions, `amr` and `auth_time` are copies for others: Doorward reads its own store.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, parties: &Parties, key: &SigningKey) -> Result<String, UnusableKey> {
        let header =
            Header { alg: key.algorithm.as_str().to_owned(), typ: TYP.to_owned(), kid: key.id.to_string(), crit: None };
        let (sub, client_id, login, custom) = match self.holder {
            Holder::User(user, session, custom) => {
                (user.id.to_string(), FIRST_PARTY.to_owned(), Some((user, session)), Some(custom.of(user)))
            }
            Holder::Client(id) => (id.to_string(), id.to_string(), None, None),
        };
        let list = |set: &ScopeSet| set.iter().map(str::to_owned).collect();
        let claims = Claims {
            iss: parties.issuer.clone(),
            sub,
            aud: parties.audience.clone(),
            client_id,
            iat: self.issued_at.seconds(),
            nbf: self.issued_at.seconds(),
            exp: self.expires_at.seconds(),
            jti: self.id.to_string(),
            sid: login.map(|(_, session)| session.id.to_string()),
            scope: self.scopes.to_string(),
            roles: login.map(|(user, _)| vec![user.role.to_string()]),
            permissions: login.map(|(user, _)| list(&user.permissions)),
            amr: login.map(|(_, session)| session.amr.iter().map(|amr| amr.as_str().to_owned()).collect()),
            auth_time: login.map(|(_, session)| session.auth_time.seconds()),
        };
        let signed = format!("{}.{}", encode(&header)?, encode(&Signed { claims, custom })?);
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
        let ours = claims.iss == parties.issuer && claims.aud == parties.audience;
        let latest = now.plus(LEEWAY);
        let begun = [claims.iat, claims.nbf].into_iter().all(|time| Timestamp::from_seconds(time) <= latest);
        let expires_at = Timestamp::from_seconds(claims.exp);
        if !ours || !begun || now >= expires_at {
            return Err(invalid);
        }
        Ok(AccessToken {
            id: TokenId::parse(&claims.jti).map_err(|_| invalid)?,
            subject: claims.subject(latest).ok_or(invalid)?,
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

/// A JSON object in UTF-8 (RFC 7515 §5.2), in the members that nobody reads too, which `serde_json` would pass over. A derived
/// `Deserialize` would take an array as well; it refuses a known member that stands twice.
fn object<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, InvalidAccessToken> {
    if json.first() != Some(&b'{') {
        return Err(InvalidAccessToken);
    }
    let text = std::str::from_utf8(json).map_err(|_| InvalidAccessToken)?;
    serde_json::from_str(text).map_err(|_| InvalidAccessToken)
}

#[cfg(test)]
#[path = "access_token_custom.rs"]
mod custom;
#[cfg(test)]
#[path = "access_token_forge.rs"]
mod forge;
#[cfg(test)]
#[path = "access_token_mixtures.rs"]
mod mixtures;
#[cfg(test)]
#[path = "access_token_mutated.rs"]
mod mutated;
#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
