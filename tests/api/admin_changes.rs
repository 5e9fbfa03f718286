//! `PATCH /users/{id}`

use crate::support::admin::{Person, set};
use crate::support::{PASSWORD, Service, service};
use doorward_core::user::Role;
use doorward_http::audit::Event;
use serde_json::{Value, json};

const FORBIDDEN: &str = "Insufficient permissions";

/// What only an admin may set, if only to what it is.
fn rights() -> Vec<Value> {
    vec![
        json!({"role": "admin"}),
        json!({"role": "moderator"}),
        json!({"role": "user"}),
        json!({"permissions": ["read:users"]}),
        json!({"permissions": []}),
        json!({"scopes": ["introspect:tokens"]}),
        json!({"scopes": []}),
        json!({"full_name": "X", "role": "user"}),
    ]
}

/// What somebody with `write:users` may do to a plain user.
fn profiles() -> Vec<Value> {
    vec![json!({"full_name": "Ann"}), json!({"email": "new@example.com"}), json!({"disabled": true}), json!({})]
}

async fn refreshed_scope(service: &Service, who: &mut Person) -> String {
    let answer = service.refresh(&who.refresh).await.expect(200);
    who.refresh = answer.tokens().refresh;
    answer.text("scope")
}

#[tokio::test]
async fn who_may_write_users_gives_no_rights_and_touches_no_admin() {
    let service = service().await;
    let writer = service.person_who_may("writer", "write:users").await;
    let (ann, root) = (service.person("ann").await, service.admin("root").await);
    let before = (service.stored(&ann).await, service.stored(&root).await, service.stored(&writer).await);
    for body in rights() {
        for whom in [&ann, &root, &writer] {
            service.change(&writer, whom, &body).send().await.expect_problem(403, FORBIDDEN);
        }
        // Whether there is such a user makes no difference.
        let request = service.patch("/users/nobody").bearer(&writer.access).json(&body);
        request.send().await.expect_problem(403, FORBIDDEN);
    }
    for body in profiles() {
        service.change(&writer, &root, &body).send().await.expect_problem(403, FORBIDDEN);
    }
    assert_eq!((service.stored(&ann).await, service.stored(&root).await, service.stored(&writer).await), before);
    service.expect_in(&root).await;
}

#[tokio::test]
async fn a_bad_change_changes_nothing() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let before = service.stored(&ann).await;
    let long = "a".repeat(65);
    let many: Vec<_> = (0..100).map(|n| format!("scope-of-more-than-twenty-letters-{n}")).collect();
    let most: Vec<_> = (0..52).map(|n| format!("forty-letters-with-the-number-behind-{n:03}")).collect();
    for (body, pointers) in [
        (json!({"email": null}), vec!["/email"]),
        (json!({"email": "no address"}), vec!["/email"]),
        (json!({"full_name": ""}), vec!["/full_name"]),
        (json!({"disabled": null}), vec!["/disabled"]),
        (json!({"disabled": "true"}), vec!["/disabled"]),
        (json!({"disabled": 1}), vec!["/disabled"]),
        (json!({"role": null}), vec!["/role"]),
        (json!({"role": "root"}), vec!["/role"]),
        (json!({"role": "Admin"}), vec!["/role"]),
        (json!({"permissions": null}), vec!["/permissions"]),
        (json!({"permissions": "read:users"}), vec!["/permissions"]),
        (json!({"permissions": [1]}), vec!["/permissions"]),
        (json!({"permissions": ["read users"]}), vec!["/permissions"]),
        (json!({"scopes": [""]}), vec!["/scopes"]),
        (json!({"scopes": [long]}), vec!["/scopes"]),
        (json!({"scopes": many}), vec!["/scopes"]),
        (json!({"scopes": ["é"]}), vec!["/scopes"]),
        (json!({"scopes": most}), vec!["/scopes"]),
        (json!({"permissions": most[..40], "scopes": most[40..]}), vec!["/permissions"]),
        (json!({"full_name": "Ann", "username": "bob"}), vec!["/username"]),
        (json!({"id": "1", "email_verified": true, "epoch": 1}), vec!["/email_verified", "/epoch", "/id"]),
        (json!({"password": PASSWORD, "hashed_password": "x"}), vec!["/hashed_password", "/password"]),
        (json!({"two_factor_enabled": false, "created_at": "x"}), vec!["/created_at", "/two_factor_enabled"]),
    ] {
        service.change(&root, &ann, &body).send().await.expect_invalid(&pointers);
    }
    let twice = br#"{"role": "user", "role": "admin"}"#;
    let request = service.patch(&ann.path()).bearer(&root.access).body("application/json", twice);
    request.send().await.expect_invalid(&["/role"]);
    let form = service.patch(&ann.path()).bearer(&root.access).form(&[("role", "admin")]);
    form.send().await.expect_problem(415, "Unsupported media type");
    let taken = json!({"full_name": "X", "email": "ROOT@example.com", "role": "moderator"});
    service.change(&root, &ann, &taken).send().await.expect_problem(409, "Email already registered");
    assert_eq!(service.stored(&ann).await, before);
}

