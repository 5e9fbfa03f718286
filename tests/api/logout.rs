//! `POST /logout`, `POST /logout/all`, `POST /revoke-token`: what is dead afterwards, and what is not.

use crate::support::state::claims;
use crate::support::{PASSWORD, Service, Tokens, service};
use doorward_http::audit::Event;
use serde_json::json;

const WAYS_OUT: [&str; 3] = ["/logout", "/logout/all", "/revoke-token"];

impl Service {
    async fn expect_revoked(&self, access_token: &str) {
        self.me(access_token).await.expect_problem(401, "Token has been revoked");
    }

    /// All of a session's tokens so far, after one refresh.
    async fn refreshed(&self, tokens: &Tokens) -> Tokens {
        self.refresh(&tokens.refresh).await.expect(200).tokens()
    }
}

#[tokio::test]
async fn nobody_logs_out_twice() {
    let service = service().await;
    for path in WAYS_OUT {
        let tokens = service.newcomer(&path.replace('/', "-")).await;
        service.post_as(&tokens.access, path).await.expect(200);
        for again in WAYS_OUT {
            service.post_as(&tokens.access, again).await.expect_problem(401, "Token has been revoked");
        }
    }
    let outs =
        service.events().iter().filter(|e| !matches!(e, Event::SignedUp { .. } | Event::LoggedIn { .. })).count();
    assert_eq!(outs, 3, "what is refused is no event");
}

#[tokio::test]
async fn a_get_does_not_log_out() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    for path in WAYS_OUT {
        let answer = service.get(path).bearer(&access).send().await.expect_problem(405, "Method Not Allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    service.expect_alive(&access).await;
}

#[tokio::test]
async fn a_logout_ends_this_session_and_every_token_of_it() {
    let service = service().await;
    let first = service.newcomer("ann").await;
    let second = service.refreshed(&first).await;
    let renewed = service.post_as(&first.access, "/refresh-token").await.expect(200).text("access_token");
    let (elsewhere, other) = (service.login("ann").await, service.newcomer("bob").await);

    let answer = service.post_as(&renewed, "/logout").await.expect(200);
    assert_eq!(answer.json(), json!({"message": "Successfully logged out"}));
    // Within the grace time of the first refresh token: that is no way back in either.
    service.expect_ended(&first).await;
    service.expect_ended(&second).await;
    service.expect_revoked(&renewed).await;
    assert_eq!(service.thefts(), 0, "a token of a session that was ended is not stolen");

    for alive in [elsewhere, other] {
        service.expect_alive(&alive.access).await;
        service.expect_alive(&service.refreshed(&alive).await.access).await;
    }
    service.expect_alive(&service.login("ann").await.access).await;
}

#[tokio::test]
async fn a_logout_everywhere_ends_every_session_of_the_user_and_of_nobody_else() {
    let service = service().await;
    let first = service.newcomer("ann").await;
    let second = service.refreshed(&first).await;
    let (elsewhere, other) = (service.login("ann").await, service.newcomer("bob").await);
    let before = service.user("ann").await.epoch;

    let answer = service.post_as(&second.access, "/logout/all").await.expect(200);
    assert_eq!(answer.json(), json!({"message": "Successfully logged out everywhere"}));
    for ended in [first, second, elsewhere] {
        service.expect_ended(&ended).await;
    }
    assert_eq!(service.thefts(), 0);
    service.expect_alive(&service.refreshed(&other).await.access).await;

    // No clock is asked: a login in the same instant is neither lost nor spared.
    let anew = service.login("ann").await;
    service.expect_alive(&service.refreshed(&anew).await.access).await;
    assert_eq!(service.user("ann").await.epoch, before.next());
}

#[tokio::test]
async fn a_revoked_token_is_dead_and_its_session_goes_on() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let sibling = service.post_as(&tokens.access, "/refresh-token").await.expect(200).text("access_token");

    let answer = service.post_as(&tokens.access, "/revoke-token").await.expect(200);
    assert_eq!(answer.json(), json!({"message": "Token revoked successfully"}));
    service.expect_revoked(&tokens.access).await;
    service.post_as(&tokens.access, "/refresh-token").await.expect_problem(401, "Token has been revoked");
    service.expect_alive(&sibling).await;
    service.expect_alive(&service.refreshed(&tokens).await.access).await;
}

#[tokio::test]
async fn what_is_revoked_is_remembered_until_a_minute_past_its_end() {
    let service = service().await;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.wait(17);
    service.post_as(&access, "/revoke-token").await.expect(200);
    let claims = claims(&access);
    let item = service.raw.item("revoked-tokens", &[("jti", claims["jti"].as_str().unwrap())]).await.unwrap();
    let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(expires_at, claims["exp"].as_i64().unwrap() + 60);
    assert_eq!(service.raw.items("revoked-tokens").await.len(), 1);
}

#[tokio::test]
async fn the_answers_are_nobodys_to_keep_and_who_left_is_on_record() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let user = service.user("ann").await.id;
    for path in WAYS_OUT {
        let access = service.try_login("ann", PASSWORD).await.tokens().access;
        let session = service.session(&access).await.id;
        let answer = service.post_as(&access, path).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let event = service.events().pop().unwrap();
        match (path, event) {
            ("/logout", event) => assert_eq!(event, Event::LoggedOut { user: user.clone(), session }),
            ("/logout/all", event) => assert_eq!(event, Event::LoggedOutEverywhere { user: user.clone() }),
            (_, Event::TokenRevoked { user: whose, token }) => {
                assert_eq!((whose, token.as_str()), (user.clone(), claims(&access)["jti"].as_str().unwrap()));
            }
            (path, event) => panic!("{path}: {event:?}"),
        }
    }
}
