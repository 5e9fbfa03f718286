//! `POST /users/me/password`, `DELETE /users/me`

use crate::support::admin::{count, race};
use crate::support::{PASSWORD, service};
use doorward_core::user::Role;
use doorward_http::audit::Event;
use serde_json::json;

const NEW: &str = "staple battery horse correct";

#[tokio::test]
async fn a_weak_new_password_changes_nothing() {
    let service = service().await;
    let ann = service.person("ann").await;
    let other = service.again("ann", &ann).await;
    let long = "a".repeat(1025);
    for weak in ["", "short", "1234567", "password", "12345678", &long] {
        service.change_password(&ann, PASSWORD, weak).send().await.expect_invalid(&["/new_password"]);
        // Which of the two is wrong is not said by the order of the checks.
        service.change_password(&ann, "not the password", weak).send().await.expect_invalid(&["/new_password"]);
    }
    let empty = service.post("/users/me/password").bearer(&ann.access).json(&json!({})).send().await;
    empty.expect_invalid(&["/current_password", "/new_password"]);
    let more = json!({"current_password": PASSWORD, "new_password": NEW, "username": "bob"});
    service.post("/users/me/password").bearer(&ann.access).json(&more).send().await.expect_invalid(&["/username"]);
    assert_eq!(service.failures("ann").await, 0);
    service.try_login("ann", NEW).await.expect(401);
    service.try_login("ann", PASSWORD).await.expect(200);
    service.expect_in(&ann).await;
    service.expect_in(&other).await;
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing_and_counts() {
    let service = service().await;
    let ann = service.person("ann").await;
    let other = service.again("ann", &ann).await;
    for (failures, wrong) in (1..).zip(["", "not the password", NEW, &PASSWORD.to_uppercase(), "x"]) {
        service.change_password(&ann, wrong, NEW).send().await.expect_problem(400, "Incorrect password");
        assert_eq!(service.failures("ann").await, failures);
    }
    service.change_password(&ann, PASSWORD, NEW).send().await.expect_problem(400, "Incorrect password");
    service.wait(1);
    service.try_login("ann", PASSWORD).await.expect(200);
    service.expect_in(&ann).await;
    service.expect_in(&other).await;
}

#[tokio::test]
async fn another_password_ends_every_session_but_ones_own() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (other, bob) = (service.again("ann", &ann).await, service.person("bob").await);
    let answer = service.change_password(&ann, PASSWORD, NEW).send().await.expect(204);
    assert!(answer.body.is_empty());
    service.expect_out(&other, "Token has been revoked").await;
    service.expect_in(&ann).await;
    service.expect_in(&bob).await;
    service.try_login("ann", PASSWORD).await.expect_problem(401, "Incorrect username or password");
    service.try_login("ann", NEW).await.expect(200);
    service.try_login("ann@example.com", NEW).await.expect(200);
    let user = service.stored(&ann).await.unwrap().id;
    assert!(service.events().contains(&Event::PasswordChanged { user }));
}

#[tokio::test]
async fn the_password_may_be_changed_again_and_again_in_the_same_instant() {
    let service = service().await;
    let ann = service.person("ann").await;
    for (current, new) in [(PASSWORD, NEW), (NEW, PASSWORD), (PASSWORD, PASSWORD), (PASSWORD, NEW)] {
        let before = service.credentials("ann").await.password_set_at;
        service.change_password(&ann, current, new).send().await.expect(204);
        assert!(service.credentials("ann").await.password_set_at > before);
        service.expect_in(&service.again_with("ann", &ann, new).await).await;
        service.me(&ann.access).await.expect(200);
    }
}

#[tokio::test]
async fn a_password_change_is_three_calls() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.probe.forget();
    service.change_password(&ann, PASSWORD, NEW).send().await.expect(204);
    let calls = service.probe.calls();
    let three = [
        "BatchGetItem revoked-tokens sessions users",
        "GetItem credentials",
        "TransactWriteItems credentials sessions users",
    ];
    assert_eq!(calls, three);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_login_no_session_by_the_old_password_is_left() {
    let service = service().await;
    for round in 0..25 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let login = || service.post("/token").form(&[("username", name.as_str()), ("password", PASSWORD)]);
        let change = service.change_password(&ann, PASSWORD, NEW);
        let answers = race(vec![login(), login(), change, login(), login()]).await;
        assert_eq!(answers[2].status, 204, "{answers:?}");
        for (at, answer) in answers.iter().enumerate().filter(|(at, _)| *at != 2) {
            assert!(matches!(answer.status, 200 | 401), "{at}: {answer:?}");
            if answer.status == 200 {
                service.me(&answer.text("access_token")).await.expect_problem(401, "Token has been revoked");
                service.refresh(&answer.text("refresh_token")).await.expect_problem(401, "Invalid refresh token");
            }
        }
        service.expect_in(&ann).await;
        service.try_login(&name, NEW).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_new_passwords_at_once_one_holds() {
    let service = service().await;
    for round in 0..25 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let other = service.again(&name, &ann).await;
        let (one, two) = ("the first new password", "the second new password");
        let requests =
            vec![service.change_password(&ann, PASSWORD, one), service.change_password(&other, PASSWORD, two)];
        let answers = race(requests).await;
        assert_eq!(count(&answers, 204), 1, "{answers:?}");
        let (winner, password, loser) =
            if answers[0].status == 204 { (&ann, one, &other) } else { (&other, two, &ann) };
        service.expect_in(winner).await;
        service.expect_out(loser, "Token has been revoked").await;
        service.try_login(&name, password).await.expect(200);
        service.try_login(&name, PASSWORD).await.expect(401);
    }
}

