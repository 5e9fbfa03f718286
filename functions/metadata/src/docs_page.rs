//! `GET /docs`, `GET /openapi.json`: the OpenAPI document, and Swagger UI to try it out. Every file is Doorward's own; the
//! page calls nobody else.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use doorward_http::extract::NoBody;
use doorward_http::preference::{listed, weight};
use doorward_http::{App, Error};
use flate2::read::GzDecoder;
use std::io::Read as _;

/// A file of the page, compressed.
struct File {
    path: &'static str,
    media: &'static str,
    tag: &'static str,
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What the page may do: run and call what is Doorward's. Swagger UI sets styles at elements, and draws with `data:` images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The docs are on: without them there is no such route.
pub struct DocsAreOn;

impl FromRequestParts<App> for DocsAreOn {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Error> {
        if app.config.docs { Ok(Self) } else { Err(Error::NotFound) }
    }
}

/// `GET /`: who comes with a browser finds the page.
pub async fn home(_: DocsAreOn, _: NoBody) -> Redirect {
    Redirect::temporary("/docs")
}

pub async fn file(_: DocsAreOn, _: NoBody, uri: Uri, request: HeaderMap) -> Result<Response, Error> {
    let file = FILES.iter().find(|file| file.path == uri.path()).ok_or(Error::NotFound)?;
    let is_packed = accepts_gzip(&request);
    let tag = if is_packed { format!("\"{}-gzip\"", file.tag) } else { format!("\"{}\"", file.tag) };

    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if file.path == "/docs" {
        // On a 304 too: a browser takes its headers for those of the page that it has.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    let is_known = knows(&request, &tag);
    headers.insert(header::ETAG, HeaderValue::try_from(tag).map_err(|_| Error::Internal)?);
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Ok((headers, file.gzip).into_response());
    }
    let mut bytes = Vec::new();
    GzDecoder::new(file.gzip).read_to_end(&mut bytes).map_err(|_| Error::Internal)?;
    Ok((headers, bytes).into_response())
}

/// Another method, of something that is there.
pub async fn other_method(_: DocsAreOn, uri: Uri) -> Error {
    let is_there = uri.path() == "/" || FILES.iter().any(|file| file.path == uri.path());
    if is_there { Error::MethodNotAllowed } else { Error::NotFound }
}

/// Whether the client has that version (RFC 9110 §13.1.2).
fn knows(request: &HeaderMap, tag: &str) -> bool {
    listed(request, &header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Whether the client takes gzip (RFC 9110 §12.5.3). One that says nothing gets the plain file.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let weight = |coding| weight(request, &header::ACCEPT_ENCODING, coding);
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}
