//! `POST /refresh-token`: a new access token for a live one.

use crate::support::state::claims;
use crate::support::{Answer, Service, service, service_with};
use serde_json::json;
use std::collections::BTreeSet;

impl Service {
    async fn renew(&self, access_token: &str) -> Answer {
        self.post_as(access_token, "/refresh-token").await
    }

    /// Renews an access token and says for how long.
    async fn renewed(&self, access_token: &str) -> (String, u64) {
        let answer = self.renew(access_token).await.expect(200);
        let lifetime = answer.json()["expires_in"].as_u64().unwrap();
        let claims = claims(&answer.text("access_token"));
        assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + lifetime);
        (answer.text("access_token"), lifetime)
    }
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.renew(&tokens.refresh).await.expect_problem(401, "Could not validate credentials");
}

#[tokio::test]
async fn a_renewal_gives_an_access_token_and_nothing_else() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.wait(100);
    let answer = service.renew(&tokens.access).await.expect(200);
    let body = answer.json();
    let members: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"].into());
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
    assert_eq!(body["scope"], "read:items write:items");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (old, new) = (claims(&tokens.access), claims(&answer.text("access_token")));
    assert_ne!(old["jti"], new["jti"]);
    assert_eq!((&old["sub"], &old["sid"], &old["auth_time"]), (&new["sub"], &new["sid"], &new["auth_time"]));
    service.expect_alive(&answer.text("access_token")).await;
    service.expect_alive(&tokens.access).await;
}

#[tokio::test]
async fn a_renewal_does_not_move_the_session() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let before = service.session(&tokens.access).await;
    service.wait(100);
    service.renewed(&tokens.access).await;
    assert_eq!(service.session(&tokens.access).await, before);
    service.refresh(&tokens.refresh).await.expect(200);
    assert_eq!((service.generation(&tokens.access).await, service.thefts()), (1, 0));
}

#[tokio::test]
async fn nothing_is_renewed_of_a_session_that_was_not_used_for_too_long() {
    let service = service_with(&[("DOORWARD_REFRESH_TTL", "50")]).await;
    let tokens = service.newcomer("ann").await;
    service.wait(20);
    assert_eq!(service.renewed(&tokens.access).await.1, 30);
    service.wait(30);
    service.renew(&tokens.access).await.expect_problem(401, "Could not validate credentials");
    service.refresh(&tokens.refresh).await.expect_problem(401, "Invalid refresh token");
}

#[tokio::test]
async fn renewals_end_one_hour_after_the_last_login_or_refresh() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let mut access = tokens.access;
    let mut at = 0;
    for (then, lifetime) in [(800, 900), (1600, 900), (2400, 900), (2700, 900), (2701, 899), (3500, 100), (3599, 1)] {
        service.wait(then - at);
        at = then;
        let renewed = service.renewed(&access).await;
        assert_eq!(renewed.1, lifetime, "at {at}");
        access = renewed.0;
    }
    service.expect_alive(&access).await;
    service.wait(1);
    service.renew(&access).await.expect_problem(401, "Could not validate credentials");

    // A refresh begins another hour, for what renews from it.
    let refreshed = service.refresh(&tokens.refresh).await.expect(200).tokens();
    let mut access = refreshed.access;
    for lifetime in [900, 900, 900, 400] {
        service.wait(800);
        let renewed = service.renewed(&access).await;
        assert_eq!(renewed.1, lifetime);
        access = renewed.0;
    }
    service.wait(400);
    service.renew(&access).await.expect_problem(401, "Could not validate credentials");
}

#[tokio::test]
async fn an_access_token_that_lives_longer_than_an_hour_renews_nothing_afterwards() {
    let service = service_with(&[("DOORWARD_ACCESS_TTL", "7200")]).await;
    let tokens = service.newcomer("ann").await;
    service.wait(3599);
    assert_eq!(service.renewed(&tokens.access).await.1, 1);
    service.wait(1);
    service.expect_alive(&tokens.access).await;
    let answer = service.renew(&tokens.access).await.expect_problem(401, "Could not validate credentials");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn a_renewal_never_outlives_its_session() {
    let service = service_with(&[("DOORWARD_SESSION_TTL", "1000")]).await;
    let tokens = service.newcomer("ann").await;
    service.wait(899);
    let (access, lifetime) = service.renewed(&tokens.access).await;
    assert_eq!(lifetime, 101);
    service.wait(100);
    let (last, lifetime) = service.renewed(&access).await;
    assert_eq!(lifetime, 1);
    service.wait(1);
    service.renew(&last).await.expect_problem(401, "Could not validate credentials");
}

#[tokio::test]
async fn a_renewal_has_the_scopes_of_its_token_and_no_more_than_the_user_has() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let form = [("refresh_token", tokens.refresh.as_str()), ("scope", "read:items")];
    let narrow = service.post("/token/refresh").form(&form).send().await.expect(200).tokens();
    assert_eq!(service.renew(&narrow.access).await.expect(200).text("scope"), "read:items");
    service.set_scopes("ann", &["write:items"]).await;
    assert_eq!(service.renew(&tokens.access).await.expect(200).text("scope"), "write:items");
    assert_eq!(service.renew(&narrow.access).await.expect(200).text("scope"), "");
}
