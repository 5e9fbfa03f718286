//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core §5.3): whose an access token is.

use crate::support::request::Request;
use crate::support::{PASSWORD, Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::user::DisplayName;
use serde_json::json;

const PATH: &str = "/oauth2/userinfo";
const INVALID: &str = "Bearer error=\"invalid_token\"";

fn ways(service: &Service) -> [Request; 2] {
    [service.get(PATH), service.post(PATH)]
}

#[tokio::test]
async fn who_brings_no_token_is_told_no_error() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    service.probe.forget();
    let in_query = format!("{PATH}?access_token={}", ann.access);
    let mut requests = Vec::from(ways(&service));
    requests.extend([
        service.get(&in_query),
        service.post(PATH).form(&[("access_token", &ann.access)]),
        service.get(PATH).header("cookie", &format!("access_token={}", ann.access)),
        service.get(PATH).client(&made),
        service.get(PATH).header("x-api-key", &made.key),
        service.get(PATH).header("authorization", &ann.access),
    ]);
    for request in requests {
        let answer = request.send().await.expect(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.json(), json!({}));
        answer.expect_uncached();
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_an_invalid_token() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let forged = format!("{}.AAAA", ann.access.rsplit_once('.').unwrap().0);
    let revoked = service.login("ann").await.access;
    service.post_as(&revoked, "/revoke-token").await.expect(200);
    let ended = service.login("ann").await.access;
    service.post_as(&ended, "/logout").await.expect(200);
    let sessionless = service.login("ann").await.access;
    service.delete_session(&sessionless).await;
    let expired = service.login("ann").await.access;
    service.wait(900);
    let disabled = service.newcomer("bob").await.access;
    service.disable("bob").await;
    let gone = service.newcomer("carl").await.access;
    service.delete_user(&gone).await;
    for token in ["", "x", &ann.refresh, &made.key, &forged, &revoked, &ended, &sessionless, &expired, &disabled, &gone]
    {
        for request in ways(&service) {
            request.bearer(token).send().await.expect_challenge(401, "invalid_token", INVALID);
        }
    }
    let now = service.login("ann").await.access;
    let twice = service.get(PATH).bearer(&now).bearer(&now).send().await;
    twice.expect_challenge(401, "invalid_token", INVALID);
}

#[tokio::test]
async fn a_clients_token_is_nobodys() {
    let service = service().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&client).await;
    for request in ways(&service) {
        let answer = request.bearer(&token).send().await;
        answer.expect_challenge(403, "insufficient_scope", "Bearer error=\"insufficient_scope\"");
    }
    service.revoke(&token).send().await.expect(200);
    service.get(PATH).bearer(&token).send().await.expect_challenge(401, "invalid_token", INVALID);
}

#[tokio::test]
async fn a_user_is_told_by_what_is_known_now() {
    let service = service().await;
    let ann = service.person("Ann").await;
    let known = json!({
        "sub": ann.id, "preferred_username": "Ann", "email": "Ann@example.com", "email_verified": false,
    });
    for request in ways(&service) {
        service.probe.forget();
        let answer = request.bearer(&ann.access).send().await.expect(200);
        assert_eq!(answer.json(), known);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.expect_uncached();
        assert_eq!(service.probe.calls(), ["BatchGetItem revoked-tokens sessions users"]);
    }
    service.alter(&ann, |user| user.full_name = DisplayName::parse("Ann \"A.\" é").ok()).await;
    let users = [("user_id", ann.id.as_str())];
    service.raw.set("users", &users, "email_verified", AttributeValue::Bool(true)).await;
    let body = service.get("/oauth2/userinfo/").bearer(&ann.access).send().await.expect(200).json();
    assert_eq!((&body["name"], &body["email_verified"]), (&json!("Ann \"A.\" é"), &json!(true)));
    // Imported people may have no address.
    service.alter(&ann, |user| (user.email, user.full_name) = (None, None)).await;
    let body = service.get(PATH).bearer(&ann.access).send().await.expect(200).json();
    assert_eq!(body, json!({"sub": ann.id, "preferred_username": "Ann"}));
}

#[tokio::test]
async fn any_live_token_of_the_user_will_do() {
    let service = service().await;
    let ann = service.person("ann").await;
    let form = [("username", "ann"), ("password", PASSWORD), ("scope", "read:items")];
    let narrow = service.post("/token").form(&form).send().await.expect(200).tokens();
    service.alter(&ann, |user| user.scopes = doorward_core::scope::ScopeSet::default()).await;
    for token in [&narrow.access, &ann.access] {
        service.get(PATH).bearer(token).send().await.expect(200);
    }
}

#[tokio::test]
async fn the_transports_refusals_are_problems() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let method = service.request("PUT", PATH).send().await.expect_problem(405, "Method Not Allowed");
    assert_eq!(method.header("allow"), Some("GET,HEAD,POST"));
    let long = service.post(PATH).bearer(&ann.access).header("content-length", "65537").send().await;
    let long = long.expect_problem(413, "Request body too large");
    service.probe.cut_off(true);
    let away = service.get(PATH).bearer(&ann.access).send().await.expect_problem(503, "Service unavailable");
    assert_eq!((away.header("retry-after"), away.header("www-authenticate")), (Some("1"), None));
    service.probe.cut_off(false);
    for answer in [method, long, away] {
        answer.expect_uncached();
    }
    for table in ["users", "sessions", "revoked-tokens"] {
        service.probe.leave_unprocessed(table);
        service.get(PATH).bearer(&ann.access).send().await.expect(200);
        assert!(service.probe.is_done());
    }
}
