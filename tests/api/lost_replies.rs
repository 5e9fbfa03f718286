//! Writes that were made and whose answers were lost: the SDK sends them again, and it is as if nothing had happened.

use crate::support::api_keys::MadeKey;
use crate::support::{PASSWORD, Service, Tokens, service, service_with};
use doorward_http::audit::Event;
use serde_json::json;

impl Service {
    /// Expects that the answer was lost as ordered.
    #[track_caller]
    fn expect_lost(&self) {
        assert!(self.probe.is_done(), "no such call was made: {:?}", self.probe.calls());
    }

    async fn expect_good(&self, tokens: &Tokens) {
        self.expect_alive(&tokens.access).await;
        let next = self.refresh(&tokens.refresh).await.expect(200).tokens();
        self.expect_alive(&next.access).await;
        assert_eq!(self.thefts(), 0);
    }
}

#[tokio::test]
async fn a_wrong_password_counts_once() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    for failures in 1..=6 {
        service.probe.lose_reply("UpdateItem", "credentials");
        service.try_login("ann", "wrong").await.expect_problem(401, "Incorrect username or password");
        service.expect_lost();
        assert_eq!(service.failures("ann").await, failures);
        // The fifth closes the account for a second.
        service.wait(1);
    }
}

#[tokio::test]
async fn a_refusal_that_counts_nothing_counts_nothing() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    service.probe.lose_reply("UpdateItem", "credentials");
    service.try_login("nobody", "wrong").await.expect_problem(401, "Incorrect username or password");
    service.expect_lost();
    assert_eq!(service.raw.items("credentials").await.len(), 2, "a name and an address");
}

#[tokio::test]
async fn a_right_password_gets_one_session_and_forgets_the_failures() {
    for failures in [0, 3] {
        for (operation, table) in [("UpdateItem", "credentials"), ("PutItem", "sessions")] {
            let service = service().await;
            service.sign_up("ann").await.expect(201);
            for _ in 0..failures {
                service.try_login("ann", "wrong").await.expect(401);
            }
            service.probe.lose_reply(operation, table);
            let tokens = service.login("ann").await;
            service.expect_lost();
            assert_eq!(service.failures("ann").await, 0);
            assert_eq!(service.count_sessions().await, 1, "{operation} {table} after {failures}");
            let logins = service.events().iter().filter(|event| matches!(event, Event::LoggedIn { .. })).count();
            assert_eq!(logins, 1);
            service.expect_good(&tokens).await;
        }
    }
}

#[tokio::test]
async fn a_login_that_loses_several_answers_is_one_login() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60")]).await;
    service.sign_up("ann").await.expect(201);
    service.try_login("ann", "wrong").await.expect(401);
    for (operation, table) in [
        ("UpdateItem", "limits"),
        ("GetItem", "credentials"),
        ("GetItem", "users"),
        ("PutItem", "sessions"),
        ("UpdateItem", "credentials"),
        ("DeleteItem", "sessions"),
    ] {
        service.probe.lose_reply(operation, table);
    }
    let answer = service.try_login("ann", PASSWORD).await.expect(200);
    service.expect_lost();
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=3;t=60"));
    assert_eq!((service.failures("ann").await, service.count_sessions().await), (0, 1));
    service.expect_good(&answer.tokens()).await;
}

#[tokio::test]
async fn a_rehash_is_made_once() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let costlier = service.another(&[("DOORWARD_ARGON2", "m=16,t=1,p=1")]).await;
    costlier.probe.lose_reply("UpdateItem", "credentials");
    let tokens = costlier.login("ann").await;
    costlier.expect_lost();
    let hash = service.credentials("ann").await.hash.unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=16,t=1,p=1$"));
    costlier.expect_good(&tokens).await;
    costlier.login("ann").await;
}

