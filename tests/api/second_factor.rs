//! `POST /2fa/setup`, `POST /2fa/verify`

use crate::support::second_factor::{Authenticator, STEP, recovery_codes};
use crate::support::{Answer, PASSWORD, Service, service, service_with};
use doorward_http::audit::{Event, LoginFailure};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Cursor;

const WRONG: &str = "Invalid 2FA code";

/// What a camera reads in a picture.
fn read_picture(answer: &Answer) -> String {
    let mut decoder = png::Decoder::new(Cursor::new(answer.body.to_vec()));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    let (width, height) = (info.width.try_into().unwrap(), info.height.try_into().unwrap());
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let found = image.detect_grids();
    assert_eq!(found.len(), 1);
    found[0].decode().unwrap().1
}

impl Service {
    async fn picture(&self, access: &str) -> Answer {
        self.post("/2fa/setup").bearer(access).send().await.expect(200)
    }

    async fn is_on(&self, access: &str, path: &str) -> bool {
        let body = self.get(path).bearer(access).send().await.expect(200).json();
        body["two_factor_enabled"].as_bool().unwrap()
    }
}

#[tokio::test]
async fn nobody_sets_up_or_verifies_without_a_token() {
    let service = service().await;
    for path in ["/2fa/setup", "/2fa/verify", "/2fa/disable", "/2fa/recovery-codes"] {
        let answer = service.post(path).json(&json!({"code": "123456"})).send().await;
        assert_eq!(answer.expect_problem(401, "Not authenticated").header("www-authenticate"), Some("Bearer"));
    }
    // No code is taken where addresses are logged.
    let ann = service.person("ann").await;
    service.post("/2fa/verify?code=123456").bearer(&ann.access).send().await.expect_invalid(&["/code"]);
    assert!(service.raw.items("second-factors").await.is_empty());
}

#[tokio::test]
async fn without_a_secret_every_code_is_wrong_and_none_counts() {
    let service = service().await;
    let ann = service.person("ann").await;
    for code in ["", "123456", "abcd-efgh-ijkl-mnop", "é"] {
        for _ in 0..3 {
            service.verify(&ann.access, code).send().await.expect_problem(400, WRONG);
            service.turn_off(&ann.access, PASSWORD, code).send().await.expect_problem(400, WRONG);
            service.replace_codes(&ann.access, PASSWORD, code).send().await.expect_problem(400, WRONG);
        }
    }
    assert!(service.raw.items("second-factors").await.is_empty());
    service.expect_one_step("ann").await;
}

#[tokio::test]
async fn what_the_picture_shows_is_what_the_json_says() {
    let service = service_with(&[("DOORWARD_NAME", "Own & Co/é")]).await;
    let ann = service.person("ann").await;
    let answer = service.picture(&ann.access).await;
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let shown = read_picture(&answer);

    let answer = service.set_up(&ann.access, &json!({})).send().await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["otpauth_uri", "secret"]);
    let (uri, secret) = (answer.text("otpauth_uri"), answer.text("secret"));
    let expected = |secret: &str| {
        "otpauth://totp/Own%20%26%20Co%2F%C3%A9:ann%40example.com?secret=".to_owned()
            + secret
            + "&issuer=Own%20%26%20Co%2F%C3%A9&algorithm=SHA1&digits=6&period=30"
    };
    assert_eq!(uri, expected(&secret));
    let (first, second) = (Authenticator::scan(&shown), Authenticator::scan(&uri));
    assert_eq!(shown, expected(&first.secret()));
    assert_ne!(first.secret(), secret, "every secret is a new one");
    for app in [&first, &second] {
        assert_eq!(app.secret_bytes().len(), 20, "160 bits");
        let totp = app.totp();
        assert_eq!((totp.issuer(), totp.account_name()), (Some("Own & Co/é"), "ann@example.com"));
        assert_eq!((totp.algorithm(), totp.digits(), totp.step()), (totp_rs::Algorithm::SHA1, 6, 30));
    }
    // It is the last one that waits.
    let old = service.code(&first);
    service.verify(&ann.access, &old).send().await.expect_problem(400, WRONG);
    service.verify(&ann.access, &service.code(&second)).send().await.expect(200);
}

#[tokio::test]
async fn who_has_no_address_goes_by_the_name() {
    let service = service().await;
    let ann = service.person("ann").await;
    let read = service.stored(&ann).await.unwrap();
    service.raw.delete("credentials", &[("id", "mail#ann@example.com")]).await;
    let mut item = service.raw.item("users", &[("user_id", read.id.as_str())]).await.unwrap();
    item.remove("email");
    service.raw.put("users", item).await;
    let shown = read_picture(&service.picture(&ann.access).await);
    assert!(shown.starts_with("otpauth://totp/Doorward:ann?secret="), "{shown}");
}