#[tokio::test]
async fn who_may_write_users_changes_profiles() {
    let service = service().await;
    let writer = service.person_who_may("writer", "write:users").await;
    let ann = service.person("ann").await;
    service.alter(&ann, |user| user.email_verified = true).await;
    let body = json!({"full_name": "Ann", "email": "new@example.com"});
    let answer = service.change(&writer, &ann, &body).send().await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json(), service.see(&ann, &ann.path()).await.json());
    let shown = answer.json();
    assert_eq!((&shown["full_name"], &shown["email"]), (&json!("Ann"), &json!("new@example.com")));
    assert_eq!(shown["email_verified"], false);
    service.try_login("new@example.com", PASSWORD).await.expect(200);
    service.try_login("ann@example.com", PASSWORD).await.expect(401);
    let cleared = service.change(&writer, &ann, &json!({"full_name": null})).send().await.expect(200);
    assert_eq!(cleared.json()["full_name"], Value::Null);
    service.change(&writer, &ann, &json!({"disabled": true})).send().await.expect(200);
    service.change(&writer, &ann, &json!({"disabled": false})).send().await.expect(200);
    let [by, user] = [&writer, &ann].map(|who| service.stored(who));
    let changed = Event::UserChanged { user: user.await.unwrap().id, by: by.await.unwrap().id };
    assert_eq!(service.events().iter().filter(|event| **event == changed).count(), 2);
}

#[tokio::test]
async fn a_disabled_user_is_told_so_on_every_route() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let answer = service.change(&root, &ann, &json!({"disabled": true})).send().await.expect(200);
    assert_eq!(answer.json()["disabled"], true);
    for (method, path) in [
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
        ("POST", "/users/me/password"),
        ("GET", "/users/me/sessions"),
        ("DELETE", "/users/me/sessions/x"),
        ("GET", "/users"),
        ("GET", &ann.path()),
        ("GET", &root.path()),
        ("PATCH", &root.path()),
        ("DELETE", &root.path()),
        ("POST", "/logout"),
        ("POST", "/logout/all"),
        ("POST", "/revoke-token"),
        ("POST", "/refresh-token"),
    ] {
        service.request(method, path).bearer(&ann.access).send().await.expect_problem(400, "Inactive user");
    }
    for _ in 0..2 {
        service.refresh(&ann.refresh).await.expect_problem(400, "Inactive user");
        service.wait(60);
    }
    service.try_login("ann", PASSWORD).await.expect_problem(400, "Inactive user");
    service.try_login("ann@example.com", PASSWORD).await.expect_problem(400, "Inactive user");
    service.try_login("ann", "not the password").await.expect_problem(401, "Incorrect username or password");
}

#[tokio::test]
async fn a_user_enabled_again_finds_the_old_tokens_dead() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let refreshed = service.again("ann", &ann).await;
    service.change(&root, &ann, &json!({"disabled": true})).send().await.expect(200);
    // Asked while shut out, too.
    service.refresh(&refreshed.refresh).await.expect(400);
    service.change(&root, &ann, &json!({"disabled": true, "full_name": "Ann"})).send().await.expect(200);
    service.change(&root, &ann, &json!({"disabled": false})).send().await.expect(200);
    service.expect_out(&ann, "Token has been revoked").await;
    service.expect_out(&refreshed, "Token has been revoked").await;
    let again = service.again("ann", &ann).await;
    service.expect_in(&again).await;
    // Enabled once more, nothing happens.
    service.change(&root, &ann, &json!({"disabled": false})).send().await.expect(200);
    service.me(&again.access).await.expect(200);
}

