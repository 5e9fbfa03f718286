//! `POST /oauth2/revoke` (RFC 7009): whoever has a token ends it.

use crate::support::request::Request;
use crate::support::state::claims;
use crate::support::{Answer, Tokens, service, service_with};
use doorward_http::audit::Event;
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

/// Expects the answer to every revocation.
#[track_caller]
fn expect_done(answer: Answer) {
    let answer = answer.expect(200);
    answer.expect_uncached();
    assert!(answer.body.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn what_is_missing_empty_or_repeated_is_an_invalid_request() {
    let service = service().await;
    let Tokens { access, refresh } = service.newcomer("ann").await;
    service.probe.forget();
    for body in [
        String::new(),
        "token=".to_owned(),
        "token_type_hint=access_token".to_owned(),
        format!("token={access}&token={access}"),
        format!("token={access}&token="),
        format!("token={access}&token_type_hint=a&token_type_hint=b"),
        format!("token={access}&note=%FF"),
    ] {
        let answer = service.post("/oauth2/revoke").body(FORM, body.as_bytes()).send().await;
        answer.expect_plain_oauth_error(400, "invalid_request");
    }
    let in_query = format!("/oauth2/revoke?token={refresh}");
    for request in [
        service.post("/oauth2/revoke").json(&json!({"token": refresh})),
        service.post("/oauth2/revoke").body("text/plain", format!("token={refresh}").as_bytes()),
        service.post("/oauth2/revoke").body("", format!("token={refresh}").as_bytes()),
        service.post(&in_query),
        service.post(&in_query).form(&[("token_type_hint", "refresh_token")]),
    ] {
        request.send().await.expect_plain_oauth_error(400, "invalid_request");
    }
    let method = service.get(&in_query).send().await.expect_problem(405, "Method Not Allowed");
    assert_eq!(method.header("allow"), Some("POST"));
    method.expect_uncached();
    assert_eq!(service.probe.calls(), [""; 0]);
    service.expect_alive(&access).await;
}

#[tokio::test]
async fn what_is_no_token_is_as_good_as_revoked_and_costs_nothing() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.key_of(&ann, "ci").await;
    let gone = service.login("ann").await.access;
    service.wait(900);
    // The ring is read again once a minute.
    service.get("/.well-known/jwks.json").send().await.expect(200);
    service.probe.forget();
    let events = service.events();
    let cut = &ann.refresh[..ann.refresh.len() - 1];
    let forged = format!("{}.AAAA", ann.access.rsplit_once('.').unwrap().0);
    let long = "a".repeat(20_000);
    for text in ["x", "dwr_", "..", "\0", "\u{e9}", cut, &forged, &gone, &long, &made.key, &made.id] {
        expect_done(service.revoke(text).send().await);
    }
    assert_eq!(service.probe.calls(), [""; 0]);
    assert_eq!(service.events(), events);
    service.refresh(&ann.refresh).await.expect(200);
    service.expect_key_good(&made.key).await;
}

#[tokio::test]
async fn a_refresh_token_of_whatever_generation_ends_its_session() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    for spent in 0..4 {
        let mut all = vec![service.login("ann").await];
        for _ in 0..3 {
            service.wait(11);
            let next = service.refresh(&all.last().unwrap().refresh).await.expect(200).tokens();
            all.push(next);
        }
        let elsewhere = service.login("ann").await;
        service.probe.forget();
        expect_done(service.revoke(&all[spent].refresh).send().await);
        assert_eq!(service.probe.calls(), ["UpdateItem sessions"]);
        let session = service.session(&all[0].access).await.id;
        let ended = Event::SessionEnded { user: service.user("ann").await.id, session };
        assert_eq!(service.events().pop(), Some(ended));
        for tokens in &all {
            service.expect_ended(tokens).await;
        }
        assert_eq!(service.thefts(), 0, "a spent token that is handed in is not stolen");
        service.refresh(&elsewhere.refresh).await.expect(200);

        // Again, with any of them: nothing happens any more.
        let events = service.events();
        service.wait(1);
        for tokens in &all {
            expect_done(service.revoke(&tokens.refresh).send().await);
        }
        assert_eq!(service.events(), events);
    }
}

