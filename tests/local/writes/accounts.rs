//! One's own account, and those of others.

use super::{Ask, Setting, Write};
use crate::client::{PASSWORD, Tokens, tokens};
use serde_json::{Value, json};

/// A password that is set instead of the other.
const ANOTHER: &str = "another long pass phrase";

pub fn own() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/users"),
            name: "",
            ask: |at| {
                let email = format!("{}@example.com", at.name);
                let body = json!({"username": at.name, "email": email, "password": PASSWORD});
                Ask::new("POST", "/users").json(&body)
            },
            first: 201,
            again: &[201, 409],
            then: |at, _, _| {
                assert_eq!(at.log_in(PASSWORD), 200);
                at.client.log_in(&format!("{}@example.com", at.name), PASSWORD).expect(200);
            },
        },
        Write {
            route: ("PATCH", "/users/me"),
            name: "name",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("PATCH", "/users/me").bearer(&who.access).json(&json!({"full_name": "Bob"})).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, _| assert_eq!(at.get("/users/me", &ask.who().access, 200)["full_name"], "Bob"),
        },
        Write {
            route: ("PATCH", "/users/me"),
            name: "e-mail",
            ask: |at| {
                let who = at.newcomer();
                let body = json!({"email": format!("new-{}@example.com", at.name), "current_password": PASSWORD});
                Ask::new("PATCH", "/users/me").bearer(&who.access).json(&body).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, _| {
                let email = format!("new-{}@example.com", at.name);
                assert_eq!(at.get("/users/me", &ask.who().access, 200)["email"], email);
                at.client.log_in(&email, PASSWORD).expect(200);
                at.client.log_in(&format!("{}@example.com", at.name), PASSWORD).expect(401);
            },
        },
        Write {
            route: ("POST", "/users/me/password"),
            name: "",
            ask: |at| {
                let other = at.newcomer();
                let who = tokens(&at.client.log_in(&at.name, PASSWORD).expect(200));
                let body = json!({"current_password": PASSWORD, "new_password": ANOTHER});
                let ask = Ask::new("POST", "/users/me/password").bearer(&who.access).json(&body);
                ask.of(&other).with(json!({"access": who.access, "refresh": who.refresh}))
            },
            first: 204,
            again: &[204, 400],
            then: |at, ask, _| {
                at.expect_out(ask.who());
                at.expect_in(&Tokens { access: ask.more("access").into(), refresh: ask.more("refresh").into() });
                assert_eq!((at.log_in(PASSWORD), at.log_in(ANOTHER)), (401, 200));
            },
        },
        Write {
            route: ("DELETE", "/users/me"),
            name: "",
            ask: |at| {
                let (who, key) = at.with_key();
                at.client.post_as(&who.access, "/items", &json!({"name": "lamp"})).expect(200);
                at.client.post_as(&who.access, "/2fa/setup", &json!({})).expect(200);
                let ask = Ask::new("DELETE", "/users/me").bearer(&who.access);
                ask.json(&json!({"current_password": PASSWORD})).of(&who).with(key)
            },
            first: 200,
            again: &[200, 401],
            then: |at, ask, _| at.expect_gone(ask.who(), ask.more("key")),
        },
    ]
}

pub fn administration() -> Vec<Write> {
    fn change(at: &Setting, body: &Value) -> Ask {
        let who = at.newcomer();
        let path = format!("/users/{}", at.id_of(&who.access));
        Ask::new("PATCH", &path).bearer(&at.admin).json(body).of(&who)
    }
    vec![
        Write {
            route: ("PATCH", "/users/anybody"),
            name: "rights",
            ask: |at| change(at, &json!({"role": "moderator", "scopes": ["read:items"]})),
            first: 200,
            again: &[200],
            then: |at, ask, _| {
                let access = &ask.who().access;
                at.client.post_as(access, "/moderate", &json!({})).expect(200);
                assert_eq!(at.get("/users/me", access, 200)["username"], at.name);
            },
        },
        Write {
            route: ("PATCH", "/users/anybody"),
            name: "e-mail",
            ask: |at| change(at, &json!({"email": format!("new-{}@example.com", at.name), "full_name": "Bob"})),
            first: 200,
            again: &[200],
            then: |at, ask, _| {
                let email = format!("new-{}@example.com", at.name);
                assert_eq!(at.get("/users/me", &ask.who().access, 200)["email"], email);
                at.client.log_in(&email, PASSWORD).expect(200);
            },
        },
        Write {
            route: ("PATCH", "/users/anybody"),
            name: "disabled",
            ask: |at| change(at, &json!({"disabled": true})),
            first: 200,
            again: &[200],
            then: |at, ask, _| {
                at.get("/users/me", &ask.who().access, 400);
                at.client.refresh(&ask.who().refresh).expect(400);
                assert_eq!(at.log_in(PASSWORD), 400);
            },
        },
        Write {
            route: ("DELETE", "/users/anybody"),
            name: "",
            ask: |at| {
                let (who, _, _) = at.guarded();
                let key = at.make_key(&who);
                let path = format!("/users/{}", at.id_of(&who.access));
                Ask::new("DELETE", &path).bearer(&at.admin).of(&who).with(key)
            },
            first: 200,
            again: &[200, 404],
            then: |at, ask, _| at.expect_gone(ask.who(), ask.more("key")),
        },
    ]
}
