//! What people do to their own account beside something else.

use crate::support::admin::race;
use crate::support::{PASSWORD, service};
use serde_json::json;

const NEW: &str = "staple battery horse correct";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_the_new_password_beside_its_change_begins_a_session_that_lives() {
    let service = service().await;
    let mut logins = 0;
    for round in 0..40 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let login = || service.post("/token").form(&[("username", name.as_str()), ("password", NEW)]);
        let change = service.change_password(&ann, PASSWORD, NEW);
        let answers = race(vec![change, login(), login(), login(), login()]).await;
        assert_eq!(answers[0].status, 204, "{answers:?}");
        for answer in answers.into_iter().skip(1) {
            if answer.status == 200 {
                let tokens = answer.tokens();
                service.expect_alive(&tokens.access).await;
                service.refresh(&tokens.refresh).await.expect(200);
                logins += 1;
            } else {
                answer.expect_problem(401, "Incorrect username or password");
            }
        }
    }
    println!("{logins} logins got in");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_by_one_session_one_holds_and_to_the_other_the_password_is_wrong() {
    let service = service().await;
    for round in 0..25 {
        let name = format!("ann{round}");
        let ann = service.person(&name).await;
        let changes = ["the first new password", "the second new password"];
        let answers = race(changes.map(|new| service.change_password(&ann, PASSWORD, new)).into()).await;
        let mut statuses = [answers[0].status, answers[1].status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400], "{answers:?}");
        let holds = usize::from(answers[1].status == 204);
        service.expect_in(&ann).await;
        service.try_login(&name, changes[holds]).await.expect(200);
        service.try_login(&name, changes[1 - holds]).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changes_beside_other_rights() {
    let service = service().await;
    let root = service.admin("root").await;
    for round in 0..25 {
        let ann = service.person(&format!("ann{round}")).await;
        let path = format!("/users/{}", ann.id);
        let rights = |role: &str| service.request("PATCH", &path).bearer(&root.access).json(&json!({"role": role}));
        let change = service.change_password(&ann, PASSWORD, NEW);
        let answers = race(vec![rights("moderator"), change, rights("moderator")]).await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 204, 200], "{answers:?}");
        service.expect_in(&ann).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_meanwhile_is_not_told_that_the_password_is_wrong() {
    let service = service().await;
    for round in 0..25 {
        let ann = service.person(&format!("ann{round}")).await;
        let leave = || service.leave(&ann, PASSWORD);
        let change = service.change_password(&ann, PASSWORD, NEW);
        for answer in race(vec![leave(), change, leave(), leave()]).await {
            match answer.status {
                200 | 204 => {}
                // The password was changed before somebody left by the old one.
                400 if service.stored(&ann).await.is_some() => {}
                _ => _ = answer.expect_problem(401, "Could not validate credentials"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_a_password_change_keeps_is_listed_beside_it() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.again("ann", &ann).await;
    let held = service.probe.hold("Query", "sessions");
    let asked = tokio::spawn(service.get("/users/me/sessions").bearer(&ann.access).send());
    held.meanwhile(async { service.change_password(&ann, PASSWORD, NEW).send().await.expect(204) }).await;
    let listed = asked.await.unwrap().expect(200).json();
    let current: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["current"].clone()).collect();
    assert_eq!(current, [json!(true)], "the other one is ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_a_password_change_keeps_is_ended_beside_it() {
    let service = service().await;
    let ann = service.person("ann").await;
    let id = service.session(&ann.access).await.id.to_string();
    let held = service.probe.hold("UpdateItem", "sessions");
    let asked = tokio::spawn(service.delete(&format!("/users/me/sessions/{id}")).bearer(&ann.access).send());
    held.meanwhile(async { service.change_password(&ann, PASSWORD, NEW).send().await.expect(204) }).await;
    asked.await.unwrap().expect(204);
    service.expect_out(&ann, "Token has been revoked").await;
}
