//! What a request brings: the `Authorization` header, in the first line, and a body, read as a form and as JSON.
#![no_main]

use doorward_core::access_token::Unverified;
use doorward_http::extract::Fields;
use doorward_http::guard::{bearer_token, presented_key};
use doorward_http::oauth_client::{ClientCredentials, PostedClient};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let (header, body) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(header) {
        headers.insert("x-api-key", value.clone());
        headers.insert("authorization", value);
    }
    if let Ok(token) = bearer_token(&headers) {
        assert!(token.is_ascii() && !token.starts_with(' ') && !token.ends_with(' '));
        let _ = Unverified::parse(token);
    }
    if let Ok(Some(key)) = presented_key(&headers) {
        assert_eq!(key.reveal().as_bytes(), header);
    }
    let body = body.get(1..).unwrap_or_default();
    let mut form = Fields::of_form(body);
    let _ = ClientCredentials::of(&headers, PostedClient::take(&mut form));
    let name = form.text("a");
    if form.finish(name.clone()).is_ok() {
        // Whoever writes it anew is read alike.
        let again: String = name.iter().flat_map(|text| text.bytes()).map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(Fields::of_form(format!("a={again}").as_bytes()).text("a"), name);
    }
    let mut json = Fields::of_json(body);
    let name = json.text("a");
    if json.finish(name.clone()).is_ok() {
        let value: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(value["a"].as_str(), name.as_deref());
        assert_eq!(value.as_object().unwrap().len(), 1, "what is not known is refused");
    }
});
