//! Claims of one's own in the access tokens of users (RFC 7519 §4.3): copies of the profile for whoever verifies the token.

use crate::user::User;
use serde::{Serialize, Serializer};
use std::fmt;

/// How many there may be.
const MOST: usize = 8;
/// How long a name may be, in bytes.
const NAME_BYTES: usize = 64;
/// How long a value may be, in bytes of JSON. With eight of them and the longest rights, a token stays below the 8 KiB that
/// most servers take as a header.
const VALUE_BYTES: usize = 256;

/// Names that mean something already, to Doorward or to everybody (IANA's registry "JSON Web Token Claims").
const REGISTERED: &str = "
    iss sub aud exp nbf iat jti client_id sid scope roles permissions amr auth_time
    name given_name family_name middle_name nickname preferred_username profile picture website email email_verified
    gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at azp nonce at_hash c_hash acr
    sub_jwk cnf sip_from_tag sip_date sip_callid sip_cseq_num sip_via_branch orig dest mky events toe txn rph vot vtm attest
    origid act may_act jcard at_use_nbr div opt vc vp sph ace_profile cnonce exi groups entitlements token_introspection
    eat_nonce ueid sueids oemid hwmodel hwversion oemboot dbgstat location eat_profile submods uptime bootcount bootseed
    dloas swname swversion manifests measurements measres intuse cdniv cdnicrit cdniip cdniuc cdniets cdnistt cdnistd
    sig_val_claims authorization_details verified_claims place_of_birth nationalities birth_family_name birth_given_name
    birth_middle_name salutation title msisdn also_known_as htm htu ath atc sub_id rcd rcdi crn msgi _claim_names
    _claim_sources rdap_allowed_purposes rdap_dnt_allowed geohash _sd ... _sd_alg sd_hash consumerplmnid
    consumersnpnid producerplmnid producersnpnid producernfset producernssailist producernsilist status status_list ttl
    vct cdniscope scopes role username active";

/// The claim cannot be had under this name, or not beside the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaim {
    /// No name that is safe everywhere.
    #[error("the claim {0:?} must have a name of 1 to 64 visible ASCII characters without quotes and backslashes")]
    Malformed(String),
    /// The name means something already, in whatever case it is written.
    #[error("the claim {0:?} has a name that means something already")]
    Registered(String),
    /// Another claim has this name.
    #[error("the claim {0:?} is there twice")]
    Twice(String),
    /// There are enough.
    #[error("the claim {0:?} is one too many: there may be 8")]
    TooMany(String),
}

/// The value is too long for a token that goes with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of a claim must be at most 256 bytes of JSON")]
pub struct TooLong;

/// What a claim says: at most 256 bytes of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimValue(Value);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    List(Vec<String>),
    Number(i64),
    Is(bool),
}

impl ClaimValue {
    /// A string.
    ///
    /// # Errors
    /// When it is too long.
    pub fn text(text: impl Into<String>) -> Result<Self, TooLong> {
        Self::short(Value::Text(text.into()))
    }

    /// An array of strings.
    ///
    /// # Errors
    /// When all of them together are too long.
    pub fn list<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Result<Self, TooLong> {
        Self::short(Value::List(texts.into_iter().map(Into::into).collect()))
    }

    fn short(value: Value) -> Result<Self, TooLong> {
        let length = serde_json::to_vec(&value).map_err(|_| TooLong)?.len();
        if length <= VALUE_BYTES { Ok(Self(value)) } else { Err(TooLong) }
    }
}

impl From<bool> for ClaimValue {
    fn from(is: bool) -> Self {
        Self(Value::Is(is))
    }
}

impl From<i64> for ClaimValue {
    fn from(number: i64) -> Self {
        Self(Value::Number(number))
    }
}

type ValueOf = Box<dyn Fn(&User) -> Option<ClaimValue> + Send + Sync>;

