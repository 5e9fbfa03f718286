//! What is left of a deleted user is cleared away, as far as the store lets it.

use crate::support::admin::Person;
use crate::support::probe::CONFLICT;
use crate::support::{Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::ids::UserId;
use doorward_store::ATTEMPTS;
use serde_json::json;

/// How many items there are of somebody: keys, sample items, sessions.
async fn left(service: &Service, who: &Person) -> [usize; 3] {
    let mut left = [0; 3];
    for (count, table) in left.iter_mut().zip(["api-keys", "example-items", "sessions"]) {
        let items = service.raw.items(table).await;
        *count = items.iter().filter(|item| item["user_id"].as_s() == Ok(&who.id)).count();
    }
    left
}

/// Somebody of whom there is something in each table.
async fn somebody(service: &Service, name: &str) -> Person {
    let who = service.person(name).await;
    for _ in 0..5 {
        service.again(name, &who).await;
        service.post("/api-keys").bearer(&who.access).json(&json!({"name": "k"})).send().await.expect(201);
        service.post("/items").bearer(&who.access).json(&json!({"name": "i"})).send().await.expect(200);
    }
    assert_eq!(left(service, &who).await, [5, 5, 6]);
    who
}

#[tokio::test]
async fn what_fails_in_one_table_keeps_no_other_from_being_cleared() {
    let service = service().await;
    let root = service.admin("root").await;
    let tables = ["api-keys", "example-items", "sessions"];
    for (at, table) in tables.into_iter().enumerate() {
        for operation in ["Query", "DeleteItem"] {
            let ann = somebody(&service, &format!("ann-{table}-{operation}")).await;
            let mut stays = left(&service, &ann).await;
            service.probe.cut_off_at(operation, table);
            service.remove(&root, &ann).send().await.expect(200);
            let id = UserId::parse(&ann.id).unwrap();
            service.store.forget(&id).await.expect_err("a fault that is reported");
            for (_, gone) in stays.iter_mut().enumerate().filter(|(other, _)| *other != at) {
                *gone = 0;
            }
            assert_eq!(left(&service, &ann).await, stays, "{operation} {table}");
            service.probe.bring_back();
            service.store.forget(&id).await.unwrap();
            assert_eq!(left(&service, &ann).await, [0; 3]);
        }
    }
}

#[tokio::test]
async fn more_than_a_page_is_cleared() {
    let service = service().await;
    let ann = somebody(&service, "ann").await;
    let mut item = service.raw.items("api-keys").await.remove(0);
    // A page of DynamoDB is a megabyte.
    item.insert("padding".to_owned(), AttributeValue::S("x".repeat(8 * 1024)));
    for n in 0..150 {
        item.insert("key_id".to_owned(), AttributeValue::S(format!("{}.{n:016x}", ann.id)));
        service.raw.put("api-keys", item.clone()).await;
    }
    service.probe.forget();
    service.store.forget(&UserId::parse(&ann.id).unwrap()).await.unwrap();
    assert!(service.probe.calls().iter().filter(|call| *call == "Query api-keys").count() > 1, "several pages");
    assert_eq!(left(&service, &ann).await, [0; 3]);
}

#[tokio::test]
async fn a_transaction_beside_it_is_waited_out() {
    let service = service().await;
    let ann = somebody(&service, "ann").await;
    let id = UserId::parse(&ann.id).unwrap();
    for _ in 0..2 {
        service.probe.refuse("DeleteItem", "sessions", CONFLICT);
    }
    service.store.forget(&id).await.unwrap();
    assert!(service.probe.is_done());
}

#[tokio::test]
async fn one_item_that_fails_keeps_no_other_from_going() {
    let service = service().await;
    let ann = somebody(&service, "ann").await;
    let id = UserId::parse(&ann.id).unwrap();
    // As often as a transaction is waited out: one item is given up.
    for _ in 0..ATTEMPTS {
        service.probe.refuse("DeleteItem", "api-keys", CONFLICT);
    }
    service.store.forget(&id).await.expect_err("a fault that is reported");
    assert!(service.probe.is_done());
    assert_eq!(left(&service, &ann).await, [1, 0, 0]);
}