#[tokio::test]
async fn a_session_that_is_gone_stays_gone() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.delete_session(&ann.access).await;
    expect_done(service.revoke(&ann.refresh).send().await);
    assert_eq!(service.count_sessions().await, 0, "an update makes no session");
    let lapsed = service.login("ann").await;
    service.wait(2_592_000);
    expect_done(service.revoke(&lapsed.refresh).send().await);
}

#[tokio::test]
async fn an_access_token_is_revoked_alone() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    let sibling = service.post_as(&ann.access, "/refresh-token").await.expect(200).text("access_token");
    service.probe.forget();
    expect_done(service.revoke(&ann.access).send().await);
    assert_eq!(service.probe.calls(), ["PutItem revoked-tokens"]);
    service.me(&ann.access).await.expect_problem(401, "Token has been revoked");
    service.expect_alive(&sibling).await;
    let item = service.raw.item("revoked-tokens", &[("jti", claims(&ann.access)["jti"].as_str().unwrap())]).await;
    let ends: i64 = item.unwrap()["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(ends, claims(&ann.access)["exp"].as_i64().unwrap() + 60);
    let user = service.user("ann").await.id;
    assert!(matches!(service.events().pop(), Some(Event::TokenRevoked { user: whose, .. }) if whose == user));
    expect_done(service.revoke(&ann.access).send().await);
    service.refresh(&ann.refresh).await.expect(200);
}

#[tokio::test]
async fn neither_a_wrong_hint_nor_who_asks_matters() {
    let service = service().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items").await;
    let dead = service.login("ann").await.access;
    service.post_as(&dead, "/logout").await.expect(200);
    let hints = ["access_token", "refresh_token", "id_token", "", "\u{e9}"];
    for (n, hint) in hints.into_iter().enumerate() {
        let tokens = service.login("ann").await;
        let dressed = |request: Request| match n {
            0 => request.client(&client),
            1 => request.header("authorization", "Basic !"),
            2 => request.bearer(&dead),
            3 => request.header("x-api-key", "dwk_typo"),
            _ => request,
        };
        for token in [&tokens.access, &tokens.refresh] {
            let form = [("token", token.as_str()), ("token_type_hint", hint), ("client_id", "anything")];
            let request = service.post("/oauth2/revoke").form(&[&form[..], &[("client_secret", "anything")]].concat());
            expect_done(dressed(request).send().await);
        }
        service.expect_ended(&tokens).await;
    }
    service.expect_alive(&ann.access).await;
}

#[tokio::test]
async fn a_revocation_that_is_sent_again_is_one() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    for (token, operation, table) in
        [(&ann.access, "PutItem", "revoked-tokens"), (&ann.refresh, "UpdateItem", "sessions")]
    {
        let events = service.events().len();
        service.probe.lose_reply(operation, table);
        expect_done(service.revoke(token).send().await);
        assert!(service.probe.is_done());
        assert_eq!(service.events().len(), events + 1);
    }
    service.expect_ended(&ann).await;
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_nothing_is_revoked() {
    let service = service().await;
    let ann = service.newcomer("ann").await;
    service.probe.cut_off(true);
    for token in [&ann.access, &ann.refresh] {
        let away = service.revoke(token).send().await.expect_problem(503, "Service unavailable");
        assert_eq!(away.header("retry-after"), Some("1"));
        away.expect_uncached();
    }
    service.probe.cut_off(false);
    service.expect_alive(&ann.access).await;
    service.refresh(&ann.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_outlives_a_revocation_beside_it() {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA")]).await;
    service.sign_up("ann").await.expect(201);
    let mut refreshed = 0;
    for round in 0..40 {
        let tokens = service.login("ann").await;
        let refresh = || {
            service.post("/oauth2/token").form(&[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)])
        };
        let mut requests: Vec<_> = (0..6).map(|_| refresh()).collect();
        requests.insert(round % 7, service.revoke(&tokens.refresh));
        let mut answers = crate::support::admin::race(requests).await;
        expect_done(answers.remove(round % 7));
        let mut all = vec![tokens];
        for answer in answers {
            if answer.status == 200 {
                refreshed += 1;
                all.push(answer.tokens());
            } else {
                answer.expect_plain_oauth_error(400, "invalid_grant");
            }
        }
        for tokens in &all {
            service.expect_ended(tokens).await;
        }
    }
    assert!(refreshed > 0, "some were faster than the revocation");
    assert_eq!(service.thefts(), 0);
}
