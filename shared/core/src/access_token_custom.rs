//! Custom claims in signed tokens.

use super::forge::*;
use super::*;
use crate::custom_claims::ClaimValue;
use serde_json::{Value, json};

fn signed(user: &User, session: &Session, custom: &CustomClaims) -> String {
    let holder = Holder::User(user, session, custom);
    let (id, scopes) = (TokenId::parse("t1").unwrap(), session.scopes.clone());
    let new = NewToken { id, holder, scopes, issued_at: NOW, expires_at: NOW.plus(Duration::from_mins(15)) };
    new.sign(&parties(), &RSA.signing).unwrap()
}

fn said(token: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

const PLAIN: &str = r#"{"iss":"https://id.example","sub":"ann","aud":"https://api.example","client_id":"doorward","iat":1700000000,"nbf":1700000000,"exp":1700000900,"jti":"t1","sid":"018bcfe5-6800-7000-8000-000000000000","scope":"read:items write:items","roles":["user"],"permissions":["read:users"],"amr":["pwd"],"auth_time":1699999940}"#;

#[test]
fn without_any_a_token_is_to_the_byte_what_it_is() {
    let silent = CustomClaims::default().with("plan", |_| None).unwrap();
    for custom in [CustomClaims::default(), silent] {
        assert_eq!(said(&signed(&user(), &session(), &custom)), PLAIN);
    }
}

#[test]
fn they_stand_behind_the_others_and_the_token_says_the_same() {
    let custom = CustomClaims::default()
        .with("plan", |user| ClaimValue::text(user.username.as_str()).ok())
        .and_then(|all| all.with("https://example.com/n", |_| Some((-1).into())))
        .and_then(|all| all.with("quoted", |_| ClaimValue::list(["a\"b", "ü"]).ok()))
        .and_then(|all| all.with("trial", |_| Some(true.into())))
        .unwrap();
    let token = signed(&user(), &session(), &custom);
    let more = r#","plan":"Ann","https://example.com/n":-1,"quoted":["a\"b","ü"],"trial":true}"#;
    assert_eq!(said(&token), PLAIN.replace('}', more));
    assert_eq!(judge(&token, NOW), judge(&signed(&user(), &session(), &CustomClaims::default()), NOW));
}

#[test]
fn the_longest_token_fits_into_a_header_of_8_kib() {
    let long = |_: &User| ClaimValue::text("a".repeat(254)).ok();
    let name = |n: usize| format!("{n}{}", "x".repeat(63));
    let custom = (0..8).fold(CustomClaims::default(), |all, n| all.with(&name(n), long).unwrap());
    // Rights of 2 048 bytes together, all of them in the token.
    let rights = (0..31).map(|n| format!("{n:064}")).collect::<Vec<_>>().join(" ");
    let (mut user, mut session) = (user(), session());
    (user.permissions, user.scopes) = (ScopeSet::default(), ScopeSet::parse(&rights).unwrap());
    session.scopes = user.scopes.clone();
    let token = signed(&user, &session, &custom);
    assert!(judge(&token, NOW).is_ok());
    assert!((6_500..8_000).contains(&token.len()), "{}", token.len());
    let read: Value = serde_json::from_str(&said(&token)).unwrap();
    assert_eq!(read[name(7)], json!("a".repeat(254)));
}
