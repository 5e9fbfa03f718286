//! A refresh token that was used before: somebody has a copy.

use crate::support::{Service, Tokens, service, service_with};
use doorward_http::audit::Event;

impl Service {
    /// Refreshes so many times; all that was handed out, oldest first.
    async fn refreshed_times(&self, tokens: &Tokens, times: usize) -> Vec<Tokens> {
        let mut all = vec![tokens.clone()];
        for _ in 0..times {
            let next = self.refresh(&all[all.len() - 1].refresh).await.expect(200).tokens();
            all.push(next);
        }
        all
    }

    async fn expect_theft_by(&self, refresh_token: &str) {
        let before = self.thefts();
        self.refresh(refresh_token).await.expect_problem(401, "Invalid refresh token");
        assert_eq!(self.thefts(), before + 1);
    }

    async fn expect_all_ended(&self, all: &[Tokens]) {
        for tokens in all {
            self.expect_ended(tokens).await;
        }
    }
}

#[tokio::test]
async fn a_spent_token_ends_the_session_and_everything_that_came_of_it() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let (elsewhere, other) = (service.login("ann").await, service.newcomer("bob").await);
    let all = service.refreshed_times(&tokens, 1).await;
    service.wait(10);
    service.expect_theft_by(&tokens.refresh).await;
    let stolen = service.session(&tokens.access).await;
    assert_eq!(service.events().pop(), Some(Event::TheftDetected { user: stolen.user, session: stolen.id }));

    service.expect_all_ended(&all).await;
    service.expect_all_ended(&all).await;
    assert_eq!(service.thefts(), 1, "what is ended already is detected once");
    for alive in [elsewhere, other] {
        service.expect_alive(&alive.access).await;
        service.refresh(&alive.refresh).await.expect(200);
    }
}

#[tokio::test]
async fn a_spent_token_is_stolen_from_the_very_second_in_which_its_grace_ends() {
    for (grace, variables) in
        [(10, &[][..]), (1, &[("DOORWARD_REFRESH_GRACE", "1")][..]), (60, &[("DOORWARD_REFRESH_GRACE", "60")][..])]
    {
        let service = service_with(variables).await;
        let tokens = service.newcomer("ann").await;
        let all = service.refreshed_times(&tokens, 1).await;
        service.wait(grace - 1);
        service.refresh(&tokens.refresh).await.expect(200);
        service.wait(1);
        service.expect_theft_by(&tokens.refresh).await;
        service.expect_all_ended(&all).await;
    }
}

#[tokio::test]
async fn a_repetition_does_not_prolong_the_grace() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    service.refresh(&tokens.refresh).await.expect(200);
    for _ in 0..3 {
        service.wait(3);
        service.refresh(&tokens.refresh).await.expect(200);
    }
    service.wait(1);
    service.expect_theft_by(&tokens.refresh).await;
}

#[tokio::test]
async fn without_grace_any_repetition_is_theft() {
    let service = service_with(&[("DOORWARD_REFRESH_GRACE", "0")]).await;
    let tokens = service.newcomer("ann").await;
    let all = service.refreshed_times(&tokens, 2).await;
    service.expect_theft_by(&all[1].refresh).await;
    service.expect_all_ended(&all).await;
}

#[tokio::test]
async fn once_the_successor_was_used_there_is_no_grace() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let all = service.refreshed_times(&tokens, 2).await;
    service.expect_theft_by(&tokens.refresh).await;
    service.expect_all_ended(&all).await;
}

#[tokio::test]
async fn a_token_of_long_ago_is_stolen_still_whatever_it_asks_for() {
    for scope in ["read:items", "admin", "read:items\"", "é"] {
        let service = service().await;
        let tokens = service.newcomer("ann").await;
        let all = service.refreshed_times(&tokens, 5).await;
        service.wait(86_400);
        let form = [("refresh_token", all[1].refresh.as_str()), ("scope", scope)];
        service.post("/token/refresh").form(&form).send().await.expect_problem(401, "Invalid refresh token");
        assert_eq!(service.thefts(), 1, "{scope}");
        service.refresh(&all[5].refresh).await.expect_problem(401, "Invalid refresh token");
    }
}

#[tokio::test]
async fn a_malformed_scope_says_nothing_before_the_token_does() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let form = [("refresh_token", tokens.refresh.as_str()), ("scope", "read:items\"")];
    service.post("/token/refresh").form(&form).send().await.expect_problem(400, "Scope not allowed");
    service.post_as(&tokens.access, "/logout").await.expect(200);
    service.post("/token/refresh").form(&form).send().await.expect_problem(401, "Invalid refresh token");
}

#[tokio::test]
async fn the_grace_is_no_way_back_into_a_session_that_was_ended() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let all = service.refreshed_times(&tokens, 1).await;
    service.post_as(&all[1].access, "/logout").await.expect(200);
    service.expect_all_ended(&all).await;
    assert_eq!(service.thefts(), 0);
}

#[tokio::test]
async fn theft_in_the_other_dialect_is_theft() {
    let service = service().await;
    let tokens = service.newcomer("ann").await;
    let all = service.refreshed_times(&tokens, 1).await;
    service.wait(10);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let answer = service.post("/oauth2/token").form(&form).send().await.expect(400);
    assert_eq!(answer.text("error"), "invalid_grant");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(service.thefts(), 1);
    service.expect_all_ended(&all).await;
}
