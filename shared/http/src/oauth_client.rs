//! Clients of the standards dialect. A client is an API key: its id is the `client_id`, its whole text the `client_secret`
//! (RFC 6749 §2.3.1), in the `Authorization` header or in the body.

use crate::error::{Defect, OAuthError};
use crate::extract::Fields;
use crate::{ApiKeyCaller, App, Error};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::api_key::PlainKey;
use percent_encoding::percent_decode_str;

/// What a client says of itself in the body.
pub struct PostedClient {
    id: Option<String>,
    secret: Option<String>,
}

impl PostedClient {
    /// Takes `client_id` and `client_secret`.
    pub fn take(fields: &mut Fields) -> Self {
        Self { id: fields.text_if_any("client_id"), secret: fields.text_if_any("client_secret") }
    }
}

/// A client that proves itself. A name without a secret proves nothing: public clients send that.
pub struct ClientCredentials {
    /// The key, if the secret is one and the name is its id.
    key: Option<PlainKey>,
    is_posted: bool,
}

impl ClientCredentials {
    /// The credentials of a request, by either way. Another scheme in the header is no matter of clients.
    ///
    /// # Errors
    /// When more than one is used at once, or two clients are named (RFC 6749 §2.3).
    pub fn of(headers: &HeaderMap, posted: PostedClient) -> Result<Option<Self>, Error> {
        let Some((id, secret)) = basic(headers)? else {
            return Ok(posted.secret.map(|secret| Self::new(posted.id.as_deref().unwrap_or_default(), &secret, true)));
        };
        if posted.secret.is_some() || posted.id.is_some_and(|posted| posted != id) {
            return Err(ambiguous());
        }
        Ok((!secret.is_empty()).then(|| Self::new(&id, &secret, false)))
    }

    fn new(id: &str, secret: &str, is_posted: bool) -> Self {
        let key = PlainKey::parse(secret).ok().filter(|key| key.id().to_string() == id);
        Self { key, is_posted }
    }

    /// The client, if the credentials are good. That its key was used is written down.
    ///
    /// # Errors
    /// When they are not, or the store is unavailable.
    pub async fn authenticate(self, app: &App) -> Result<ApiKeyCaller, OAuthError> {
        let refused = OAuthError::InvalidClient { challenge: !self.is_posted };
        let Some(key) = self.key else { return Err(refused) };
        match ApiKeyCaller::authenticate(app, &key).await {
            Err(Error::InvalidApiKey) => Err(refused),
            outcome => Ok(outcome?),
        }
    }
}

/// More than one way to prove oneself in one request.
#[must_use]
pub fn ambiguous() -> Error {
    let detail = "must not stand beside other credentials".to_owned();
    Error::Invalid(vec![Defect { pointer: "/client_secret".to_owned(), detail }])
}

/// Name and secret of the header. What says that it is `Basic` and cannot be read is a secret of nobody.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // API Gateway makes one value of several, with commas between; no value of `Basic` or `Bearer` has one.
    if values.next().is_some() || value.as_bytes().contains(&b',') {
        return Err(ambiguous());
    }
    let text = value.to_str().unwrap_or_default();
    let (scheme, encoded) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim_matches(' ')).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let pair = pair.and_then(|(id, secret)| Some((form_decoded(id)?, form_decoded(secret)?)));
    Ok(Some(pair.unwrap_or_else(|| (String::new(), encoded.to_owned()))))
}

/// Both parts are written as in a form (RFC 6749 §2.3.1 and appendix B).
fn form_decoded(part: &str) -> Option<String> {
    let spaced = part.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn headers(value: &[u8]) -> HeaderMap {
        HeaderValue::from_bytes(value).ok().map(|value| (header::AUTHORIZATION, value)).into_iter().collect()
    }

    proptest! {
        #[test]
        fn what_a_client_says_is_what_is_read(
            id in "\\PC{0,20}|\\p{any}{0,6}",
            secret in "\\PC{0,40}|[ +%:&=]{0,6}",
            scheme in "[bB][aA][sS][iI][cC]",
            spaces in " {1,3}",
        ) {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let pair = STANDARD.encode(format!("{}:{}", encoded(&id), encoded(&secret).replace("%20", "+")));
            let read = basic(&headers(format!("{scheme}{spaces}{pair}").as_bytes()));
            prop_assert_eq!(read.ok().flatten(), Some((id, secret)));
        }

        #[test]
        fn another_scheme_is_no_client_and_no_bytes_are_a_good_one(
            scheme in "[A-Za-z]{0,8}",
            rest in "[A-Za-z0-9+/=]{0,40}",
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            for value in [format!("{scheme} {rest}").as_bytes(), format!("Basic {rest}").as_bytes(), &bytes] {
                let headers = headers(value);
                let is_basic = value.len() >= 5 && value[..5].eq_ignore_ascii_case(b"basic");
                let read = basic(&headers).ok().flatten();
                prop_assert!(read.is_none() || is_basic);
                let posted = PostedClient { id: None, secret: None };
                let found = ClientCredentials::of(&headers, posted).ok().flatten();
                prop_assert!(found.is_none_or(|credentials| credentials.key.is_none()));
            }
        }
    }
}
