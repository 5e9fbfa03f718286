//! `POST /token/refresh`: rotation, grace, scopes, and ends.

use crate::support::state::claims;
use crate::support::{Answer, Service, Tokens, service, service_with};
use doorward_http::audit::Event;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

impl Service {
    async fn refresh_for(&self, refresh_token: &str, scope: &str) -> Answer {
        let form = [("refresh_token", refresh_token), ("scope", scope)];
        self.post("/token/refresh").form(&form).send().await
    }

    async fn expect_invalid_refresh(&self, refresh_token: &str) {
        self.refresh(refresh_token).await.expect_problem(401, "Invalid refresh token");
    }

    async fn login_for(&self, name: &str, scope: &str) -> Tokens {
        let form = [("username", name), ("password", crate::support::PASSWORD), ("scope", scope)];
        self.post("/token").form(&form).send().await.expect(200).tokens()
    }
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_without_a_look_at_the_store() {
    let service = service().await;
    let Tokens { access, refresh } = service.newcomer("ann").await;
    let stranger = crate::support::service().await.newcomer("ann").await;
    service.probe.forget();
    let mut forged = refresh.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let (cut, longer) = (&refresh[..refresh.len() - 1], format!("{refresh}A"));
    let (padded, spaced) = (format!("{refresh}="), format!(" {refresh}"));
    let upper = refresh.to_uppercase();
    for token in
        ["garbage", "dwr_", "a.b", "a.b.c.d", &forged, cut, &longer, &padded, &spaced, &upper, &stranger.refresh, "é"]
    {
        service.expect_invalid_refresh(token).await;
    }
    for jwt in [access.as_str(), "a.b.c", &stranger.access] {
        service.refresh(jwt).await.expect_problem(401, "Invalid token type");
    }
    assert_eq!(service.probe.calls(), Vec::<String>::new());
    service.refresh(&refresh).await.expect(200);
}

#[tokio::test]
async fn a_refresh_without_a_refresh_token_is_invalid() {
    let service = service().await;
    let Tokens { refresh, .. } = service.newcomer("ann").await;
    let post = || service.post("/token/refresh");
    for body in [json!({}), json!({"refresh_token": null}), json!({"refresh_token": 1}), json!({"scope": "a"})] {
        post().json(&body).send().await.expect_invalid(&["/refresh_token"]);
    }
    post().form(&[("refresh_token", "")]).send().await.expect_invalid(&["/refresh_token"]);
    post().send().await.expect_invalid(&["/refresh_token"]);
    let in_query = format!("/token/refresh?refresh_token={refresh}");
    service.post(&in_query).send().await.expect_invalid(&["/refresh_token"]);
    let unknown = json!({"refresh_token": refresh, "grant_type": "refresh_token"});
    post().json(&unknown).send().await.expect_invalid(&["/grant_type"]);
    let twice = [("refresh_token", refresh.as_str()), ("refresh_token", refresh.as_str())];
    post().form(&twice).send().await.expect_invalid(&["/refresh_token"]);
    post().body("text/plain", refresh.as_bytes()).send().await.expect_problem(415, "Unsupported media type");
    service.refresh(&refresh).await.expect(200);
}

#[tokio::test]
async fn a_refresh_gives_a_pair_in_the_shape_of_a_login() {
    let service = service().await;
    let mut tokens = service.newcomer("ann").await;
    for form in [false, true, false] {
        service.wait(100);
        let body = [("refresh_token", tokens.refresh.as_str())];
        let request = service.post(if form { "/token/refresh/" } else { "/token/refresh" });
        let request = if form { request.form(&body) } else { request.json(&json!({"refresh_token": tokens.refresh})) };
        let answer = request.send().await.expect(200);
        let body = answer.json();
        let members: BTreeSet<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"].into());
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(900)));
        assert_eq!(body["scope"], "read:items write:items");
        assert_eq!(answer.header("cache-control"), Some("no-store"));

        let next = answer.tokens();
        assert_ne!(next, tokens);
        assert!(next.refresh.starts_with("dwr_"));
        let (old, new) = (claims(&tokens.access), claims(&next.access));
        assert_ne!(old["jti"], new["jti"]);
        for same in ["sub", "sid", "auth_time", "amr", "iss", "aud", "client_id"] {
            assert_eq!(old[same], new[same], "{same}");
        }
        service.expect_alive(&next.access).await;
        tokens = next;
    }
    assert_eq!(service.generation(&tokens.access).await, 3);
    let refreshed = service.events().iter().filter(|event| matches!(event, Event::Refreshed { .. })).count();
    assert_eq!((refreshed, service.count_sessions().await), (3, 1));
}

