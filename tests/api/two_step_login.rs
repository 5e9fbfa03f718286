//! `POST /token` where a second factor is on.

use crate::support::state::claims;
use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_http::audit::Event;
use serde_json::json;

const WRONG: &str = "Invalid 2FA code";

impl Service {
    async fn form(&self, pairs: &[(&str, &str)]) -> Answer {
        self.post("/token").form(pairs).send().await
    }

    fn logins(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::LoggedIn { .. })).count()
    }
}

#[tokio::test]
async fn nothing_is_said_of_a_code_before_the_right_password() {
    let service = service().await;
    service.sign_up("bob").await.expect(201);
    let ann = service.with_second_factor("ann").await;
    let (code, wrong) = (service.code(&ann.app), service.wrong_code(&ann.app));
    let seen = |answer: Answer| {
        let answer = answer.expect_problem(401, "Incorrect username or password");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        (answer.headers.len(), answer.body)
    };
    let nobody = seen(service.form(&[("username", "nobody"), ("password", "x")]).await);
    for name in ["ann", "ann@example.com", "bob", "nobody"] {
        for otp in [None, Some(&code), Some(&wrong), Some(&ann.recovery[0])] {
            let mut form = vec![("username", name), ("password", "not the password")];
            form.extend(otp.map(|otp| ("otp", otp.as_str())));
            assert_eq!(seen(service.form(&form).await), nobody, "{name} {otp:?}");
        }
        // Whatever was counted is forgotten again.
        service.wait(24 * 60 * 60);
    }
    assert_eq!(service.wrong_codes_of("ann").await, 0, "no code was looked at");
    assert_eq!(service.factor("ann").await.unwrap().recovery.len(), 10);
    // A closed account is closed to a right code too.
    for _ in 0..5 {
        seen(service.try_login("ann", "wrong").await);
    }
    let answer = service.log_in_with("ann", &service.code(&ann.app)).send().await;
    assert_eq!(seen(answer), nobody);
}

#[tokio::test]
async fn the_right_password_alone_is_told_that_a_code_is_needed() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (sessions, logins) = (service.count_sessions().await, service.logins());
    for name in ["ann", "ann@example.com"] {
        let answer = service.try_login(name, PASSWORD).await.expect_problem(403, "Two-factor code required");
        let body = answer.json();
        let token = body["mfa_token"].as_str().unwrap();
        let expected = json!({
            "type": "about:blank", "title": "Forbidden", "status": 403, "detail": "Two-factor code required",
            "error": "mfa_required", "mfa_token": token,
        });
        assert_eq!(body, expected);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    // An empty one is none at all.
    let empty = service.form(&[("username", "ann"), ("password", PASSWORD), ("otp", ""), ("mfa_token", "")]).await;
    empty.expect_problem(403, "Two-factor code required");
    assert_eq!((service.count_sessions().await, service.logins()), (sessions, logins));
    assert_eq!(service.wrong_codes_of("ann").await, 0);
    let user = service.stored(&ann.person).await.unwrap().id;
    assert!(service.events().contains(&Event::CodeRequired { user }));
}

#[tokio::test]
async fn a_wrong_code_beside_the_password_gets_nothing_and_counts() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let (sessions, logins) = (service.count_sessions().await, service.logins());
    let early = ann.app.code_at(service.clock.now(), -60);
    let late = ann.app.code_at(service.clock.now(), 60);
    for (count, code) in (1..).zip([service.wrong_code(&ann.app), early, late, "abcd-efgh-ijkl-mnop".to_owned()]) {
        let answer = service.log_in_with("ann", &code).send().await.expect_problem(400, WRONG);
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.json().as_object().unwrap().len(), 4, "nothing stands beside the detail");
        assert_eq!(service.wrong_codes_of("ann").await, count);
    }
    assert_eq!((service.count_sessions().await, service.logins()), (sessions, logins));
}

#[tokio::test]
async fn a_right_password_is_a_success_for_the_account_whatever_the_code() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let code = service.code(&ann.app);
    for (otp, status) in [(None, 403), (Some(service.wrong_code(&ann.app)), 400), (Some(code), 200)] {
        for failures in 1..=4 {
            service.try_login("ann", "wrong").await.expect(401);
            assert_eq!(service.failures("ann").await, failures);
        }
        let mut form = vec![("username", "ann"), ("password", PASSWORD)];
        form.extend(otp.as_deref().map(|otp| ("otp", otp)));
        service.form(&form).await.expect(status);
        assert_eq!(service.failures("ann").await, 0);
    }
    // A blocked second factor too.
    for _ in 0..4 {
        service.verify(&ann.person.access, "0").send().await.expect(400);
    }
    service.try_login("ann", "wrong").await.expect(401);
    service.log_in_with("ann", &service.next_code(&ann.app)).send().await.expect(429);
    assert_eq!(service.failures("ann").await, 0);
}

