//! `GET /users`, `GET /users/{id}`, and who may use the routes of the administration.

use crate::support::admin::Person;
use crate::support::{Service, service};
use doorward_core::user::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FORBIDDEN: &str = "Insufficient permissions";

/// One of each who may not see, change and delete everybody.
async fn everybody_else(service: &Service) -> Vec<(Person, &'static str)> {
    vec![
        (service.person("user").await, ""),
        (service.person_of("moderator", Role::Moderator).await, ""),
        (service.person_who_may("reader", "read:users").await, "GET"),
        (service.person_who_may("writer", "write:users").await, "PATCH"),
        (service.person_who_may("deleter", "delete:users").await, "DELETE"),
        (service.person_who_may("stranger", "READ:USERS write:user delete:users: admin").await, ""),
    ]
}

/// What the path of nobody may look like.
fn nobody() -> Vec<String> {
    let odd = ["0", "nobody", "%FF", "%00", "a%20b", "a%2Fb", "..%2Fme", "%C3%A9", "*", "users%23"];
    odd.into_iter()
        .map(str::to_owned)
        .chain(["0".repeat(32), "a".repeat(64), "a".repeat(65), "a".repeat(3000)])
        .collect()
}

async fn listed(service: &Service, who: &Person, query: &str) -> Value {
    let answer = service.see(who, &format!("/users{query}")).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["items", "next_cursor"]);
    body
}

