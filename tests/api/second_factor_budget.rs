//! Five wrong codes in fifteen minutes: one budget for both factors and every route.

use crate::support::admin::{count, race};
use crate::support::request::Request;
use crate::support::second_factor::{Guarded, STEP};
use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_http::audit::{CodeFailure, Event};
use serde_json::json;

const WRONG: &str = "Invalid 2FA code";

#[track_caller]
fn expect_blocked(answer: Answer, seconds: u64) {
    let answer = answer.expect_problem(429, "Too many requests");
    assert_eq!(answer.json()["error"], "Too many requests");
    assert_eq!(answer.json().as_object().unwrap().len(), 5);
    assert_eq!(answer.header("retry-after"), Some(seconds.to_string().as_str()));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=5;w=900"));
    assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r=0;t={seconds}").as_str()));
    assert_eq!(answer.header("www-authenticate"), None);
}

impl Service {
    /// A request of every kind that takes a code. Tokens are asked for anew: the clock may have been turned far.
    async fn every_way(&self, ann: &Guarded, access: &str, code: &str) -> Vec<Request> {
        let token = self.first_step(&ann.name).await;
        vec![
            self.verify(access, code),
            self.post("/2fa/verify").bearer(access).form(&[("code", code)]),
            self.turn_off(access, PASSWORD, code),
            self.replace_codes(access, PASSWORD, code),
            self.log_in_with(&ann.name, code),
            self.second_step(&token, code),
        ]
    }

    async fn expect_blocked_everywhere(&self, ann: &Guarded, access: &str, seconds: u64) {
        for code in [&self.code(&ann.app), &ann.recovery[9], &self.wrong_code(&ann.app), "x"] {
            for request in self.every_way(ann, access, code).await {
                expect_blocked(request.send().await, seconds);
            }
        }
    }
}

#[tokio::test]
async fn five_wrong_codes_on_whatever_routes_block_both_factors_on_all_of_them() {
    let service = service().await;
    let (ann, bob) = (service.with_second_factor("ann").await, service.with_second_factor("bob").await);
    let access = &ann.person.access;
    let (spent, wrong) = (ann.recovery[0].clone(), service.wrong_code(&ann.app));
    service.verify(access, &spent).send().await.expect(200);
    let token = service.first_step("ann").await;
    let replayed = service.code(&ann.app);
    service.log_in_with("ann", &replayed).send().await.expect(200);
    for (at, request) in [
        service.verify(access, &wrong),
        service.turn_off(access, PASSWORD, &spent),
        service.replace_codes(access, PASSWORD, &replayed),
        service.log_in_with("ann", "abcd-efgh-ijkl-mnop"),
        service.second_step(&token, &bob.recovery[0]),
    ]
    .into_iter()
    .enumerate()
    {
        request.send().await.expect_problem(400, WRONG);
        assert_eq!(service.wrong_codes_of("ann").await, u32::try_from(at).unwrap() + 1);
    }
    let before = service.factor("ann").await;
    let (sessions, user) = (service.count_sessions().await, service.user("ann").await);
    service.wait(STEP);
    service.expect_blocked_everywhere(&ann, access, 870).await;
    assert_eq!(service.factor("ann").await, before, "what is refused uses nothing up and counts nothing");
    assert_eq!((service.count_sessions().await, service.user("ann").await), (sessions, user.clone()));
    let (user, refused) = (user.id, service.events());
    assert!(refused.contains(&Event::CodeRefused { user: user.clone(), reason: CodeFailure::Wrong }));
    assert!(refused.contains(&Event::CodeRefused { user, reason: CodeFailure::Blocked }));
    // It is nobody else's, and nobody is logged out by it.
    service.log_in_with("bob", &service.code(&bob.app)).send().await.expect(200);
    service.expect_in(&ann.person).await;
}

#[tokio::test]
async fn each_way_alone_takes_five() {
    for way in 0..6 {
        let service = service().await;
        let ann = service.with_second_factor("ann").await;
        let access = &ann.person.access;
        for n in 0..5 {
            let code = if n % 2 == 0 { service.wrong_code(&ann.app) } else { "abcd-efgh-ijkl-mnop".to_owned() };
            let request = service.every_way(&ann, access, &code).await.remove(way);
            request.send().await.expect_problem(400, WRONG);
        }
        service.expect_blocked_everywhere(&ann, access, 900).await;
    }
}

#[tokio::test]
async fn the_window_ends_fifteen_minutes_after_the_first_wrong_code() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for n in 0..5 {
        let token = service.first_step("ann").await;
        service.second_step(&token, "000").send().await.expect_problem(400, WRONG);
        service.wait(if n < 4 { 200 } else { 99 });
    }
    expect_blocked(service.log_in_with("ann", &service.code(&ann.app)).send().await, 1);
    service.wait(1);
    let tokens = service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200).tokens();
    // A new window begins with the next wrong one.
    for left in [4, 3, 2, 1, 0] {
        let answer = service.verify(&tokens.access, "000").send().await.expect_problem(400, WRONG);
        assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r={left};t=900").as_str()));
    }
    service.expect_blocked_everywhere(&ann, &tokens.access, 900).await;
}

#[tokio::test]
async fn what_is_no_code_at_all_says_what_is_left_and_does_not_count() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    for left in [4, 3] {
        service.verify(access, "000").send().await.expect_problem(400, WRONG);
        for path in ["/2fa/verify", "/2fa/disable", "/2fa/recovery-codes"] {
            for (kind, body, status) in [("application/json", "{}", 422), ("text/plain", "000", 415)] {
                let answer = service.post(path).bearer(access).body(kind, body.as_bytes()).send().await.expect(status);
                assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=5;w=900"));
                assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r={left};t=900").as_str()));
            }
        }
    }
}

