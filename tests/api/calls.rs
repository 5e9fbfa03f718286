//! What a request costs: the calls to the store, exactly, with all limits on.

use crate::support::{Answer, PASSWORD, Service, service_with};
use serde_json::json;

const CHECK: &str = "BatchGetItem revoked-tokens sessions users";
/// The same check with the second factor, which rides in its batch.
const FACTOR_CHECK: &str = "BatchGetItem revoked-tokens second-factors sessions users";

async fn service_with_limits() -> Service {
    service_with(&[("DOORWARD_LOGIN_RATE", "1000/60"), ("DOORWARD_SIGN_UP_RATE", "10/3600")]).await
}

impl Service {
    /// Expects exactly these calls since the last look, in any order.
    #[track_caller]
    pub fn expect_calls(&self, calls: &[&str]) {
        let mut expected = calls.to_vec();
        expected.sort_unstable();
        assert_eq!(self.probe.calls(), expected);
        self.probe.forget();
    }

    async fn login_of(&self, name: &str, password: &str) -> Answer {
        self.probe.forget();
        self.try_login(name, password).await
    }
}

pub const REFUSED: [&str; 4] = ["UpdateItem limits", "GetItem credentials", "GetItem users", "UpdateItem credentials"];
pub const REFUSED_BY_EMAIL: [&str; 5] =
    ["UpdateItem limits", "GetItem credentials", "GetItem credentials", "GetItem users", "UpdateItem credentials"];

#[tokio::test]
async fn a_refused_login_costs_four_calls_whatever_it_is_refused_for() {
    let service = service_with_limits().await;
    service.sign_up("ann").await.expect(201);
    for (name, password) in
        [("ann", "wrong"), ("ann", ""), ("nobody", "wrong"), ("nobody", PASSWORD), ("no body", PASSWORD), ("@", "x")]
    {
        service.login_of(name, password).await.expect(401);
        service.expect_calls(&REFUSED);
    }
    for (email, password) in [("ann@example.com", "wrong"), ("nobody@example.com", "wrong")] {
        service.login_of(email, password).await.expect(401);
        service.expect_calls(&REFUSED_BY_EMAIL);
    }
}

#[tokio::test]
async fn a_closed_account_costs_what_a_wrong_password_costs() {
    let service = service_with_limits().await;
    service.sign_up("ann").await.expect(201);
    for _ in 0..5 {
        service.login_of("ann", "wrong").await.expect(401);
        service.expect_calls(&REFUSED);
    }
    for password in ["wrong", PASSWORD] {
        service.login_of("ann", password).await.expect(401);
        service.expect_calls(&REFUSED);
        service.login_of("ann@example.com", password).await.expect(401);
        service.expect_calls(&REFUSED_BY_EMAIL);
    }
}

#[tokio::test]
async fn a_right_password_that_gets_nothing_costs_four_calls() {
    let service = service_with_limits().await;
    service.sign_up("ann").await.expect(201);
    service.probe.forget();
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "too:much")];
    service.post("/token").form(&form).send().await.expect_problem(400, "Scope not allowed");
    service.expect_calls(&REFUSED);
    service.disable("ann").await;
    service.login_of("ann", PASSWORD).await.expect_problem(400, "Inactive user");
    service.expect_calls(&REFUSED);
}

#[tokio::test]
async fn a_login_costs_five_calls_and_one_more_by_email() {
    let service = service_with_limits().await;
    service.sign_up("ann").await.expect(201);
    let login =
        ["UpdateItem limits", "GetItem credentials", "GetItem users", "PutItem sessions", "UpdateItem credentials"];
    service.login_of("ann", PASSWORD).await.expect(200);
    service.expect_calls(&login);
    service.login_of("ann@example.com", PASSWORD).await.expect(200);
    service.expect_calls(&[&login[..], &["GetItem credentials"]].concat());
}

#[tokio::test]
async fn a_refresh_costs_two_calls_and_theft_one_more() {
    let service = service_with_limits().await;
    let tokens = service.newcomer("ann").await;
    let refresh = ["UpdateItem sessions", "GetItem users"];
    service.probe.forget();
    service.refresh(&tokens.refresh).await.expect(200);
    service.expect_calls(&refresh);
    service.refresh(&tokens.refresh).await.expect(200);
    service.expect_calls(&refresh);
    let narrower = json!({"refresh_token": tokens.refresh, "scope": "read:items"});
    service.post("/token/refresh").json(&narrower).send().await.expect(200);
    service.expect_calls(&refresh);
    let wider = json!({"refresh_token": tokens.refresh, "scope": "too:much"});
    service.post("/token/refresh").json(&wider).send().await.expect(400);
    // Nobody has that scope, so nothing is tried.
    service.expect_calls(&["GetItem sessions", "GetItem users"]);

    service.wait(10);
    service.refresh(&tokens.refresh).await.expect(401);
    service.expect_calls(&[&refresh[..], &["UpdateItem sessions"]].concat());
    service.refresh(&tokens.refresh).await.expect(401);
    service.expect_calls(&refresh);
}

