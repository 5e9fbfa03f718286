//! Whoever tries passwords learns nothing of who there is: neither by an answer nor by its time.
//!
//! `ENUMERATION_ROUNDS=500 cargo test --profile long --test api enumeration -- --nocapture` measures, and prints a table.

use crate::hostile::ordered;
use crate::support::{PASSWORD, Service, service_with};
use crate::throttle::seen;
use aws_sdk_dynamodb::types::AttributeValue;
use std::time::{Duration, Instant};

const WRONG: &str = "not the password";
/// A hash of somebody who came from elsewhere, made in a quarter of the time.
const LIGHT: &str = "$2b$04$WXx1iTTxlVsRqWRFzz8/bO2aXzUr9YqPqYtJBV7hlyVzPTwTXyHC6";
/// Fewer say nothing of time.
const MEASURABLE: u64 = 100;

/// What the difference of two medians is, by the differences of the pairs: the median, and an interval that has it in 99 of 100
/// cases, by order statistics. In microseconds.
fn difference(ours: &[Duration], theirs: &[Duration]) -> [i64; 3] {
    let micros = |time: &Duration| i64::try_from(time.as_micros()).unwrap();
    let mut differences: Vec<_> = ours.iter().zip(theirs).map(|(ours, theirs)| micros(ours) - micros(theirs)).collect();
    differences.sort_unstable();
    // 2.576 standard deviations of a binomial distribution, which is half the root of its number.
    let (middle, reach) = (differences.len() / 2, differences.len().isqrt() * 1288 / 1000 + 1);
    [middle, middle.saturating_sub(reach), middle + reach].map(|at| differences[at.min(differences.len() - 1)])
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Somebody whose account is closed for a quarter of an hour: long enough, as the clock stands.
async fn close(service: &Service, name: &str) {
    for _ in 0..20 {
        service.try_login(name, WRONG).await.expect(401);
        service.wait(900);
    }
    service.try_login(name, WRONG).await.expect(401);
}

/// Somebody who was imported with that hash.
async fn bring_along(service: &Service, name: &str, hash: &str) {
    service.sign_up(name).await.expect(201);
    let (key, hash_there) = (format!("name#{name}"), AttributeValue::S(hash.to_owned()));
    service.raw.set("credentials", &[("id", &key)], "password_hash", hash_there).await;
    assert_eq!(service.credentials(name).await.hash.unwrap().as_str(), hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_by_an_answer_or_by_its_time_who_there_is() {
    let rounds = ordered("ENUMERATION_ROUNDS", 10);
    let service = service_with(&[("DOORWARD_ARGON2", "m=19456,t=2,p=1")]).await;
    service.sign_up("ann").await.expect(201);
    service.sign_up("cleo").await.expect(201);
    close(&service, "cleo").await;
    bring_along(&service, "lee", LIGHT).await;
    let long = "a".repeat(1024);
    let cases = [
        ("wrong password", "ann", WRONG),
        ("empty password", "ann", ""),
        ("long password", "ann", long.as_str()),
        ("unknown user", "nobody", WRONG),
        ("unknown user, empty password", "nobody", ""),
        ("no name that could be", "no body", WRONG),
        ("closed account", "cleo", WRONG),
        ("closed account, right password", "cleo", PASSWORD),
        ("by e-mail, wrong password", "ann@example.com", WRONG),
        ("by e-mail, unknown user", "nobody@example.com", WRONG),
        ("by e-mail, closed account", "cleo@example.com", PASSWORD),
        ("a hash of less work, wrong password", "lee", WRONG),
    ];
    let mut times = vec![Vec::new(); cases.len()];
    let mut answers = Vec::new();
    for round in 0..rounds + 2 {
        for turn in 0..cases.len() {
            // Each goes first as often as any other.
            let at = (turn + usize::try_from(round).unwrap()) % cases.len();
            let (_, name, password) = cases[at];
            let start = Instant::now();
            let answer = service.try_login(name, password).await;
            let time = start.elapsed();
            // The first ones warm up.
            if round >= 2 {
                times[at].push(time);
            }
            answers.push(seen(&answer));
            // Failures in a row would close this one too.
            if name.starts_with("ann") {
                service.try_login("ann", PASSWORD).await.expect(200);
            }
        }
        service.probe.forget();
    }
    assert_eq!(answers[0].0, 401);
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }

    let mut told = false;
    println!("{rounds} of each; milliseconds, and microseconds apart (99 % of intervals have it)");
    for (at, (case, name, _)) in cases.iter().enumerate() {
        // A login by e-mail has one read more, whoever it names.
        let reference = if name.contains('@') { 8 } else { 0 };
        let [apart, least, most] = difference(&times[at], &times[reference]);
        let median = median(&times[at]);
        println!("{case:32} {:8.2} {apart:6} ({least}..{most})", median.as_secs_f64() * 1e3);
        // A machine that has other things to do shows what is not there: it is no difference unless the whole interval is one.
        let bound = i64::try_from(median.as_micros()).unwrap() / 20;
        // Whose hash is of another kind may be told by a longer time, until they log in; never by a shorter one.
        let is_longer = least > bound && *name != "lee";
        told |= rounds >= MEASURABLE && (is_longer || most < -bound);
    }
    assert!(!told, "somebody is told from others by the time of a refusal");
}