#[tokio::test]
async fn within_the_grace_time_the_same_successor_is_given_again() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.wait(100);
    let first = service.refresh(&tokens.refresh).await.expect(200).tokens();
    let mut accesses = BTreeSet::from([tokens.access.clone(), first.access.clone()]);
    for step in [0, 5_000, 4_999] {
        service.clock.advance(Duration::from_millis(step));
        let again = service.refresh(&tokens.refresh).await.expect(200).tokens();
        assert_eq!(again.refresh, first.refresh);
        assert!(accesses.insert(again.access.clone()), "an access token of its own");
    }
    assert_eq!(service.generation(&tokens.access).await, 1);
    for access in accesses {
        service.expect_alive(&access).await;
    }
    service.refresh(&first.refresh).await.expect(200);
    assert_eq!(service.thefts(), 0);
}

#[tokio::test]
async fn scopes_are_never_wider_than_the_session_and_a_refusal_uses_nothing_up() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let tokens = service.login_for("ann", "read:items").await;
    for scope in ["write:items", "read:items write:items", "admin", "read:items\"", &"a".repeat(65)] {
        service.refresh_for(&tokens.refresh, scope).await.expect_problem(400, "Scope not allowed");
    }
    assert_eq!(service.generation(&tokens.access).await, 0);

    let next = service.refresh_for(&tokens.refresh, "read:items").await.expect(200);
    assert_eq!(
        (next.text("scope").as_str(), claims(&next.tokens().access)["scope"].as_str()),
        ("read:items", Some("read:items"))
    );
    // A repetition within the grace time is no way to more either.
    service.refresh_for(&tokens.refresh, "write:items").await.expect_problem(400, "Scope not allowed");
    assert_eq!(service.thefts(), 0);
}

#[tokio::test]
async fn scopes_may_be_narrowed_for_one_access_token() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let narrow = service.refresh_for(&tokens.refresh, "write:items").await.expect(200);
    assert_eq!(narrow.text("scope"), "write:items");
    // The refresh token stands for all that was granted (RFC 6749 §6).
    for scope in ["", "read:items write:items"] {
        let wide = service.refresh_for(&tokens.refresh, scope).await.expect(200);
        assert_eq!(wide.text("scope"), "read:items write:items");
    }
}

#[tokio::test]
async fn more_than_a_hundred_scopes_are_compared_too() {
    let scopes: Vec<_> = (0..130).map(|n| format!("s{n:03}")).collect();
    let all = scopes.join(" ");
    let service = service_with(&[("DOORWARD_DEFAULT_SCOPES", &all)]).await;
    let tokens = service.newcomer("ann").await;
    for wider in [format!("{all} x"), format!("{} x", scopes[..99].join(" ")), format!("{} x", scopes[..100].join(" "))]
    {
        service.refresh_for(&tokens.refresh, &wider).await.expect_problem(400, "Scope not allowed");
    }
    assert_eq!(service.generation(&tokens.access).await, 0);
    let mut refresh = tokens.refresh;
    for count in [99, 100, 101, 130] {
        let asked = scopes[..count].join(" ");
        let answer = service.refresh_for(&refresh, &asked).await.expect(200);
        assert_eq!(answer.text("scope"), asked);
        refresh = answer.tokens().refresh;
    }
    assert_eq!(service.generation(&tokens.access).await, 4);
    service.post_as(&tokens.access, "/logout").await.expect(200);
    service.refresh_for(&refresh, &all).await.expect_problem(401, "Invalid refresh token");
}

#[tokio::test]
async fn what_a_user_lost_since_the_login_is_lost_at_the_refresh() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.set_scopes("ann", &["read:items", "more:items"]).await;
    let answer = service.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(answer.text("scope"), "read:items");
    assert_eq!(claims(&answer.tokens().access)["scope"], "read:items");
    service.refresh_for(&answer.tokens().refresh, "more:items").await.expect_problem(400, "Scope not allowed");
}