#[tokio::test]
async fn a_refresh_in_the_other_dialect_costs_the_same() {
    let service = service_with_limits().await;
    let tokens = service.newcomer("ann").await;
    service.probe.forget();
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    service.post("/oauth2/token").form(&form).send().await.expect(200);
    service.expect_calls(&["UpdateItem sessions", "GetItem users"]);
}

#[tokio::test]
async fn a_check_of_an_access_token_costs_one_call() {
    let service = service_with_limits().await;
    let tokens = service.newcomer("ann").await;
    service.probe.forget();
    service.me(&tokens.access).await.expect(200);
    service.expect_calls(&[CHECK]);
    service.post_as(&tokens.access, "/refresh-token").await.expect(200);
    service.expect_calls(&[CHECK]);
    service.delete_session(&tokens.access).await;
    service.me(&tokens.access).await.expect(401);
    service.expect_calls(&[CHECK]);
}

#[tokio::test]
async fn a_way_out_costs_the_check_and_one_write() {
    let service = service_with_limits().await;
    service.sign_up("ann").await.expect(201);
    for (path, write) in [
        ("/logout", "UpdateItem sessions"),
        ("/logout/all", "UpdateItem users"),
        ("/revoke-token", "PutItem revoked-tokens"),
    ] {
        let tokens = service.login("ann").await;
        service.probe.forget();
        service.post_as(&tokens.access, path).await.expect(200);
        service.expect_calls(&[CHECK, write]);
        service.post_as(&tokens.access, path).await.expect(401);
        service.expect_calls(&[CHECK]);
    }
}

#[tokio::test]
async fn another_user_rides_in_the_check() {
    let service = service_with_limits().await;
    let (root, ann) = (service.admin("root").await, service.with_second_factor("ann").await.person);
    service.probe.forget();
    service.get(&ann.path()).bearer(&root.access).send().await.expect(200);
    service.expect_calls(&[CHECK]);
    service.get("/users/nobody").bearer(&root.access).send().await.expect(404);
    service.expect_calls(&[CHECK]);
    service.change(&root, &ann, &json!({"full_name": "Ann"})).send().await.expect(200);
    service.expect_calls(&[CHECK, "TransactWriteItems users"]);
    service.remove(&root, &ann).send().await.expect(200);
    let cleared = ["Query api-keys", "Query example-items", "Query sessions", "DeleteItem sessions"];
    let removed = [CHECK, "TransactWriteItems credentials second-factors users"];
    service.expect_calls(&[&removed[..], &cleared].concat());
}

#[tokio::test]
async fn a_sign_up_costs_two_calls_also_when_the_name_is_taken() {
    let service = service_with_limits().await;
    for status in [201, 409] {
        service.sign_up("ann").await.expect(status);
        service.expect_calls(&["UpdateItem limits", "TransactWriteItems credentials users"]);
    }
}

#[tokio::test]
async fn a_code_costs_the_check_and_one_write_and_where_it_cannot_be_right_the_check() {
    let service = service_with_limits().await;
    let newcomer = service.person("bob").await;
    service.probe.forget();
    service.verify(&newcomer.access, "000000").send().await.expect(400);
    service.expect_calls(&[FACTOR_CHECK]);

    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    service.probe.forget();
    for code in [&service.code(&ann.app), &ann.recovery[0]] {
        service.verify(access, code).send().await.expect(200);
        service.expect_calls(&[FACTOR_CHECK, "TransactWriteItems second-factors"]);
    }
    for _ in 0..5 {
        service.verify(access, "000000").send().await.expect(400);
        service.expect_calls(&[FACTOR_CHECK, "UpdateItem second-factors"]);
    }
    service.verify(access, &ann.recovery[1]).send().await.expect(429);
    service.expect_calls(&[FACTOR_CHECK]);
}