#[tokio::test]
async fn a_refresh_moves_the_session_once_and_looks_like_no_theft() {
    for grace in ["0", "10"] {
        let service = service_with(&[("DOORWARD_REFRESH_GRACE", grace)]).await;
        let tokens = service.newcomer("ann").await;
        service.probe.lose_reply("UpdateItem", "sessions");
        let next = service.refresh(&tokens.refresh).await.expect(200).tokens();
        service.expect_lost();
        assert_eq!(service.generation(&tokens.access).await, 1);
        service.expect_good(&next).await;
    }
}

#[tokio::test]
async fn a_refresh_that_loses_its_answer_twice_is_one_refresh() {
    let service = service_with(&[("DOORWARD_REFRESH_GRACE", "0")]).await;
    let tokens = service.newcomer("ann").await;
    service.probe.lose_reply("UpdateItem", "sessions");
    service.probe.lose_reply("UpdateItem", "sessions");
    service.probe.lose_reply("GetItem", "users");
    let next = service.refresh(&tokens.refresh).await.expect(200).tokens();
    service.expect_lost();
    assert_eq!(service.generation(&tokens.access).await, 1);
    service.expect_good(&next).await;
}

#[tokio::test]
async fn however_many_answers_are_lost_the_next_one_is_asked_for_again() {
    let service = service_with(&[("DOORWARD_REFRESH_GRACE", "0")]).await;
    let mut tokens = service.newcomer("ann").await;
    for _ in 0..150 {
        service.probe.lose_reply("UpdateItem", "sessions");
        service.probe.lose_reply("GetItem", "users");
        tokens = service.refresh(&tokens.refresh).await.expect(200).tokens();
        service.expect_lost();
    }
    service.expect_good(&tokens).await;
}

#[tokio::test]
async fn theft_is_detected_once() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let next = service.refresh(&tokens.refresh).await.expect(200).tokens();
    service.wait(10);
    // The first answer that is lost is that of the write that moves nothing, the second that of the one that ends it all.
    service.probe.lose_reply("UpdateItem", "sessions");
    service.probe.lose_reply("UpdateItem", "sessions");
    service.refresh(&tokens.refresh).await.expect_problem(401, "Invalid refresh token");
    service.expect_lost();
    assert_eq!(service.thefts(), 1);
    service.expect_ended(&next).await;
}

#[tokio::test]
async fn a_logout_is_a_logout() {
    let service = service().await;
    for (path, operation, table) in [
        ("/logout", "UpdateItem", "sessions"),
        ("/logout/all", "UpdateItem", "users"),
        ("/revoke-token", "PutItem", "revoked-tokens"),
    ] {
        let name = path.replace('/', "-");
        let tokens = service.newcomer(&name).await;
        let (before, epoch) = (service.events().len(), service.user(&name).await.epoch);
        service.probe.lose_reply(operation, table);
        service.probe.lose_reply("BatchGetItem", "sessions");
        service.post_as(&tokens.access, path).await.expect(200);
        service.expect_lost();
        assert_eq!(service.events().len(), before + 1);
        let expected = if path == "/logout/all" { epoch.next() } else { epoch };
        assert_eq!(service.user(&name).await.epoch, expected, "raised once, if at all");
        service.me(&tokens.access).await.expect_problem(401, "Token has been revoked");
        // Who is in elsewhere, or comes in anew, stays in.
        service.expect_good(&service.login(&name).await).await;
    }
    assert_eq!(service.raw.items("revoked-tokens").await.len(), 1);
}

#[tokio::test]
async fn a_request_is_counted_once() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "5/60"), ("DOORWARD_SIGN_UP_RATE", "2/3600")]).await;
    for (name, left) in [("ann", 1), ("bob", 0)] {
        service.probe.lose_reply("UpdateItem", "limits");
        let answer = service.sign_up(name).await.expect(201);
        service.expect_lost();
        assert_eq!(answer.header("ratelimit"), Some(format!("\"sign-up\";r={left};t=3600").as_str()));
    }
    for left in [4, 3, 2, 1, 0] {
        service.probe.lose_reply("UpdateItem", "limits");
        let answer = service.try_login("ann", PASSWORD).await.expect(200);
        service.expect_lost();
        assert_eq!(answer.header("ratelimit"), Some(format!("\"login\";r={left};t=60").as_str()));
    }
    service.probe.lose_reply("UpdateItem", "limits");
    service.try_login("ann", PASSWORD).await.expect(429);
    service.expect_lost();
}

