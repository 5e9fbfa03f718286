//! API keys, and the samples.

use super::{Ask, Write};
use serde_json::json;

pub fn writes() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/api-keys"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/api-keys").bearer(&who.access).json(&json!({"name": "ci"})).of(&who)
            },
            first: 201,
            again: &[201],
            then: |at, _, answer| assert_eq!(at.knock(&answer.text("key")), 200),
        },
        Write {
            route: ("POST", "/api-keys"),
            name: "the fiftieth",
            ask: |at| {
                let who = at.newcomer();
                for _ in 0..49 {
                    at.make_key(&who);
                }
                Ask::new("POST", "/api-keys").bearer(&who.access).json(&json!({"name": "ci"})).of(&who)
            },
            first: 201,
            again: &[201, 409],
            then: |at, ask, _| {
                let access = &ask.who().access;
                assert_eq!(at.get("/api-keys", access, 200)["items"].as_array().unwrap().len(), 50);
                at.client.post_as(access, "/api-keys", &json!({"name": "ci"})).expect(409);
            },
        },
        Write {
            route: ("DELETE", "/api-keys/anything"),
            name: "",
            ask: |at| {
                let (who, key) = at.with_key();
                let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
                Ask::new("DELETE", &path).bearer(&who.access).with(key)
            },
            first: 204,
            again: &[204, 404],
            then: |at, ask, _| assert_eq!(at.knock(ask.more("key")), 403),
        },
        Write {
            route: ("POST", "/api-keys/anything/rotate"),
            name: "",
            ask: |at| {
                let (who, key) = at.with_key();
                let path = format!("/api-keys/{}/rotate", key["id"].as_str().unwrap());
                Ask::new("POST", &path).bearer(&who.access).json(&json!({"overlap": 0})).with(key)
            },
            first: 200,
            again: &[200],
            then: |at, ask, answer| {
                assert_eq!((at.knock(ask.more("key")), at.knock(&answer.text("key"))), (403, 200));
            },
        },
        Write {
            route: ("GET", "/protected"),
            name: "",
            ask: |at| {
                let (_, key) = at.with_key();
                Ask::new("GET", "/protected").header("x-api-key", key["key"].as_str().unwrap())
            },
            first: 200,
            again: &[200],
            then: |_, _, answer| assert_eq!(answer.body["key_name"], "ci"),
        },
        Write {
            route: ("POST", "/items"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/items").bearer(&who.access).json(&json!({"name": "lamp"})).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, answer| {
                let items = at.get("/items", &ask.who().access, 200);
                assert!(items["items"].as_array().unwrap().contains(&answer.body["item"]), "{items}");
            },
        },
        Write {
            route: ("GET", "/limited"),
            name: "",
            ask: |_| Ask::new("GET", "/limited"),
            first: 200,
            again: &[200, 429],
            then: |_, _, _| {},
        },
    ]
}