#[tokio::test]
async fn the_longest_names_fit_into_a_picture() {
    let longest = "𠀀".repeat(64);
    let service = service_with(&[("DOORWARD_NAME", &longest)]).await;
    let email = format!("{}@{}", "𠀀".repeat(16), ["a".repeat(63), "b".repeat(63), "c".repeat(61)].join("."));
    for (name, email) in [(longest.clone(), None), ("ann".to_owned(), Some(email))] {
        let body = json!({
            "username": name, "password": PASSWORD, "email": email.as_deref().unwrap_or("ann@example.com"),
        });
        service.post("/users").json(&body).send().await.expect(201);
        let access = service.login(&name).await.access;
        if email.is_none() {
            let id = service.user(&name).await.id;
            let mut item = service.raw.item("users", &[("user_id", id.as_str())]).await.unwrap();
            item.remove("email");
            service.raw.put("users", item).await;
        }
        let app = Authenticator::scan(&read_picture(&service.picture(&access).await));
        assert_eq!(app.totp().issuer(), Some(longest.as_str()));
        assert_eq!(app.totp().account_name(), email.as_ref().unwrap_or(&name));
        service.verify(&access, &service.code(&app)).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_picture_is_what_is_given_and_json_for_who_asks_for_it() {
    let service = service().await;
    let ann = service.person("ann").await;
    for (accept, is_json) in [
        (None, false),
        (Some(""), false),
        (Some("*/*"), false),
        (Some("image/png"), false),
        (Some("image/*"), false),
        (Some("text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8"), false),
        (Some("image/png, application/json"), false),
        (Some("application/jsonp"), false),
        (Some("application/json;q=0"), false),
        (Some("application/json;q=0.1, */*"), false),
        (Some("application/json;q=0.4, image/*;q=0.5"), false),
        (Some("application/json"), true),
        (Some("Application/JSON"), true),
        (Some("application/json;q=0.9"), true),
        (Some("image/png;q=0.5, application/json"), true),
        (Some("image/webp, application/json"), true),
        (Some("application/json, text/plain, */*"), true),
        (Some("text/plain , application/json; charset=utf-8"), true),
    ] {
        let mut request = service.post("/2fa/setup").bearer(&ann.access);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let answer = request.send().await.expect(200);
        let expected = if is_json { "application/json" } else { "image/png" };
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
    }
}

#[tokio::test]
async fn a_new_secret_waits_for_ten_minutes() {
    let service = service().await;
    let ann = service.person("ann").await;
    let app = service.new_app(&ann.access).await;
    service.wait(600);
    service.verify(&ann.access, &service.code(&app)).send().await.expect_problem(400, WRONG);
    assert!(!service.is_on(&ann.access, &ann.path()).await);
    service.expect_one_step("ann").await;

    let app = service.new_app(&ann.access).await;
    service.wait(599);
    service.expect_one_step("ann").await;
    let access = service.login("ann").await.access;
    service.verify(&access, &service.code(&app)).send().await.expect(200);
    assert!(service.is_on(&access, &ann.path()).await);
}

#[tokio::test]
async fn a_code_that_is_wrong_or_of_another_time_does_not_turn_it_on() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    let ann = service.person("ann").await;
    let app = service.new_app(&ann.access).await;
    let at = |seconds| app.code_at(service.clock.now(), seconds);
    let (early, late) = (at(-60), at(60));
    let wrong = app.wrong_codes(service.clock.now(), 2);
    for code in [&wrong[0], &wrong[1], &early, &late, "", "12345", "1234567", "abcdef", "🦀🦀🦀🦀🦀🦀"] {
        let answer = service.verify(&ann.access, code).send().await.expect_problem(400, WRONG);
        assert_eq!(answer.json().as_object().unwrap().len(), 4, "nothing stands beside the detail");
    }
    assert!(!service.is_on(&ann.access, &ann.path()).await);
    service.expect_one_step("ann").await;

    // What a screen shows with a space is typed with one.
    let code = service.code(&app);
    service.verify(&ann.access, &format!(" {} {} ", &code[..3], &code[3..])).send().await.expect(200);
}

#[tokio::test]
async fn a_step_more_on_either_side_is_taken() {
    for seconds in [-30, 30] {
        let service = service().await;
        let ann = service.person("ann").await;
        let app = service.new_app(&ann.access).await;
        let code = app.code_at(service.clock.now(), seconds);
        service.verify(&ann.access, &code).send().await.expect(200);
    }
}

#[tokio::test]
async fn the_first_code_turns_it_on_and_gives_ten_recovery_codes_once() {
    let service = service().await;
    let root = service.person_who_may("root", "read:users").await;
    for (name, is_form) in [("ann", false), ("bob", true)] {
        let who = service.person(name).await;
        assert!(!service.is_on(&who.access, &who.path()).await);
        let app = service.new_app(&who.access).await;
        let code = service.code(&app);
        let request = service.post("/2fa/verify").bearer(&who.access);
        let request = if is_form { request.form(&[("code", &code)]) } else { request.json(&json!({"code": code})) };
        let answer = request.send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=5;w=900"));
        assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=5;t=900"));
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "recovery_codes"]);
        assert_eq!(body["message"], "2FA verified successfully");
        let codes = recovery_codes(&answer);
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
        for code in &codes {
            // Sixteen digits of five bits each.
            let digits = code.split('-').map(str::len).collect::<Vec<_>>();
            assert_eq!(digits, [4, 4, 4, 4], "{code}");
            assert!(code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7' | b'-')), "{code}");
        }
        assert!(service.is_on(&who.access, &who.path()).await);
        assert!(service.is_on(&root.access, &who.path()).await);
        let listed = service.see(&root, &format!("/users?username={name}")).await.expect(200).json();
        assert_eq!(listed["items"][0]["two_factor_enabled"], true);
        let user = service.stored(&who).await.unwrap().id;
        assert!(service.events().contains(&Event::SecondFactorEnabled { user }));

        // That code is over, everywhere; the next one says nothing of recovery codes.
        service.verify(&who.access, &code).send().await.expect_problem(400, WRONG);
        service.log_in_with(name, &code).send().await.expect_problem(400, WRONG);
        let token = service.first_step(name).await;
        service.second_step(&token, &code).send().await.expect_problem(400, WRONG);
        let answer = service.verify(&who.access, &service.next_code(&app)).send().await.expect(200);
        assert_eq!(answer.json(), json!({"message": "2FA verified successfully"}));
    }
}

