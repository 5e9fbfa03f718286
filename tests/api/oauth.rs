//! `POST /oauth2/token`: the dialect of RFC 6749.

use crate::support::oauth::basic;
use crate::support::request::Request;
use crate::support::{PASSWORD, Service, Tokens, service};
use serde_json::json;
use std::collections::BTreeSet;

const CHALLENGE: &str = "Basic realm=\"doorward\"";
const FORM: &str = "application/x-www-form-urlencoded";

fn grant(service: &Service, form: &[(&str, &str)]) -> Request {
    service.post("/oauth2/token").form(form)
}

fn refresh(service: &Service, token: &str) -> Request {
    grant(service, &[("grant_type", "refresh_token"), ("refresh_token", token)])
}

#[tokio::test]
async fn a_refresh_token_that_is_not_good_is_an_invalid_grant() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let cut = &ann.refresh[..ann.refresh.len() - 1];
    let twice = ann.refresh.repeat(2);
    let spaced = format!(" {}", ann.refresh);
    let lower = ann.refresh.to_lowercase();
    let long = "a".repeat(20_000);
    for bad in ["x", "dwr_", "dwr_AAAA", "\0", "\u{e9}", cut, &twice, &spaced, &lower, &long, &ann.access] {
        refresh(&service, bad).send().await.expect_plain_oauth_error(400, "invalid_grant");
    }
    // None of them was use or theft.
    refresh(&service, &ann.refresh).send().await.expect(200);
}

#[tokio::test]
async fn a_spent_or_ended_refresh_token_is_an_invalid_grant() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let next = refresh(&service, &ann.refresh).send().await.expect(200).tokens();
    service.wait(11);
    refresh(&service, &ann.refresh).send().await.expect_plain_oauth_error(400, "invalid_grant");
    refresh(&service, &next.refresh).send().await.expect_plain_oauth_error(400, "invalid_grant");

    let again = service.login("ann").await;
    service.post("/logout").bearer(&again.access).send().await.expect(200);
    refresh(&service, &again.refresh).send().await.expect_plain_oauth_error(400, "invalid_grant");

    let old = service.login("ann").await;
    service.wait(604_800);
    refresh(&service, &old.refresh).send().await.expect_plain_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn what_is_missing_empty_or_repeated_is_an_invalid_request() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let token = &ann.refresh;
    for body in [
        String::new(),
        "grant_type=".to_owned(),
        "grant_type=refresh_token".to_owned(),
        "grant_type=refresh_token&refresh_token=".to_owned(),
        format!("refresh_token={token}"),
        format!("grant_type=&refresh_token={token}"),
        format!("grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}"),
        format!("grant_type=refresh_token&refresh_token={token}&refresh_token={token}"),
        format!("grant_type=refresh_token&refresh_token={token}&refresh_token="),
        format!("grant_type=refresh_token&refresh_token={token}&scope=a&scope=a"),
        format!("grant_type=refresh_token&refresh_token={token}&note=a&note=b"),
        format!("grant_type=refresh_token&refresh_token={token}&scope=%FF"),
    ] {
        service
            .post("/oauth2/token")
            .body(FORM, body.as_bytes())
            .send()
            .await
            .expect_plain_oauth_error(400, "invalid_request");
    }
    refresh(&service, token).send().await.expect(200);
}

#[tokio::test]
async fn another_content_type_is_an_invalid_request() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let json = json!({"grant_type": "refresh_token", "refresh_token": ann.refresh}).to_string();
    let form = format!("grant_type=refresh_token&refresh_token={}", ann.refresh);
    let bodies =
        [("application/json", &json), ("", &form), ("text/plain", &form), ("multipart/form-data; boundary=a", &form)];
    for (content_type, body) in bodies {
        let answer = service.post("/oauth2/token").body(content_type, body.as_bytes()).send().await;
        answer.expect_plain_oauth_error(400, "invalid_request");
    }
    let encoded = service.post("/oauth2/token").header("content-encoding", "gzip").body(FORM, form.as_bytes());
    encoded.send().await.expect_plain_oauth_error(400, "invalid_request");
    // A secret in the query is none.
    service.post(&format!("/oauth2/token?{form}")).send().await.expect_plain_oauth_error(400, "invalid_request");
    refresh(&service, &ann.refresh).send().await.expect(200);
}