#[tokio::test]
async fn a_setup_costs_the_check_and_one_write_and_a_live_secret_the_password() {
    let service = service_with_limits().await;
    let ann = service.person("ann").await;
    service.probe.forget();
    let app = service.new_app(&ann.access).await;
    service.expect_calls(&[CHECK, "TransactWriteItems second-factors users"]);
    service.verify(&ann.access, &service.code(&app)).send().await.expect(200);
    service.expect_calls(&[FACTOR_CHECK, "TransactWriteItems second-factors users"]);
    service.new_app(&ann.access).await;
    let write = "TransactWriteItems credentials second-factors users";
    service.expect_calls(&[CHECK, "GetItem credentials", write]);
    service.set_up(&ann.access, &json!({})).send().await.expect(422);
    service.expect_calls(&[CHECK]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_beside_a_wrong_password_costs_one_more_write() {
    let service = service_with_limits().await;
    let ann = service.person("ann").await;
    let app = service.new_app(&ann.access).await;
    service.verify(&ann.access, &service.code(&app)).send().await.expect(200);
    let write = "TransactWriteItems credentials second-factors users";
    let held = service.probe.hold("TransactWriteItems", "second-factors");
    service.probe.forget();
    let setup = tokio::spawn(service.set_up(&ann.access, &json!({"password": PASSWORD})).send());
    held.meanwhile(service.login_of("ann", "wrong")).await.expect(401);
    setup.await.unwrap().expect(200);
    service.expect_calls(&[&REFUSED[..], &[write]].concat());
}

#[tokio::test]
async fn a_password_and_a_code_cost_three_calls_and_a_wrong_code_one_more() {
    let service = service_with_limits().await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    service.probe.forget();
    for (wrong, right, write) in [
        (
            service.replace_codes(access, PASSWORD, "000"),
            service.replace_codes(access, PASSWORD, &ann.recovery[0]),
            "TransactWriteItems credentials second-factors",
        ),
        (
            service.turn_off(access, PASSWORD, "000"),
            service.turn_off(access, PASSWORD, &service.code(&ann.app)),
            "TransactWriteItems credentials second-factors users",
        ),
    ] {
        wrong.send().await.expect(400);
        let count = ["UpdateItem credentials", "UpdateItem second-factors"];
        service.expect_calls(&[&[FACTOR_CHECK, "GetItem credentials"], &count[..]].concat());
        right.send().await.expect(200);
        service.expect_calls(&[FACTOR_CHECK, "GetItem credentials", write]);
    }
}

#[tokio::test]
async fn a_login_in_two_steps_costs_four_calls_and_two() {
    let service = service_with_limits().await;
    let ann = service.with_second_factor("ann").await;
    service.probe.forget();
    let token = service.first_step("ann").await;
    service.expect_calls(&REFUSED);
    let read = "BatchGetItem revoked-tokens second-factors users";
    service.second_step(&token, "000000").send().await.expect(400);
    service.expect_calls(&[read, "UpdateItem second-factors"]);
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
    service.expect_calls(&[read, "TransactWriteItems revoked-tokens second-factors sessions"]);
    // What is left of the address's limit, which is not counted here.
    let look = "GetItem limits";
    service.second_step(&token, &ann.recovery[0]).send().await.expect(401);
    service.expect_calls(&[read, look]);
    service.second_step("dwm_garbage", &ann.recovery[0]).send().await.expect(401);
    service.expect_calls(&[look]);
}

#[tokio::test]
async fn a_code_beside_the_password_costs_what_a_login_costs_and_tells_nobody_who_there_is() {
    let service = service_with_limits().await;
    let ann = service.with_second_factor("ann").await;
    let read = ["UpdateItem limits", "GetItem credentials", "BatchGetItem second-factors users"];
    service.probe.forget();
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
    service.expect_calls(&[&read[..], &["TransactWriteItems credentials second-factors sessions"]].concat());
    service.log_in_with("ann", "000000").send().await.expect(400);
    service.expect_calls(&[&read[..], &["UpdateItem credentials", "UpdateItem second-factors"]].concat());
    for name in ["ann", "nobody"] {
        let form = [("username", name), ("password", "wrong"), ("otp", "000000")];
        service.post("/token").form(&form).send().await.expect(401);
        service.expect_calls(&[&read[..], &["UpdateItem credentials"]].concat());
    }
}

#[tokio::test]
async fn what_is_refused_by_its_form_costs_nothing_but_a_look_at_the_limit() {
    let service = service_with_limits().await;
    service.post("/token").form(&[("username", "ann")]).send().await.expect(422);
    service.expect_calls(&["GetItem limits"]);
    service.post("/users").json(&json!({"username": "ann"})).send().await.expect(422);
    service.expect_calls(&["GetItem limits"]);
    service.post("/token/refresh").form(&[]).send().await.expect(422);
    service.get("/users/me").send().await.expect(401);
    service.me("garbage").await.expect(401);
    service.refresh("dwr_garbage").await.expect(401);
    service.expect_calls(&[]);
}
