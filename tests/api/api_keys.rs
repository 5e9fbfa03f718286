//! `POST /api-keys`, `GET /api-keys`, `DELETE /api-keys/{id}`: what people do with their keys.

use crate::support::admin::{Person, count, race, set};
use crate::support::api_keys::{MadeKey, a_key_of};
use crate::support::{Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_http::audit::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MOST: usize = 50;

async fn ids_of(service: &Service, who: &Person) -> Vec<String> {
    service.keys_of(who).await.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_key_does_not_make_list_rotate_or_delete_keys() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let rotation = format!("{}/rotate", made.path());
    for (method, path) in
        [("POST", "/api-keys"), ("GET", "/api-keys"), ("DELETE", &made.path()), ("POST", rotation.as_str())]
    {
        let request = || service.request(method, path).json(&json!({"name": "another"}));
        let answer = request().header("x-api-key", &made.key).send().await;
        assert_eq!(answer.expect_problem(401, "Not authenticated").header("www-authenticate"), Some("Bearer"));
        let answer = request().bearer(&made.key).send().await.expect_problem(401, "Could not validate credentials");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    assert_eq!(ids_of(&service, &ann).await, [made.id]);
    service.expect_key_good(&made.key).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_by_its_pointer() {
    let service = service().await;
    let ann = service.person("ann").await;
    for (body, pointers) in [
        (json!({}), &["/name"][..]),
        (json!({"name": ""}), &["/name"]),
        (json!({"name": "a".repeat(201)}), &["/name"]),
        (json!({"name": "ci\u{0}"}), &["/name"]),
        (json!({"name": "ci", "scopes": "read:items"}), &["/scopes"]),
        (json!({"name": "ci", "scopes": [""]}), &["/scopes"]),
        (json!({"name": "ci", "scopes": ["read:items write:items"]}), &["/scopes"]),
        (json!({"name": "ci", "scopes": ["a\"b"]}), &["/scopes"]),
        (json!({"name": "ci", "scopes": ["a".repeat(65)]}), &["/scopes"]),
        (json!({"name": "ci", "scopes": [1]}), &["/scopes"]),
        (json!({"name": "ci", "expires_at": 1_900_000_000}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "soon"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "20300101T000000Z"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "2030-01-01T00:00:00+0200"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "2030-01-01T00:00:00Z[Europe/Berlin]"}), &["/expires_at"]),
        // The past, the moment before now, and now.
        (json!({"name": "ci", "expires_at": "2020-01-01T00:00:00Z"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "2027-01-15T07:59:59.999Z"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "2027-01-15T08:00:00Z"}), &["/expires_at"]),
        (json!({"name": "ci", "expires_at": "2027-01-15T09:00:00+01:00"}), &["/expires_at"]),
        (json!({"name": "ci", "id": "mine"}), &["/id"]),
        (json!({"name": "ci", "key": "mine"}), &["/key"]),
        (json!({"name": 1, "scopes": 1, "expires_at": 1, "a": 1}), &["/a", "/expires_at", "/name", "/scopes"]),
    ] {
        service.ask_for_key(&ann, &body).send().await.expect_invalid(pointers);
    }
    assert_eq!(ids_of(&service, &ann).await, [""; 0]);
    assert_eq!(service.raw.items("api-keys").await.len(), 0);
}

#[tokio::test]
async fn a_key_may_not_do_more_than_its_owner() {
    let service = service().await;
    let ann = service.person("ann").await;
    for scopes in [json!(["read:users"]), json!(["read:items", "admin"]), json!(["READ:ITEMS"])] {
        let body = json!({"name": "ci", "scopes": scopes});
        service.ask_for_key(&ann, &body).send().await.expect_problem(400, "Scope not allowed");
    }
    // The owner's are those that the user has now, whatever the token was given.
    service.alter(&ann, |user| user.scopes = set("read:items")).await;
    let body = json!({"name": "ci", "scopes": ["write:items"]});
    service.ask_for_key(&ann, &body).send().await.expect_problem(400, "Scope not allowed");
    assert_eq!(service.raw.items("api-keys").await.len(), 0);
    let form = [("username", "ann"), ("password", crate::support::PASSWORD), ("scope", "read:items")];
    let narrow = service.post("/token").form(&form).send().await.expect(200).tokens().access;
    service.alter(&ann, |user| user.scopes = set("read:items write:items")).await;
    service.post("/api-keys").bearer(&narrow).json(&body).send().await.expect(201);
}

#[tokio::test]
async fn a_new_key_is_shown_whole_and_once() {
    let service = service().await;
    let ann = service.person("ann").await;
    let answer = service.ask_for_key(&ann, &json!({"name": "ci"})).send().await.expect(201);
    let (bare, key) = (MadeKey::of(&answer), answer.text("key"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("location"), Some(bare.path().as_str()));
    let whole = json!({
        "id": bare.id, "name": "ci", "key": key, "prefix": answer.text("prefix"), "scopes": [],
        "created_at": "2027-01-15T08:00:00Z", "expires_at": null,
    });
    assert_eq!(answer.json(), whole);
    assert!(key.starts_with(&format!("dwk_{}_", bare.id)), "{key}");
    assert!(bare.id.contains(&ann.id), "the id contains its owner's");
    let prefix = answer.text("prefix");
    assert!(key.starts_with(&prefix) && prefix.len() > 4 && prefix.len() + 40 < key.len(), "{prefix} {key}");

    service.wait(1);
    let body = json!({"expires_at": "2027-01-15T09:01:00+01:00", "scopes": ["write:items", "read:items"], "name": "Ü"});
    let answer = service.ask_for_key(&ann, &body).send().await.expect(201);
    let full = MadeKey::of(&answer);
    let whole = json!({
        "id": full.id, "name": "Ü", "key": full.key, "prefix": answer.text("prefix"),
        "scopes": ["read:items", "write:items"],
        "created_at": "2027-01-15T08:00:01Z", "expires_at": "2027-01-15T08:01:00Z",
    });
    assert_eq!(answer.json(), whole);
    let is_made = |event: &&Event| matches!(event, Event::ApiKeyCreated { .. });
    assert_eq!(service.events().iter().filter(is_made).count(), 2);

    // `null` is absent, and the last moment that RFC 3339 has is what some say for never.
    for (ends_at, shown) in [(Value::Null, Value::Null), (json!("9999-12-31T23:59:59Z"), json!("9999-12-31T23:59:59Z"))]
    {
        let body = json!({"name": "ci", "scopes": null, "expires_at": ends_at});
        let made = service.ask_for_key(&ann, &body).send().await.expect(201);
        assert_eq!((&made.json()["scopes"], &made.json()["expires_at"]), (&json!([]), &shown));
        service.expect_key_good(&made.text("key")).await;
        let id = made.text("id");
        assert!(service.keys_of(&ann).await.iter().any(|key| key["id"] == id && key["expires_at"] == shown));
        service.delete(&format!("/api-keys/{id}")).bearer(&ann.access).send().await.expect(204);
    }

    // Nobody sees it again, and nobody has it: the store neither.
    let listed = service.see(&ann, "/api-keys").await;
    let stored = format!("{:?}", service.raw.items("api-keys").await);
    for key in [&bare.key, &full.key] {
        let secret = &key[key.len() - 49..];
        assert!(!String::from_utf8_lossy(&listed.body).contains(secret));
        assert!(!stored.contains(secret));
        assert!(!format!("{:?}", service.events()).contains(secret));
    }
    assert!(!String::from_utf8_lossy(&listed.body).contains("hash"));
}

#[tokio::test]
async fn ones_own_keys_are_listed_oldest_first() {
    let service = service().await;
    let (ann, bob) = (service.person("ann").await, service.person("bob").await);
    assert_eq!(service.keys_of(&ann).await, Vec::<Value>::new());
    let mut expected = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let answer = service.ask_for_key(&ann, &json!({"name": name})).send().await.expect(201);
        let mut shown = answer.json();
        shown.as_object_mut().unwrap().remove("key");
        shown["last_used_at"] = Value::Null;
        expected.push(shown);
        service.key_of(&bob, name).await;
        service.wait(1);
    }
    assert_eq!(service.keys_of(&ann).await, expected);
    let answer = service.see(&ann, "/api-keys/").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_key_that_is_not_ones_own_is_not_there() {
    let service = service().await;
    let (ann, bob, root) = (service.person("ann").await, service.person("bob").await, service.admin("root").await);
    let made = service.key_of(&ann, "ci").await;
    let before = service.raw.items("api-keys").await;
    let unknown = a_key_of(&bob.id);
    let unknown = &unknown[4..unknown.len() - 50];
    for id in [made.id.as_str(), unknown, "0", "%FF", "%00", ".", "a.b", &bob.id, &made.key, &"a".repeat(3000)] {
        for who in [&bob, &root] {
            let path = format!("/api-keys/{id}");
            service.delete(&path).bearer(&who.access).send().await.expect_problem(404, "Not Found");
            let rotation = service.post(&format!("{path}/rotate")).bearer(&who.access);
            rotation.send().await.expect_problem(404, "Not Found");
        }
    }
    assert_eq!(service.raw.items("api-keys").await, before);
    service.expect_key_good(&made.key).await;
}

#[tokio::test]
async fn a_deleted_key_is_dead_and_gone() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (first, other) = (service.key_of(&ann, "ci").await, service.key_of(&ann, "ci").await);
    service.expect_key_good(&first.key).await;
    let answer = service.delete(&first.path()).bearer(&ann.access).send().await.expect(204);
    assert!(answer.body.is_empty());
    service.expect_key_dead(&first.key).await;
    for _ in 0..2 {
        service.delete(&first.path()).bearer(&ann.access).send().await.expect_problem(404, "Not Found");
    }
    assert_eq!(ids_of(&service, &ann).await, std::slice::from_ref(&other.id));
    service.expect_key_good(&other.key).await;
    let is_deleted = |event: &&Event| matches!(event, Event::ApiKeyDeleted { .. });
    assert_eq!(service.events().iter().filter(is_deleted).count(), 1);
}

#[tokio::test]
async fn the_fifty_first_is_refused_until_one_has_gone_or_ended() {
    let service = service().await;
    let (ann, bob) = (service.person("ann").await, service.person("bob").await);
    let ends = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    service.ask_for_key(&ann, &ends).send().await.expect(201);
    for n in 1..MOST {
        service.key_of(&ann, &format!("key {n}")).await;
    }
    let before = ids_of(&service, &ann).await;
    service.probe.forget();
    for _ in 0..3 {
        // At the moment of the others, whose ids may be behind its own.
        let another = service.ask_for_key(&ann, &json!({"name": "another"})).send().await;
        another.expect_problem(409, "Too many API keys");
    }
    let reads = ["BatchGetItem", "Query"];
    assert!(
        service.probe.calls().iter().all(|call| reads.iter().any(|read| call.starts_with(read))),
        "nothing written"
    );
    assert_eq!(ids_of(&service, &ann).await, before);
    service.key_of(&bob, "of somebody else").await;

    service.delete(&format!("/api-keys/{}", before[7])).bearer(&ann.access).send().await.expect(204);
    service.key_of(&ann, "instead").await;
    service.ask_for_key(&ann, &json!({"name": "another"})).send().await.expect(409);
    service.wait(60);
    service.key_of(&ann, "instead").await;
    service.ask_for_key(&ann, &json!({"name": "another"})).send().await.expect(409);
    assert_eq!(service.keys_of(&ann).await.len(), MOST);
}

#[tokio::test]
async fn keys_that_have_ended_are_nowhere_however_many_the_store_still_has() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let first = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    // DynamoDB deletes them days late: more than five times as many as anybody may have, and more than fit in one page.
    let mut item = service.raw.items("api-keys").await.remove(0);
    item.insert("padding".to_owned(), AttributeValue::S("x".repeat(8 * 1024)));
    for n in 0..250 {
        let id = format!("{}.{n:016x}", ann.id);
        item.insert("key_id".to_owned(), AttributeValue::S(id));
        service.raw.put("api-keys", item.clone()).await;
    }
    assert_eq!(service.keys_of(&ann).await.len(), 251);
    service.ask_for_key(&ann, &json!({"name": "another"})).send().await.expect(409);
    service.wait(60);
    service.expect_key_dead(&first.key).await;
    service.probe.forget();
    assert_eq!(service.keys_of(&ann).await, Vec::<Value>::new());
    assert!(service.probe.calls().iter().filter(|call| *call == "Query api-keys").count() > 1, "several pages");
    for n in 1..=3 {
        service.key_of(&ann, "lives").await;
        assert_eq!(service.keys_of(&ann).await.len(), n);
    }
}

#[tokio::test]
async fn of_many_made_at_once_no_more_than_fifty_are_ever_given() {
    let service = service().await;
    for name in ["ann", "bob", "carl"] {
        let ann = service.person(name).await;
        let mut made = BTreeSet::new();
        for _ in 0..MOST - 10 {
            made.insert(service.key_of(&ann, "ci").await.id);
        }
        let answers = race((0..16).map(|_| service.ask_for_key(&ann, &json!({"name": "ci"}))).collect()).await;
        assert_eq!(count(&answers, 201) + count(&answers, 409), 16);
        made.extend(answers.iter().filter(|a| a.status == 201).map(|a| a.text("id")));
        assert!((MOST - 9..=MOST).contains(&made.len()), "{} were made", made.len());
        // Who was told of a key has it, and who was refused has left none.
        assert_eq!(ids_of(&service, &ann).await.into_iter().collect::<BTreeSet<_>>(), made);
        for _ in made.len()..MOST {
            service.key_of(&ann, "ci").await;
        }
        service.ask_for_key(&ann, &json!({"name": "ci"})).send().await.expect(409);
    }
}
