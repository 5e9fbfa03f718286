//! What those cost who are refused: the calls of the store that an attacker's request makes. SECURITY.md has them in dollars.

use crate::calls::{REFUSED, REFUSED_BY_EMAIL};
use crate::support::api_keys::strangers_key;
use crate::support::oauth::basic;
use crate::support::request::Request;
use crate::support::{PASSWORD, service_with};
use axum::http::header::HeaderValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

/// An access token with another `kid`: nobody's key, so that its signature is not looked at.
fn of_unknown_key(access_token: &str) -> String {
    let (_, rest) = access_token.split_once('.').unwrap();
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "nobodys"}).to_string();
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
}

/// The same with its last character changed, in bits that count.
fn spoiled(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 2);
    format!("{rest}{}", if last == "AA" { "QA" } else { "AA" })
}

#[tokio::test]
async fn what_is_forged_costs_no_call_and_what_only_the_store_can_refuse_costs_one() {
    let service = service_with(&[("DOORWARD_SIGN_UP_RATE", "100/3600"), ("DOORWARD_LOGIN_RATE", "100/60")]).await;
    let ann = service.newcomer("ann").await;
    let (access, refresh, key) = (spoiled(&ann.access), spoiled(&ann.refresh), strangers_key());
    let (typo, unknown) = (spoiled(&key), of_unknown_key(&ann.access));
    let id = key.split('_').nth(1).unwrap();
    let as_client = |key: &str| {
        let form = [("grant_type", "client_credentials")];
        service.post("/oauth2/token").header("authorization", &basic(id, key)).form(&form)
    };
    let with_key = |key: &str| service.get("/protected").header("x-api-key", key);
    let long = vec![b'a'; 65_537];
    let nothing: &[&str] = &[];
    let look: &[&str] = &["GetItem limits"];
    let key_check: &[&str] = &["BatchGetItem api-keys users"];
    let cases: Vec<(Request, u16, &[&str])> = vec![
        (service.get("/nothing"), 404, nothing),
        (service.request("DELETE", "/token"), 405, nothing),
        (service.get("/users/me"), 401, nothing),
        (service.get("/users/me").bearer("garbage"), 401, nothing),
        (service.get("/users/me").bearer(&access), 401, nothing),
        (service.get("/users/me").bearer(&unknown), 401, nothing),
        (service.post("/token/refresh").form(&[("refresh_token", &refresh)]), 401, nothing),
        (service.post("/oauth2/revoke").form(&[("token", &refresh)]), 200, nothing),
        (service.post("/oauth2/introspect").form(&[("token", &ann.access)]), 401, nothing),
        (service.post("/token").form(&[("mfa_token", "dwm_forged"), ("otp", "000000")]), 401, look),
        (with_key(&typo), 403, nothing),
        (with_key(&key), 403, key_check),
        (as_client(&typo), 401, nothing),
        (as_client(&key), 401, key_check),
        (
            service
                .post("/users")
                .json(&json!({"username": "bob", "email": "bob@example.com", "password": "password"})),
            422,
            look,
        ),
        (service.post("/users").body("application/json", &long), 413, look),
        (service.post("/token").header_value("content-type", HeaderValue::from_static("text/xml")), 415, look),
    ];
    service.probe.forget();
    for (request, status, calls) in cases {
        let what = format!("{request:?}");
        let answer = request.send().await;
        assert_eq!(
            (answer.status, service.probe.calls()),
            (status, calls.iter().map(|&c| c.to_owned()).collect()),
            "{what}"
        );
        service.probe.forget();
    }
}

#[tokio::test]
async fn tokens_of_unknown_keys_cost_one_look_at_the_ring_in_half_a_minute() {
    let service = service_with(&[]).await;
    let unknown = of_unknown_key(&service.newcomer("ann").await.access);
    service.wait(31);
    service.probe.forget();
    for _ in 0..3 {
        service.me(&unknown).await.expect(401);
    }
    service.expect_calls(&["Query signing-keys"; 3]);
}

#[tokio::test]
async fn what_is_limited_costs_its_calls_until_the_limit_is_reached_and_then_none() {
    let limits = [("DOORWARD_LOGIN_RATE", "2/60"), ("DOORWARD_SIGN_UP_RATE", "2/3600")];
    let service = service_with(&limits).await;
    service.sign_up("ann").await.expect(201);
    service.sign_up("ann").await.expect(409);
    service.expect_calls(&["UpdateItem limits", "TransactWriteItems credentials users"].repeat(2));
    // The write that is refused, beside the read; and then it is known.
    service.try_login("ann", "wrong").await.expect(401);
    service.expect_calls(&REFUSED);
    service.try_login("nobody@example.com", PASSWORD).await.expect(401);
    service.expect_calls(&REFUSED_BY_EMAIL);
    service.try_login("ann", PASSWORD).await.expect(429);
    service.expect_calls(&["UpdateItem limits", "GetItem credentials"]);
    service.sign_up("bob").await.expect(429);
    service.expect_calls(&["UpdateItem limits"]);
    for _ in 0..3 {
        service.try_login("ann", PASSWORD).await.expect(429);
        service.sign_up("bob").await.expect(429);
    }
    service.expect_calls(&[]);
    for limited in [200; 5].into_iter().chain([429]) {
        service.get("/limited").send().await.expect(limited);
        service.expect_calls(&["UpdateItem limits"]);
    }
    service.get("/limited").send().await.expect(429);
    service.expect_calls(&[]);
}

#[tokio::test]
async fn closed_doors_cost_nothing() {
    let service = service_with(&[("DOORWARD_SIGN_UP", "closed"), ("DOORWARD_PASSWORD_GRANT", "off")]).await;
    service.sign_up("ann").await.expect_problem(403, "Sign-up is closed");
    service.try_login("ann", PASSWORD).await.expect_problem(403, "Password login is off");
    service.expect_calls(&[]);
}