#[tokio::test]
async fn logout_everywhere_ends_what_a_password_change_kept_beside_it() {
    let service = service().await;
    let ann = service.person("ann").await;
    let seen = service.stored(&ann).await.unwrap();
    service.change_password(&ann, PASSWORD, NEW).send().await.expect(204);
    // Somebody logs out everywhere whose token was checked just before.
    assert!(service.store.users.raise_epoch(&seen.id, seen.epoch).await.unwrap());
    service.expect_out(&ann, "Token has been revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_logout_everywhere_nobody_is_left_who_was_told_to_be_out() {
    let service = service().await;
    for round in 0..40 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let other = service.again(&name, &ann).await;
        let logout = service.post("/logout/all").bearer(&other.access);
        let answers = race(vec![logout, service.change_password(&ann, PASSWORD, NEW)]).await;
        let statuses = (answers[0].status, answers[1].status);
        service.expect_out(&other, "Token has been revoked").await;
        match statuses {
            (401, 204) => service.expect_in(&ann).await,
            (200, 204 | 401) => service.expect_out(&ann, "Token has been revoked").await,
            _ => panic!("{answers:?}"),
        }
        service.try_login(&name, if statuses.1 == 204 { NEW } else { PASSWORD }).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_beside_ones_own_password_change_is_not_refused() {
    let service = service().await;
    for round in 0..60 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let refresh = || service.post("/token/refresh").json(&json!({"refresh_token": ann.refresh}));
        let change = service.change_password(&ann, PASSWORD, NEW);
        let answers = race(vec![change, refresh(), refresh(), refresh(), refresh()]).await;
        assert_eq!((answers[0].status, count(&answers, 200)), (204, 4));
        service.expect_in(&ann).await;
    }
}

#[tokio::test]
async fn nobody_leaves_by_a_wrong_password() {
    let service = service().await;
    let ann = service.person("ann").await;
    for failures in 1..=5 {
        service.leave(&ann, "not the password").send().await.expect_problem(400, "Incorrect password");
        assert_eq!(service.failures("ann").await, failures);
    }
    service.leave(&ann, PASSWORD).send().await.expect_problem(400, "Incorrect password");
    for body in [json!({}), json!({"current_password": null}), json!({"password": PASSWORD, "current_password": 1})] {
        service.delete("/users/me").bearer(&ann.access).json(&body).send().await.expect(422);
    }
    service.delete("/users/me").json(&json!({"current_password": PASSWORD})).send().await.expect(401);
    service.wait(1);
    service.try_login("ann", PASSWORD).await.expect(200);
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn an_admin_is_let_go_by_another_only() {
    let service = service().await;
    let root = service.admin("root").await;
    service.admin("another").await;
    for password in [PASSWORD, "not the password"] {
        service.leave(&root, password).send().await.expect_problem(409, "Another admin must do this");
    }
    service.expect_in(&root).await;
    service.alter(&root, |user| user.role = Role::Moderator).await;
    service.leave(&root, PASSWORD).send().await.expect(200);
}

#[tokio::test]
async fn who_leaves_is_gone_and_whoever_comes_by_that_name_is_another() {
    let service = service().await;
    let ann = service.person("ann").await;
    let other = service.again("ann", &ann).await;
    let id = service.stored(&ann).await.unwrap().id;
    let answer = service.leave(&ann, PASSWORD).send().await.expect(200);
    assert_eq!(answer.json(), json!({"message": "User deleted"}));
    assert!(service.events().contains(&Event::UserDeleted { user: id.clone(), by: id }));
    for gone in [&ann, &other] {
        service.expect_out(gone, "Could not validate credentials").await;
        service.leave(gone, PASSWORD).send().await.expect_problem(401, "Could not validate credentials");
    }
    for name in ["ann", "ann@example.com"] {
        service.try_login(name, PASSWORD).await.expect_problem(401, "Incorrect username or password");
    }
    assert_eq!(service.stored(&ann).await, None);
    // In the same second, by the same name, with the same password.
    let successor = service.person("ann").await;
    assert_ne!(successor.id, ann.id);
    for gone in [&ann, &other] {
        service.expect_out(gone, "Could not validate credentials").await;
    }
    service.expect_in(&successor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leaves_once() {
    let service = service().await;
    for round in 0..15 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let login = service.post("/token").form(&[("username", name.as_str()), ("password", PASSWORD)]);
        let refresh = service.post("/token/refresh").json(&json!({"refresh_token": ann.refresh}));
        let change = service.change_email(&ann, &format!("new-{name}@example.com"));
        let leave = || service.leave(&ann, PASSWORD);
        let answers = race(vec![leave(), login, refresh, change, leave()]).await;
        assert_eq!(count(&[answers[0].clone(), answers[4].clone()], 200), 1, "{answers:?}");
        for answer in answers[1..3].iter().filter(|answer| answer.status == 200) {
            service.me(&answer.text("access_token")).await.expect_problem(401, "Could not validate credentials");
            service.refresh(&answer.text("refresh_token")).await.expect(401);
        }
        service.expect_out(&ann, "Could not validate credentials").await;
        service.sign_up(&name).await.expect(201);
        let body = json!({"username": format!("x{name}"), "email": format!("new-{name}@example.com"), "password": NEW});
        service.post("/users").json(&body).send().await.expect(201);
    }
}
