//! The life of keys, by a clock that is turned: tokens of every age, at services that read the ring at times of their own.

use crate::support::{Service, Tokens, service, service_with};
use doorward_core::ids::{KeyId, UserId};
use doorward_core::keyring::Purpose;
use doorward_core::rotation::Order;
use doorward_core::second_factor::FactorSecrets;
use doorward_core::totp::TotpSecret;
use doorward_http::keys::KeyRing;
use jsonwebtoken::{Algorithm, decode_header};

/// How long a next signing key is published before it signs.
const LEAD: u64 = 2 * 3600 + 5 * 60 + RING;
/// Until every instance has read its ring again.
const RING: u64 = doorward_core::rotation::RING_AGE.as_secs();
const DAY: u64 = 24 * 3600;

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

/// Quickly made keys.
async fn quick_service() -> Service {
    service_with(&[("DOORWARD_SIGNING_ALG", "ES256")]).await
}

impl Service {
    async fn kids(&self, purpose: Purpose) -> Vec<String> {
        self.ring(purpose).await.iter().map(|key| key.id.to_string()).collect()
    }

    /// Expects that answer to the token from both.
    async fn expect_both(&self, other: &Self, token: &str, status: u16) {
        self.me(token).await.expect(status);
        other.me(token).await.expect(status);
    }
}