#[tokio::test]
async fn a_code_beside_the_password_does_it_in_one_step() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for (name, code) in [
        ("ann", service.code(&ann.app)),
        ("ann@example.com", ann.recovery[0].clone()),
        ("ANN", service.next_code(&ann.app)),
    ] {
        let answer = service.log_in_with(name, &code).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
        let tokens = answer.tokens();
        let said = claims(&tokens.access);
        assert_eq!(said["amr"], json!(["pwd", "otp", "mfa"]));
        assert_eq!(said["auth_time"], service.clock.now().seconds());
        let next = service.refresh(&tokens.refresh).await.expect(200).tokens();
        assert_eq!(claims(&next.access)["amr"], json!(["pwd", "otp", "mfa"]), "a refresh is of the same login");
        let renewed = service.post_as(&tokens.access, "/refresh-token").await.expect(200);
        assert_eq!(claims(&renewed.text("access_token"))["amr"], json!(["pwd", "otp", "mfa"]));
        service.log_in_with(name, &code).send().await.expect_problem(400, WRONG);
    }
    assert_eq!(claims(&ann.person.access)["amr"], json!(["pwd"]));
}

#[tokio::test]
async fn a_code_of_somebody_without_a_second_factor_is_not_looked_at() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    for code in ["000000", "no code at all"] {
        let answer = service.log_in_with("ann", code).send().await.expect(200);
        assert_eq!(claims(&answer.text("access_token"))["amr"], json!(["pwd"]));
    }
}

#[tokio::test]
async fn a_disabled_user_and_a_scope_too_many_are_told_before_the_code() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for otp in [None, Some(service.code(&ann.app)), Some(service.wrong_code(&ann.app))] {
        let mut form = vec![("username", "ann"), ("password", PASSWORD), ("scope", "too:much")];
        form.extend(otp.as_deref().map(|otp| ("otp", otp)));
        service.form(&form).await.expect_problem(400, "Scope not allowed");
    }
    service.disable("ann").await;
    for otp in [None, Some(service.code(&ann.app)), Some(service.wrong_code(&ann.app))] {
        let mut form = vec![("username", "ann"), ("password", PASSWORD)];
        form.extend(otp.as_deref().map(|otp| ("otp", otp)));
        service.form(&form).await.expect_problem(400, "Inactive user");
    }
    assert_eq!(service.wrong_codes_of("ann").await, 0);
    service.enable("ann").await;
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn the_scope_that_was_asked_for_is_the_one_that_is_given() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    for (asked, code) in [("read:items", service.code(&ann.app)), ("write:items", ann.recovery[0].clone())] {
        let form = [("username", "ann"), ("password", PASSWORD), ("otp", &code), ("scope", asked)];
        assert_eq!(service.form(&form).await.expect(200).text("scope"), asked);
    }
}

#[tokio::test]
async fn the_first_step_is_counted_by_address_and_the_second_is_not() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "2/60"), ("DOORWARD_OTP_RATE", "9/900")]).await;
    let ann = service.with_second_factor("ann").await;
    service.wait(30);
    let answer = service.try_login("ann", PASSWORD).await.expect(403);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"login\";q=2;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=1;t=60"));
    let (first, second) = (answer.text("mfa_token"), service.first_step("ann").await);
    let refused = service.try_login("ann", PASSWORD).await.expect_problem(429, "Too many requests");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"login\";q=2;w=60"));
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(429);
    for left in [8, 7, 6] {
        let answer = service.second_step(&first, "000").send().await.expect_problem(400, WRONG);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=9;w=900"));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r={left};t=900").as_str()));
    }
    let answer = service.second_step(&first, &service.code(&ann.app)).send().await.expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=6;t=900"));
    service.second_step(&second, &ann.recovery[0]).send().await.expect(200);
    // The address is as full as it was.
    service.try_login("ann", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn where_passwords_are_not_taken_neither_step_is() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    let closed = service.another(&[("DOORWARD_PASSWORD_GRANT", "off")]).await;
    closed.probe.forget();
    let code = service.code(&ann.app);
    for request in [
        closed.log_in_with("ann", &code),
        closed.log_in_with("ann", "000000"),
        closed.second_step(&token, &code),
        closed.second_step("dwm_garbage", &code),
    ] {
        request.send().await.expect_problem(403, "Password login is off");
    }
    assert!(closed.probe.calls().is_empty());
    service.second_step(&token, &code).send().await.expect(200);
}

#[tokio::test]
async fn an_old_hash_gives_way_beside_a_code_as_without_one() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let mut memory = 8;
    for code in [None, Some("000"), Some(service.code(&ann.app).as_str())] {
        memory *= 2;
        let cost = format!("m={memory},t=1,p=1");
        let costlier = service.another(&[("DOORWARD_ARGON2", cost.as_str())]).await;
        let mut form = vec![("username", "ann"), ("password", PASSWORD)];
        form.extend(code.map(|code| ("otp", code)));
        let answer = costlier.form(&form).await;
        assert!(matches!((code, answer.status), (None, 403) | (Some("000"), 400) | (Some(_), 200)), "{answer:?}");
        let hash = service.credentials("ann").await.hash.unwrap();
        assert!(hash.as_str().starts_with(&format!("$argon2id$v=19${cost}$")), "{code:?}");
    }
}