#[tokio::test]
async fn a_right_code_does_not_make_it_begin_anew() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    for _ in 0..4 {
        service.verify(access, "000").send().await.expect_problem(400, WRONG);
    }
    for code in &ann.recovery[..3] {
        let answer = service.verify(access, code).send().await.expect(200);
        assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=1;t=900"));
    }
    let answer = service.verify(access, "000").send().await.expect_problem(400, WRONG);
    assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=0;t=900"));
    service.expect_blocked_everywhere(&ann, access, 900).await;
}

#[tokio::test]
async fn a_secret_that_waits_has_the_same_budget_and_a_new_one_gives_no_other() {
    let service = service().await;
    let ann = service.person("ann").await;
    for _ in 0..5 {
        let app = service.new_app(&ann.access).await;
        let wrong = service.wrong_code(&app);
        service.verify(&ann.access, &wrong).send().await.expect_problem(400, WRONG);
    }
    let app = service.new_app(&ann.access).await;
    expect_blocked(service.verify(&ann.access, &service.code(&app)).send().await, 900);
    // There is nothing to turn off and nobody to keep out.
    service.turn_off(&ann.access, PASSWORD, "000").send().await.expect_problem(400, WRONG);
    service.expect_one_step("ann").await;
    service.wait(900);
    let access = service.login("ann").await.access;
    let app = service.new_app(&access).await;
    service.verify(&access, &service.code(&app)).send().await.expect(200);
}

#[tokio::test]
async fn a_live_secrets_budget_is_that_of_the_one_beside_it() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    let app = service.new_app(access).await;
    for _ in 0..5 {
        service.log_in_with("ann", &service.code(&app)).send().await.expect_problem(400, WRONG);
    }
    expect_blocked(service.verify(access, &service.code(&app)).send().await, 900);
    let later = service.new_app(access).await;
    expect_blocked(service.verify(access, &service.code(&later)).send().await, 900);
    service.expect_blocked_everywhere(&ann, access, 900).await;
}

#[tokio::test]
async fn a_wrong_password_beside_a_code_counts_as_that_and_not_as_a_code() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    let before = service.factor("ann").await;
    let (code, wrong) = (service.code(&ann.app), service.wrong_code(&ann.app));
    for (failures, request) in (1..).zip([
        service.turn_off(access, "", &code),
        service.replace_codes(access, "not the password", &code),
        service.turn_off(access, "not the password", &ann.recovery[0]),
        service.replace_codes(access, &PASSWORD.to_uppercase(), &wrong),
        service.turn_off(access, "not the password", &wrong),
    ]) {
        request.send().await.expect_problem(400, "Incorrect password");
        assert_eq!(service.failures("ann").await, failures);
    }
    assert_eq!(service.factor("ann").await, before);
    // The account is closed by now, to the right password too.
    service.turn_off(access, PASSWORD, &service.code(&ann.app)).send().await.expect_problem(400, "Incorrect password");
    service.wait(1);
    service.turn_off(access, PASSWORD, "000").send().await.expect_problem(400, WRONG);
    assert_eq!((service.failures("ann").await, service.wrong_codes_of("ann").await), (0, 1));
}

#[tokio::test]
async fn how_many_and_for_how_long_is_configured() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "2/60")]).await;
    let ann = service.with_second_factor("ann").await;
    for left in [1, 0] {
        let answer = service.verify(&ann.person.access, "000").send().await.expect_problem(400, WRONG);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=2;w=60"));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r={left};t=60").as_str()));
    }
    service.wait(59);
    let answer = service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    service.wait(1);
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn it_holds_across_instances() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let another = service.another(&[]).await;
    for instance in [&another, &service, &another, &service, &another] {
        instance.verify(&ann.person.access, "000").send().await.expect_problem(400, WRONG);
    }
    for instance in [&another, &service] {
        instance.expect_blocked_everywhere(&ann, &ann.person.access, 900).await;
    }
}

#[tokio::test]
async fn support_has_it_forgotten() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for _ in 0..5 {
        service.verify(&ann.person.access, "000").send().await.expect_problem(400, WRONG);
    }
    let id = service.user("ann").await.id;
    service.store.second_factors.forget_wrong(&id).await.unwrap();
    let answer = service.verify(&ann.person.access, &service.code(&ann.app)).send().await.expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=5;t=900"));
    service.verify(&ann.person.access, "000").send().await.expect_problem(400, WRONG);
    assert_eq!(service.wrong_codes_of("ann").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_forty_wrong_codes_side_by_side_five_are_looked_at() {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA")]).await;
    for round in 0..6 {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let access = &ann.person.access;
        let token = service.first_step(&ann.name).await;
        let wrong = ann.app.wrong_codes(service.clock.now(), 40);
        let ways = |(n, code): (usize, &String)| match (n + round) % 5 {
            0 => service.verify(access, code),
            1 => service.log_in_with(&ann.name, code),
            2 => service.turn_off(access, PASSWORD, code),
            3 => service.replace_codes(access, PASSWORD, "abcd-efgh-ijkl-mnop"),
            _ => service.second_step(&token, code),
        };
        let answers = race(wrong.iter().enumerate().map(ways).collect()).await;
        assert_eq!((count(&answers, 400), count(&answers, 429)), (5, 35));
        for answer in answers {
            match answer.status {
                400 => drop(answer.expect_problem(400, WRONG)),
                _ => expect_blocked(answer, 900),
            }
        }
        assert_eq!(service.wrong_codes_of(&ann.name).await, 5);
        let request = service.post("/2fa/verify").bearer(access).json(&json!({"code": service.code(&ann.app)}));
        expect_blocked(request.send().await, 900);
    }
}
