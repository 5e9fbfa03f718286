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
    if values.next().is_some() {
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
