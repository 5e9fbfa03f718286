//! Codes and tokens that are used side by side: each is good once, and nothing is half done.

use crate::support::admin::{count, race};
use crate::support::request::Request;
use crate::support::second_factor::{Guarded, recovery_codes};
use crate::support::state::claims;
use crate::support::{Answer, PASSWORD, Service, Tokens, service_with};
use serde_json::json;

/// How often a race is run: the losing order must come up.
const ROUNDS: usize = 25;
const WRONG: &str = "Invalid 2FA code";
const NEW: &str = "staple battery horse correct";

/// A service whose signatures are quick, and which counts more wrong codes than there are racers.
async fn quick_service() -> Service {
    service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA"), ("DOORWARD_OTP_RATE", "1000/900")]).await
}

/// The one answer that got through, and where it stood; the others were told that.
#[track_caller]
fn the_one(answers: &[Answer], refusal: (u16, &str)) -> (usize, Answer) {
    let won: Vec<_> = answers.iter().enumerate().filter(|(_, answer)| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.clone().expect_problem(refusal.0, refusal.1);
    }
    (won[0].0, won[0].1.clone())
}

/// The same requests, begun with another one each round.
fn turned(mut requests: Vec<Request>, round: usize) -> Vec<Request> {
    let by = round % requests.len();
    requests.rotate_left(by);
    requests
}

