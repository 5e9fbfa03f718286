//! The store at its worst under second factors: cut off at any call, answers lost, keys left out.

use crate::support::raw::Item;
use crate::support::request::Request;
use crate::support::second_factor::{Authenticator, Guarded, recovery_codes};
use crate::support::{Answer, PASSWORD, Service, service};
use doorward_http::audit::Event;
use doorward_store::ATTEMPTS;
use serde_json::json;

const WRONG: &str = "abcd-efgh-ijkl-mnop";

/// Somebody with a second factor, one that waits, and a login that waits.
struct Ready {
    ann: Guarded,
    waiting: Authenticator,
    mfa_token: String,
}

/// A request of a kind, what it is answered where nothing is amiss, and the one write that uses a code up or counts it.
struct Kind {
    name: &'static str,
    status: u16,
    write: (&'static str, &'static str),
    request: fn(&Service, &Ready) -> Request,
}

const REDEEM: (&str, &str) = ("TransactWriteItems", "second-factors");
const COUNT: (&str, &str) = ("UpdateItem", "second-factors");

const fn kind(
    name: &'static str,
    status: u16,
    write: (&'static str, &'static str),
    request: fn(&Service, &Ready) -> Request,
) -> Kind {
    Kind { name, status, write, request }
}

const KINDS: &[Kind] = &[
    kind("setup", 200, REDEEM, |service, is| service.set_up(is.access(), &json!({"password": PASSWORD}))),
    kind("verify", 200, REDEEM, |service, is| service.verify(is.access(), &service.code(&is.ann.app))),
    kind("confirm", 200, REDEEM, |service, is| service.verify(is.access(), &service.code(&is.waiting))),
    kind("verify-wrong", 400, COUNT, |service, is| service.verify(is.access(), WRONG)),
    kind("disable", 200, REDEEM, |service, is| service.turn_off(is.access(), PASSWORD, &is.ann.recovery[0])),
    kind("disable-wrong", 400, COUNT, |service, is| service.turn_off(is.access(), PASSWORD, WRONG)),
    kind("replace", 200, REDEEM, |service, is| service.replace_codes(is.access(), PASSWORD, &is.ann.recovery[0])),
    kind("replace-wrong", 400, COUNT, |service, is| service.replace_codes(is.access(), PASSWORD, WRONG)),
    kind("one-step", 200, REDEEM, |service, is| service.log_in_with(&is.ann.name, &service.code(&is.ann.app))),
    kind("one-step-wrong", 400, COUNT, |service, is| service.log_in_with(&is.ann.name, WRONG)),
    kind("second-step", 200, REDEEM, |service, is| service.second_step(&is.mfa_token, &is.ann.recovery[0])),
    kind("second-step-wrong", 400, COUNT, |service, is| service.second_step(&is.mfa_token, WRONG)),
];

impl Ready {
    fn access(&self) -> &str {
        &self.ann.person.access
    }
}

impl Service {
    async fn ready(&self, name: &str) -> Ready {
        let ann = self.with_second_factor(name).await;
        let waiting = self.new_app(&ann.person.access).await;
        let mfa_token = self.first_step(name).await;
        Ready { ann, waiting, mfa_token }
    }

    /// Everything that a code or a new secret could change.
    async fn state_of(&self, who: &Guarded) -> (Option<Item>, Option<Item>, usize, usize) {
        let key = [("user_id", who.person.id.as_str())];
        let (factor, user) = (self.raw.item("second-factors", &key).await, self.raw.item("users", &key).await);
        (factor, user, self.count_sessions().await, self.raw.items("revoked-tokens").await.len())
    }
}

fn expect_unavailable(answer: Answer, what: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{what}: {answer:?}");
    assert_eq!(answer.header("www-authenticate"), None, "{what}");
    answer.expect_problem(503, "Service unavailable");
}

