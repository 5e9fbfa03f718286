//! A write that meets somebody's transaction is tried again, ten times, and no other: the SDK retries throttles but not these.

use crate::support::admin::Person;
use crate::support::probe::CONFLICT;
use crate::support::request::Request;
use crate::support::{Service, service};
use doorward_store::ATTEMPTS;
use serde_json::json;

macro_rules! cancelled {
    ($reason:literal) => {
        concat!(r#""TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":""#, $reason, r#""}]"#)
    };
}

const UPDATE: (&str, &str) = ("UpdateItem", "sessions");
const TRANSACTION: (&str, &str) = ("TransactWriteItems", "users");

/// What passes when it is tried again, for a write of each kind.
const PASSING: [((&str, &str), &str); 4] = [
    (UPDATE, CONFLICT),
    (TRANSACTION, cancelled!("TransactionConflict")),
    (TRANSACTION, cancelled!("ThrottlingError")),
    (TRANSACTION, cancelled!("ProvisionedThroughputExceeded")),
];

/// The SDK takes this one for a throttle, so it sends each of the tries again besides.
const IN_PROGRESS: &str = r#""TransactionInProgressException""#;

const LASTING: [((&str, &str), &str); 3] = [
    (UPDATE, r#""ItemCollectionSizeLimitExceededException""#),
    (TRANSACTION, cancelled!("ItemCollectionSizeLimitExceeded")),
    (TRANSACTION, r#""ResourceNotFoundException""#),
];

/// The request that writes so.
fn writing(service: &Service, who: &Person, write: (&str, &str)) -> Request {
    match write {
        UPDATE => service.post("/token/refresh").json(&json!({"refresh_token": who.refresh})),
        _ => service.request("PATCH", "/users/me").bearer(&who.access).json(&json!({"full_name": "Ann A."})),
    }
}

fn refuse(service: &Service, (operation, table): (&'static str, &'static str), error: &'static str, times: u32) {
    service.probe.forget();
    (0..times).for_each(|_| service.probe.refuse(operation, table, error));
}

fn tries(service: &Service, (operation, table): (&str, &str)) -> usize {
    service.probe.calls().iter().filter(|call| call.starts_with(operation) && call.contains(table)).count()
}

/// What the writes change.
async fn state(service: &Service, who: &Person) -> (u32, Option<String>) {
    let name = service.user("ann").await.full_name.map(|name| name.as_str().to_owned());
    (service.generation(&who.access).await, name)
}

#[tokio::test]
async fn what_lasts_as_long_as_it_may_is_waited_out() {
    for (write, error) in PASSING {
        let service = service().await;
        let ann = service.person("ann").await;
        let before = state(&service, &ann).await;
        refuse(&service, write, error, ATTEMPTS - 1);
        writing(&service, &ann, write).send().await.expect(200);
        assert!(service.probe.is_done());
        assert_eq!(tries(&service, write), ATTEMPTS as usize, "{error}");
        assert_ne!(state(&service, &ann).await, before);
    }
}

#[tokio::test]
async fn what_lasts_longer_is_503_and_nothing_is_done() {
    for (write, error) in PASSING {
        let service = service().await;
        let ann = service.person("ann").await;
        let before = state(&service, &ann).await;
        refuse(&service, write, error, ATTEMPTS);
        writing(&service, &ann, write).send().await.expect_problem(503, "Service unavailable");
        assert!(service.probe.is_done());
        assert_eq!(tries(&service, write), ATTEMPTS as usize, "{error}");
        assert_eq!(state(&service, &ann).await, before);
        writing(&service, &ann, write).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_transaction_that_is_under_way_itself_is_waited_for_as_long() {
    let service = service().await;
    let ann = service.person("ann").await;
    refuse(&service, TRANSACTION, IN_PROGRESS, ATTEMPTS);
    writing(&service, &ann, TRANSACTION).send().await.expect(200);
    refuse(&service, TRANSACTION, IN_PROGRESS, 10 * ATTEMPTS);
    writing(&service, &ann, TRANSACTION).send().await.expect_problem(503, "Service unavailable");
    assert_eq!(tries(&service, TRANSACTION), ATTEMPTS as usize);
    service.probe.bring_back();
    writing(&service, &ann, TRANSACTION).send().await.expect(200);
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again() {
    for (write, error) in LASTING {
        let service = service().await;
        let ann = service.person("ann").await;
        refuse(&service, write, error, 1);
        writing(&service, &ann, write).send().await.expect_problem(503, "Service unavailable");
        assert_eq!(tries(&service, write), 1, "{error}");
        writing(&service, &ann, write).send().await.expect(200);
    }
}
