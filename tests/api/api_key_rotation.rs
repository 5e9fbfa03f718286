//! `POST /api-keys/{id}/rotate`: another secret, and how long the old one lasts.

use crate::support::admin::race;
use crate::support::api_keys::MadeKey;
use crate::support::service;
use doorward_http::audit::Event;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_wrong_overlap_is_refused_and_changes_nothing() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let before = service.raw.items("api-keys").await;
    let path = format!("{}/rotate", made.path());
    for overlap in [json!(-1), json!(604_801), json!(1.5), json!("60"), json!(true), json!([60]), json!(u64::MAX)] {
        let body = json!({"overlap": overlap});
        service.post(&path).bearer(&ann.access).json(&body).send().await.expect_invalid(&["/overlap"]);
    }
    let body = json!({"name": "other"});
    service.post(&path).bearer(&ann.access).json(&body).send().await.expect_invalid(&["/name"]);
    service.post(&path).json(&json!({"overlap": 1})).send().await.expect_problem(401, "Not authenticated");
    assert_eq!(service.raw.items("api-keys").await, before);
    service.expect_key_good(&made.key).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_rotated() {
    let service = service().await;
    let (ann, bob) = (service.person("ann").await, service.person("bob").await);
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let ends = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    let gone = service.key_of(&ann, "gone").await;
    service.delete(&gone.path()).bearer(&ann.access).send().await.expect(204);
    service.rotate(&ann, &gone, 0).send().await.expect_problem(404, "Not Found");
    assert_eq!(service.raw.items("api-keys").await.len(), 1, "none came to be");
    service.rotate(&bob, &ends, 0).send().await.expect_problem(404, "Not Found");
    service.expect_key_good(&ends.key).await;

    service.wait(60);
    let before = service.raw.items("api-keys").await;
    service.rotate(&ann, &ends, 60).send().await.expect_problem(404, "Not Found");
    service.delete(&ends.path()).bearer(&ann.access).send().await.expect_problem(404, "Not Found");
    assert_eq!(service.raw.items("api-keys").await, before);
    assert_eq!(service.keys_of(&ann).await, Vec::<Value>::new());
}

#[tokio::test]
async fn by_default_the_old_secret_is_dead_at_once() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "ci", "scopes": ["read:items"], "expires_at": "2028-01-01T00:00:00Z"});
    let created = service.ask_for_key(&ann, &body).send().await.expect(201);
    let mut last = MadeKey::of(&created);
    service.wait(10);
    let path = format!("{}/rotate", last.path());
    let asked = || service.post(&path).bearer(&ann.access);
    for request in [
        asked(),
        asked().json(&json!({})),
        asked().json(&json!({"overlap": null})),
        asked().json(&json!({"overlap": 0})),
        asked().json(&json!({"overlap": 0.0})),
        service.rotate(&ann, &last, 0),
    ] {
        let answer = request.send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let next = MadeKey::of(&answer);
        // All that the creation showed, but for the secret.
        let mut expected = created.json();
        expected["key"] = next.key.clone().into();
        assert_eq!(answer.json(), expected);
        service.expect_key_dead(&last.key).await;
        service.expect_key_good(&next.key).await;
        assert_ne!(next.key, last.key);
        last = next;
    }
    assert_eq!(service.keys_of(&ann).await.len(), 1);
    let is_rotated = |event: &&Event| matches!(event, Event::ApiKeyRotated { .. });
    assert_eq!(service.events().iter().filter(is_rotated).count(), 6);
}

#[tokio::test]
async fn within_the_overlap_both_work_to_the_moment() {
    for overlap in [1, 60, 604_800] {
        let service = service().await;
        let ann = service.person("ann").await;
        let old = service.key_of(&ann, "ci").await;
        let new = MadeKey::of(&service.rotate(&ann, &old, overlap).send().await.expect(200));
        service.expect_key_good(&old.key).await;
        service.wait(u64::from(overlap) - 1);
        service.clock.advance(Duration::from_millis(999));
        service.expect_key_good(&old.key).await;
        service.clock.advance(Duration::from_millis(1));
        service.expect_key_dead(&old.key).await;
        service.expect_key_good(&new.key).await;
    }
}

#[tokio::test]
async fn only_the_last_old_secret_works_on() {
    let service = service().await;
    let ann = service.person("ann").await;
    let first = service.key_of(&ann, "ci").await;
    let second = MadeKey::of(&service.rotate(&ann, &first, 600).send().await.expect(200));
    let third = MadeKey::of(&service.rotate(&ann, &second, 600).send().await.expect(200));
    service.expect_key_dead(&first.key).await;
    service.expect_key_good(&second.key).await;
    service.expect_key_good(&third.key).await;
    // A rotation because of a leak leaves nothing.
    let fourth = MadeKey::of(&service.rotate(&ann, &third, 0).send().await.expect(200));
    for dead in [&first, &second, &third] {
        service.expect_key_dead(&dead.key).await;
    }
    service.expect_key_good(&fourth.key).await;
}

#[tokio::test]
async fn an_overlap_outlives_neither_the_end_nor_the_deletion_of_its_key() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let old = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    let new = MadeKey::of(&service.rotate(&ann, &old, 600).send().await.expect(200));
    service.expect_key_good(&old.key).await;
    service.wait(60);
    for key in [&old.key, &new.key] {
        service.expect_key_dead(key).await;
    }
    let old = service.key_of(&ann, "ci").await;
    let new = MadeKey::of(&service.rotate(&ann, &old, 600).send().await.expect(200));
    service.delete(&old.path()).bearer(&ann.access).send().await.expect(204);
    for key in [&old.key, &new.key] {
        service.expect_key_dead(key).await;
    }
}

#[tokio::test]
async fn of_rotations_at_once_one_secret_is_the_last() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let answers = race((0..8).map(|_| service.rotate(&ann, &made, 0)).collect()).await;
    let mut good = 0;
    for answer in answers {
        good += u32::from(service.knock(&answer.expect(200).text("key")).await.status == 200);
    }
    assert_eq!(good, 1);
    service.expect_key_dead(&made.key).await;
}
