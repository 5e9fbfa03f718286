//! The bytes of a body, read to a limit and in time, and what they are said to be.

use crate::Error;
use crate::error::Defect;
use crate::patience::unhurried;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// The longest body that any route reads.
const BODY_LIMIT: usize = 64 * 1024;

/// For the whole of a body. On Lambda it is there before the request is.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// The type without its parameters; an encoded body is of a type that nobody asked for.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let encoded =
        headers.get(header::CONTENT_ENCODING).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    let value = headers.get(header::CONTENT_TYPE);
    if encoded || headers.get_all(header::CONTENT_TYPE).iter().count() > 1 {
        return Some(String::new());
    }
    let text =
        value.map(|value| value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    text.filter(|text| !text.is_empty())
}

/// Reads a body, to its limit and in its time.
pub(crate) async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Vec<u8>, Error> {
    refuse_long(headers)?;
    let mut bytes = Vec::new();
    let read = async {
        while let Some(frame) = body.frame().await {
            let chunk = frame.map_err(|_| broken_off())?.into_data().unwrap_or_default();
            if bytes.len() + chunk.len() > BODY_LIMIT {
                return Err(Error::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    unhurried(timeout(BODY_PATIENCE, read)).await.map_err(|_| Error::TooSlow)?
}

/// The transfer ended before the body did, or is not well-formed itself.
fn broken_off() -> Error {
    Error::Invalid(vec![Defect { pointer: String::new(), detail: "is not whole".to_owned() }])
}

/// A request of a route that reads no body. One that says that its body is too long is refused all the same.
pub struct NoBody;

impl<S: Sync> FromRequestParts<S> for NoBody {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        refuse_long(&parts.headers).map(|()| Self)
    }
}

/// Refuses a body by its declared length.
pub(crate) fn refuse_long(headers: &HeaderMap) -> Result<(), Error> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > BODY_LIMIT) { Err(Error::TooLarge) } else { Ok(()) }
}
