//! The tables, as a start leaves them.

use crate::support::{Service, service};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType as Place, ScalarAttributeType, TimeToLiveSpecification,
};
use doorward::tables;
use doorward_store::{KeyAttribute, KeyType, TableDefinition};

/// The tables whose expired items are deleted.
fn expiring() -> Vec<TableDefinition> {
    tables::of_template().unwrap().into_iter().filter(|table| table.ttl.is_some()).collect()
}

/// Switches the expiry of a table on or off.
async fn switch(service: &Service, table: &TableDefinition, attribute: &str, is_on: bool) {
    let ttl = TimeToLiveSpecification::builder().enabled(is_on).attribute_name(attribute).build().unwrap();
    let request = service.seen_client().update_time_to_live().table_name(service.store.table_name(table));
    request.time_to_live_specification(ttl).send().await.unwrap();
}

async fn expiry(service: &Service, table: &TableDefinition) -> Option<String> {
    service.store.inspect(table).await.unwrap().unwrap().ttl
}

#[tokio::test]
async fn a_start_switches_on_what_one_before_it_did_not_come_to() {
    let service = service().await;
    let expiring = expiring();
    assert!(!expiring.is_empty());
    for table in &expiring {
        assert_eq!(expiry(&service, table).await, table.ttl, "{}", table.name);
        switch(&service, table, table.ttl.as_deref().unwrap(), false).await;
        assert_eq!(expiry(&service, table).await, None, "{}", table.name);
    }
    service.store.create_missing(&tables::of_template().unwrap()).await.unwrap();
    for table in &expiring {
        assert_eq!(expiry(&service, table).await, table.ttl, "{}", table.name);
    }
    service.probe.forget();
    service.store.create_missing(&tables::of_template().unwrap()).await.unwrap();
    let calls = service.probe.calls();
    assert!(calls.iter().all(|call| call.starts_with("Describe") || call.starts_with("List")), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_start_has_switched_on_is_no_fault() {
    let service = service().await;
    let table = expiring().swap_remove(0);
    switch(&service, &table, table.ttl.as_deref().unwrap(), false).await;
    let held = service.probe.hold("UpdateTimeToLive", table.name.clone().leak());
    let (store, all) = (service.store.clone(), tables::of_template().unwrap());
    let starting = tokio::spawn(async move { store.create_missing(&all).await });
    // By another attribute: the embedded store says nothing of the same one.
    held.meanwhile(switch(&service, &table, "another", true)).await;
    starting.await.unwrap().unwrap();
    assert_eq!(expiry(&service, &table).await.as_deref(), Some("another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_start_has_made_is_no_fault() {
    let service = service().await;
    let table = TableDefinition { name: "another".to_owned(), ..expiring().swap_remove(0) };
    let held = service.probe.hold("CreateTable", "another");
    let (store, tables) = (service.store.clone(), vec![table.clone()]);
    let starting = tokio::spawn(async move { store.create_missing(&tables).await });
    held.meanwhile(async { service.store.create_missing(std::slice::from_ref(&table)).await.unwrap() }).await;
    starting.await.unwrap().unwrap();
    assert_eq!(expiry(&service, &table).await, table.ttl);
}

#[tokio::test]
async fn a_start_that_cannot_make_its_tables_is_none() {
    let service = service().await;
    let table = TableDefinition { name: "another".to_owned(), ..expiring().swap_remove(0) };
    // One that does not expire is made in one call.
    let lasting = TableDefinition { ttl: None, ..table.clone() };
    for (operation, table) in [("CreateTable", lasting), ("UpdateTimeToLive", table.clone())] {
        service.probe.cut_off_at(operation, "another");
        service.store.create_missing(&[table]).await.expect_err("a store that does not answer");
        service.probe.bring_back();
    }
    service.store.create_missing(std::slice::from_ref(&table)).await.unwrap();
    assert_eq!(expiry(&service, &table).await, table.ttl);
}

#[tokio::test]
async fn keys_fit_that_are_the_same_in_name_place_type_and_number() {
    use ScalarAttributeType::{N, S};
    let service = service().await;
    let key = |name: &str, kind| KeyAttribute { name: name.to_owned(), kind };
    let one = TableDefinition { partition: key("a", KeyType::Text), sort: None, ..expiring().swap_remove(0) };
    let two = TableDefinition { sort: Some(key("b", KeyType::Number)), ..one.clone() };
    for (at, (keys, fits_one, fits_two)) in [
        (&[("a", S)][..], true, false),
        (&[("a", N)], false, false),
        (&[("b", S)], false, false),
        (&[("a", S), ("b", N)], false, true),
        (&[("a", N), ("b", S)], false, false),
        (&[("b", N), ("a", S)], false, false),
        (&[("a", S), ("b", S)], false, false),
        (&[("a", N), ("b", N)], false, false),
        (&[("a", S), ("c", N)], false, false),
        (&[("c", S), ("b", N)], false, false),
    ]
    .into_iter()
    .enumerate()
    {
        let named = |definition: &TableDefinition| TableDefinition { name: format!("of-{at}"), ..definition.clone() };
        let (one, two) = (named(&one), named(&two));
        assert_eq!(service.store.inspect(&one).await.unwrap(), None);
        let mut request = service.seen_client().create_table().table_name(service.store.table_name(&one));
        for ((name, kind), place) in keys.iter().zip([Place::Hash, Place::Range]) {
            let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build();
            let element = KeySchemaElement::builder().attribute_name(*name).key_type(place).build();
            request = request.attribute_definitions(attribute.unwrap()).key_schema(element.unwrap());
        }
        request.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
        let fits = [service.store.inspect(&one).await, service.store.inspect(&two).await];
        let fits = fits.map(|state| state.unwrap().unwrap().keys_fit);
        assert_eq!(fits, [fits_one, fits_two], "{keys:?}");
    }
}
