//! `DELETE /users/{id}`, and that an admin always remains.

use crate::support::admin::{Person, count, race};
use crate::support::request::Request;
use crate::support::{PASSWORD, Service, service};
use doorward_core::user::{Role, User};
use doorward_http::audit::Event;
use serde_json::{Value, json};

const FORBIDDEN: &str = "Insufficient permissions";
const ANOTHER: &str = "Another admin must do this";

#[tokio::test]
async fn who_may_delete_users_deletes_no_admin() {
    let service = service().await;
    let deleter = service.person_who_may("deleter", "delete:users write:users read:users").await;
    let (root, moderator) = (service.admin("root").await, service.person_of("moderator", Role::Moderator).await);
    service.remove(&deleter, &root).send().await.expect_problem(403, FORBIDDEN);
    service.remove(&moderator, &root).send().await.expect_problem(403, FORBIDDEN);
    service.expect_in(&root).await;
    // A disabled admin is one too.
    service.alter(&root, |user| user.disabled = true).await;
    service.remove(&deleter, &root).send().await.expect_problem(403, FORBIDDEN);
    service.change(&deleter, &root, &json!({"disabled": false})).send().await.expect_problem(403, FORBIDDEN);
    // Whatever is asked for.
    for body in [json!({"nickname": "a"}), json!({"disabled": "no"}), json!([])] {
        service.change(&deleter, &root, &body).send().await.expect_problem(403, FORBIDDEN);
    }
    assert!(service.stored(&root).await.unwrap().disabled);
    service.remove(&deleter, &moderator).send().await.expect(200);
}

#[tokio::test]
async fn an_admin_does_not_remove_themselves() {
    let service = service().await;
    let (root, another) = (service.admin("root").await, service.admin("another").await);
    let before = service.stored(&root).await;
    for body in [
        json!({"disabled": true}),
        json!({"role": "user"}),
        json!({"role": "moderator"}),
        json!({"role": "user", "full_name": "Root"}),
        json!({"role": "admin", "disabled": true}),
    ] {
        service.change(&root, &root, &body).send().await.expect_problem(409, ANOTHER);
    }
    service.remove(&root, &root).send().await.expect_problem(409, ANOTHER);
    assert_eq!(service.stored(&root).await, before);
    // Everything else is theirs to do.
    let body = json!({"full_name": "Root", "email": "new@example.com", "disabled": false, "role": "admin",
        "permissions": ["a"], "scopes": ["b"]});
    service.change(&root, &root, &body).send().await.expect(200);
    service.expect_in(&root).await;

    service.change(&another, &root, &json!({"role": "user"})).send().await.expect(200);
    service.me(&root.access).await.expect(200);
    service.change(&another, &root, &json!({"role": "admin"})).send().await.expect(200);
    service.change(&another, &root, &json!({"disabled": true})).send().await.expect(200);
    service.me(&root.access).await.expect_problem(400, "Inactive user");
    service.remove(&another, &root).send().await.expect(200);
}

#[tokio::test]
async fn who_is_deleted_is_gone_and_whoever_comes_by_that_name_is_another() {
    let service = service().await;
    let deleter = service.person_who_may("deleter", "delete:users").await;
    let (ann, bob) = (service.person("Ann").await, service.person("bob").await);
    let other = service.again("ann", &ann).await;
    let user = service.stored(&ann).await.unwrap().id;
    let answer = service.remove(&deleter, &ann).send().await.expect(200);
    assert_eq!(answer.json(), json!({"message": "User deleted"}));
    let by = service.stored(&deleter).await.unwrap().id;
    let deleted = Event::UserDeleted { user: user.clone(), by };
    assert_eq!(service.events().iter().filter(|event| **event == deleted).count(), 1);
    service.remove(&deleter, &ann).send().await.expect_problem(404, "User not found");
    for name in ["ann", "ann@example.com"] {
        service.try_login(name, PASSWORD).await.expect_problem(401, "Incorrect username or password");
    }
    for gone in [&ann, &other] {
        service.expect_out(gone, "Could not validate credentials").await;
    }
    let reader = service.person_who_may("reader", "read:users").await;
    service.see(&reader, &ann.path()).await.expect_problem(404, "User not found");
    service.see(&bob, &ann.path()).await.expect_problem(403, FORBIDDEN);
    for query in ["?username=ann", "?email=ann@example.com"] {
        let found = service.see(&reader, &format!("/users{query}")).await.expect(200);
        assert_eq!(found.json(), json!({"items": [], "next_cursor": null}));
    }

    let successor = service.person("ann").await;
    assert_ne!(successor.id, ann.id);
    for gone in [&ann, &other] {
        service.expect_out(gone, "Could not validate credentials").await;
    }
    service.remove(&deleter, &ann).send().await.expect_problem(404, "User not found");
    service.expect_in(&successor).await;
    service.expect_in(&bob).await;
}

