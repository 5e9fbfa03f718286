//! Logging in, refreshing, and the end of sessions and tokens.

use super::{Ask, Write, basic};
use crate::client::{PASSWORD, tokens};
use serde_json::json;

pub fn logins() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/token"),
            name: "password",
            ask: |at| {
                at.client.sign_up(&at.name).expect(201);
                Ask::new("POST", "/token").form(&[("username", &at.name), ("password", PASSWORD)])
            },
            first: 200,
            again: &[200],
            then: |at, _, answer| at.expect_in(&tokens(answer)),
        },
        Write {
            route: ("POST", "/token"),
            name: "wrong password",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/token").form(&[("username", &at.name), ("password", "wrong")]).of(&who)
            },
            first: 401,
            again: &[401],
            then: |at, ask, _| {
                at.expect_in(ask.who());
                assert_eq!(at.log_in(PASSWORD), 200, "two wrong ones close nothing");
            },
        },
        Write {
            route: ("POST", "/token"),
            name: "password and code",
            ask: |at| {
                let (_, secret, codes) = at.guarded();
                let form = [("username", at.name.as_str()), ("password", PASSWORD), ("otp", &codes[0])];
                Ask::new("POST", "/token")
                    .form(&form)
                    .with(json!({"secret": secret, "next": codes[1], "used": codes[0]}))
            },
            first: 200,
            again: &[200, 400],
            then: |at, ask, _| at.expect_used_up(ask),
        },
        Write {
            route: ("POST", "/token"),
            name: "mfa_token and code",
            ask: |at| {
                let (_, _, codes) = at.guarded();
                let waiting = at.client.log_in(&at.name, PASSWORD).expect(403).text("mfa_token");
                let form = [("mfa_token", waiting.as_str()), ("otp", &codes[0])];
                Ask::new("POST", "/token").form(&form).with(json!({"next": codes[1], "used": codes[0], "mfa": waiting}))
            },
            first: 200,
            again: &[200, 401],
            then: |at, ask, _| {
                let used = [("mfa_token", ask.more("mfa")), ("otp", ask.more("next"))];
                Ask::new("POST", "/token").form(&used).send(at.client).unwrap().expect(401);
                at.expect_used_up(ask);
            },
        },
        Write {
            route: ("POST", "/oauth2/token"),
            name: "client_credentials",
            ask: |at| {
                let (_, key) = at.with_key();
                let form = [("grant_type", "client_credentials")];
                Ask::new("POST", "/oauth2/token").header("authorization", &basic(&key)).form(&form)
            },
            first: 200,
            again: &[200],
            then: |at, _, answer| drop(at.get("/items", &answer.text("access_token"), 200)),
        },
    ]
}

pub fn refreshes() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/token/refresh"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/token/refresh").json(&json!({"refresh_token": who.refresh}))
            },
            first: 200,
            again: &[200],
            then: |at, _, answer| at.expect_in(&tokens(answer)),
        },
        Write {
            route: ("POST", "/oauth2/token"),
            name: "refresh_token",
            ask: |at| {
                let who = at.newcomer();
                let form = [("grant_type", "refresh_token"), ("refresh_token", &who.refresh)];
                Ask::new("POST", "/oauth2/token").form(&form)
            },
            first: 200,
            again: &[200],
            then: |at, _, answer| at.expect_in(&tokens(answer)),
        },
        Write {
            route: ("POST", "/oauth2/introspect"),
            name: "",
            ask: |at| {
                let (who, key) = at.with_key();
                let ask = Ask::new("POST", "/oauth2/introspect").header("authorization", &basic(&key));
                ask.form(&[("token", &who.access)])
            },
            first: 200,
            again: &[200],
            then: |_, _, answer| assert_eq!(answer.body["active"], true),
        },
    ]
}

pub fn ends() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/oauth2/revoke"),
            name: "refresh token",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/oauth2/revoke").form(&[("token", &who.refresh)]).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, _| at.expect_out(ask.who()),
        },
        Write {
            route: ("POST", "/oauth2/revoke"),
            name: "access token",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/oauth2/revoke").form(&[("token", &who.access)]).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, _| {
                at.get("/users/me", &ask.who().access, 401);
                at.expect_in(&tokens(&at.client.refresh(&ask.who().refresh).expect(200)));
            },
        },
        Write {
            route: ("POST", "/logout"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/logout").bearer(&who.access).of(&who)
            },
            first: 200,
            again: &[200, 401],
            then: |at, ask, _| {
                at.expect_out(ask.who());
                assert_eq!(at.log_in(PASSWORD), 200);
            },
        },
        Write {
            route: ("POST", "/logout/all"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                let other = tokens(&at.client.log_in(&at.name, PASSWORD).expect(200));
                Ask::new("POST", "/logout/all").bearer(&who.access).of(&other)
            },
            first: 200,
            again: &[200, 401],
            then: |at, ask, _| {
                at.expect_out(ask.who());
                at.expect_in(&tokens(&at.client.log_in(&at.name, PASSWORD).expect(200)));
            },
        },
        Write {
            route: ("POST", "/revoke-token"),
            name: "",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/revoke-token").bearer(&who.access).of(&who)
            },
            first: 200,
            again: &[200, 401],
            then: |at, ask, _| {
                at.get("/users/me", &ask.who().access, 401);
                at.expect_in(&tokens(&at.client.refresh(&ask.who().refresh).expect(200)));
            },
        },
        Write {
            route: ("DELETE", "/users/me/sessions/anything"),
            name: "",
            ask: |at| {
                let other = at.newcomer();
                let sessions = at.get("/users/me/sessions", &other.access, 200);
                let who = tokens(&at.client.log_in(&at.name, PASSWORD).expect(200));
                let path = format!("/users/me/sessions/{}", sessions["items"][0]["id"].as_str().unwrap());
                Ask::new("DELETE", &path).bearer(&who.access).of(&other).with(json!({"mine": who.access}))
            },
            first: 204,
            again: &[204, 404],
            then: |at, ask, _| {
                at.expect_out(ask.who());
                at.get("/users/me", ask.more("mine"), 200);
            },
        },
    ]
}
