//! `GET /users/me/sessions`, `DELETE /users/me/sessions/{id}`

use crate::support::admin::{Person, count, race};
use crate::support::request::Request;
use crate::support::{PASSWORD, Service, service};
use doorward_http::audit::Event;
use serde_json::{Value, json};

async fn listed(service: &Service, who: &Person) -> Vec<Value> {
    let answer = service.see(who, "/users/me/sessions").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["items"]);
    body["items"].as_array().unwrap().clone()
}

async fn ids(service: &Service, who: &Person) -> Vec<String> {
    listed(service, who).await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The id of the session that somebody is asking in.
async fn own(service: &Service, who: &Person) -> String {
    let sessions = listed(service, who).await;
    let current: Vec<_> = sessions.iter().filter(|item| item["current"] == true).collect();
    assert_eq!(current.len(), 1);
    current[0]["id"].as_str().unwrap().to_owned()
}

fn end(service: &Service, who: &Person, id: &str) -> Request {
    service.delete(&format!("/users/me/sessions/{id}")).bearer(&who.access)
}

#[tokio::test]
async fn nobody_sees_or_ends_sessions_without_a_token() {
    let service = service().await;
    let ann = service.person("ann").await;
    let id = own(&service, &ann).await;
    service.get("/users/me/sessions").send().await.expect_problem(401, "Not authenticated");
    let path = format!("/users/me/sessions/{id}");
    service.delete(&path).send().await.expect_problem(401, "Not authenticated");
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn what_is_no_session_of_ones_own_is_not_found() {
    let service = service().await;
    let (ann, bob) = (service.person("ann").await, service.person("bob").await);
    let (anns, bobs) = (own(&service, &ann).await, own(&service, &bob).await);
    let nil = "00000000-0000-0000-0000-000000000000".to_owned();
    let spelled = [anns.to_uppercase(), anns.replace('-', ""), format!("{{{anns}}}"), format!("{anns}%20")];
    let names = ["1", "me", "%FF", "%00", "..%2F..", "a%20b", "*"].map(str::to_owned);
    for id in [bobs, bob.id.clone(), ann.id.clone(), nil, "a".repeat(3000)].into_iter().chain(spelled).chain(names) {
        end(&service, &ann, &id).send().await.expect_problem(404, "Not Found");
    }
    service.expect_in(&bob).await;
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn what_is_dead_is_not_listed_and_not_found() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (logged_out, ended) = (service.again("ann", &ann).await, service.again("ann", &ann).await);
    let (one, two) = (own(&service, &logged_out).await, own(&service, &ended).await);
    service.post("/logout").bearer(&logged_out.access).send().await.expect(200);
    end(&service, &ann, &two).send().await.expect(204);
    assert_eq!(ids(&service, &ann).await, [own(&service, &ann).await]);
    for id in [&one, &two] {
        end(&service, &ann, id).send().await.expect_problem(404, "Not Found");
    }

    // All of an earlier epoch.
    let before = own(&service, &ann).await;
    service.post("/logout/all").bearer(&ann.access).send().await.expect(200);
    let ann = service.again("ann", &ann).await;
    assert_eq!(ids(&service, &ann).await, [own(&service, &ann).await]);
    end(&service, &ann, &before).send().await.expect_problem(404, "Not Found");
}

#[tokio::test]
async fn what_has_lapsed_is_not_listed() {
    let service = service().await;
    let idle = service.person("ann").await;
    let idle_id = own(&service, &idle).await;
    service.wait(7 * 24 * 3600 - 1);
    let ann = service.again("ann", &idle).await;
    assert_eq!(ids(&service, &ann).await, [own(&service, &ann).await, idle_id.clone()]);
    service.wait(1);
    assert_eq!(ids(&service, &ann).await, [own(&service, &ann).await]);
    end(&service, &ann, &idle_id).send().await.expect_problem(404, "Not Found");

    // Used again and again, it ends thirty days after the login.
    let (mut refresh, used) = (ann.refresh.clone(), own(&service, &ann).await);
    for _ in 0..4 {
        service.wait(6 * 24 * 3600);
        refresh = service.refresh(&refresh).await.expect(200).tokens().refresh;
    }
    service.wait(6 * 24 * 3600 - 2);
    let ann = service.again("ann", &ann).await;
    let current = own(&service, &ann).await;
    assert_eq!(ids(&service, &ann).await, [current.clone(), used.clone()]);
    service.wait(1);
    assert_eq!(ids(&service, &ann).await, [current]);
    end(&service, &ann, &used).send().await.expect_problem(404, "Not Found");
}

#[tokio::test]
async fn a_session_says_where_and_when() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.person("bob").await;
    service.wait(60);
    let login = service.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]).from("2001:db8::7");
    let phone = login.header("user-agent", "Phone/1.0").header("x-forwarded-for", "203.0.113.9").send().await;
    service.wait(1);
    let other = service.refresh(&phone.tokens().refresh).await.expect(200).tokens();

    let sessions = listed(&service, &ann).await;
    let id = |at: usize| sessions[at]["id"].clone();
    let (newest, oldest) = (
        json!({
            "id": id(0), "created_at": "2027-01-15T08:01:00Z", "last_used_at": "2027-01-15T08:01:01Z",
            "address": "2001:db8::7", "user_agent": "Phone/1.0", "current": false,
        }),
        json!({
            "id": id(1), "created_at": "2027-01-15T08:00:00Z", "last_used_at": "2027-01-15T08:00:00Z",
            "address": "192.0.2.1", "user_agent": "", "current": true,
        }),
    );
    assert_eq!(sessions, [newest, oldest]);
    let phone = Person { id: ann.id.clone(), access: other.access, refresh: other.refresh };
    assert_eq!(own(&service, &phone).await, id(0));
}

