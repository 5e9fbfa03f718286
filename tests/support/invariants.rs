//! What holds in the tables at every moment, however a request ended.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::email::Email;
use doorward_core::username::Username;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Item = HashMap<String, AttributeValue>;

/// So many keys anybody may have.
const MOST_KEYS: usize = 50;
/// So many recovery codes are given at once.
const RECOVERY_CODES: usize = 10;

/// Everything that is in a store.
#[derive(Debug)]
pub struct Tables(BTreeMap<String, Vec<Item>>);

/// A contradiction, for people.
type Found = Vec<String>;

impl Tables {
    /// Reads all of it, whose tables' names begin with that prefix.
    pub async fn of(client: &Client, prefix: &str) -> Self {
        let mut tables = BTreeMap::new();
        let names = client.list_tables().send().await.unwrap().table_names.unwrap_or_default();
        for name in names.iter().filter_map(|name| name.strip_prefix(prefix)) {
            let scan = client.scan().table_name(format!("{prefix}{name}")).consistent_read(true);
            let items = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
            tables.insert(name.to_owned(), items);
        }
        Self(tables)
    }

    /// The items of a table.
    pub fn items(&self, table: &str) -> &[Item] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    /// Where the tables contradict each other or themselves: nowhere.
    pub fn contradictions(&self) -> Vec<String> {
        let users: BTreeMap<&str, &Item> =
            self.items("users").iter().map(|user| (text(user, "user_id").unwrap(), user)).collect();
        let mut found = Vec::new();
        self.credentials(&users, &mut found);
        self.second_factors(&users, &mut found);
        self.sessions(&users, &mut found);
        self.api_keys(&mut found);
        self.counters_and_revoked(&mut found);
        found
    }

    /// A user has one name and, with an e-mail address, one marker; whatever has a user's id is of a user there is.
    fn credentials(&self, users: &BTreeMap<&str, &Item>, found: &mut Found) {
        let mut expected = BTreeMap::new();
        for (id, user) in users {
            let name = Username::parse(text(user, "username").unwrap()).unwrap().canonical().as_str().to_owned();
            if let Some(email) = text(user, "email") {
                let email = Email::parse(email).unwrap().canonical().as_str().to_owned();
                expected.insert(format!("mail#{email}"), (*id, name.clone()));
            }
            if expected.insert(format!("name#{name}"), (*id, name.clone())).is_some() {
                found.push(format!("two users have the name {name}"));
            }
        }
        let mut there = BTreeMap::new();
        for item in self.items("credentials") {
            let id = text(item, "id").unwrap().to_owned();
            let owner = (text(item, "user_id").unwrap(), text(item, "username").unwrap().to_owned());
            if id.starts_with("name#")
                && (number(item, "password_set_at").is_none() || number(item, "failures").is_none())
            {
                found.push(format!("{id} is no whole record"));
            }
            there.insert(id, owner);
        }
        for (id, owner) in &expected {
            if there.get(id) != Some(owner) {
                found.push(format!("{id} should be of {owner:?} and is of {:?}", there.get(id)));
            }
        }
        found.extend(there.keys().filter(|id| !expected.contains_key(*id)).map(|id| format!("{id} is of nobody")));
    }

    /// A second factor is somebody's, and on where there is a live secret and nowhere else.
    fn second_factors(&self, users: &BTreeMap<&str, &Item>, found: &mut Found) {
        let mut live = BTreeSet::new();
        for item in self.items("second-factors") {
            let id = text(item, "user_id").unwrap();
            let has = |names: &[&str]| names.iter().filter(|name| item.contains_key(**name)).count();
            let (secret, waiting) =
                (has(&["sealed", "key_id"]), has(&["pending_sealed", "pending_key_id", "pending_until"]));
            if !matches!((secret, waiting), (0 | 2, 0 | 3)) || secret + waiting == 0 {
                found.push(format!("the second factor of {id} is half a one: {item:?}"));
            }
            if !users.contains_key(id) {
                found.push(format!("the second factor of {id} is of nobody"));
            }
            let codes = item.get("recovery_codes").map_or(0, |codes| codes.as_ss().unwrap().len());
            if codes > RECOVERY_CODES || (codes > 0 && secret == 0) {
                found.push(format!("{id} has {codes} recovery codes"));
            }
            if secret == 2 {
                live.insert(id);
            }
        }
        for (id, user) in users {
            let on = *user["two_factor_enabled"].as_bool().unwrap();
            if on != live.contains(id) {
                found.push(format!("the second factor of {id} is said to be {on} and is not"));
            }
        }
    }

    /// No session is ahead of its user, and each ends when it says it does.
    fn sessions(&self, users: &BTreeMap<&str, &Item>, found: &mut Found) {
        let keys: BTreeSet<_> = self.items("signing-keys").iter().filter_map(|key| text(key, "kid")).collect();
        for item in self.items("sessions") {
            let id = format!("the session {} of {}", text(item, "session_id").unwrap(), text(item, "user_id").unwrap());
            let at = |name| number(item, name).unwrap_or_else(|| panic!("{id} has no {name}"));
            // Of somebody who is gone: dead, and cleared away some day.
            let user = users.get(text(item, "user_id").unwrap());
            if user.is_some_and(|user| number(user, "epoch").unwrap() < at("epoch")) {
                found.push(format!("{id} is of an epoch that has not begun"));
            }
            if at("expires_at") != at("ends_at").div_euclid(1000) || at("ends_at") <= at("created_at") {
                found.push(format!("{id} ends at no time"));
            }
            if at("generation") < 0 || at("rotated_at") < at("created_at") || text(item, "rotated_by").is_none() {
                found.push(format!("{id} was refreshed by nobody"));
            }
            if !keys.contains(text(item, "key_id").unwrap()) {
                found.push(format!("{id} has a key that there is not"));
            }
        }
    }

    /// Nobody has more keys than anybody may have, and each is whole.
    fn api_keys(&self, found: &mut Found) {
        let mut owned: BTreeMap<&str, usize> = BTreeMap::new();
        for item in self.items("api-keys") {
            let (owner, id) = (text(item, "user_id").unwrap(), text(item, "key_id").unwrap());
            *owned.entry(owner).or_default() += 1;
            if !id.starts_with(&format!("{owner}."))
                || !item.contains_key("secret_hash")
                || text(item, "name").is_none()
            {
                found.push(format!("the key {id} of {owner} is no whole one"));
            }
            if item.contains_key("previous_hash") != item.contains_key("previous_until") {
                found.push(format!("the secret before of {id} is half a one"));
            }
        }
        let many = owned.into_iter().filter(|(_, count)| *count > MOST_KEYS);
        found.extend(many.map(|(owner, count)| format!("{owner} has {count} keys")));
    }

    /// What counts and what revokes is deleted some day.
    fn counters_and_revoked(&self, found: &mut Found) {
        for (table, key, by) in [("limits", "id", "taken_by"), ("revoked-tokens", "jti", "revoked_by")] {
            for item in self.items(table) {
                if number(item, "expires_at").is_none() || text(item, by).is_none() {
                    found.push(format!("{} in {table} is for ever or by nobody", text(item, key).unwrap()));
                }
            }
        }
    }
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).and_then(|value| value.as_n().ok()).map(|number| number.parse().unwrap())
}
