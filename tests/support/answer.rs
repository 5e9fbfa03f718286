//! Answers, and what is expected of them.

use super::Tokens;
use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::Value;

/// An answer as a client sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The answer, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Expects a problem document with that status and detail.
    #[track_caller]
    pub fn expect_problem(self, status: u16, detail: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let body = answer.json();
        assert_eq!(body["detail"], detail);
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], "about:blank");
        assert!(body["title"].is_string());
        answer
    }

    /// Expects 422, and that these and no other members are wrong.
    #[track_caller]
    pub fn expect_invalid(self, pointers: &[&str]) -> Self {
        let answer = self.expect_problem(422, "Invalid request");
        let body = answer.json();
        let mut found: Vec<_> =
            body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, pointers, "{body}");
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?} is JSON"))
    }

    /// A member of the body.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.json())).to_owned()
    }

    #[track_caller]
    pub fn tokens(&self) -> Tokens {
        Tokens { access: self.text("access_token"), refresh: self.text("refresh_token") }
    }
}
