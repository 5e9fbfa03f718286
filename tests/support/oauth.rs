//! The standards dialect, as client libraries speak it.

use super::admin::{Person, set};
use super::api_keys::MadeKey;
use super::request::Request;
use super::{Answer, Service};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The header of a client that proves itself by `client_secret_basic`, every character encoded that may be.
pub fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

impl MadeKey {
    pub fn basic(&self) -> String {
        basic(&self.id, &self.key)
    }
}

impl Request {
    /// From a client that proves itself in the header.
    pub fn client(self, client: &MadeKey) -> Self {
        self.header("authorization", &client.basic())
    }
}

impl Answer {
    /// Expects an error of RFC 6749 §5.2 that an OAuth client library reads well.
    #[track_caller]
    pub fn expect_oauth_error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.expect_uncached();
        assert_eq!(answer.text("error"), code);
        let members: BTreeSet<_> = answer.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, BTreeSet::from(["error".to_owned(), "error_description".to_owned()]));
        // RFC 6749 §5.2: no character outside %x20-21 / %x23-5B / %x5D-7E.
        let description = answer.text("error_description");
        assert!(
            description.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'),
            "{description}"
        );
        answer
    }

    /// Expects an error without a challenge, which clients would read before the body.
    #[track_caller]
    pub fn expect_plain_oauth_error(self, status: u16, code: &str) {
        assert_eq!(self.expect_oauth_error(status, code).header("www-authenticate"), None);
    }

    /// Expects an error with that challenge.
    #[track_caller]
    pub fn expect_challenge(self, status: u16, code: &str, challenge: &str) {
        assert_eq!(self.expect_oauth_error(status, code).header("www-authenticate"), Some(challenge));
    }

    #[track_caller]
    pub fn expect_uncached(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{}", self.status);
        assert_eq!(self.header("pragma"), Some("no-cache"), "{}", self.status);
    }
}

impl Service {
    /// Somebody with exactly these scopes.
    pub async fn person_with_scopes(&self, name: &str, scopes: &str) -> Person {
        let person = self.person(name).await;
        self.alter(&person, |user| user.scopes = set(scopes)).await;
        self.again(name, &person).await
    }

    /// A key of somebody with those scopes.
    pub async fn client_of(&self, who: &Person, scopes: &str) -> MadeKey {
        let scopes: Vec<_> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
        MadeKey::of(&self.ask_for_key(who, &json!({"name": "ci", "scopes": scopes})).send().await.expect(201))
    }

    /// `POST /oauth2/token` by a client, with that `scope` besides.
    pub fn ask_as_client(&self, client: &MadeKey, scope: &str) -> Request {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        self.post("/oauth2/token").client(client).form(&form)
    }

    /// An access token of a client.
    pub async fn client_token(&self, client: &MadeKey) -> String {
        self.ask_as_client(client, "").send().await.expect(200).text("access_token")
    }

    /// `POST /oauth2/revoke`
    pub fn revoke(&self, token: &str) -> Request {
        self.post("/oauth2/revoke").form(&[("token", token)])
    }

    /// `POST /oauth2/introspect`, by nobody so far.
    pub fn introspect(&self, token: &str) -> Request {
        self.post("/oauth2/introspect").form(&[("token", token)])
    }

    /// A client that may ask what tokens are worth.
    pub async fn inquirer(&self) -> MadeKey {
        let gateway = self.person_with_scopes("gateway", "introspect:tokens").await;
        self.client_of(&gateway, "introspect:tokens").await
    }

    /// What an inquirer is told of a token.
    pub async fn told_of(&self, inquirer: &MadeKey, token: &str) -> Value {
        let answer = self.introspect(token).client(inquirer).send().await.expect(200);
        answer.expect_uncached();
        answer.json()
    }

    /// Expects that a token is told to be worth nothing, and not why.
    #[track_caller]
    pub fn expect_inactive(&self, inquirer: &MadeKey, token: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let asked = self.introspect(token).client(inquirer);
        async move {
            let answer = asked.send().await;
            assert_eq!((answer.status, answer.json()), (200, json!({"active": false})), "at {caller}");
        }
    }
}