#[tokio::test]
async fn a_refresh_token_is_dead_from_the_very_second_of_its_idle_end() {
    for (variables, idle) in [(&[][..], 604_800), (&[("DOORWARD_REFRESH_TTL", "50")][..], 50)] {
        let service = service_with(variables).await;
        let tokens = service.newcomer("ann").await;
        service.wait(idle - 1);
        let next = service.refresh(&tokens.refresh).await.expect(200);
        assert_eq!(next.json()["expires_in"], idle.min(900), "no access token outlives its session");
        let next = next.tokens();
        service.wait(idle - 1);
        service.clock.advance(Duration::from_millis(999));
        let last = service.refresh(&next.refresh).await.expect(200).tokens();
        service.wait(idle);
        service.expect_invalid_refresh(&last.refresh).await;
        service.expect_invalid_refresh(&tokens.refresh).await;
        assert_eq!(service.thefts(), 0, "what is over cannot be stolen");
    }
}

#[tokio::test]
async fn a_session_is_dead_from_the_very_second_of_its_end() {
    let service = service_with(&[("DOORWARD_SESSION_TTL", "1000")]).await;
    let tokens = service.newcomer("ann").await;
    service.wait(600);
    let answer = service.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(answer.json()["expires_in"], 400, "no access token outlives its session");
    service.wait(399);
    let last = service.refresh(&answer.tokens().refresh).await.expect(200);
    assert_eq!(last.json()["expires_in"], 1);
    service.expect_alive(&last.tokens().access).await;
    service.wait(1);
    service.expect_invalid_refresh(&last.tokens().refresh).await;
    service.me(&last.tokens().access).await.expect_problem(401, "Could not validate credentials");
    assert!(service.find_session(&tokens.access).await.is_some(), "the store deletes late");
}

/// Tokens end with whole seconds, and whoever gets one can use it.
#[tokio::test]
async fn the_last_token_of_a_session_is_good_at_first() {
    let service = service_with(&[("DOORWARD_SESSION_TTL", "10")]).await;
    for start in [0, 1, 300, 999] {
        service.clock.advance(Duration::from_millis(start));
        let mut tokens = service.newcomer(&format!("ann-{start}")).await;
        for _ in 0..110 {
            let answer = service.refresh(&tokens.refresh).await;
            if answer.status == 401 {
                break;
            }
            tokens = answer.expect(200).tokens();
            service.expect_alive(&tokens.access).await;
            service.clock.advance(Duration::from_millis(100));
        }
        service.expect_invalid_refresh(&tokens.refresh).await;
    }
}

#[tokio::test]
async fn a_session_or_a_user_that_is_gone_refreshes_nothing() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.delete_session(&tokens.access).await;
    service.expect_invalid_refresh(&tokens.refresh).await;
    assert!(service.find_session(&tokens.access).await.is_none(), "a deleted session is not born again");
    let tokens = service.newcomer("bob").await;
    service.delete_user(&tokens.access).await;
    service.expect_invalid_refresh(&tokens.refresh).await;
    assert_eq!(service.thefts(), 0);
}

#[tokio::test]
async fn a_disabled_user_is_told_so_and_finds_the_refresh_token_dead_afterwards() {
    let service = service().await;
    let (tokens, unused) = (service.newcomer("ann").await, service.login("ann").await);
    service.disable("ann").await;
    service.refresh(&tokens.refresh).await.expect_problem(400, "Inactive user");
    service.enable("ann").await;
    service.expect_invalid_refresh(&tokens.refresh).await;
    service.expect_invalid_refresh(&unused.refresh).await;
    assert_eq!(service.thefts(), 0);
}

#[tokio::test]
async fn a_store_set_back_to_an_earlier_state_is_no_theft() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let user = service.user("ann").await.id;
    let session = service.session(&tokens.access).await.id.to_string();
    let key = [("user_id", user.as_str()), ("session_id", session.as_str())];
    let earlier = service.raw.item("sessions", &key).await.unwrap();
    let first = service.refresh(&tokens.refresh).await.expect(200).tokens();
    let second = service.refresh(&first.refresh).await.expect(200).tokens();
    service.raw.put("sessions", earlier).await;
    service.wait(60);
    for token in [&first.refresh, &second.refresh] {
        service.expect_invalid_refresh(token).await;
    }
    assert_eq!(service.thefts(), 0);
    service.expect_alive(&second.access).await;
    service.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_store_that_is_down_uses_nothing_up() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.probe.cut_off(true);
    let answer = service.refresh(&tokens.refresh).await.expect_problem(503, "Service unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    service.probe.cut_off(false);
    service.refresh(&tokens.refresh).await.expect(200);
}
