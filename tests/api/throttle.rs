//! Guessing passwords: closed accounts, and limits per address.

use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_http::audit::{Event, LoginFailure};
use serde_json::json;
use std::time::Duration;

const WRONG: &str = "not the password";

impl Service {
    async fn fail(&self, name: &str) {
        self.try_login(name, WRONG).await.expect_problem(401, "Incorrect username or password");
    }

    async fn fail_times(&self, name: &str, times: u32) {
        for _ in 0..times {
            self.fail(name).await;
        }
    }

    /// Expects that not even the right password gets in, and that nothing counts.
    async fn expect_closed(&self, name: &str) {
        let failures = self.failures(name).await;
        for password in [PASSWORD, WRONG, ""] {
            let answer = self.try_login(name, password).await;
            answer.expect_problem(401, "Incorrect username or password");
        }
        assert_eq!(self.failures(name).await, failures, "what meets a closed account does not count");
    }

    /// A login from that address.
    async fn try_login_from(&self, address: &str, name: &str, password: &str) -> Answer {
        let form = [("username", name), ("password", password)];
        self.post("/token").from(address).form(&form).send().await
    }

    fn count_failures(&self, wanted: LoginFailure) -> usize {
        let is_wanted = |e: &&Event| matches!(e, Event::LoginFailed { reason, .. } if *reason == wanted);
        self.events().iter().filter(is_wanted).count()
    }
}

/// All that a client sees, but for the request's own id.
pub fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let mut headers: Vec<_> = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (answer.status, headers, answer.body.to_vec())
}

#[tokio::test]
async fn a_closed_account_answers_like_a_wrong_password_and_like_nobody() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let wrong = seen(&service.try_login("ann", WRONG).await);
    service.fail_times("ann", 4).await;
    for (name, password) in [("ann", PASSWORD), ("ann", WRONG), ("ann@example.com", PASSWORD), ("nobody", PASSWORD)] {
        assert_eq!(seen(&service.try_login(name, password).await), wrong, "{name}");
    }
    assert_eq!(service.count_failures(LoginFailure::AccountClosed), 3);
    assert_eq!(service.count_sessions().await, 0);
}

#[tokio::test]
async fn each_failure_from_the_fifth_on_closes_for_twice_as_long_up_to_fifteen_minutes() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    for failures in 1..5 {
        service.fail("ann").await;
        assert_eq!(service.failures("ann").await, failures);
    }
    for failures in 5..=18 {
        service.fail("ann").await;
        assert_eq!(service.failures("ann").await, failures);
        let closed_for = 2_u64.pow(failures - 5).min(900);
        service.expect_closed("ann").await;
        service.wait(closed_for - 1);
        service.clock.advance(Duration::from_millis(999));
        service.expect_closed("ann").await;
        service.clock.advance(Duration::from_millis(1));
    }
    service.try_login("ann", PASSWORD).await.expect(200);
    assert_eq!(service.failures("ann").await, 0);
}

#[tokio::test]
async fn by_name_and_by_email_it_is_the_same_account() {
    let service = service().await;
    service.sign_up("Ann").await.expect(201);
    for name in ["ann", "ANN", "ann@example.com", "ANN@Example.COM", "Ann"] {
        service.fail(name).await;
    }
    for name in ["Ann", "ann@example.com"] {
        service.expect_closed(name).await;
    }
}

#[tokio::test]
async fn nobody_else_is_shut_out_and_unknown_names_leave_nothing_behind() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    service.sign_up("bob").await.expect(201);
    let items = service.raw.items("credentials").await.len();
    service.fail_times("ann", 5).await;
    service.fail_times("nobody", 6).await;
    service.fail_times("nobody@example.com", 6).await;
    service.login("bob").await;
    assert_eq!(service.raw.items("credentials").await.len(), items);
}

#[tokio::test]
async fn a_success_makes_failures_begin_anew() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    for _ in 0..3 {
        service.fail_times("ann", 4).await;
        service.try_login("ann", PASSWORD).await.expect(200);
        assert_eq!(service.failures("ann").await, 0);
    }
}

