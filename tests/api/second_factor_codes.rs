//! Recovery codes, `POST /2fa/recovery-codes`, `POST /2fa/disable`

use crate::support::second_factor::recovery_codes;
use crate::support::{PASSWORD, service, service_with};
use doorward_http::audit::Event;
use serde_json::json;
use std::collections::BTreeSet;

const WRONG: &str = "Invalid 2FA code";

#[tokio::test]
async fn what_is_no_recovery_code_of_theirs_is_a_wrong_code() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    let (ann, bob) = (service.with_second_factor("ann").await, service.with_second_factor("bob").await);
    let own = &ann.recovery[0];
    let (cut, longer) = (&own[..18], format!("{own}a"));
    let two = format!("{own}{}", ann.recovery[1]);
    let (dotted, twisted) = (own.replace('-', "."), own.chars().rev().collect::<String>());
    let nul = format!("{own}\0");
    for code in [&*bob.recovery[0], cut, &longer, &two, &dotted, &twisted, &nul, "", "-", "    "] {
        service.verify(&ann.person.access, code).send().await.expect_problem(400, WRONG);
    }
    assert_eq!(service.factor("ann").await.unwrap().recovery.len(), 10);
    service.log_in_with("ann", own).send().await.expect(200);
}

#[tokio::test]
async fn each_recovery_code_works_once_however_it_is_typed() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    let ann = service.with_second_factor("ann").await;
    for (n, code) in ann.recovery.iter().enumerate() {
        let typed = match n % 5 {
            0 => code.clone(),
            1 => code.to_uppercase(),
            2 => code.replace('-', ""),
            3 => code.replace('-', " "),
            _ => format!("  {}-", code.to_uppercase().replace('-', " - ")),
        };
        let request = match n % 3 {
            0 => service.log_in_with("ann", &typed),
            1 => service.second_step(&service.first_step("ann").await, &typed),
            _ => service.verify(&ann.person.access, &typed),
        };
        request.send().await.expect(200);
        assert_eq!(service.factor("ann").await.unwrap().recovery.len(), 9 - n, "the others are left");
        for again in [code, &code.to_uppercase(), &typed] {
            service.log_in_with("ann", again).send().await.expect_problem(400, WRONG);
            service.verify(&ann.person.access, again).send().await.expect_problem(400, WRONG);
        }
    }
    // The app is all that is left, and gets new ones.
    let request = service.replace_codes(&ann.person.access, PASSWORD, &service.code(&ann.app));
    let codes = recovery_codes(&request.send().await.expect(200));
    service.log_in_with("ann", &codes[0]).send().await.expect(200);
    service.log_in_with("ann", &service.next_code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn replacing_and_turning_off_need_a_password_and_a_code_in_json() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let code = service.code(&ann.app);
    for path in ["/2fa/recovery-codes", "/2fa/disable"] {
        let send = |body| service.post(path).bearer(&ann.person.access).json(&body).send();
        send(json!({})).await.expect_invalid(&["/code", "/password"]);
        send(json!({"password": PASSWORD})).await.expect_invalid(&["/code"]);
        send(json!({"code": code})).await.expect_invalid(&["/password"]);
        send(json!({"password": null, "code": 123_456})).await.expect_invalid(&["/code", "/password"]);
        send(json!({"password": PASSWORD, "code": code, "otp": code})).await.expect_invalid(&["/otp"]);
        let form = service.post(path).bearer(&ann.person.access).form(&[("password", PASSWORD), ("code", &code)]);
        form.send().await.expect_problem(415, "Unsupported media type");
    }
    assert_eq!((service.failures("ann").await, service.wrong_codes_of("ann").await), (0, 0));
    assert_eq!(service.factor("ann").await.unwrap().recovery.len(), 10);
    service.log_in_with("ann", &code).send().await.expect(200);
}

