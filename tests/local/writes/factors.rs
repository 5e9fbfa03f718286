//! Second factors.

use super::{Ask, Write};
use crate::client::PASSWORD;
use crate::second_factor::code_of;
use serde_json::json;

pub fn writes() -> Vec<Write> {
    vec![
        Write {
            route: ("POST", "/2fa/setup"),
            name: "the first",
            ask: |at| {
                let who = at.newcomer();
                Ask::new("POST", "/2fa/setup").bearer(&who.access).json(&json!({})).of(&who)
            },
            first: 200,
            again: &[200],
            then: |at, ask, answer| {
                let code = json!({"code": code_of(&answer.text("secret"), 0)});
                at.client.post_as(&ask.who().access, "/2fa/verify", &code).expect(200);
            },
        },
        Write {
            route: ("POST", "/2fa/setup"),
            name: "another",
            ask: |at| {
                let (who, _, codes) = at.guarded();
                let ask = Ask::new("POST", "/2fa/setup").bearer(&who.access).json(&json!({"password": PASSWORD}));
                ask.of(&who).with(json!({"code": codes[0]}))
            },
            first: 200,
            again: &[200],
            then: |at, ask, _| assert_eq!(at.log_in_with(ask.more("code")), 200, "the live one is not touched"),
        },
        Write {
            route: ("POST", "/2fa/verify"),
            name: "the first code",
            ask: |at| {
                let who = at.newcomer();
                let secret = at.client.post_as(&who.access, "/2fa/setup", &json!({})).expect(200).text("secret");
                let ask = Ask::new("POST", "/2fa/verify").bearer(&who.access);
                ask.json(&json!({"code": code_of(&secret, 0)})).with(json!({"secret": secret}))
            },
            first: 200,
            again: &[200, 400],
            then: |at, ask, _| {
                assert_eq!(at.log_in(PASSWORD), 403);
                assert_eq!(at.log_in_with(&code_of(ask.more("secret"), 30)), 200);
            },
        },
        Write {
            route: ("POST", "/2fa/verify"),
            name: "a recovery code",
            ask: |at| {
                let (who, _, codes) = at.guarded();
                let ask = Ask::new("POST", "/2fa/verify").bearer(&who.access).json(&json!({"code": codes[0]}));
                ask.with(json!({"used": codes[0], "next": codes[1]}))
            },
            first: 200,
            again: &[200, 400],
            then: |at, ask, _| at.expect_used_up(ask),
        },
        Write {
            route: ("POST", "/2fa/disable"),
            name: "",
            ask: |at| {
                let (who, _, codes) = at.guarded();
                let body = json!({"password": PASSWORD, "code": codes[0]});
                Ask::new("POST", "/2fa/disable").bearer(&who.access).json(&body).of(&who)
            },
            first: 200,
            again: &[200, 400],
            then: |at, ask, _| {
                assert_eq!(at.log_in(PASSWORD), 200);
                at.expect_in(ask.who());
            },
        },
        Write {
            route: ("POST", "/2fa/recovery-codes"),
            name: "",
            ask: |at| {
                let (who, secret, codes) = at.guarded();
                let body = json!({"password": PASSWORD, "code": codes[0]});
                let ask = Ask::new("POST", "/2fa/recovery-codes").bearer(&who.access).json(&body);
                ask.with(json!({"secret": secret, "void": codes[1]}))
            },
            first: 200,
            again: &[200, 400],
            then: |at, ask, answer| {
                assert_eq!(at.log_in_with(ask.more("void")), 400);
                match answer.body["recovery_codes"][0].as_str() {
                    Some(code) => assert_eq!(at.log_in_with(code), 200),
                    // Nobody was told the new ones; the app gets one in, and to others.
                    None => assert_eq!(at.log_in_with(&code_of(ask.more("secret"), 30)), 200),
                }
            },
        },
    ]
}
