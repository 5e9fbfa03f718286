//! The bytes of a body, read to a limit and in time, and what they are said to be.

use crate::Error;
use crate::patience::unhurried;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use std::time::Duration;
use tokio::time::timeout;

/// The longest body that any route reads.
const BODY_LIMIT: usize = 64 * 1024;

/// For the whole of a body. On Lambda it is there before the request is.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// The type without its parameters; an encoded body is of a type that nobody asked for.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let encoded = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    let value = headers.get(header::CONTENT_TYPE);
    if encoded || headers.get_all(header::CONTENT_TYPE).iter().count() > 1 {
        return Some(String::new());
    }
    let text =
        value.map(|value| value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    text.filter(|text| !text.is_empty())
}

/// Reads a body, to its limit and in its time.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Error> {
    refuse_long(headers)?;
    let read = unhurried(timeout(BODY_PATIENCE, to_bytes(body, BODY_LIMIT))).await.map_err(|_| Error::TooSlow)?;
    // What is not there by its declared length is either too long or broken off: nobody reads that answer.
    read.map(|bytes| bytes.to_vec()).map_err(|_| Error::TooLarge)
}

/// Refuses a body by its declared length.
pub(crate) fn refuse_long(headers: &HeaderMap) -> Result<(), Error> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > BODY_LIMIT) { Err(Error::TooLarge) } else { Ok(()) }
}