#[tokio::test]
async fn a_right_password_that_gets_nothing_is_a_success_for_the_account() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    service.fail_times("ann", 4).await;
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "too:much")];
    service.post("/token").form(&form).send().await.expect_problem(400, "Scope not allowed");
    assert_eq!(service.failures("ann").await, 0);
    assert_eq!(service.count_sessions().await, 0);
}

#[tokio::test]
async fn a_failure_is_forgotten_after_a_day() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    service.fail_times("ann", 4).await;
    service.wait(24 * 60 * 60 - 1);
    service.fail("ann").await;
    assert_eq!(service.failures("ann").await, 5, "a second early nothing is forgotten");
    service.expect_closed("ann").await;
    service.wait(24 * 60 * 60);
    service.fail("ann").await;
    assert_eq!(service.failures("ann").await, 1);
}

#[tokio::test]
async fn the_sixth_login_of_a_minute_from_one_address_is_too_many() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    service.wait(20);
    for (n, (name, password, status)) in
        [("ann", PASSWORD, 200), ("ann", WRONG, 401), ("nobody", WRONG, 401), ("ann", PASSWORD, 200), ("a b", "", 401)]
            .into_iter()
            .enumerate()
    {
        let answer = service.try_login(name, password).await.expect(status);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"login\";q=5;w=60"));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"login\";r={};t=40", 4 - n).as_str()));
        assert_eq!(answer.header("retry-after"), None);
    }
    let failures = service.failures("ann").await;
    for (name, password) in [("ann", PASSWORD), ("ann", WRONG), ("nobody", WRONG)] {
        let answer = service.try_login(name, password).await.expect_problem(429, "Too many requests");
        assert_eq!(answer.json()["error"], "Too many requests");
        assert_eq!(answer.header("retry-after"), Some("40"));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"login\";q=5;w=60"));
        assert_eq!(answer.header("ratelimit"), Some("\"login\";r=0;t=40"));
    }
    assert_eq!(service.failures("ann").await, failures, "what is not looked at does not count");
    service.wait(39);
    let answer = service.try_login("ann", PASSWORD).await.expect(429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    service.wait(1);
    let answer = service.try_login("ann", PASSWORD).await.expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=4;t=60"));
}

#[tokio::test]
async fn a_full_limit_is_answered_from_memory() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "1/60"), ("DOORWARD_SIGN_UP_RATE", "1/3600")]).await;
    service.sign_up("ann").await.expect(201);
    service.try_login("ann", PASSWORD).await.expect(200);
    for _ in 0..3 {
        service.try_login("ann", PASSWORD).await.expect(429);
        service.sign_up("bob").await.expect(429);
    }
    service.probe.forget();
    service.try_login("ann", PASSWORD).await.expect(429);
    service.sign_up("bob").await.expect(429);
    assert!(service.probe.calls().is_empty());
    service.wait(60);
    service.try_login("ann", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn every_address_has_a_limit_of_its_own_an_ipv6_one_by_its_network() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    for host in 1..=5 {
        service.try_login_from("192.0.2.7", "ann", PASSWORD).await.expect(200);
        service.try_login_from(&format!("2001:db8:1:2::{host}"), "ann", PASSWORD).await.expect(200);
    }
    for full in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"] {
        service.try_login_from(full, "ann", PASSWORD).await.expect(429);
    }
    for free in ["192.0.2.8", "2001:db8:1:3::1", "2001:db8:1:1::1"] {
        service.try_login_from(free, "ann", PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn what_a_header_says_of_the_address_is_nothing() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    let form = [("username", "ann"), ("password", WRONG)];
    for n in 0..10 {
        let address = format!("198.51.100.{n}");
        let request = service.post("/token").form(&form);
        let request = request.header("x-forwarded-for", &address).header("x-real-ip", &address);
        let request = request.header("forwarded", &format!("for={address}")).header("cf-connecting-ip", &address);
        request.send().await.expect(if n < 5 { 401 } else { 429 });
    }
    let spoofed = service.post("/token").header("x-forwarded-for", "192.0.2.1").from("192.0.2.9").form(&form);
    spoofed.send().await.expect(401);
}

#[tokio::test]
async fn a_limit_holds_across_instances_and_other_routes_have_none() {
    let limited = [("DOORWARD_LOGIN_RATE", "5/60")];
    let service = service_with(&limited).await;
    let tokens = service.newcomer("ann").await;
    let another = service.another(&limited).await;
    for instance in [&another, &service, &another, &service] {
        instance.try_login("ann", PASSWORD).await.expect(200);
    }
    for instance in [&another, &service] {
        instance.try_login("ann", PASSWORD).await.expect(429);
    }
    service.refresh(&tokens.refresh).await.expect(200);
    service.expect_alive(&tokens.access).await;
}

#[tokio::test]
async fn sign_ups_of_an_address_are_limited_too() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "2/3600")]).await;
    let answer = service.sign_up("ann").await.expect(201);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"sign-up\";q=2;w=3600"));
    assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=1;t=3600"));
    let answer = service.sign_up("ann").await.expect_problem(409, "Username already registered");
    assert_eq!(answer.header("ratelimit"), Some("\"sign-up\";r=0;t=3600"));
    let answer = service.sign_up("bob").await.expect_problem(429, "Too many requests");
    assert_eq!(
        (answer.json()["error"].clone(), answer.header("retry-after")),
        (json!("Too many requests"), Some("3600"))
    );
    service.try_login("bob", PASSWORD).await.expect(401);
    service.wait(3600);
    service.sign_up("bob").await.expect(201);
}

