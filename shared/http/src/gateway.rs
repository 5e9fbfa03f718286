//! API Gateway's events (an HTTP API's, payload 2.0) as requests, and answers as what it takes.
//!
//! Whatever an event has in it, it is some request: a path is matched as it was sent, and what headers say of scheme, host and
//! address is theirs to say.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Error;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::encodings;
use lambda_http::tower::ServiceExt as _;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::net::IpAddr;

/// Where API Gateway says that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceIp(pub IpAddr);

/// What may not stand in a query as it is (RFC 3986 §3.4). A `%` is taken for the beginning of what is encoded already.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// What may not stand in a path (RFC 3986 §3.3).
const PATH: &AsciiSet = &QUERY.add(b'?');
/// There is no such route, as there is none that is too long for a URI.
const NOWHERE: &str = "/%00";

/// Answers an event.
///
/// # Errors
/// When the answer's body breaks off.
pub async fn answer(routes: Router, event: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Error> {
    let Ok(response) = routes.oneshot(request(event)).await;
    rendered(response).await
}

fn request(event: ApiGatewayV2httpRequest) -> Request {
    let context = event.request_context;
    let mut request = Request::new(body(event.body, event.is_base64_encoded));
    *request.uri_mut() = target(&event.raw_path.unwrap_or_default(), &event.raw_query_string.unwrap_or_default());
    *request.method_mut() = context.http.method;
    *request.headers_mut() = event.headers;
    let domain = context.domain_name.and_then(|domain| HeaderValue::try_from(domain).ok());
    if let Some(domain) = domain {
        request.headers_mut().entry(header::HOST).or_insert(domain);
    }
    if let Some(address) = context.http.source_ip.and_then(|address| address.parse().ok()) {
        request.extensions_mut().insert(SourceIp(address));
    }
    request
}

/// The target without a host: an event has none but in its headers.
fn target(path: &str, query: &str) -> Uri {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{}", utf8_percent_encode(path, PATH));
    let target = if query.is_empty() { path } else { format!("{path}?{}", utf8_percent_encode(query, QUERY)) };
    PathAndQuery::try_from(target).unwrap_or(PathAndQuery::from_static(NOWHERE)).into()
}

fn body(text: Option<String>, is_base64: bool) -> Body {
    let text = text.unwrap_or_default();
    let decoded = if is_base64 { STANDARD.decode(&text).ok() } else { None };
    Body::from(decoded.map_or_else(|| Bytes::from(text), Bytes::from))
}

async fn rendered(response: Response) -> Result<ApiGatewayV2httpResponse, Error> {
    let (parts, body) = response.into_parts();
    let body = match String::from_utf8(to_bytes(body, usize::MAX).await?.into()) {
        Ok(text) => encodings::Body::Text(text),
        Err(other) => encodings::Body::Binary(other.into_bytes()),
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = joined(&parts.headers);
    answer.is_base64_encoded = matches!(body, encodings::Body::Binary(_));
    answer.body = Some(body);
    Ok(answer)
}

/// Each header once: an answer to API Gateway has no other place for a second value (RFC 9110 §5.3).
fn joined(headers: &HeaderMap) -> HeaderMap {
    let join = |name: &HeaderName| {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        Some((name.clone(), HeaderValue::from_bytes(&values.join(&b", "[..])).ok()?))
    };
    headers.keys().filter_map(join).collect()
}