#[tokio::test]
async fn a_long_or_odd_user_agent_is_only_text() {
    let service = service().await;
    let ann = service.person("ann").await;
    for agent in ["<script>\"\\".to_owned(), "a".repeat(5000)] {
        service.wait(1);
        let login = service.post("/token").form(&[("username", "ann"), ("password", PASSWORD)]);
        login.header("user-agent", &agent).send().await.expect(200);
        let newest = listed(&service, &ann).await.remove(0);
        assert_eq!(newest["user_agent"], agent.chars().take(256).collect::<String>());
    }
}

#[tokio::test]
async fn the_newest_hundred_are_listed() {
    let service = service().await;
    let first = service.person("ann").await;
    let mut logins = Vec::new();
    for _ in 0..101 {
        service.wait(1);
        let ann = service.again("ann", &first).await;
        let newest = listed(&service, &ann).await.remove(0);
        assert_eq!(newest["current"], true);
        logins.push(newest["id"].as_str().unwrap().to_owned());
    }
    logins.reverse();
    logins.truncate(100);
    assert_eq!(ids(&service, &first).await, logins);
    // The dead make room.
    end(&service, &first, &logins[0]).send().await.expect(204);
    let now = ids(&service, &first).await;
    assert_eq!((now.len(), &now[..99]), (100, &logins[1..]));
}

#[tokio::test]
async fn an_ended_session_is_dead_and_the_others_live() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (other, third) = (service.again("ann", &ann).await, service.again("ann", &ann).await);
    let id = own(&service, &other).await;
    let answer = end(&service, &ann, &id).send().await.expect(204);
    assert!(answer.body.is_empty());
    service.expect_out(&other, "Token has been revoked").await;
    end(&service, &ann, &id).send().await.expect_problem(404, "Not Found");
    service.expect_in(&ann).await;
    service.expect_in(&third).await;
    let user = service.stored(&ann).await.unwrap().id;
    let ended = |event: &Event| matches!(event, Event::SessionEnded { user: whose, session } if *whose == user && session.to_string() == id);
    assert_eq!(service.events().iter().filter(|event| ended(event)).count(), 1);
}

#[tokio::test]
async fn ones_own_session_may_be_ended() {
    let service = service().await;
    let ann = service.person("ann").await;
    let other = service.again("ann", &ann).await;
    let id = own(&service, &ann).await;
    end(&service, &ann, &id).send().await.expect(204);
    service.expect_out(&ann, "Token has been revoked").await;
    end(&service, &ann, &id).send().await.expect_problem(401, "Token has been revoked");
    service.expect_in(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_once_and_no_refresh_brings_it_back() {
    let service = service().await;
    let ann = service.person("ann").await;
    for _ in 0..25 {
        let other = service.again("ann", &ann).await;
        let id = own(&service, &other).await;
        let refresh = || service.post("/token/refresh").json(&json!({"refresh_token": other.refresh}));
        let ends = || end(&service, &ann, &id);
        let answers = race(vec![refresh(), ends(), refresh(), ends(), ends()]).await;
        let ended = [1, 3, 4].map(|at| answers[at].clone());
        assert_eq!((count(&ended, 204), count(&ended, 404)), (1, 2), "{answers:?}");
        for refreshed in [&answers[0], &answers[2]].into_iter().filter(|answer| answer.status == 200) {
            service.me(&refreshed.text("access_token")).await.expect_problem(401, "Token has been revoked");
            service.refresh(&refreshed.text("refresh_token")).await.expect_problem(401, "Invalid refresh token");
        }
        service.expect_out(&other, "Token has been revoked").await;
    }
    service.expect_in(&ann).await;
}
