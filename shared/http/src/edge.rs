//! The coat around every router: request ids, trusted hosts, both slash forms, CORS, the headers of every answer.

use crate::cors::Cors;
use crate::patience::answered;
use crate::{App, Error};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::{Authority, PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use doorward_core::ids::RequestId;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Puts the coat around routes.
pub fn edge(routes: Router<App>, app: App) -> Router {
    let routes = routes
        .fallback(|| async { Error::NotFound })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(from_fn(name_route))
        .with_state(app.clone());
    // Behind a fallback, so that the coat sees a request before its path is matched.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app, coat))
}

/// The log is told the route and not the path, in which somebody may have put anything.
async fn name_route(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if let Some(path) = path {
        Span::current().record("route", path.as_str());
    }
    next.run(request).await
}

async fn coat(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::from_random(app.random.bytes().unwrap_or_default());
    let cors = Cors::of(&app, request.method(), request.headers());
    let is_oauth = request.uri().path().starts_with("/oauth2/");
    let span = tracing::info_span!("request", %id, method = known(request.method()), route = Empty);

    let mut response = if !is_trusted(&app, &request) {
        Error::InvalidHost.into_response()
    } else if cors.is_preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        request.extensions_mut().insert(id.clone());
        without_last_slash(request.uri_mut());
        // A client that leaves does not stop a request half-way, and a defect is an answer.
        match answered(next.run(request).instrument(span.clone())).await {
            Ok(answer) => answer.unwrap_or_else(|_| Error::Internal.into_response()),
            Err(elapsed) => span.in_scope(|| Error::Unavailable(elapsed.into()).into_response()),
        }
    };

    if response.status() == StatusCode::NOT_FOUND {
        // Of what is not there there are no methods.
        response.headers_mut().remove(header::ALLOW);
    }
    describe(response.headers_mut(), &id);
    if is_oauth {
        keep_nowhere(response.headers_mut());
    }
    cors.describe(response.headers_mut());
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), "answered"));
    response
}

/// A method's name, if it is one that others know too: a method may be any word.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

/// Whether the request is for a name that the service is known by.
fn is_trusted(app: &App, request: &Request) -> bool {
    let allowed = &app.config.allowed_hosts;
    if allowed.is_empty() {
        return true;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let named = hosts.next().map(|host| Authority::try_from(host.as_bytes()));
    // The target may name one too, and then that one counts (RFC 9112 §3.2.2).
    match (named, hosts.next(), request.uri().authority()) {
        (Some(Ok(named)), None, target) => {
            is_known(allowed, &named) && target.is_none_or(|target| is_known(allowed, target))
        }
        (None, None, Some(target)) => is_known(allowed, target),
        _ => false,
    }
}

/// Whether a host, with or without its port, is one of those, or below one of those that begin with `*`.
fn is_known(allowed: &[String], authority: &Authority) -> bool {
    let (host, whole) = (authority.host().to_ascii_lowercase(), authority.as_str().to_ascii_lowercase());
    let is_name = host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    // A port that is none, or a user's name before it.
    let is_whole = whole == host || authority.port_u16().is_some_and(|port| whole == format!("{host}:{port}"));
    is_whole
        && allowed.iter().any(|known| match known.strip_prefix('*') {
            Some(below) => is_name && host.len() > below.len() && host.ends_with(below),
            None => *known == host || *known == whole,
        })
}

/// `/users/me/` is `/users/me`; one slash and no more.
fn without_last_slash(uri: &mut Uri) {
    let path = uri.path();
    let Some(shorter) = path.strip_suffix('/').filter(|shorter| !shorter.is_empty() && !shorter.ends_with('/')) else {
        return;
    };
    let target = uri.query().map_or_else(|| shorter.to_owned(), |query| format!("{shorter}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(rewritten) = Uri::from_parts(parts) {
        *uri = rewritten;
    }
}

/// The headers of every answer of the OAuth dialect, the transport's refusals too (RFC 6749 §5.1).
fn keep_nowhere(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}

/// The headers of every answer. A page that needs a policy of its own has set it already.
fn describe(headers: &mut HeaderMap, id: &RequestId) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_XSS_PROTECTION, "0"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert("x-request-id", id);
    }
}
