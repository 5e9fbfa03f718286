//! The tables as they are, past the store: for states that no verb makes.

use super::invariants::Tables;
use super::probe::Probe;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::keyring::KeyRecord;
use std::collections::HashMap;

pub type Item = HashMap<String, AttributeValue>;

/// A client of its own, which the probe does not see.
#[derive(Clone, Debug)]
pub struct Raw(Client);

impl Raw {
    pub fn new(endpoint: &str) -> Self {
        Self(Client::from_conf(config(endpoint).build()))
    }

    /// A client that the probe sees.
    pub fn seen_by(probe: &Probe, endpoint: &str) -> Client {
        Client::from_conf(config(endpoint).interceptor(probe.clone()).build())
    }

    /// All that is in the store.
    pub async fn tables(&self) -> Tables {
        Tables::of(&self.0, "doorward-").await
    }

    /// An item, if it is there.
    pub async fn item(&self, table: &str, key: &[(&str, &str)]) -> Option<Item> {
        self.0.get_item().table_name(name(table)).set_key(Some(key_of(key))).send().await.unwrap().item
    }

    /// All items of a table.
    pub async fn items(&self, table: &str) -> Vec<Item> {
        self.0.scan().table_name(name(table)).consistent_read(true).send().await.unwrap().items.unwrap_or_default()
    }

    /// Writes an item over whatever is there.
    pub async fn put(&self, table: &str, item: Item) {
        self.0.put_item().table_name(name(table)).set_item(Some(item)).send().await.unwrap();
    }

    /// Sets one attribute of an item, which is there.
    pub async fn set(&self, table: &str, key: &[(&str, &str)], attribute: &str, value: AttributeValue) {
        let mut item = self.item(table, key).await.expect("an item to change");
        item.insert(attribute.to_owned(), value);
        self.put(table, item).await;
    }

    /// Takes a key away.
    pub async fn delete_key(&self, purpose: &str, serial: u64) {
        let key = key_of_key(purpose, serial);
        self.0.delete_item().table_name(name("signing-keys")).set_key(Some(key)).send().await.unwrap();
    }

    /// Changes the sealed part of a key.
    pub async fn spoil_key(&self, key: &KeyRecord) {
        let at = key_of_key(key.purpose.as_str(), key.serial);
        let found = self.0.get_item().table_name(name("signing-keys")).set_key(Some(at)).send().await.unwrap();
        let mut item = found.item.expect("a key");
        let mut sealed = key.sealed.clone();
        sealed[20] ^= 1;
        item.insert("sealed".to_owned(), AttributeValue::B(Blob::new(sealed)));
        self.put("signing-keys", item).await;
    }

    /// Takes an item away.
    pub async fn delete(&self, table: &str, key: &[(&str, &str)]) {
        self.0.delete_item().table_name(name(table)).set_key(Some(key_of(key))).send().await.unwrap();
    }
}

fn config(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("raw", "raw", None, None, "tests"))
        .endpoint_url(endpoint)
}

fn name(table: &str) -> String {
    format!("doorward-{table}")
}

fn key_of_key(purpose: &str, serial: u64) -> Item {
    let mut key = key_of(&[("purpose", purpose)]);
    key.insert("serial".to_owned(), AttributeValue::N(serial.to_string()));
    key
}

fn key_of(key: &[(&str, &str)]) -> Item {
    key.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned()))).collect()
}
