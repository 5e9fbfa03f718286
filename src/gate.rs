//! What stands before the embedded DynamoDB for other programs. It takes any credentials, and lets pages of all origins read its
//! answers: a website would need no more than the port. Here what a browser sends is refused, and so is what is sent to a name
//! that somebody may have led to this machine.

use crate::background::Background;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// Opens one on a listener, before the DynamoDB at `inner`.
///
/// # Errors
/// When the listener has no address.
pub fn open(listener: TcpListener, inner: SocketAddr) -> io::Result<Background> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let routes = Router::new().fallback(pass).with_state(Inner { address: inner, client });
    Background::start(listener, |listener, stopped| async move {
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "nobody else reaches the embedded DynamoDB any more");
        }
    })
}

#[derive(Clone)]
struct Inner {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

async fn pass(State(inner): State<Inner>, mut request: Request) -> Response {
    if let Some(reason) = refusal(request.headers()) {
        return refused(reason);
    }
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let Ok(uri) = format!("http://{}{path}", inner.address).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    match inner.client.request(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "the embedded DynamoDB did not answer");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// Why a request is not passed on.
fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Some("the embedded DynamoDB is not for browsers");
    }
    // A page of a name that its owner leads here, from one moment to the next, is of one origin with this.
    let mut hosts = headers.get_all(header::HOST).iter().peekable();
    let is_sure = hosts.peek().is_some() && hosts.all(is_address);
    (!is_sure).then_some("call the embedded DynamoDB by its IP address, or by localhost")
}

/// Whether a host is an IP address or `localhost`, of which no name server is asked.
fn is_address(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    in_brackets.map_or_else(
        || name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok(),
        |address| address.parse::<Ipv6Addr>().is_ok(),
    )
}

/// In the words of DynamoDB, so that an SDK says why.
fn refused(reason: &str) -> Response {
    let body = format!(r#"{{"__type":"com.amazon.coral.service#AccessDeniedException","message":"{reason}"}}"#);
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_sure() {
        for host in ["127.0.0.1", "127.0.0.1:8000", "192.168.1.2:80", "[::1]", "[::1]:8000", "localhost", "LOCALHOST:1"]
        {
            assert!(is_address(&HeaderValue::from_static(host)), "{host}");
        }
        for host in [
            "",
            ":8000",
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example:8000",
            "localhost.evil.example",
            "[::1].a",
            "::1",
            "[127.0.0.1]",
            "1",
        ] {
            assert!(!is_address(&HeaderValue::from_static(host)), "{host}");
        }
    }
}
