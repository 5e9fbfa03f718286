//! Turning keys over at once, with answers that are lost, by halves, and by somebody who should not.

use crate::support::{Service, service_with};
use doorward_core::keyring::{KeyRecord, Purpose};
use doorward_core::rotation::Order;

async fn quick_service() -> Service {
    service_with(&[("DOORWARD_SIGNING_ALG", "ES256")]).await
}

/// Whether each key but the youngest has an end, which is where its successor begins.
fn is_whole(keys: &[KeyRecord]) -> bool {
    keys.windows(2).all(|pair| pair[0].term.signs_until == Some(pair[1].term.signs_from))
}

#[tokio::test]
async fn eight_at_once_make_one_key() {
    for order in [Order::Next, Order::Now, Order::RevokeOld, Order::WhenDue] {
        for purpose in Purpose::ALL.into_iter().filter(|purpose| (*purpose, order) != (Purpose::Seal, Order::RevokeOld))
        {
            let service = quick_service().await;
            service.wait(100 * 24 * 3600);
            let turn = || async { usize::from(service.turn(purpose, order).await.made.is_some()) };
            let four = || async {
                let (a, b, c, d) = tokio::join!(turn(), turn(), turn(), turn());
                a + b + c + d
            };
            let (half, other) = tokio::join!(four(), four());
            let made = half + other;
            let expected = usize::from(order != Order::WhenDue || purpose != Purpose::Seal);
            assert_eq!(made, expected, "{purpose:?} {order:?}");
            let keys = service.ring(purpose).await;
            assert_eq!(keys.len(), 1 + expected);
            assert!(is_whole(&keys), "{keys:?}");
        }
    }
}

#[tokio::test]
async fn first_starts_at_once_make_one_ring() {
    let first = quick_service().await;
    for purpose in Purpose::ALL {
        first.raw.delete_key(purpose.as_str(), 1).await;
    }
    let start = || first.another(&[("DOORWARD_SIGNING_ALG", "ES256")]);
    let (a, b, c, d) = tokio::join!(start(), start(), start(), start());
    for purpose in Purpose::ALL {
        assert_eq!(first.ring(purpose).await.len(), 1);
    }
    let ann = a.newcomer("ann").await;
    for service in [b, c, d] {
        service.me(&ann.access).await.expect(200);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_changes_nothing() {
    for order in [Order::Next, Order::RevokeOld] {
        let mut left = Vec::new();
        for lossy in [false, true] {
            let service = quick_service().await;
            let lose = |operations: &[&'static str]| {
                for operation in operations.iter().filter(|_| lossy) {
                    service.probe.lose_reply(operation, "signing-keys");
                }
            };
            lose(&["Query", "PutItem", "UpdateItem", "Query"]);
            assert!(service.turn(Purpose::Sign, order).await.made.is_some());
            assert!(service.probe.is_done());
            // What is long dead goes, once.
            service.wait(30 * 24 * 3600 - 3600);
            lose(&["DeleteItem"]);
            service.turn(Purpose::Sign, Order::WhenDue).await;
            assert!(service.probe.is_done());
            let keys = service.ring(Purpose::Sign).await;
            left.push(keys.iter().map(|key| (key.serial, key.term)).collect::<Vec<_>>());
        }
        assert_eq!(left[0], left[1]);
        assert_eq!(left[0].len(), 1);
    }
}

#[tokio::test]
async fn a_key_goes_as_it_was_read_and_a_store_that_is_away_is_said() {
    let service = quick_service().await;
    let key = service.ring(Purpose::Sign).await.remove(0);
    let keys = &service.store.signing_keys;
    service.probe.cut_off(true);
    keys.delete(&key).await.expect_err("a store that does not answer");
    service.probe.cut_off(false);
    service.turn(Purpose::Sign, Order::Next).await;
    keys.delete(&key).await.expect("somebody else decides about what they changed");
    let whole = service.ring(Purpose::Sign).await;
    assert_eq!(whole.len(), 2);
    keys.delete(&whole[0]).await.unwrap();
    assert_eq!(service.ring(Purpose::Sign).await, whole[1..]);
}

#[tokio::test]
async fn what_breaks_off_is_finished_by_the_next_run() {
    // Each call is tried four times; the fourth lost answer is the end.
    for (operation, keys) in [("PutItem", 2), ("UpdateItem", 2), ("Query", 1)] {
        let service = quick_service().await;
        let ann = service.newcomer("ann").await;
        for _ in 0..4 {
            service.probe.lose_reply(operation, "signing-keys");
        }
        service.try_turn(Purpose::Sign, Order::Next).await.expect_err("a store that does not answer");
        assert!(service.probe.is_done());
        let left = service.ring(Purpose::Sign).await;
        assert_eq!(left.len(), keys, "{operation}");

        // Half done, it harms nobody: the next key signs when its time has come, and the old one verifies.
        service.wait(126 * 60);
        let last = service.refresh(&ann.refresh).await.expect(200).tokens();
        service.me(&last.access).await.expect(200);
        assert_eq!(service.states(Purpose::Sign).await.last(), Some(&"current"));

        // Whoever comes next finishes it, also if nothing is due.
        service.turn(Purpose::Sign, Order::WhenDue).await;
        let whole = service.ring(Purpose::Sign).await;
        assert_eq!(whole.len(), keys);
        assert!(is_whole(&whole), "{operation}: {whole:?}");
        service.me(&last.access).await.expect(200);
    }
}

#[tokio::test]
async fn who_cannot_open_the_keys_does_not_add_to_them() {
    let service = quick_service().await;
    for purpose in Purpose::ALL {
        let before = service.ring(purpose).await;
        let refused = service.try_turn_with("other", purpose, Order::Now).await.expect_err("another key file");
        assert!(refused.to_string().contains("another store"), "{refused}");
        assert_eq!(service.ring(purpose).await, before);
    }
    // Also where a purpose has no key yet and another has.
    service.raw.delete_key("seal", 1).await;
    service.try_turn_with("other", Purpose::Seal, Order::WhenDue).await.expect_err("another key file");
    assert_eq!(service.ring(Purpose::Seal).await, []);
    service.turn(Purpose::Seal, Order::WhenDue).await;
    assert_eq!(service.states(Purpose::Seal).await, ["current"]);
}

#[tokio::test]
async fn a_key_is_opened_once() {
    let service = quick_service().await;
    let ann = service.newcomer("ann").await;
    let key = service.ring(Purpose::Sign).await.remove(0);
    // What lies in the store is of use no longer; who has opened it goes on.
    service.raw.spoil_key(&key).await;
    service.wait(61);
    let next = service.refresh(&ann.refresh).await.expect(200).tokens();
    service.me(&next.access).await.expect(200);
    service.try_turn(Purpose::Sign, Order::Next).await.expect_err("the present key does not open");
}
