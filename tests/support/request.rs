//! Requests, written as sentences.

use super::Answer;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::HeaderValue;
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::net::SocketAddr;
use tower::ServiceExt as _;

/// A request that is not sent yet.
#[derive(Debug)]
#[must_use]
pub struct Request {
    app: Router,
    parts: axum::http::request::Builder,
    address: SocketAddr,
    body: Vec<u8>,
}

impl Request {
    pub fn new(app: Router, method: &str, path: &str) -> Self {
        let parts = axum::http::Request::builder().method(method).uri(path).header("host", "doorward.test");
        Self { app, parts, address: SocketAddr::from(([192, 0, 2, 1], 40_000)), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.parts = self.parts.header(name, value);
        self
    }

    /// A header that need not be text.
    pub fn header_value(mut self, name: &str, value: HeaderValue) -> Self {
        self.parts = self.parts.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// For another name than the service's.
    pub fn host(mut self, host: &str) -> Self {
        self.parts.headers_mut().unwrap().insert("host", host.parse().unwrap());
        self
    }

    /// For no name.
    pub fn without_host(mut self) -> Self {
        self.parts.headers_mut().unwrap().remove("host");
        self
    }

    /// Where it comes from.
    pub fn from(mut self, address: &str) -> Self {
        self.address = SocketAddr::new(address.parse().unwrap(), 40_000);
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let encode = |text: &str| text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&").as_bytes())
    }

    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        if content_type.is_empty() { self } else { self.header("content-type", content_type) }
    }

    pub async fn send(self) -> Answer {
        let mut request = self.parts.body(Body::from(self.body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.address));
        let response = self.app.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}