#[tokio::test]
async fn a_sign_up_makes_one_user_who_is_told_so() {
    let service = service().await;
    service.probe.lose_reply("TransactWriteItems", "users");
    let answer = service.sign_up("ann").await.expect(201);
    service.expect_lost();
    assert_eq!(service.raw.items("users").await.len(), 1);
    assert_eq!(service.user("ann").await.id.as_str(), answer.text("id"));
    service.expect_good(&service.login("ann").await).await;

    for (body, detail) in [
        (json!({"username": "Ann", "email": "other@example.com", "password": PASSWORD}), "Username already registered"),
        (json!({"username": "other", "email": "ANN@example.com", "password": PASSWORD}), "Email already registered"),
    ] {
        service.probe.lose_reply("TransactWriteItems", "users");
        service.post("/users").json(&body).send().await.expect_problem(409, detail);
        service.expect_lost();
    }
    assert_eq!(service.raw.items("users").await.len(), 1);
}

#[tokio::test]
async fn a_key_is_made_rotated_marked_and_deleted_once() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.probe.lose_reply("TransactWriteItems", "api-keys");
    service.probe.lose_reply("Query", "api-keys");
    let first = service.key_of(&ann, "ci").await;
    service.expect_lost();
    assert_eq!(service.keys_of(&ann).await.len(), 1);

    service.probe.lose_reply("UpdateItem", "api-keys");
    service.expect_key_good(&first.key).await;
    service.expect_lost();

    // The secret that works on is the one before, and not the new one over again.
    for overlap in [60, 0] {
        let before = service.key_of(&ann, "ci").await;
        service.probe.lose_reply("UpdateItem", "api-keys");
        service.probe.lose_reply("UpdateItem", "api-keys");
        let after = MadeKey::of(&service.rotate(&ann, &before, overlap).send().await.expect(200));
        service.expect_lost();
        service.expect_key_good(&after.key).await;
        assert_eq!(service.knock(&before.key).await.status, if overlap == 60 { 200 } else { 403 });
        service.delete(&before.path()).bearer(&ann.access).send().await.expect(204);
    }

    service.probe.lose_reply("TransactWriteItems", "api-keys");
    service.delete(&first.path()).bearer(&ann.access).send().await.expect(204);
    service.expect_lost();
    service.delete(&first.path()).bearer(&ann.access).send().await.expect(404);
    assert_eq!(service.raw.items("api-keys").await.len(), 0);
    let events = service.events();
    let count = |is: fn(&&Event) -> bool| events.iter().filter(is).count();
    assert_eq!(count(|event| matches!(event, Event::ApiKeyCreated { .. })), 3);
    assert_eq!(count(|event| matches!(event, Event::ApiKeyRotated { .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::ApiKeyDeleted { .. })), 3);
}

#[tokio::test]
async fn a_sample_item_is_kept_once_and_a_sample_request_counted_once() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.probe.lose_reply("PutItem", "example-items");
    service.post("/items").bearer(&ann.access).json(&json!({"name": "lamp"})).send().await.expect(200);
    service.expect_lost();
    let items = service.see(&ann, "/items").await.expect(200).json();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    for left in [4, 3, 2, 1, 0] {
        service.probe.lose_reply("UpdateItem", "limits");
        let answer = service.get("/limited").send().await.expect(200);
        service.expect_lost();
        assert_eq!(answer.header("ratelimit"), Some(format!("\"sample\";r={left};t=60").as_str()));
    }
    service.get("/limited").send().await.expect(429);
}
