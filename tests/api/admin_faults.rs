//! The store at its worst under the routes of users: answers that are lost, and nobody there at all.

use crate::support::admin::{Person, set};
use crate::support::request::Request;
use crate::support::{Answer, PASSWORD, Service, service};
use doorward_http::audit::Event;
use serde_json::json;

const NEW: &str = "staple battery horse correct";
/// As often as the driver asks.
const EACH: usize = 4;

/// Sends a request whose write's answer is lost that often.
async fn losing(service: &Service, times: usize, write: (&'static str, &'static str), request: Request) -> Answer {
    for _ in 0..times {
        service.probe.lose_reply(write.0, write.1);
    }
    let answer = request.send().await;
    assert!(service.probe.is_done(), "{write:?} was written {times} times");
    answer
}

fn expect_unavailable(answer: Answer) {
    let answer = answer.expect_problem(503, "Service unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("www-authenticate"), None);
}

fn end_of(service: &Service, who: &Person, id: &str) -> Request {
    service.delete(&format!("/users/me/sessions/{id}")).bearer(&who.access)
}

async fn newest(service: &Service, who: &Person) -> String {
    service.see(who, "/users/me/sessions").await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_read_into_a_store_that_does_not_answer() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let (id, before) = (newest(&service, &ann).await, service.stored(&ann).await);
    let requests = || {
        vec![
            service.get("/users/me").bearer(&ann.access),
            service.get("/users/me/sessions").bearer(&ann.access),
            service.get("/users").bearer(&root.access),
            service.get("/users?username=ann").bearer(&root.access),
            service.get(&ann.path()).bearer(&root.access),
            service.get("/users/nobody").bearer(&root.access),
            service.change_me(&ann, &json!({"full_name": "Ann"})),
            service.change_me(&ann, &json!({"role": "admin"})),
            service.change_email(&ann, "new@example.com"),
            service.change_password(&ann, "not the password", NEW),
            service.change(&root, &ann, &json!({"role": "moderator"})),
            service.change(&ann, &root, &json!({"disabled": true})),
            service.leave(&ann, PASSWORD),
            service.remove(&root, &ann),
            end_of(&service, &ann, &id),
        ]
    };
    service.probe.cut_off(true);
    for request in requests() {
        expect_unavailable(request.send().await);
    }
    service.probe.cut_off(false);
    assert_eq!(service.stored(&ann).await, before);
    assert_eq!(service.failures("ann").await, 0);
    // And the same requests, now that it answers.
    let statuses = [200, 200, 200, 200, 200, 404, 200, 422, 200, 400, 200, 403, 200, 404, 401];
    for (request, status) in requests().into_iter().zip(statuses) {
        request.send().await.expect(status);
    }
}

#[tokio::test]
async fn a_part_of_the_batch_that_was_left_out_is_asked_for_again() {
    let service = service().await;
    let reader = service.person_who_may("reader", "read:users").await;
    for table in ["users", "sessions"] {
        service.probe.leave_unprocessed(table);
        service.see(&reader, "/users").await.expect(200);
        assert!(service.probe.is_done());
    }
}

#[tokio::test]
async fn a_profile_is_changed_though_the_answer_is_lost() {
    let service = service().await;
    let ann = service.person("ann").await;
    let name = service.change_me(&ann, &json!({"full_name": "Ann"}));
    let answer = losing(&service, 1, ("TransactWriteItems", "users"), name).await.expect(200);
    assert_eq!(answer.text("full_name"), "Ann");
    let clear = || service.change_me(&ann, &json!({"full_name": null}));
    expect_unavailable(losing(&service, EACH, ("TransactWriteItems", "users"), clear()).await);
    clear().send().await.expect(200);
    assert_eq!(service.stored(&ann).await.unwrap().full_name, None);
}

#[tokio::test]
async fn an_address_is_changed_though_the_answer_is_lost() {
    let service = service().await;
    let ann = service.person("ann").await;
    let write = ("TransactWriteItems", "credentials");
    let answer = losing(&service, 1, write, service.change_email(&ann, "one@example.com")).await.expect(200);
    assert_eq!(answer.text("email"), "one@example.com");
    let change = || service.change_email(&ann, "two@example.com");
    expect_unavailable(losing(&service, EACH, write, change()).await);
    change().send().await.expect(200);
    for (email, status) in [("ann@example.com", 401), ("one@example.com", 401), ("two@example.com", 200)] {
        service.try_login(email, PASSWORD).await.expect(status);
    }
    // Free addresses are free, and a taken one is not one's own by a lost answer.
    for (name, email, status) in [("x", "ann@example.com", 201), ("y", "one@example.com", 201)] {
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        service.post("/users").json(&body).send().await.expect(status);
    }
    let taken = losing(&service, 1, write, service.change_email(&ann, "one@example.com")).await;
    taken.expect_problem(409, "Email already registered");
}

#[tokio::test]
async fn a_wrong_password_counts_once_though_the_answer_is_lost() {
    let service = service().await;
    let ann = service.person("ann").await;
    let wrong = service.change_password(&ann, "not the password", NEW);
    let answer = losing(&service, 1, ("UpdateItem", "credentials"), wrong).await;
    answer.expect_problem(400, "Incorrect password");
    assert_eq!(service.failures("ann").await, 1);
}

#[tokio::test]
async fn a_password_is_set_though_the_answer_is_lost() {
    let service = service().await;
    let ann = service.person("ann").await;
    let other = service.again("ann", &ann).await;
    let epoch = service.stored(&ann).await.unwrap().epoch;
    let write = ("TransactWriteItems", "sessions");
    losing(&service, 1, write, service.change_password(&ann, PASSWORD, NEW)).await.expect(204);
    assert_eq!(service.stored(&ann).await.unwrap().epoch, epoch.next_with_one_kept());
    service.expect_in(&ann).await;
    service.expect_out(&other, "Token has been revoked").await;
    service.try_login("ann", PASSWORD).await.expect(401);
    service.try_login("ann", NEW).await.expect(200);

    // Nobody knows whether it was done; whichever it is, the caller is still in and one password holds.
    expect_unavailable(losing(&service, EACH, write, service.change_password(&ann, NEW, PASSWORD)).await);
    service.change_password(&ann, NEW, PASSWORD).send().await.expect_problem(400, "Incorrect password");
    service.me(&ann.access).await.expect(200);
    service.try_login("ann", PASSWORD).await.expect(200);
    service.try_login("ann", NEW).await.expect(401);
}

#[tokio::test]
async fn one_leaves_though_the_answer_is_lost() {
    let service = service().await;
    let write = ("TransactWriteItems", "users");
    for times in [1, EACH] {
        let ann = service.person("ann").await;
        let answer = losing(&service, times, write, service.leave(&ann, PASSWORD)).await;
        if times == 1 {
            answer.expect(200);
        } else {
            expect_unavailable(answer);
        }
        service.leave(&ann, PASSWORD).send().await.expect_problem(401, "Could not validate credentials");
        service.expect_out(&ann, "Could not validate credentials").await;
    }
    service.sign_up("ann").await.expect(201);
}

#[tokio::test]
async fn a_session_is_ended_though_the_answer_is_lost() {
    let service = service().await;
    let ann = service.person("ann").await;
    let write = ("UpdateItem", "sessions");
    for times in [1, EACH] {
        service.wait(1);
        let other = service.again("ann", &ann).await;
        let id = newest(&service, &ann).await;
        let answer = losing(&service, times, write, end_of(&service, &ann, &id)).await;
        if times == 1 {
            answer.expect(204);
        } else {
            expect_unavailable(answer);
        }
        service.expect_out(&other, "Token has been revoked").await;
        end_of(&service, &ann, &id).send().await.expect_problem(404, "Not Found");
    }
    let ended = |event: &&Event| matches!(event, Event::SessionEnded { .. });
    assert_eq!(service.events().iter().filter(ended).count(), 1);
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn rights_are_changed_though_the_answer_is_lost() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let body = json!({"role": "moderator", "permissions": ["a"], "scopes": [], "full_name": "Ann"});
    for times in [1, EACH] {
        let before = service.stored(&ann).await.unwrap();
        let answer = losing(&service, times, ("TransactWriteItems", "users"), service.change(&root, &ann, &body)).await;
        assert_eq!(answer.status, if times == 1 { 200 } else { 503 });
        service.change(&root, &ann, &body).send().await.expect(200);
        let after = service.stored(&ann).await.unwrap();
        assert_eq!((after.permissions.clone(), after.scopes.clone()), (set("a"), set("")));
        assert_eq!(after.epoch, before.epoch);
        service.change(&root, &ann, &json!({"role": "user", "permissions": []})).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_user_is_shut_out_once_though_the_answer_is_lost() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let (out, back) = (json!({"disabled": true}), json!({"disabled": false}));
    for times in [1, EACH] {
        let before = service.stored(&ann).await.unwrap();
        let answer = losing(&service, times, ("TransactWriteItems", "users"), service.change(&root, &ann, &out)).await;
        assert_eq!(answer.status, if times == 1 { 200 } else { 503 });
        service.change(&root, &ann, &out).send().await.expect(200);
        service.me(&ann.access).await.expect_problem(400, "Inactive user");
        assert_eq!(service.stored(&ann).await.unwrap().epoch, before.epoch.next());
        losing(&service, 1, ("TransactWriteItems", "users"), service.change(&root, &ann, &back)).await.expect(200);
        service.expect_out(&ann, "Token has been revoked").await;
        service.again("ann", &ann).await;
    }
}

#[tokio::test]
async fn what_admins_do_to_admins_is_done_once_though_the_answer_is_lost() {
    let service = service().await;
    let (root, other) = (service.admin("root").await, service.admin("other").await);
    let epoch = service.stored(&other).await.unwrap().epoch;
    let write = ("TransactWriteItems", "users");
    let body = json!({"disabled": true, "email": "new@example.com"});
    losing(&service, 1, write, service.change(&root, &other, &body)).await.expect(200);
    assert_eq!(service.stored(&other).await.unwrap().epoch, epoch.next());
    service.try_login("new@example.com", PASSWORD).await.expect_problem(400, "Inactive user");
    losing(&service, 1, write, service.change(&root, &other, &json!({"disabled": false}))).await.expect(200);
    losing(&service, 1, write, service.change(&root, &other, &json!({"role": "user"}))).await.expect(200);
    service.change(&root, &other, &json!({"role": "admin"})).send().await.expect(200);
    losing(&service, 1, write, service.remove(&root, &other)).await.expect(200);
    service.remove(&root, &other).send().await.expect_problem(404, "User not found");

    let again = service.admin("other").await;
    expect_unavailable(losing(&service, EACH, write, service.remove(&root, &again)).await);
    service.remove(&root, &again).send().await.expect_problem(404, "User not found");
    service.expect_out(&again, "Could not validate credentials").await;
    service.sign_up("other").await.expect(201);
}

#[tokio::test]
async fn who_is_deleted_is_gone_though_nothing_is_cleared_away() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let other = service.again("ann", &ann).await;
    let remove = service.remove(&root, &ann);
    losing(&service, EACH, ("Query", "sessions"), remove).await.expect(200);
    for gone in [&ann, &other] {
        service.expect_out(gone, "Could not validate credentials").await;
    }
    service.expect_in(&service.person("ann").await).await;
}
