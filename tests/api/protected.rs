//! `GET /protected`: programs with an API key, and what a check of it costs.

use crate::support::admin::Person;
use crate::support::api_keys::{MadeKey, a_key_of, strangers_key};
use crate::support::{PASSWORD, Service, service};
use doorward_store::ATTEMPTS;
use serde_json::{Value, json};

const CHECK: &str = "BatchGetItem api-keys users";
const MARK: &str = "UpdateItem api-keys";

async fn somebody_with_a_key(service: &Service) -> (Person, MadeKey) {
    let ann = service.person("ann").await;
    let key = service.key_of(&ann, "ci").await;
    service.probe.forget();
    (ann, key)
}

async fn last_used(service: &Service, who: &Person) -> Value {
    service.keys_of(who).await[0]["last_used_at"].clone()
}

#[tokio::test]
async fn without_a_key_there_is_no_entry() {
    let service = service().await;
    let (ann, made) = somebody_with_a_key(&service).await;
    let in_query = format!("/protected?api_key={0}&x-api-key={0}&key={0}", made.key);
    for request in [
        service.get("/protected"),
        service.get("/protected/"),
        service.get("/protected").header("x-api-key", ""),
        service.get(&in_query),
        service.get("/protected").bearer(&ann.access),
        service.get("/protected").bearer(&made.key),
        service.get("/protected").header("authorization", &format!("ApiKey {}", made.key)),
        service.get("/protected").header("cookie", &format!("x-api-key={}", made.key)),
    ] {
        let answer = request.send().await.expect_problem(403, "API key required");
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_key_is_refused_without_a_read() {
    let service = service().await;
    let (ann, made) = somebody_with_a_key(&service).await;
    let key = made.key.as_str();
    let mut bad = vec![
        "x".to_owned(),
        "dwk_".to_owned(),
        "null".to_owned(),
        ann.access.clone(),
        ann.refresh.clone(),
        made.id.clone(),
        key.to_uppercase(),
        key[1..].to_owned(),
        key[..key.len() - 1].to_owned(),
        format!("{key}A"),
        format!("Bearer {key}"),
        format!("{key}, {key}"),
        "dwk_".repeat(2000),
    ];
    // A typo at every place.
    bad.extend((0..key.len()).map(|at| {
        let other = if key.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &key[..at], &key[at + 1..])
    }));
    for text in bad {
        service.knock(&text).await.expect_problem(403, "Invalid API key");
    }
    let twice = service.get("/protected").header("x-api-key", key).header("x-api-key", key);
    twice.send().await.expect_problem(403, "Invalid API key");
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn what_was_never_made_is_refused_after_one_read() {
    let service = service().await;
    let (ann, _) = somebody_with_a_key(&service).await;
    for unknown in [strangers_key(), a_key_of(&ann.id)] {
        service.probe.forget();
        service.expect_key_dead(&unknown).await;
        assert_eq!(service.probe.calls(), [CHECK]);
    }
    assert_eq!(last_used(&service, &ann).await, Value::Null);
}

#[tokio::test]
async fn a_key_ends_to_the_moment() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let made = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    service.wait(59);
    service.expect_key_good(&made.key).await;
    service.wait(1);
    // The item is still there: DynamoDB deletes it days late.
    assert_eq!(service.raw.items("api-keys").await.len(), 1);
    service.expect_key_dead(&made.key).await;
}

#[tokio::test]
async fn a_key_is_dead_with_its_owner() {
    let service = service().await;
    let (ann, bob, carl) = (service.person("ann").await, service.person("bob").await, service.person("carl").await);
    let root = service.admin("root").await;
    let mut keys = Vec::new();
    for who in [&ann, &bob, &carl] {
        keys.push(service.key_of(who, "ci").await.key);
    }
    service.change(&root, &ann, &json!({"disabled": true})).send().await.expect(200);
    service.leave(&bob, PASSWORD).send().await.expect(200);
    service.expect_key_dead(&keys[0]).await;
    service.expect_key_dead(&keys[1]).await;
    // Another password ends sessions, and no keys.
    service.change_password(&carl, PASSWORD, "another pass phrase").send().await.expect(204);
    service.post_as(&carl.access, "/logout/all").await.expect(200);
    service.expect_key_good(&keys[2]).await;
    service.remove(&root, &carl).send().await.expect(200);
    service.expect_key_dead(&keys[2]).await;
}

#[tokio::test]
async fn a_good_key_is_let_in() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "Continuous \"integration\" é").await;
    for path in ["/protected", "/protected/"] {
        let answer = service.get(path).header("X-API-Key", &made.key).send().await.expect(200);
        assert_eq!(answer.json(), json!({"message": "Access granted", "key_name": "Continuous \"integration\" é"}));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    // A bad Bearer beside it is nothing that this route asks for.
    service.get("/protected").bearer("forged").header("x-api-key", &made.key).send().await.expect(200);
}

#[tokio::test]
async fn a_use_is_written_down_at_most_every_five_minutes() {
    let service = service().await;
    let (ann, made) = somebody_with_a_key(&service).await;
    assert_eq!(last_used(&service, &ann).await, Value::Null);
    for (after, calls, last) in [
        (10, &[CHECK, MARK][..], "2027-01-15T08:00:10Z"),
        (0, &[CHECK], "2027-01-15T08:00:10Z"),
        (299, &[CHECK], "2027-01-15T08:00:10Z"),
        (1, &[CHECK, MARK], "2027-01-15T08:05:10Z"),
        (299, &[CHECK], "2027-01-15T08:05:10Z"),
        (600, &[CHECK, MARK], "2027-01-15T08:20:09Z"),
    ] {
        service.wait(after);
        service.probe.forget();
        service.expect_key_good(&made.key).await;
        assert_eq!(service.probe.calls(), calls, "at {last}");
        // A login anew: the access token lasts no longer than these uses.
        let again = service.again("ann", &ann).await;
        assert_eq!(last_used(&service, &again).await, last);
    }
    // A rotation keeps it.
    let ann = service.again("ann", &ann).await;
    service.rotate(&ann, &made, 0).send().await.expect(200);
    assert_eq!(last_used(&service, &ann).await, "2027-01-15T08:20:09Z");
    service.expect_key_dead(&made.key).await;
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_no_refusal() {
    let service = service().await;
    let (_, made) = somebody_with_a_key(&service).await;
    service.probe.cut_off(true);
    for key in [made.key.clone(), strangers_key()] {
        let answer = service.knock(&key).await.expect_problem(503, "Service unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // What needs no store is told as ever.
    service.knock("dwk_typo").await.expect_problem(403, "Invalid API key");
    service.probe.cut_off(false);
    service.expect_key_good(&made.key).await;
}

#[tokio::test]
async fn what_the_batch_left_out_is_asked_again() {
    let service = service().await;
    let (_, made) = somebody_with_a_key(&service).await;
    service.expect_key_good(&made.key).await;
    for table in ["users", "api-keys"] {
        service.probe.leave_unprocessed(table);
        service.probe.forget();
        service.expect_key_good(&made.key).await;
        assert!(service.probe.is_done());
        let mut calls = [CHECK.to_owned(), format!("BatchGetItem {table}")];
        calls.sort();
        assert_eq!(service.probe.calls(), calls);

        for _ in 0..ATTEMPTS {
            service.probe.leave_unprocessed(table);
        }
        service.knock(&made.key).await.expect_problem(503, "Service unavailable");
        assert!(service.probe.is_done());
    }
}