#[tokio::test]
async fn new_recovery_codes_make_the_old_ones_void() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    let ann = service.with_second_factor("ann").await;
    let mut all: BTreeSet<_> = ann.recovery.iter().cloned().collect();
    let (mut old, mut code) = (ann.recovery.clone(), service.code(&ann.app));
    for round in 1..4 {
        let answer = service.replace_codes(&ann.person.access, PASSWORD, &code).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "recovery_codes"]);
        assert!(body["message"].is_string());
        let codes = recovery_codes(&answer);
        all.extend(codes.iter().cloned());
        assert_eq!(all.len(), 10 * (round + 1), "none comes twice");
        for void in old.iter().chain([&code]) {
            service.log_in_with("ann", void).send().await.expect_problem(400, WRONG);
        }
        service.log_in_with("ann", &codes[1]).send().await.expect(200);
        // The next round goes by a recovery code.
        (code, old) = (codes[0].clone(), codes);
    }
    let user = service.user("ann").await.id;
    let replaced = Event::RecoveryCodesReplaced { user };
    assert_eq!(service.events().iter().filter(|event| **event == replaced).count(), 3);
    // The app is the same.
    service.log_in_with("ann", &service.next_code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn it_is_turned_off_by_the_password_and_either_factor() {
    let service = service().await;
    for (name, by_app) in [("ann", true), ("bob", false)] {
        let who = service.with_second_factor(name).await;
        let (token, access) = (service.first_step(name).await, &who.person.access);
        let waiting = service.new_app(access).await;
        let code = if by_app { service.code(&who.app) } else { who.recovery[0].clone() };
        let answer = service.turn_off(access, PASSWORD, &code).send().await.expect(200);
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
        assert!(body["message"].is_string());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("ratelimit"), Some("\"otp\";r=5;t=900"));
        let seen = service.see(&who.person, &who.person.path()).await.expect(200).json();
        assert_eq!(seen["two_factor_enabled"], false);
        let user = service.user(name).await.id;
        assert!(service.events().contains(&Event::SecondFactorDisabled { user }));
        assert!(service.factor(name).await.is_none(), "nothing is kept of it");

        // A login asks for no code, and none is worth anything, not even of the secret that waited.
        service.expect_one_step(name).await;
        service.expect_in(&who.person).await;
        service.wait(30);
        for code in [service.code(&who.app), service.code(&waiting), who.recovery[1].clone()] {
            service.verify(access, &code).send().await.expect_problem(400, WRONG);
            service.turn_off(access, PASSWORD, &code).send().await.expect_problem(400, WRONG);
        }
        service.second_step(&token, &who.recovery[1]).send().await.expect_problem(401, "Invalid mfa token");

        // It is set up anew without a password, and what there was before stays dead.
        let answer = service.set_up(access, &json!({})).send().await.expect(200);
        let app = crate::support::second_factor::Authenticator::scan(&answer.text("otpauth_uri"));
        assert_ne!(app.secret(), who.app.secret());
        let answer = service.verify(access, &service.code(&app)).send().await.expect(200);
        let codes = recovery_codes(&answer);
        service.wait(30);
        for code in [service.code(&who.app), who.recovery[1].clone()] {
            service.log_in_with(name, &code).send().await.expect_problem(400, WRONG);
        }
        service.log_in_with(name, &service.code(&app)).send().await.expect(200);
        service.log_in_with(name, &codes[0]).send().await.expect(200);
    }
}

#[tokio::test]
async fn support_turns_it_off_whatever_there_is() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let bob = service.person("bob").await;
    let waiting = service.new_app(&bob.access).await;
    service.sign_up("carl").await.expect(201);
    for _ in 0..5 {
        service.verify(&ann.person.access, "000").send().await.expect(400);
    }
    for name in ["ann", "bob", "carl"] {
        let id = service.user(name).await.id;
        assert!(service.store.second_factors.reset(&id, name).await.unwrap());
        assert!(service.factor(name).await.is_none());
        service.expect_one_step(name).await;
    }
    service.verify(&bob.access, &service.code(&waiting)).send().await.expect_problem(400, WRONG);
    // The wrong codes went with what they were guessed at.
    let app = service.new_app(&ann.person.access).await;
    service.verify(&ann.person.access, &service.code(&app)).send().await.expect(200);
}