#[tokio::test]
async fn what_is_left_of_the_budget_is_said() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    for left in [4, 3] {
        let answer = service.verify(access, "000").send().await.expect_problem(400, WRONG);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=5;w=900"));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"otp\";r={left};t=900").as_str()));
        assert_eq!(answer.header("retry-after"), None);
    }
    service.wait(100);
    let code = service.code(&ann.app);
    for (request, status) in [
        (service.verify(access, &code), 200),
        (service.turn_off(access, "not the password", &code), 400),
        (service.replace_codes(access, "not the password", &code), 400),
    ] {
        let answer = request.send().await.expect(status);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"otp\";q=5;w=900"));
        assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=3;t=800"));
    }
}

#[tokio::test]
async fn a_live_secret_is_replaced_by_the_password_only() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    let before = service.factor("ann").await;
    service.post("/2fa/setup").bearer(access).send().await.expect_invalid(&["/password"]);
    service.set_up(access, &json!({})).send().await.expect_invalid(&["/password"]);
    service.set_up(access, &json!({"password": null})).send().await.expect_invalid(&["/password"]);
    service.set_up(access, &json!({"password": 1})).send().await.expect_invalid(&["/password"]);
    assert_eq!(service.failures("ann").await, 0);
    for (failures, password) in (1..).zip(["", "not the password", &PASSWORD.to_uppercase(), "x", "y"]) {
        service.set_up(access, &json!({"password": password})).send().await.expect_problem(400, "Incorrect password");
        assert_eq!(service.failures("ann").await, failures);
    }
    let body = json!({"password": PASSWORD});
    service.set_up(access, &body).send().await.expect_problem(400, "Incorrect password");
    let refused =
        service.events().iter().filter(|e| matches!(e, Event::PasswordRefused { .. })).cloned().collect::<Vec<_>>();
    let user = service.user("ann").await.id;
    assert_eq!(refused.last(), Some(&Event::PasswordRefused { user, reason: LoginFailure::AccountClosed }));
    assert_eq!(service.factor("ann").await, before);
    service.wait(1);
    service.set_up(access, &body).send().await.expect(200);
    assert_eq!(service.failures("ann").await, 0);
}

#[tokio::test]
async fn a_live_secret_is_good_until_the_new_one_is_shown() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    let first = service.new_app(access).await;
    let second = service.new_app(access).await;
    // Neither of the new ones logs in, and what is not the last of them does not confirm.
    for code in [service.code(&first), service.code(&second)] {
        service.log_in_with("ann", &code).send().await.expect_problem(400, WRONG);
    }
    service.verify(access, &service.code(&first)).send().await.expect_problem(400, WRONG);
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
    service.log_in_with("ann", &ann.recovery[0]).send().await.expect(200);
    // A code of the live one is right and confirms nothing.
    let answer = service.verify(access, &service.next_code(&ann.app)).send().await.expect(200);
    assert_eq!(answer.json(), json!({"message": "2FA verified successfully"}));
    let by_recovery = service.verify(access, &ann.recovery[1]).send().await.expect(200);
    assert_eq!(by_recovery.json(), json!({"message": "2FA verified successfully"}));

    let answer = service.verify(access, &service.code(&second)).send().await.expect(200);
    let codes = recovery_codes(&answer);
    service.wait(STEP);
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect_problem(400, WRONG);
    service.log_in_with("ann", &ann.recovery[2]).send().await.expect_problem(400, WRONG);
    service.log_in_with("ann", &service.code(&second)).send().await.expect(200);
    service.log_in_with("ann", &codes[0]).send().await.expect(200);
    service.expect_in(&ann.person).await;
}

#[tokio::test]
async fn a_new_secret_that_nobody_confirms_is_nothing() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let app = service.new_app(&ann.person.access).await;
    service.wait(600);
    service.verify(&ann.person.access, &service.code(&app)).send().await.expect_problem(400, WRONG);
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
}