#[tokio::test]
async fn wherever_the_store_is_cut_off_nothing_is_half_done_and_then_all_is_well() {
    for Kind { name, status, request, .. } in KINDS {
        let service = service().await;
        let is = service.ready(name).await;
        let (before, events) = (service.state_of(&is.ann).await, service.events());
        let mut calls = 0;
        let answer = loop {
            let what = format!("{name} after {calls} calls");
            assert!(calls < 10, "{what}");
            service.probe.cut_off_after(calls);
            let answer = request(&service, &is).send().await;
            service.probe.cut_off(false);
            if answer.status == *status {
                break answer;
            }
            expect_unavailable(answer, &what);
            assert_eq!(service.state_of(&is.ann).await, before, "{what}");
            assert_eq!(service.events(), events, "{what}");
            calls += 1;
        };
        assert!(calls >= 2, "{name} has a read and a write at least");
        assert_ne!(service.state_of(&is.ann).await, before, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_first_setup_that_is_cut_off_leaves_nothing() {
    let service = service().await;
    let ann = service.person("ann").await;
    for calls in 0..2 {
        service.probe.cut_off_after(calls);
        let answer = service.post("/2fa/setup").bearer(&ann.access).send().await;
        service.probe.cut_off(false);
        expect_unavailable(answer, "setup");
        assert!(service.raw.items("second-factors").await.is_empty());
    }
    service.post("/2fa/setup").bearer(&ann.access).send().await.expect(200);
}

#[tokio::test]
async fn a_first_step_that_is_cut_off_asks_for_no_code() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    service.try_login("ann", "wrong").await.expect(401);
    for calls in 0..3 {
        service.probe.cut_off_after(calls);
        let answer = service.try_login("ann", PASSWORD).await;
        service.probe.cut_off(false);
        expect_unavailable(answer, "first step");
        assert_eq!(service.failures("ann").await, 1);
    }
    let token = service.first_step("ann").await;
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_as_if_made_once() {
    for times in 1..=2 {
        for Kind { name, status, write: (operation, table), request } in KINDS {
            let service = service().await;
            let is = service.ready(name).await;
            let (sessions, events) = (service.count_sessions().await, service.events().len());
            for _ in 0..times {
                service.probe.lose_reply(operation, table);
            }
            let answer = request(&service, &is).send().await.expect(*status);
            assert!(service.probe.is_done(), "{name}: {:?}", service.probe.calls());
            let factor = service.factor(name).await;
            let wrong = factor.as_ref().map_or(0, |factor| factor.wrong.count);
            assert_eq!(wrong, u32::from(*status == 400), "{name}");
            let told = service.events().split_off(events);
            assert_eq!(told.len(), usize::from(!matches!(*name, "setup" | "verify")), "{name}: {told:?}");
            let tokens = answer.json().get("access_token").is_some().then(|| answer.tokens());
            assert_eq!(service.count_sessions().await, sessions + usize::from(tokens.is_some()), "{name}");
            if let Some(tokens) = tokens {
                service.expect_alive(&tokens.access).await;
                service.refresh(&tokens.refresh).await.expect(200);
            }
            match *name {
                "setup" => {
                    let app = Authenticator::typed(&answer.text("secret"));
                    service.verify(is.access(), &service.code(&app)).send().await.expect(200);
                }
                "confirm" | "replace" => {
                    assert_eq!(factor.unwrap().recovery.len(), 10);
                    for code in recovery_codes(&answer) {
                        service.verify(is.access(), &code).send().await.expect(200);
                    }
                }
                "disable" => service.expect_one_step(name).await,
                "second-step" => assert_eq!(factor.unwrap().recovery.len(), 9),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn the_record_of_a_right_password_whose_answer_is_lost_lets_the_code_be_judged_once() {
    for failures in [0, 2] {
        let service = service().await;
        let is = service.ready("ann").await;
        for (n, request) in [
            service.log_in_with("ann", WRONG),
            service.turn_off(is.access(), PASSWORD, WRONG),
            service.replace_codes(is.access(), PASSWORD, WRONG),
        ]
        .into_iter()
        .enumerate()
        {
            for _ in 0..failures {
                service.try_login("ann", "wrong").await.expect(401);
            }
            service.probe.lose_reply("UpdateItem", "credentials");
            service.probe.lose_reply("UpdateItem", "second-factors");
            request.send().await.expect_problem(400, "Invalid 2FA code");
            assert!(service.probe.is_done());
            assert_eq!(service.failures("ann").await, 0);
            assert_eq!(service.wrong_codes_of("ann").await, u32::try_from(n).unwrap() + 1);
        }
    }
}

#[tokio::test]
async fn a_login_whose_answer_is_lost_for_good_may_be_made_again_with_another_code() {
    let service = service().await;
    let is = service.ready("ann").await;
    for _ in 0..4 {
        service.probe.lose_reply("TransactWriteItems", "second-factors");
    }
    let code = service.code(&is.ann.app);
    expect_unavailable(service.second_step(&is.mfa_token, &code).send().await, "second step");
    assert!(service.probe.is_done());
    // The token is spent with the code; nobody has the session's tokens.
    let answer = service.second_step(&is.mfa_token, &code).send().await;
    answer.expect_problem(401, "Invalid mfa token");
    service.log_in_with("ann", &code).send().await.expect_problem(400, "Invalid 2FA code");
    service.log_in_with("ann", &is.ann.recovery[0]).send().await.expect(200);
    assert!(!service.events().iter().any(|event| matches!(event, Event::TheftDetected { .. })));
}

#[tokio::test]
async fn what_support_does_is_done_once_though_its_answer_is_lost() {
    let service = service().await;
    let is = service.ready("ann").await;
    let id = service.user("ann").await.id;
    service.verify(is.access(), WRONG).send().await.expect(400);
    service.probe.lose_reply("UpdateItem", "second-factors");
    service.store.second_factors.forget_wrong(&id).await.unwrap();
    assert!(service.probe.is_done());
    assert_eq!(service.wrong_codes_of("ann").await, 0);
    service.probe.lose_reply("TransactWriteItems", "second-factors");
    assert!(service.store.second_factors.reset(&id, "reset").await.unwrap());
    assert!(service.probe.is_done());
    service.expect_one_step("ann").await;
}

#[tokio::test]
async fn a_factor_that_a_batch_left_out_is_asked_for_again_and_never_absent() {
    for Kind { name, status, request, .. } in KINDS.iter().filter(|kind| kind.name != "setup") {
        let service = service().await;
        let is = service.ready(name).await;
        let before = service.state_of(&is.ann).await;
        for _ in 0..ATTEMPTS {
            service.probe.leave_unprocessed("second-factors");
        }
        expect_unavailable(request(&service, &is).send().await, name);
        assert!(service.probe.is_done());
        assert_eq!(service.state_of(&is.ann).await, before, "{name}");
        service.probe.leave_unprocessed("second-factors");
        request(&service, &is).send().await.expect(*status);
        assert!(service.probe.is_done());
    }
    // Nor is an `mfa_token` that was used.
    let service = service().await;
    let is = service.ready("ann").await;
    service.second_step(&is.mfa_token, &is.ann.recovery[0]).send().await.expect(200);
    service.probe.leave_unprocessed("revoked-tokens");
    let answer = service.second_step(&is.mfa_token, &is.ann.recovery[1]).send().await;
    answer.expect_problem(401, "Invalid mfa token");
}