async fn found(service: &Service, who: &Person, query: &str) -> Vec<String> {
    let body = listed(service, who, query).await;
    assert_eq!(body["next_cursor"], Value::Null);
    body["items"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn nothing_of_others_is_seen_changed_or_deleted_without_the_right() {
    let service = service().await;
    let (victim, root) = (service.person("victim").await, service.admin("root").await);
    let before = (service.stored(&victim).await, service.stored(&root).await);
    let targets = [victim.path(), root.path()].into_iter().chain(nobody().into_iter().map(|id| format!("/users/{id}")));
    let targets: Vec<_> = targets.collect();
    for (who, may) in everybody_else(&service).await {
        for path in &targets {
            // Before its body is looked at, and whether or not there is such a user.
            for (method, body) in [
                ("GET", ""),
                ("PATCH", r#"{"full_name": "X"}"#),
                ("PATCH", r#"{"role": "admin"}"#),
                ("PATCH", r#"{"unknown": 1}"#),
                ("PATCH", "no JSON"),
                ("DELETE", ""),
            ] {
                if method == may {
                    continue;
                }
                let request = service.request(method, path).bearer(&who.access);
                let answer = request.body("application/json", body.as_bytes()).send().await;
                assert_eq!(answer.status, 403, "{method} {path} {body} {may}");
                answer.expect_problem(403, FORBIDDEN);
            }
        }
        if may != "GET" {
            for query in ["", "?limit=0", "?cursor=x", "?username=victim", "?username=user"] {
                service.see(&who, &format!("/users{query}")).await.expect_problem(403, FORBIDDEN);
            }
        }
    }
    for path in targets.iter().chain([&"/users".to_owned()]) {
        service.get(path).send().await.expect_problem(401, "Not authenticated");
    }
    for method in ["PATCH", "DELETE"] {
        service.request(method, &victim.path()).json(&json!({})).send().await.expect_problem(401, "Not authenticated");
    }
    assert_eq!((service.stored(&victim).await, service.stored(&root).await), before);
}

#[tokio::test]
async fn whom_there_is_not_is_not_found_by_those_who_may_know() {
    let service = service().await;
    let (root, reader) = (service.admin("root").await, service.person_who_may("reader", "read:users").await);
    for id in nobody() {
        let path = format!("/users/{id}");
        service.see(&root, &path).await.expect_problem(404, "User not found");
        service.see(&reader, &path).await.expect_problem(404, "User not found");
        let change = service.patch(&path).bearer(&root.access).json(&json!({"full_name": "X", "role": "user"}));
        change.send().await.expect_problem(404, "User not found");
        service.delete(&path).bearer(&root.access).send().await.expect_problem(404, "User not found");
    }
}

#[tokio::test]
async fn a_user_is_shown_whole_and_without_secrets() {
    let service = service().await;
    let (ann, reader) = (service.person("Ann").await, service.person_who_may("reader", "read:users").await);
    let root = service.admin("root").await;
    service.alter(&ann, |user| user.permissions = crate::support::admin::set("b a")).await;
    let whole = json!({
        "id": ann.id, "username": "Ann", "email": "Ann@example.com", "email_verified": false, "full_name": null,
        "disabled": false, "role": "user", "permissions": ["a", "b"], "scopes": ["read:items", "write:items"],
        "two_factor_enabled": false, "created_at": "2027-01-15T08:00:00Z",
    });
    for who in [&ann, &reader, &root] {
        for path in [ann.path(), format!("{}/", ann.path())] {
            let answer = service.see(who, &path).await.expect(200);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.json(), whole);
        }
    }
    assert_eq!(listed(&service, &reader, "?username=ann").await["items"], json!([whole]));
    let every = service.see(&reader, "/users").await;
    let text = String::from_utf8(every.body.to_vec()).unwrap();
    assert!(!text.contains("hash") && !text.contains("argon2") && !text.contains("epoch"), "{text}");
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_refused() {
    let service = service().await;
    let reader = service.person_who_may("reader", "read:users").await;
    for limit in ["0", "101", "abc", "-1", "1.5", "1e1", "99999999999", "%C2%B2"] {
        service.see(&reader, &format!("/users?limit={limit}")).await.expect_invalid(&["/limit"]);
    }
    service.see(&reader, "/users?limit=1&limit=2").await.expect_invalid(&["/limit"]);
    for n in 0..3 {
        service.sign_up(&format!("user{n}")).await.expect(201);
    }
    let cursor = listed(&service, &reader, "?limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    for at in 0..cursor.len() {
        let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut tampered = cursor.clone();
        tampered.replace_range(at..=at, other);
        service.see(&reader, &format!("/users?cursor={tampered}")).await.expect_problem(400, "Invalid cursor");
    }
    for foreign in ["x", "AAAA", "%00", "%F0%9F%98%80", &reader.id, &format!("{cursor}A"), &cursor[1..], "null"] {
        service.see(&reader, &format!("/users?cursor={foreign}")).await.expect_problem(400, "Invalid cursor");
    }
    for beside in ["username=user0", "email=user0@example.com", "username=nobody&email=nobody@example.com"] {
        service.see(&reader, &format!("/users?{beside}&cursor=x")).await.expect_problem(400, "Invalid cursor");
    }
    assert_eq!(found(&service, &reader, &format!("?username=user0&cursor={cursor}")).await, ["user0"]);
    // Empty is absent (as in a form).
    assert_eq!(
        listed(&service, &reader, "?limit=&cursor=&username=&email=").await["items"].as_array().unwrap().len(),
        4
    );
}

#[tokio::test]
async fn every_user_is_on_exactly_one_page() {
    let service = service().await;
    let reader = service.person_who_may("reader", "read:users").await;
    let mut everybody = BTreeSet::from([reader.id.clone()]);
    for n in 1..120 {
        everybody.insert(service.sign_up(&format!("user{n}")).await.expect(201).text("id"));
    }
    for (limit, first) in [("", 50), ("?limit=1", 1), ("?limit=7", 7), ("?limit=60", 60), ("?limit=100", 100)] {
        let (mut seen, mut query) = (Vec::new(), limit.to_owned());
        loop {
            service.probe.forget();
            let page = listed(&service, &reader, &query).await;
            assert_eq!(service.probe.calls().iter().filter(|call| *call == "Scan users").count(), 1);
            let items = page["items"].as_array().unwrap();
            assert_eq!(items.len(), first.min(120 - seen.len()));
            assert!(!items.is_empty(), "the page before, which was full, was the last");
            seen.extend(items.iter().map(|user| user["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            let sign = if limit.is_empty() { "?" } else { "&" };
            query = format!("{limit}{sign}cursor={cursor}");
        }
        assert_eq!(seen.len(), 120, "{limit}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), everybody, "{limit}");
    }
}

#[tokio::test]
async fn a_list_goes_on_when_the_user_it_stopped_at_is_gone() {
    let service = service().await;
    let root = service.admin("root").await;
    for n in 0..10 {
        service.sign_up(&format!("user{n}")).await.expect(201);
    }
    let page = listed(&service, &root, "?limit=5").await;
    let last = page["items"][4]["id"].as_str().unwrap();
    if last != root.id {
        service.delete(&format!("/users/{last}")).bearer(&root.access).send().await.expect(200);
    }
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&service, &root, &format!("?cursor={cursor}")).await["items"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_name_or_an_address_finds_at_most_one() {
    let service = service().await;
    let reader = service.person_who_may("reader", "read:users").await;
    let ann = service.person("Ann").await;
    service.person("bob").await;
    service.change_email(&ann, "Post@Example.com").send().await.expect(200);
    let nobody: [&str; 0] = [];
    for query in [
        "?username=nobody",
        "?username=an",
        "?username=post@example.com",
        "?username=%00",
        "?username=a%20b",
        "?email=ann@example.com",
        "?email=Ann",
        "?email=nobody@example.com",
        "?username=ann&email=bob@example.com",
        "?username=nobody&email=post@example.com",
        "?username=ann&email=nobody@example.com",
    ] {
        assert_eq!(found(&service, &reader, query).await, nobody, "{query}");
    }
    for query in [
        "?username=ann",
        "?username=ANN&limit=1",
        "?email=post@example.com",
        "?email=POST@EXAMPLE.COM",
        "?email=%EF%BC%B0ost@example.com",
        "?username=Ann&email=Post@Example.com",
    ] {
        assert_eq!(found(&service, &reader, query).await, ["Ann"], "{query}");
    }
}
