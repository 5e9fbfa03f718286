//! Guessing from everywhere at once: limits per address do not help there, and the account's own does.

use crate::hostile::ordered;
use crate::support::{PASSWORD, Service, service_with};
use std::net::{Ipv4Addr, Ipv6Addr};

const WRONG: &str = "not the password";
/// So many guesses reach the service in a second.
const A_SECOND: u64 = 50;

impl Service {
    async fn guess(&self, number: u64, password: &str) -> u16 {
        let bits = u32::try_from(number).unwrap();
        // Every other one from an IPv6 network of its own.
        let address = match number % 2 {
            0 => Ipv4Addr::from_bits(0x0a00_0000 | bits).to_string(),
            _ => Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(bits) << 64 | 1).to_string(),
        };
        let form = [("username", "ann"), ("password", password)];
        self.post("/token").from(&address).form(&form).send().await.status
    }
}

/// How many guesses are judged in so many seconds: four, and then each closes the account for twice as long.
fn judged_within(seconds: u64) -> u32 {
    let (mut judged, mut at) = (5, 0);
    loop {
        at += 2_u64.pow(judged - 5).min(900);
        if at > seconds {
            return judged;
        }
        judged += 1;
    }
}

/// `FLOOD_ADDRESSES=100000` floods for longer.
#[tokio::test]
async fn guesses_from_thousands_of_addresses_are_judged_a_dozen_times() {
    let addresses = ordered("FLOOD_ADDRESSES", 2000);
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    for number in 0..addresses {
        // After the first five the account is closed whenever one comes that has the right password: those before it saw to that.
        let is_right = number % A_SECOND == A_SECOND - 1;
        let status = service.guess(number, if is_right { PASSWORD } else { WRONG }).await;
        assert_eq!(status, 401, "guess {number}");
        if is_right {
            service.wait(1);
            service.probe.forget();
        }
    }
    let (judged, seconds) = (service.failures("ann").await, addresses / A_SECOND);
    assert!(judged <= judged_within(seconds), "{judged} guesses were judged in {seconds} seconds");
    assert!(judged >= 5, "it was never closed");
    println!("{addresses} guesses in {seconds} seconds: {judged} were judged");

    // What is counted is gone soon: each item names its end.
    let (now, counted) = (service.clock.now().seconds(), service.raw.items("limits").await);
    assert!(!counted.is_empty());
    for item in counted {
        let ends: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        assert!(ends <= now + 120, "{item:?}");
    }
    // Nobody shuts her out for longer than a quarter of an hour.
    service.wait(900);
    service.try_login("ann", PASSWORD).await.expect(200);
    assert_eq!(service.failures("ann").await, 0);
}
