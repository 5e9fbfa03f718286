//! The tests' own watchers see what they are there to see.

use crate::support::raw::Item;
use crate::support::{Service, service};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[tokio::test]
async fn a_read_that_may_be_of_what_was_is_refused() {
    let service = service().await;
    let ann = service.person("ann").await;
    let key = Item::from([("user_id".to_owned(), text(&ann.id))]);
    let client = service.seen_client();
    for consistent in [None, Some(false)] {
        let get = client.get_item().table_name("doorward-users").set_key(Some(key.clone()));
        assert!(get.set_consistent_read(consistent).send().await.is_err());
        let scan = client.scan().table_name("doorward-users").set_consistent_read(consistent);
        assert!(scan.send().await.is_err());
        let query = client.query().table_name("doorward-users").key_condition_expression("user_id = :id");
        let query = query.expression_attribute_values(":id", text(&ann.id)).set_consistent_read(consistent);
        assert!(query.send().await.is_err());
        let of = |consistent| {
            let keys = KeysAndAttributes::builder().keys(key.clone()).set_consistent_read(consistent).build();
            keys.unwrap()
        };
        let batch = client.batch_get_item().request_items("doorward-users", of(Some(true)));
        let batch = batch.request_items("doorward-second-factors", of(consistent));
        assert!(batch.send().await.is_err(), "one of two");
    }
    let get = client.get_item().table_name("doorward-users").set_key(Some(key.clone())).consistent_read(true);
    assert!(get.send().await.unwrap().item.is_some());
}

/// A table, what identifies its item, and what is done to it.
type Damage<'a> = (&'static str, &'a [(&'static str, &'a str)], fn(&mut Item));

#[tokio::test]
async fn tables_that_contradict_each_other_are_seen() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let key = service.key_of(&ann.person, "ci").await;
    let bob = service.person("bob").await;
    assert_eq!(found(&service).await, Vec::<String>::new());

    let session = service.session(&bob.access).await.id.to_string();
    let (of_ann, of_bob) = ([("user_id", ann.person.id.as_str())], [("user_id", bob.id.as_str())]);
    let of_session = [("user_id", bob.id.as_str()), ("session_id", session.as_str())];
    let of_key = [("user_id", ann.person.id.as_str()), ("key_id", key.id.as_str())];
    let damages: [Damage<'_>; 13] = [
        ("credentials", &[("id", "name#ann")], |item| drop(item.insert("user_id".to_owned(), text("somebody")))),
        ("credentials", &[("id", "name#bob")], |item| drop(item.remove("password_set_at"))),
        ("credentials", &[("id", "mail#ann@example.com")], |item| {
            drop(item.insert("username".to_owned(), text("bob")));
        }),
        ("users", &of_ann, |item| drop(item.remove("email"))),
        ("users", &of_ann, |item| drop(item.insert("username".to_owned(), text("other")))),
        ("users", &of_ann, |item| drop(item.insert("two_factor_enabled".to_owned(), AttributeValue::Bool(false)))),
        ("users", &of_bob, |item| drop(item.insert("two_factor_enabled".to_owned(), AttributeValue::Bool(true)))),
        ("users", &of_bob, |item| drop(item.insert("epoch".to_owned(), AttributeValue::N("0".to_owned())))),
        ("second-factors", &of_ann, |item| drop(item.remove("sealed"))),
        ("second-factors", &of_ann, |item| {
            item.insert("pending_sealed".to_owned(), AttributeValue::B(Blob::new([1])));
        }),
        ("sessions", &of_session, |item| drop(item.insert("expires_at".to_owned(), AttributeValue::N("1".to_owned())))),
        ("sessions", &of_session, |item| drop(item.insert("key_id".to_owned(), text("none")))),
        ("api-keys", &of_key, |item| drop(item.remove("secret_hash"))),
    ];
    for (n, (table, key, damage)) in damages.into_iter().enumerate() {
        let before = service.raw.item(table, key).await.unwrap();
        let mut item = before.clone();
        damage(&mut item);
        service.raw.put(table, item).await;
        assert_ne!(found(&service).await, Vec::<String>::new(), "damage {n} of {table}");
        service.raw.put(table, before).await;
    }
    for (table, key) in
        [("credentials", &[("id", "mail#ann@example.com")][..]), ("users", &of_ann), ("second-factors", &of_ann)]
    {
        let before = service.raw.item(table, key).await.unwrap();
        service.raw.delete(table, key).await;
        assert_ne!(found(&service).await, Vec::<String>::new(), "{table}");
        service.raw.put(table, before).await;
    }
    let mut factor = service.raw.item("second-factors", &of_ann).await.unwrap();
    factor.insert("user_id".to_owned(), text("somebody"));
    service.raw.put("second-factors", factor).await;
    assert_eq!(found(&service).await, ["the second factor of somebody is of nobody"]);
    service.raw.delete("second-factors", &[("user_id", "somebody")]).await;
    let mut another = service.raw.item("api-keys", &of_key).await.unwrap();
    for n in 0..50 {
        another.insert("key_id".to_owned(), text(&format!("{}.{n}", ann.person.id)));
        service.raw.put("api-keys", another.clone()).await;
    }
    assert_eq!(found(&service).await, [format!("{} has 51 keys", ann.person.id)]);
}

async fn found(service: &Service) -> Vec<String> {
    service.raw.tables().await.contradictions()
}