#[tokio::test]
async fn what_is_refused_before_it_counts_says_what_is_left_too() {
    let limits = [("DOORWARD_LOGIN_RATE", "2/60"), ("DOORWARD_SIGN_UP_RATE", "2/60")];
    let service = service_with(&limits).await;
    let long = "a".repeat(65_537);
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    for left in [2, 1, 0] {
        for (path, kind, good, name) in [("/token", form, "", "login"), ("/users", json, "{}", "sign-up")] {
            for (kind, body, status) in [(kind, good, 422), ("text/plain", "a", 415), (kind, &long, 413)] {
                let answer = service.post(path).body(kind, body.as_bytes()).send().await.expect(status);
                assert_eq!(answer.header("ratelimit-policy"), Some(&*format!("\"{name}\";q=2;w=60")));
                assert_eq!(answer.header("ratelimit"), Some(&*format!("\"{name}\";r={left};t=60")));
                assert_eq!(answer.header("retry-after"), None);
            }
        }
        service.sign_up(&format!("user{left}")).await.expect(if left > 0 { 201 } else { 429 });
        service.try_login("nobody", WRONG).await.expect(if left > 0 { 401 } else { 429 });
    }
    // What is wrong is said, also by an instance that knows nothing of the window, and where the store is away.
    let another = service.another(&limits).await;
    another.probe.cut_off(true);
    let answer = another.post("/token").body(form, b"").send().await.expect_invalid(&["/password", "/username"]);
    assert_eq!(answer.header("ratelimit"), None);
}

#[tokio::test]
async fn what_is_switched_off_is_so_whatever_the_body_is() {
    let off = [("DOORWARD_PASSWORD_GRANT", "off"), ("DOORWARD_SIGN_UP", "closed"), ("DOORWARD_LOGIN_RATE", "5/60")];
    let service = service_with(&off).await;
    for (path, refusal) in [("/token", "Password login is off"), ("/users", "Sign-up is closed")] {
        for kind in ["", "application/json", "application/x-www-form-urlencoded", "text/plain"] {
            service.post(path).body(kind, b"").send().await.expect_problem(403, refusal);
        }
    }
    let answer = service.post("/token").form(&[("username", "ann")]).send().await.expect(403);
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=5;t=60"));
}

#[tokio::test]
async fn a_limit_that_cannot_be_counted_lets_nobody_through() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    service.probe.cut_off(true);
    service.try_login("ann", PASSWORD).await.expect_problem(503, "Service unavailable");
    service.probe.cut_off(false);
    assert_eq!((service.failures("ann").await, service.count_sessions().await), (0, 0));
}