#[tokio::test]
async fn grants_that_are_not_served_are_unsupported() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    service.probe.forget();
    grant(&service, &login).send().await.expect_plain_oauth_error(400, "unsupported_grant_type");
    for other in ["Refresh_Token", "refresh_token ", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "\0"] {
        let form = [("grant_type", other), ("refresh_token", "x"), ("assertion", "x")];
        grant(&service, &form).send().await.expect_plain_oauth_error(400, "unsupported_grant_type");
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn a_wider_scope_is_an_invalid_scope_and_uses_nothing_up() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    for scope in ["admin", "read:items admin", "a\"b", "\u{e9}", "read:items\twrite:items"] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &ann.refresh), ("scope", scope)];
        grant(&service, &form).send().await.expect_plain_oauth_error(400, "invalid_scope");
    }
    service.wait(60);
    let form = [("grant_type", "refresh_token"), ("refresh_token", &ann.refresh), ("scope", "read:items")];
    let narrow = grant(&service, &form).send().await.expect(200);
    assert_eq!(narrow.text("scope"), "read:items");
    // The next one may have all that the login had.
    let wide = refresh(&service, &narrow.tokens().refresh).send().await.expect(200);
    assert_eq!(wide.text("scope"), "read:items write:items");
}

#[tokio::test]
async fn a_refresh_is_answered_by_the_rfc() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", ann.refresh.as_str()),
        ("scope", ""),
        ("client_id", "anything"),
        ("resource", "ignored"),
    ];
    let answer = grant(&service, &form).send().await.expect(200);
    answer.expect_uncached();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    let members: Vec<_> =
        body.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    assert!(body["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    assert_eq!(body["expires_in"], 900);
    let next: Tokens = answer.tokens();
    assert_ne!(next.refresh, ann.refresh);
    assert_ne!(next.access, ann.access);
    service.me(&next.access).await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_is_a_public_clients() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let posted = |id: &str, secret: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &ann.refresh), ("client_id", id)];
        grant(&service, &[&form[..], &[("client_secret", secret)]].concat())
    };
    // A client that cannot prove itself, and one that can: the token is not theirs.
    let by_header = |header: String| refresh(&service, &ann.refresh).header("authorization", &header);
    let wrong = basic("doorward", "a secret");
    by_header(wrong).send().await.expect_challenge(401, "invalid_client", CHALLENGE);
    posted("doorward", "a secret").send().await.expect_plain_oauth_error(401, "invalid_client");
    by_header(made.basic()).send().await.expect_plain_oauth_error(400, "invalid_grant");
    posted(&made.id, &made.key).send().await.expect_plain_oauth_error(400, "invalid_grant");
    assert_eq!(service.generation(&ann.access).await, 0, "nothing was used up");

    // What public clients and careless ones send.
    let mut token = ann.refresh.clone();
    for (name, header) in [
        ("doorward", None),
        ("anything", None),
        ("", None),
        ("", Some(basic("doorward", ""))),
        ("doorward", Some(basic("doorward", ""))),
        ("", Some("Basic Og==".to_owned())),
        ("", Some("Basic ".to_owned())),
        ("", Some(format!("Bearer {}", ann.access))),
        ("", Some("Bearer expired".to_owned())),
    ] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", name)];
        let mut request = grant(&service, &form);
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        token = request.send().await.expect(200).tokens().refresh;
    }
}

#[tokio::test]
async fn both_dialects_refresh_one_session() {
    let service = service().await;
    let first = service.newcomer("ann").await;
    let second = refresh(&service, &first.refresh).send().await.expect(200).tokens();
    let third = service.refresh(&second.refresh).await.expect(200).tokens();
    let again = refresh(&service, &second.refresh).send().await.expect(200).tokens();
    assert_eq!(third.refresh, again.refresh, "within the grace time it is the same successor");
    service.wait(11);
    refresh(&service, &second.refresh).send().await.expect_plain_oauth_error(400, "invalid_grant");
    service.refresh(&third.refresh).await.expect_problem(401, "Invalid refresh token");
}

#[tokio::test]
async fn the_transports_refusals_are_problems_and_kept_by_nobody() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let long = service.post("/oauth2/token").body(FORM, &b"a".repeat(65_537)).send().await;
    let long = long.expect_problem(413, "Request body too large");
    let method = service.get("/oauth2/token").send().await.expect_problem(405, "Method Not Allowed");
    assert_eq!(method.header("allow"), Some("POST"));
    let unknown = service.post("/oauth2/nothing").send().await.expect_problem(404, "Not Found");
    service.probe.cut_off(true);
    let away = refresh(&service, &ann.refresh).send().await.expect_problem(503, "Service unavailable");
    assert_eq!(away.header("retry-after"), Some("1"));
    service.probe.cut_off(false);
    for answer in [long, method, unknown, away] {
        answer.expect_uncached();
    }
    refresh(&service, &ann.refresh).send().await.expect(200);
}