impl Service {
    /// Expects that somebody's sessions are those of these logins, and the one that they began with.
    async fn expect_sessions(&self, ann: &Guarded, logins: usize) {
        let items = self.raw.items("sessions").await;
        let id = aws_sdk_dynamodb::types::AttributeValue::S(ann.person.id.clone());
        let own = items.iter().filter(|item| item["user_id"] == id).count();
        assert_eq!(own, logins + 1, "a session for each login, and none that nobody has");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_lets_one_in() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let code = if round % 2 == 0 { service.code(&ann.app) } else { ann.recovery[0].clone() };
        let mut requests = vec![service.verify(&ann.person.access, &code)];
        for _ in 0..2 {
            requests.push(service.log_in_with(&ann.name, &code));
            let token = service.first_step(&ann.name).await;
            requests.push(service.second_step(&token, &code));
        }
        let answers = race(turned(requests, round)).await;
        let (_, won) = the_one(&answers, (400, WRONG));
        let is_login = won.json().get("access_token").is_some();
        service.expect_sessions(&ann, usize::from(is_login)).await;
        if is_login {
            service.expect_alive(&won.text("access_token")).await;
        }
        assert_eq!(service.wrong_codes_of(&ann.name).await, 4);
        service.log_in_with(&ann.name, &code).send().await.expect_problem(400, WRONG);
        let left = service.factor(&ann.name).await.unwrap().recovery.len();
        assert_eq!(left, if round % 2 == 0 { 10 } else { 9 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mfa_token_lets_one_in() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let token = service.first_step(&ann.name).await;
        let code = service.code(&ann.app);
        let mut codes = vec![code.clone(), code];
        codes.extend_from_slice(&ann.recovery[..4]);
        let requests: Vec<_> = codes.iter().map(|code| service.second_step(&token, code)).collect();
        let answers = race(turned(requests, round)).await;
        let (_, won) = the_one(&answers, (401, "Invalid mfa token"));
        service.expect_alive(&won.text("access_token")).await;
        service.expect_sessions(&ann, 1).await;
        let factor = service.factor(&ann.name).await.unwrap();
        assert_eq!(factor.wrong.count, 0, "no code was wrong");
        // The winner's code is used up, and no other.
        let spent = codes[2..].iter().filter(|code| !ann.recovery.contains(code)).count();
        assert_eq!(spent, 0);
        let mut good = 0;
        for code in &codes[1..] {
            good += usize::from(service.verify(&ann.person.access, code).send().await.status == 200);
        }
        assert_eq!(good, 4, "of five codes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn different_codes_all_let_in() {
    let service = quick_service().await;
    for round in 0..ROUNDS / 2 {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let mut codes = vec![service.code(&ann.app)];
        codes.extend_from_slice(&ann.recovery[..5]);
        let requests = codes.iter().map(|code| service.log_in_with(&ann.name, code)).collect();
        let answers = race(turned(requests, round)).await;
        assert_eq!(count(&answers, 200), 6, "{answers:?}");
        service.expect_sessions(&ann, 6).await;
        assert_eq!(service.factor(&ann.name).await.unwrap().recovery.len(), 5);
        assert_eq!(service.wrong_codes_of(&ann.name).await, 0);
    }
    assert!(service.probe.mistaken_transactions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn right_and_wrong_passwords_beside_each_other_are_each_judged() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let wrong = || service.post("/token").form(&[("username", &*ann.name), ("password", "wrong"), ("otp", "1")]);
        let requests = vec![
            wrong(),
            service.log_in_with(&ann.name, &ann.recovery[0]),
            wrong(),
            service.replace_codes(&ann.person.access, PASSWORD, &service.code(&ann.app)),
            wrong(),
        ];
        let answers = race(turned(requests, round)).await;
        assert_eq!(count(&answers, 401), 3, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status == 400) {
            // The codes were replaced before the old one came.
            answer.clone().expect_problem(400, WRONG);
        }
        let logins = answers.iter().filter(|answer| answer.status == 200 && answer.json().get("scope").is_some());
        service.expect_sessions(&ann, logins.count()).await;
        assert!(service.failures(&ann.name).await <= 3);
    }
    let mistaken = service.probe.mistaken_transactions();
    assert!(mistaken.is_empty(), "{mistaken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_confirmed_once() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let app = service.new_app(&ann.access).await;
        let (code, next) = (service.code(&app), app.code_at(service.clock.now(), 30));
        let codes = if round % 2 == 0 { [&code, &code, &code] } else { [&code, &next, &code] };
        let answers = race(codes.iter().map(|code| service.verify(&ann.access, code)).collect()).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.json().get("recovery_codes").is_some()).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(round % 2 == 1 || count(&answers, 200) == 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.clone().expect_problem(400, WRONG);
        }
        let codes = recovery_codes(won[0]);
        assert!(service.user(&name).await.two_factor_enabled);
        for code in &codes {
            service.verify(&ann.access, code).send().await.expect(200);
        }
        service.wait(60);
        service.log_in_with(&name, &service.code(&app)).send().await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_setups_one_secret_waits_and_the_live_one_is_good() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let name = format!("ann{round}");
        let (access, live) = if round % 2 == 0 {
            (service.person(&name).await.access, None)
        } else {
            let ann = service.with_second_factor(&name).await;
            (ann.person.access, Some(ann.app))
        };
        let set_up = || service.set_up(&access, &json!({"password": PASSWORD}));
        let answers = race(vec![set_up(), set_up(), set_up()]).await;
        assert_eq!(count(&answers, 200), 3, "{answers:?}");
        if let Some(live) = live {
            service.log_in_with(&name, &service.code(&live)).send().await.expect(200);
        } else {
            service.expect_one_step(&name).await;
        }
        let apps =
            answers.iter().map(|answer| crate::support::second_factor::Authenticator::typed(&answer.text("secret")));
        let mut confirmed = 0;
        for app in apps {
            let answer = service.verify(&access, &service.code(&app)).send().await;
            confirmed += usize::from(answer.status == 200);
        }
        assert_eq!(confirmed, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_beside_the_first_code_or_the_end_is_before_or_after() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let name = format!("ann{round}");
        let (access, beside) = if round % 2 == 0 {
            let access = service.person(&name).await.access;
            let app = service.new_app(&access).await;
            let request = service.verify(&access, &service.code(&app));
            (access, request)
        } else {
            let ann = service.with_second_factor(&name).await;
            let request = service.turn_off(&ann.person.access, PASSWORD, &ann.recovery[0]);
            (ann.person.access, request)
        };
        let answers = race(turned(vec![service.set_up(&access, &json!({"password": PASSWORD})), beside], round)).await;
        for answer in &answers {
            // The secret that was to be confirmed was replaced before its code came.
            assert!(answer.status == 200 || round % 2 == 0 && answer.text("detail") == WRONG, "{answers:?}");
        }
        let set_up = answers.iter().find(|answer| answer.json().get("secret").is_some()).unwrap();
        let app = crate::support::second_factor::Authenticator::typed(&set_up.text("secret"));
        let confirmed = service.verify(&access, &service.code(&app)).send().await;
        let (user, factor) = (service.user(&name).await, service.factor(&name).await);
        let is_live = factor.as_ref().is_some_and(|factor| factor.live.is_some());
        assert_eq!(user.two_factor_enabled, is_live, "both or neither");
        // What was set up waited, but where it ended with all the rest.
        assert!(confirmed.status == 200 || round % 2 == 1 && factor.is_none(), "{confirmed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_beside_the_end_of_the_second_factor_is_before_or_after() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let token = service.first_step(&ann.name).await;
        let code = service.code(&ann.app);
        let login = if round % 3 == 0 {
            service.second_step(&token, &code)
        } else {
            service.log_in_with(&ann.name, if round % 3 == 1 { &code } else { &ann.recovery[1] })
        };
        let by_same = round % 3 != 2;
        let off = service.turn_off(&ann.person.access, PASSWORD, if by_same { &code } else { &ann.recovery[0] });
        let mut answers = race(if round % 2 == 0 { vec![off, login] } else { vec![login, off] }).await;
        if round % 2 == 1 {
            answers.swap(0, 1);
        }
        let (off, login) = (&answers[0], &answers[1]);
        if by_same {
            // One code cannot do both, but a login after the end needs none.
            let amr = (login.status == 200).then(|| claims(&login.text("access_token"))["amr"].clone());
            assert!(off.status != 200 || amr.is_none_or(|amr| amr == json!(["pwd"])), "{answers:?}");
        } else {
            off.clone().expect(200);
        }
        let user = service.user(&ann.name).await;
        assert_eq!(user.two_factor_enabled, off.status != 200);
        assert_eq!(service.factor(&ann.name).await.is_some(), user.two_factor_enabled);
        service.expect_sessions(&ann, usize::from(login.status == 200)).await;
        match login.status {
            200 => service.expect_alive(&login.text("access_token")).await,
            401 => drop(login.clone().expect_problem(401, "Invalid mfa token")),
            _ => drop(login.clone().expect_problem(400, WRONG)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_step_outlives_another_password_beside_it() {
    let service = quick_service().await;
    let mut beside = 0;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let token = service.first_step(&ann.name).await;
        let change = service.change_password(&ann.person, PASSWORD, NEW);
        let mut requests = vec![
            service.second_step(&token, &service.code(&ann.app)),
            service.log_in_with(&ann.name, &ann.recovery[0]),
        ];
        let place = round % 3;
        requests.insert(place, change);
        let mut answers = race(requests).await;
        answers.remove(place).expect(204);
        for answer in answers {
            match answer.status {
                200 => {
                    beside += 1;
                    let tokens: Tokens = answer.tokens();
                    service.me(&tokens.access).await.expect_problem(401, "Token has been revoked");
                    service.refresh(&tokens.refresh).await.expect_problem(401, "Invalid refresh token");
                }
                _ => assert!(matches!(&*answer.text("detail"), "Invalid mfa token" | "Incorrect username or password")),
            }
        }
        let answer = service.second_step(&token, &ann.recovery[1]).send().await;
        answer.expect_problem(401, "Invalid mfa token");
        service.expect_in(&ann.person).await;
    }
    assert!(beside > 0, "some were faster than the change");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_replace_the_recovery_codes_one_has_them() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let ann = service.with_second_factor(&format!("ann{round}")).await;
        let access = &ann.person.access;
        let replace = |code: &str| service.replace_codes(access, PASSWORD, code);
        let code = service.code(&ann.app);
        let other = if round % 2 == 0 { code.clone() } else { ann.recovery[0].clone() };
        let answers = race(turned(vec![replace(&code), replace(&other)], round)).await;
        let sets: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(recovery_codes).collect();
        assert!(sets.len() == 1 || sets.len() == 2 && round % 2 == 1, "{answers:?}");
        let mut good = 0;
        for codes in &sets {
            good += usize::from(service.verify(access, &codes[0]).send().await.status == 200);
        }
        assert_eq!(good, 1, "ten codes are good, and no twenty");
        service.verify(access, &ann.recovery[1]).send().await.expect_problem(400, WRONG);
        assert_eq!(service.factor(&ann.name).await.unwrap().recovery.len(), 9);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_leaves_takes_the_second_factor_along() {
    let service = quick_service().await;
    for round in 0..ROUNDS {
        let name = format!("ann{round}");
        let ann = service.with_second_factor(&name).await;
        let token = service.first_step(&name).await;
        let access = &ann.person.access;
        let mut requests = vec![
            service.second_step(&token, &service.code(&ann.app)),
            service.log_in_with(&name, &ann.recovery[0]),
            service.set_up(access, &json!({"password": PASSWORD})),
            service.verify(access, "000"),
        ];
        let place = round % 5;
        requests.insert(place, service.leave(&ann.person, PASSWORD));
        let mut answers = race(requests).await;
        answers.remove(place).expect(200);
        for answer in answers.iter().filter(|answer| answer.json().get("access_token").is_some()) {
            let told = service.me(&answer.text("access_token")).await;
            told.expect_problem(401, "Could not validate credentials");
        }
        let key = [("user_id", ann.person.id.as_str())];
        assert!(service.raw.item("second-factors", &key).await.is_none(), "no update makes an item: {answers:?}");
        let successor = service.person(&name).await;
        service.verify(&successor.access, &ann.recovery[1]).send().await.expect_problem(400, WRONG);
    }
}

#[tokio::test]
async fn a_user_and_a_factor_that_do_not_fit_are_read_once_more() {
    let service = quick_service().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    let apart = || service.probe.leave_out("second-factors");

    apart();
    service.log_in_with("ann", &ann.recovery[0]).send().await.expect(200);
    let waiting = service.first_step("ann").await;
    apart();
    service.second_step(&waiting, &ann.recovery[1]).send().await.expect(200);
    apart();
    service.verify(access, &ann.recovery[2]).send().await.expect(200);
    apart();
    service.turn_off(access, PASSWORD, &ann.recovery[3]).send().await.expect(200);
    assert!(service.probe.is_done());
    service.expect_one_step("ann").await;
}