#[tokio::test]
async fn a_key_is_published_then_signs_then_verifies_then_is_gone() {
    let service = quick_service().await;
    let other = service.another(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    let first = service.newcomer("ann").await.access;
    let made = service.turn(Purpose::Sign, Order::Next).await.made.unwrap().to_string();
    let old = kid(&first);

    // Every instance publishes it within a minute.
    service.wait(60);
    let both = [old.clone(), made.clone()];
    assert_eq!((service.published().await, other.published().await), (both.to_vec(), both.to_vec()));
    assert_eq!(service.states(Purpose::Sign).await, ["current", "next"]);
    service.expect_both(&other, &first, 200).await;

    service.wait(LEAD - 60 - 1);
    service.expect_both(&other, &first, 401).await;
    let last = service.login("ann").await.access;
    assert_eq!(kid(&last), old, "it is known, and does not sign");

    service.wait(1);
    let new = other.login("ann").await.access;
    assert_eq!((kid(&new), kid(&service.login("ann").await.access)), (made.clone(), made.clone()));
    assert_eq!(service.states(Purpose::Sign).await, ["previous", "current"]);
    service.expect_both(&other, &last, 200).await;
    service.expect_both(&other, &new, 200).await;

    // The last token of the old key is good to its last second.
    service.wait(898);
    service.expect_both(&other, &last, 200).await;
    assert_eq!(service.published().await, both);
    service.wait(1);
    service.expect_both(&other, &last, 401).await;
    service.expect_both(&other, &new, 200).await;

    service.wait(61);
    assert_eq!((service.published().await, other.published().await), (vec![made.clone()], vec![made.clone()]));
    assert_eq!(service.states(Purpose::Sign).await, ["dead", "current"]);
    service.wait(7 * DAY);
    service.turn(Purpose::Sign, Order::WhenDue).await;
    assert_eq!(service.kids(Purpose::Sign).await, [made], "a week after its death nothing is left of it");
}

#[tokio::test]
async fn in_a_hurry_no_instant_is_without_a_key_and_no_token_is_refused() {
    let service = quick_service().await;
    let other = service.another(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    service.newcomer("ann").await;
    // One reads its ring half a minute after the other.
    service.wait(61);
    service.published().await;
    service.wait(30);
    other.published().await;
    service.wait(15);
    let old = service.kids(Purpose::Sign).await;
    let made = service.turn(Purpose::Sign, Order::Now).await.made.unwrap().to_string();

    let mut tokens = Vec::new();
    for second in (0..150).step_by(5) {
        for (signs, verifies) in [(&service, &other), (&other, &service)] {
            let access = signs.login("ann").await.access;
            let expected = if second < RING { &old[0] } else { &made };
            assert_eq!(&kid(&access), expected, "after {second} s");
            verifies.me(&access).await.expect(200);
            tokens.push(access);
        }
        service.wait(5);
    }
    for token in tokens {
        service.expect_both(&other, &token, 200).await;
    }
}

#[tokio::test]
async fn a_key_that_is_younger_than_the_ring_is_looked_for() {
    let service = quick_service().await;
    let ahead = service.another_ahead(5).await;
    service.newcomer("ann").await;
    let turn = |seconds| {
        service.wait(seconds);
        ahead.wait(seconds);
    };
    turn(61);
    service.published().await;
    turn(4);
    let made = service.turn(Purpose::Sign, Order::Now).await.made.unwrap().to_string();
    turn(55);
    // Its clock says that the minute is over; here it is not, and the ring is from before.
    let early = ahead.login("ann").await.access;
    assert_eq!(kid(&early), made);
    service.probe.forget();
    service.me(&early).await.expect(200);
    assert!(service.probe.calls().contains(&"Query signing-keys".to_owned()));
}

#[tokio::test]
async fn a_session_keeps_the_key_that_it_was_born_with() {
    let service = quick_service().await;
    let mut ann = service.newcomer("ann").await;
    let old = service.kids(Purpose::Refresh).await;
    let turned = service.turn(Purpose::Refresh, Order::Next).await;
    service.wait(60);
    let mut bob = service.newcomer("bob").await;
    let session = service.session(&bob.access).await;
    assert_eq!(Some(&session.key), turned.made.as_ref(), "a new session has the new key");
    assert_eq!(service.session(&ann.access).await.key.as_str(), old[0]);

    // To the end of the oldest session, and not a day longer.
    for _ in 0..4 {
        service.wait(6 * DAY);
        for tokens in [&mut ann, &mut bob] {
            *tokens = service.refresh(&tokens.refresh).await.expect(200).tokens();
        }
    }
    service.wait(6 * DAY - 61);
    ann = service.refresh(&ann.refresh).await.expect(200).tokens();
    assert_eq!(service.states(Purpose::Refresh).await, ["previous", "current"]);
    service.wait(61 + 60 + 60);
    assert_eq!(service.states(Purpose::Refresh).await, ["dead", "current"]);
    service.refresh(&ann.refresh).await.expect_problem(401, "Invalid refresh token");
    service.login("ann").await;
}

#[tokio::test]
async fn what_is_sealed_opens_for_ever() {
    let service = quick_service().await;
    let ring = |service: &Service| {
        KeyRing::new(service.store.signing_keys.clone(), Some(service.sealer()), &Purpose::ALL, service.clock.clone())
    };
    let (ann, keys) = (UserId::parse("ann").unwrap(), ring(&service));
    let secrets = FactorSecrets { totp: TotpSecret::from_random([1; 20]), recovery_key: [2; 32] };
    let mut sealed = Vec::new();
    for order in [Order::Next, Order::Now, Order::Next] {
        let now = service.clock.now();
        let held = keys.current().await.unwrap();
        sealed.push(held.seal_for_new(now).unwrap().seal(&ann, &secrets, [3; 12]).unwrap());
        service.turn(Purpose::Seal, order).await;
        service.wait(1000 * DAY);
        service.turn(Purpose::Seal, Order::WhenDue).await;
    }
    let ids: Vec<KeyId> = sealed.iter().map(|sealed| sealed.key.clone()).collect();
    assert_eq!(ids, service.ring(Purpose::Seal).await[..3].iter().map(|key| key.id.clone()).collect::<Vec<_>>());
    for keys in [keys, ring(&service)] {
        let held = keys.current().await.unwrap();
        for sealed in &sealed {
            let opened = held.seal(&sealed.key, service.clock.now()).unwrap().open(&ann, sealed).unwrap();
            assert!(opened.totp == secrets.totp && opened.recovery_key == secrets.recovery_key);
        }
    }
}

#[tokio::test]
async fn another_algorithm_takes_effect_with_the_next_key() {
    let first = service().await;
    let second = first.another(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    let third = first.another(&[("DOORWARD_SIGNING_ALG", "EdDSA")]).await;
    first.newcomer("ann").await;
    let mut tokens: Vec<Tokens> = Vec::new();
    for (service, algorithm) in [
        (&first, Algorithm::RS256),
        (&second, Algorithm::ES256),
        (&third, Algorithm::EdDSA),
        (&first, Algorithm::RS256),
    ] {
        if !tokens.is_empty() {
            let signs = tokens.last().map(|tokens| decode_header(&tokens.access).unwrap().alg);
            let before = third.login("ann").await;
            assert_eq!(
                Some(decode_header(&before.access).unwrap().alg),
                signs,
                "the configuration alone changes nothing"
            );
            service.turn(Purpose::Sign, Order::Now).await;
            first.wait(60);
        }
        for signs in [&first, &second, &third] {
            let made = signs.login("ann").await;
            assert_eq!(decode_header(&made.access).unwrap().alg, algorithm);
            tokens.push(made);
        }
        for tokens in &tokens {
            for verifies in [&first, &second, &third] {
                verifies.me(&tokens.access).await.expect(200);
            }
        }
    }
    let answer = first.get("/.well-known/jwks.json").send().await.expect(200).json();
    let algorithms: Vec<_> = answer["keys"].as_array().unwrap().iter().map(|key| key["alg"].clone()).collect();
    assert_eq!(algorithms, ["RS256", "ES256", "EdDSA", "RS256"]);
}

#[tokio::test]
async fn by_schedule_alone_there_is_always_a_key_and_never_a_heap_of_them() {
    let service = quick_service().await;
    service.newcomer("ann").await;
    let (mut signing, mut refreshing) = (Vec::new(), Vec::new());
    for _ in 0..130 {
        for purpose in Purpose::ALL {
            service.turn(purpose, Order::WhenDue).await;
        }
        let tokens = service.login("ann").await;
        service.me(&tokens.access).await.expect(200);
        service.refresh(&tokens.refresh).await.expect(200);
        signing.push(kid(&tokens.access));
        refreshing.push(service.session(&tokens.access).await.key);
        assert!((1..=2).contains(&service.published().await.len()));
        assert!(service.ring(Purpose::Sign).await.len() <= 2 && service.ring(Purpose::Refresh).await.len() <= 2);
        service.wait(DAY);
    }
    signing.dedup();
    refreshing.dedup();
    assert_eq!((signing.len(), refreshing.len()), (5, 2), "every 30 days, every 90 days");
    assert_eq!(service.ring(Purpose::Seal).await.len(), 1, "and never by itself");
}

#[tokio::test]
async fn in_an_emergency_old_access_tokens_die_and_sessions_go_on() {
    let service = quick_service().await;
    let other = service.another(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    let ann = service.newcomer("ann").await;
    // One that waits may have been seen too.
    service.turn(Purpose::Sign, Order::Next).await;
    service.wait(100);
    let made = service.turn(Purpose::Sign, Order::RevokeOld).await.made.unwrap().to_string();
    service.wait(RING - 1);
    service.expect_both(&other, &ann.access, 200).await;
    let last = service.login("ann").await;
    service.wait(1);
    for token in [&ann.access, &last.access] {
        for service in [&service, &other] {
            service.me(token).await.expect_problem(401, "Could not validate credentials");
        }
    }
    assert_eq!((service.published().await, other.published().await), (vec![made.clone()], vec![made.clone()]));
    assert_eq!(service.states(Purpose::Sign).await, ["dead", "dead", "current"]);
    let next = other.refresh(&ann.refresh).await.expect(200).tokens();
    assert_eq!(kid(&next.access), made);
    service.expect_both(&other, &next.access, 200).await;
}

#[tokio::test]
async fn in_an_emergency_of_the_refresh_keys_everybody_logs_in_anew() {
    let service = quick_service().await;
    let ann = service.newcomer("ann").await;
    service.turn(Purpose::Refresh, Order::RevokeOld).await;
    service.wait(60);
    service.refresh(&ann.refresh).await.expect_problem(401, "Invalid refresh token");
    assert_eq!(service.thefts(), 0);
    let again = service.login("ann").await;
    service.refresh(&again.refresh).await.expect(200);
    service.me(&ann.access).await.expect(200);
}

/// What is fetched from here may be kept for no longer than a next key waits for.
#[tokio::test]
async fn the_key_set_is_kept_no_longer_than_a_key_waits() {
    let service = quick_service().await;
    let answer = service.get("/.well-known/jwks.json").send().await.expect(200);
    let age = format!("max-age={}", doorward_core::rotation::JWKS_AGE.as_secs());
    assert!(answer.header("cache-control").unwrap().ends_with(&age));
}