/// Which claims there are besides Doorward's, and how a user's profile says what is in them. None, unless somebody adds some.
///
/// What can be wrong with a claim is found when the process starts; a token is made with what fits, or without the claim.
#[derive(Default)]
pub struct CustomClaims(Vec<(String, ValueOf)>);

impl CustomClaims {
    /// Adds a claim: its name, and what it says of a user. Where that is `None`, the token has no such claim.
    ///
    /// # Errors
    /// When the name is malformed, registered or there already, or there are eight.
    pub fn with(
        mut self,
        name: &str,
        value: impl Fn(&User) -> Option<ClaimValue> + Send + Sync + 'static,
    ) -> Result<Self, InvalidClaim> {
        let given = || name.to_owned();
        let is_safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_safe) {
            return Err(InvalidClaim::Malformed(given()));
        }
        if REGISTERED.split_whitespace().any(|registered| registered.eq_ignore_ascii_case(name)) {
            return Err(InvalidClaim::Registered(given()));
        }
        // Some readers do not tell cases apart.
        if self.0.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(InvalidClaim::Twice(given()));
        }
        if self.0.len() == MOST {
            return Err(InvalidClaim::TooMany(given()));
        }
        self.0.push((given(), Box::new(value)));
        Ok(self)
    }

    /// What they say of a user.
    pub(crate) fn of<'a>(&'a self, user: &'a User) -> ClaimsOf<'a> {
        ClaimsOf { claims: self, user }
    }
}

impl fmt::Debug for CustomClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The claims of one user, as members of a JSON object.
pub(crate) struct ClaimsOf<'a> {
    claims: &'a CustomClaims,
    user: &'a User,
}

impl Serialize for ClaimsOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = self.claims.0.iter().filter_map(|(name, value)| Some((name, value(self.user)?)));
        serializer.collect_map(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &User) -> Option<ClaimValue> {
        None
    }

    fn refusal(name: &str) -> Option<InvalidClaim> {
        CustomClaims::default().with(name, nothing).err()
    }

    #[test]
    fn a_name_that_means_something_already_is_refused_in_whatever_case() {
        for name in REGISTERED.split_whitespace() {
            for name in [name.to_owned(), name.to_uppercase()] {
                assert_eq!(refusal(&name), Some(InvalidClaim::Registered(name)));
            }
        }
    }

    #[test]
    fn a_name_that_is_not_safe_is_refused() {
        let long = "a".repeat(65);
        for name in ["", " ", "a b", "a\"b", "a\\b", "'", "é", "ｉｓｓ", "iss\0", "\u{feff}iss", "a\n", &long] {
            assert_eq!(refusal(name), Some(InvalidClaim::Malformed(name.to_owned())));
        }
        for name in ["plan", "https://example.com/plan", "custom:plan", &long[1..]] {
            assert_eq!(refusal(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_stands_once_and_eight_are_enough() {
        let one = CustomClaims::default().with("plan", nothing).unwrap();
        assert_eq!(one.with("Plan", nothing).unwrap_err(), InvalidClaim::Twice("Plan".to_owned()));
        let eight = (0..8).fold(CustomClaims::default(), |all, n| all.with(&format!("x{n}"), nothing).unwrap());
        assert_eq!(eight.with("x8", nothing).unwrap_err(), InvalidClaim::TooMany("x8".to_owned()));
    }

    #[test]
    fn a_value_is_short_in_the_bytes_that_the_token_has() {
        assert!(ClaimValue::text("a".repeat(254)).is_ok());
        assert_eq!(ClaimValue::text("a".repeat(255)), Err(TooLong));
        assert_eq!(ClaimValue::text("é".repeat(128)), Err(TooLong));
        // Each takes six bytes of JSON.
        assert_eq!(ClaimValue::text("\u{1}".repeat(43)), Err(TooLong));
        assert!(ClaimValue::list(["a".repeat(252)]).is_ok());
        assert_eq!(ClaimValue::list(vec!["a"; 64]), Err(TooLong));
    }
}
