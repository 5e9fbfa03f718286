//! API keys, as people make them and programs use them.

use super::admin::Person;
use super::request::Request;
use super::{Answer, Service};
use doorward_core::api_key::{ApiKeyId, PlainKey};
use doorward_core::ids::UserId;
use serde_json::{Value, json};

/// A key that somebody made.
#[derive(Clone, Debug)]
pub struct MadeKey {
    pub id: String,
    pub key: String,
}

impl MadeKey {
    pub fn of(answer: &Answer) -> Self {
        Self { id: answer.text("id"), key: answer.text("key") }
    }

    pub fn path(&self) -> String {
        format!("/api-keys/{}", self.id)
    }
}

/// A key as keys are, of an owner whom there is not.
pub fn strangers_key() -> String {
    a_key_of("nobody")
}

/// A key as keys are, which nobody made.
pub fn a_key_of(owner: &str) -> String {
    PlainKey::new(ApiKeyId::new(&UserId::parse(owner).unwrap(), [7; 8]), &[9; 32]).reveal().to_owned()
}

impl Service {
    /// `POST /api-keys`
    pub fn ask_for_key(&self, who: &Person, body: &Value) -> Request {
        self.post("/api-keys").bearer(&who.access).json(body)
    }

    /// A new key of somebody.
    pub async fn key_of(&self, who: &Person, name: &str) -> MadeKey {
        MadeKey::of(&self.ask_for_key(who, &json!({"name": name})).send().await.expect(201))
    }

    /// `POST /api-keys/{id}/rotate`
    pub fn rotate(&self, who: &Person, key: &MadeKey, overlap: u32) -> Request {
        let path = format!("{}/rotate", key.path());
        self.post(&path).bearer(&who.access).json(&json!({"overlap": overlap}))
    }

    /// `GET /protected` with that key.
    pub async fn knock(&self, key: &str) -> Answer {
        self.get("/protected").header("x-api-key", key).send().await
    }

    /// Somebody's keys, as they are listed.
    pub async fn keys_of(&self, who: &Person) -> Vec<Value> {
        let body = self.see(who, "/api-keys").await.expect(200).json();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        body["items"].as_array().unwrap().clone()
    }

    pub async fn expect_key_good(&self, key: &str) {
        self.knock(key).await.expect(200);
    }

    pub async fn expect_key_dead(&self, key: &str) {
        self.knock(key).await.expect_problem(403, "Invalid API key");
    }
}