#[tokio::test]
async fn who_may_delete_users_may_delete_themselves() {
    let service = service().await;
    let deleter = service.person_who_may("deleter", "delete:users").await;
    service.remove(&deleter, &deleter).send().await.expect(200);
    service.expect_out(&deleter, "Could not validate credentials").await;
}

#[tokio::test]
async fn a_deleted_users_sessions_are_cleared_away() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    for _ in 0..30 {
        service.again("ann", &ann).await;
    }
    service.probe.forget();
    service.remove(&root, &ann).send().await.expect(200);
    let cleared = service.probe.calls().iter().filter(|call| *call == "DeleteItem sessions").count();
    assert_eq!(cleared, 31);
}

/// Two admins who do the same to each other at once, again and again.
async fn each_other(
    service: &Service,
    remove: impl Fn(&Person, &Person) -> Request,
    is_out: impl Fn(Option<User>) -> bool,
) {
    for round in 0..50 {
        let (one, two) = (service.admin(&format!("one{round}")).await, service.admin(&format!("two{round}")).await);
        let answers = race(vec![remove(&one, &two), remove(&two, &one)]).await;
        assert_eq!(count(&answers, 200), 1, "{answers:?}");
        let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
        assert!(matches!(refused.status, 400 | 401 | 403), "{refused:?}");
        let out = [is_out(service.stored(&one).await), is_out(service.stored(&two).await)];
        assert_eq!(out, [answers[1].status == 200, answers[0].status == 200]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_delete_each_other_one_remains() {
    let service = service().await;
    each_other(&service, |who, whom| service.remove(who, whom), |user| user.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_disable_each_other_one_remains() {
    let service = service().await;
    let remove = |who: &Person, whom: &Person| service.change(who, whom, &json!({"disabled": true}));
    each_other(&service, remove, |user| user.unwrap().disabled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_demote_each_other_one_remains() {
    let service = service().await;
    let remove = |who: &Person, whom: &Person| service.change(who, whom, &json!({"role": "user"}));
    each_other(&service, remove, |user| !user.unwrap().is_admin()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_admins_who_remove_each_other_in_every_way_one_remains() {
    let service = service().await;
    for round in 0..20 {
        let mut ring = Vec::new();
        for n in 0..4 {
            ring.push(service.admin(&format!("admin{round}-{n}")).await);
        }
        let way = |n: usize, body: Value| service.change(&ring[n], &ring[(n + 1) % 4], &body);
        let requests = vec![
            way(0, json!({"disabled": true})),
            way(1, json!({"role": "moderator"})),
            service.remove(&ring[2], &ring[3]),
            way(3, json!({"email": format!("new{round}@example.com"), "disabled": true})),
            service.leave(&ring[0], PASSWORD),
        ];
        let answers = race(requests).await;
        let mut left = 0;
        for admin in &ring {
            left += usize::from(service.stored(admin).await.is_some_and(|user| user.is_admin() && !user.disabled));
        }
        assert_eq!(left, 4 - count(&answers, 200), "{answers:?}");
        assert!(left > 0, "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_login_or_refresh_nobody_who_was_shut_out_is_left_in() {
    let service = service().await;
    let root = service.admin("root").await;
    for round in 0..20 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let login = || service.post("/token").form(&[("username", name.as_str()), ("password", PASSWORD)]);
        let refresh = service.post("/token/refresh").json(&json!({"refresh_token": ann.refresh}));
        let disable = service.change(&root, &ann, &json!({"disabled": true}));
        let answers = race(vec![login(), refresh, disable, login()]).await;
        answers[2].clone().expect(200);
        service.change(&root, &ann, &json!({"disabled": false})).send().await.expect(200);
        for answer in [&answers[0], &answers[1], &answers[3]].into_iter().filter(|answer| answer.status == 200) {
            service.me(&answer.text("access_token")).await.expect_problem(401, "Token has been revoked");
            service.refresh(&answer.text("refresh_token")).await.expect_problem(401, "Invalid refresh token");
        }
        service.expect_out(&ann, "Token has been revoked").await;
        service.again(&name, &ann).await;
    }
}