#[tokio::test]
async fn rights_hold_on_the_next_request_with_the_same_token() {
    let service = service().await;
    let (root, ann, bob) = (service.admin("root").await, service.person("ann").await, service.person("bob").await);
    let grant = async |body: Value| {
        let answer = service.change(&root, &ann, &body).send().await.expect(200);
        assert_eq!(answer.json()["disabled"], false);
    };
    service.see(&ann, "/users").await.expect_problem(403, FORBIDDEN);
    grant(json!({"permissions": ["read:users", "read:users"]})).await;
    service.see(&ann, "/users").await.expect(200);
    service.see(&ann, &bob.path()).await.expect(200);
    service.remove(&ann, &bob).send().await.expect_problem(403, FORBIDDEN);
    grant(json!({"permissions": []})).await;
    service.see(&ann, "/users").await.expect_problem(403, FORBIDDEN);
    grant(json!({"role": "moderator"})).await;
    service.see(&ann, "/users").await.expect_problem(403, FORBIDDEN);
    grant(json!({"role": "admin"})).await;
    service.see(&ann, "/users").await.expect(200);
    service.change(&ann, &bob, &json!({"role": "moderator", "scopes": ["a"]})).send().await.expect(200);
    service.change(&ann, &root, &json!({"full_name": "Root"})).send().await.expect(200);
    grant(json!({"role": "user"})).await;
    service.change(&ann, &bob, &json!({"role": "user"})).send().await.expect_problem(403, FORBIDDEN);
    service.remove(&ann, &bob).send().await.expect_problem(403, FORBIDDEN);
    service.expect_in(&ann).await;
    assert_eq!(service.stored(&bob).await.unwrap().role, Role::Moderator);
    assert_eq!(service.stored(&bob).await.unwrap().scopes, set("a"));
}

#[tokio::test]
async fn scopes_are_cut_at_refresh_and_never_widened() {
    let service = service().await;
    let (root, mut ann) = (service.admin("root").await, service.person("ann").await);
    let give = async |scopes: &[&str]| {
        let answer = service.change(&root, &ann, &json!({"scopes": scopes})).send().await.expect(200);
        assert_eq!(answer.json()["scopes"], json!(scopes));
    };
    give(&["read:items"]).await;
    let by_access = service.post("/refresh-token").bearer(&ann.access).send().await.expect(200);
    assert_eq!(by_access.text("scope"), "read:items");
    give(&["more", "read:items", "write:items"]).await;
    let wider = json!({"refresh_token": ann.refresh, "scope": "more"});
    service.post("/token/refresh").json(&wider).send().await.expect_problem(400, "Scope not allowed");
    let login = service.try_login("ann", PASSWORD).await.expect(200);
    assert_eq!(login.text("scope"), "more read:items write:items");
    give(&["more", "read:items"]).await;
    let cut = json!({"refresh_token": login.tokens().refresh, "scope": "read:items write:items"});
    let cut = service.post("/token/refresh").json(&cut).send().await;
    assert!(cut.status == 400 || cut.text("scope") == "read:items", "{cut:?}");
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "write:items")];
    service.post("/token").form(&form).send().await.expect_problem(400, "Scope not allowed");
    assert_eq!(refreshed_scope(&service, &mut ann).await, "read:items");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_found_by_an_address_that_they_have_no_longer() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    for query in ["?email=ann@example.com", "?email=ann@example.com&username=ann"] {
        service.change_email(&ann, "ANN@example.com").send().await.expect(200);
        let held = service.probe.hold("GetItem", "users");
        let asked = tokio::spawn(service.get(&format!("/users{query}")).bearer(&root.access).send());
        held.meanwhile(async { service.change_email(&ann, "other@example.com").send().await.expect(200) }).await;
        assert_eq!(asked.await.unwrap().expect(200).json()["items"], json!([]), "{query}");
        service.change_email(&ann, "ANN@example.com").send().await.expect(200);
        let found = service.see(&root, &format!("/users{query}")).await.expect(200).json();
        assert_eq!(found["items"][0]["email"], "ANN@example.com", "an address is one in whichever case");
    }
}
