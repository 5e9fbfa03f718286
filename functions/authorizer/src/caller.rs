//! Who makes a request, by its credentials.

use crate::event::{API_KEY, AUTHORIZATION};
use axum::extract::FromRequestParts as _;
use axum::http::{HeaderMap, Request};
use doorward_http::guard::{ApiKeyCaller, Bearer, Origin, Standing};
use doorward_http::{App, Error};
use std::error::Error as StdError;

/// Why nobody is let in.
pub enum Rejection {
    /// The credentials are good for nothing; why, for the log.
    Refused(&'static str),
    /// Nobody knows what they are good for.
    Unavailable(Box<dyn StdError + Send + Sync>),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::NotAuthenticated => Self::Refused("no_credentials"),
            Error::InvalidToken => Self::Refused("invalid_token"),
            Error::TokenRevoked => Self::Refused("token_revoked"),
            Error::InactiveUser => Self::Refused("inactive_user"),
            Error::ApiKeyRequired | Error::InvalidApiKey => Self::Refused("invalid_api_key"),
            Error::Unavailable(cause) => Self::Unavailable(cause),
            _ => Self::Unavailable("a refusal that is none of credentials".into()),
        }
    }
}

/// Judges the credentials of a request: an access token in `Authorization` (RFC 6750 §2.1), or an API key in `X-API-Key`.
///
/// Not both: API Gateway may keep the answer under either header alone, and then whoever sends that header alone would be
/// taken for the one whom the other header named.
///
/// # Errors
/// When they are not good at this moment, or the store is unavailable.
pub async fn identify(app: &App, headers: HeaderMap) -> Result<Standing, Rejection> {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers = headers;
    match [AUTHORIZATION, API_KEY].map(|name| parts.headers.contains_key(name)) {
        [true, true] => Err(Rejection::Refused("two_credentials")),
        [false, true] => {
            let ApiKeyCaller { key, owner, scopes } = ApiKeyCaller::from_request_parts(&mut parts, app).await?;
            Ok(Standing { user: owner, scopes, origin: Origin::Key(key) })
        }
        [_, false] => {
            let Bearer { user, scopes, origin, .. } = Bearer::from_request_parts(&mut parts, app).await?;
            Ok(Standing { user, scopes, origin })
        }
    }
}
