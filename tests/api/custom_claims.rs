//! Claims of one's own: in whose tokens they are, from when on, and that nothing depends on them.

use crate::support::state::claims;
use crate::support::{Service, Tokens, service};
use doorward_core::custom_claims::{ClaimValue, CustomClaims, InvalidClaim};
use serde_json::{Map, Value, json};

const NAME: &str = "https://example.com/name";

/// What somebody is called, where they say so, and whether they have a second factor.
fn of_users() -> Result<CustomClaims, InvalidClaim> {
    CustomClaims::default()
        .with(NAME, |user| ClaimValue::text(user.full_name.as_ref()?.as_str()).ok())?
        .with("two_factor", |user| Some(user.two_factor_enabled.into()))
}

fn said(token: &str) -> Map<String, Value> {
    let mut all = claims(token).as_object().unwrap().clone();
    all.retain(|name, _| [NAME, "two_factor"].contains(&name.as_str()));
    all
}

fn expected(name: Option<&str>) -> Map<String, Value> {
    let mut all = json!({"two_factor": false}).as_object().unwrap().clone();
    all.extend(name.map(|name| (NAME.to_owned(), name.into())));
    all
}

impl Service {
    async fn rename(&self, access: &str, name: &str) {
        self.request("PATCH", "/users/me").bearer(access).json(&json!({"full_name": name})).send().await.expect(200);
    }

    async fn next_token(&self, access: &str) -> String {
        self.post_as(access, "/refresh-token").await.expect(200).text("access_token")
    }
}

#[tokio::test]
async fn every_token_of_a_user_says_what_the_profile_says_by_then() {
    let service = service().await.another_claiming(of_users().unwrap()).await;
    let Tokens { access, refresh } = service.newcomer("ann").await;
    assert_eq!(said(&access), expected(None));

    service.rename(&access, "Ann").await;
    let refreshed = service.refresh(&refresh).await.expect(200).tokens();
    assert_eq!(said(&refreshed.access), expected(Some("Ann")));

    service.rename(&access, "Ann \"Ü\" Bo").await;
    let renewed = service.next_token(&access).await;
    assert_eq!(said(&renewed), expected(Some("Ann \"Ü\" Bo")));

    service.rename(&access, "Cleo").await;
    assert_eq!(said(&service.login("ann").await.access), expected(Some("Cleo")));
    // What does not fit is left out, and nobody is locked out by it.
    service.rename(&access, &"é".repeat(200)).await;
    assert_eq!(said(&service.login("ann").await.access), expected(None));
    for token in [&access, &refreshed.access, &renewed] {
        service.expect_alive(token).await;
    }
}

#[tokio::test]
async fn nothing_reads_them_and_a_client_has_none() {
    let plain = service().await;
    let claiming = plain.another_claiming(of_users().unwrap()).await;
    let ann = claiming.person("ann").await;
    claiming.rename(&ann.access, "Ann").await;
    let token = claiming.next_token(&ann.access).await;
    assert_eq!(said(&token), expected(Some("Ann")));
    // A service that makes no such claims takes the token, and tells the same of it.
    plain.expect_alive(&token).await;
    let inquirer = plain.inquirer().await;
    let told = plain.told_of(&inquirer, &token).await;
    assert_eq!(told, claiming.told_of(&inquirer, &token).await);
    assert_eq!(told["active"], true);
    for name in [NAME, "two_factor"] {
        assert_eq!(told.get(name), None);
    }
    // And makes the next one without them.
    assert_eq!(said(&plain.next_token(&token).await), Map::new());

    let client = claiming.client_of(&ann, "read:items").await;
    assert_eq!(said(&claiming.client_token(&client).await), Map::new());
}

#[tokio::test]
async fn a_strangers_token_is_none_the_better_for_them() {
    let service = service().await.another_claiming(of_users().unwrap()).await;
    let stranger = crate::support::service().await.another_claiming(of_users().unwrap()).await;
    let foreign = stranger.newcomer("ann").await.access;
    let Tokens { access, .. } = service.newcomer("ann").await;
    service.me(&foreign).await.expect_problem(401, "Could not validate credentials");
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let claims = foreign.split('.').nth(1).unwrap();
    let mixed = format!("{header}.{claims}.{signature}");
    service.me(&mixed).await.expect_problem(401, "Could not validate credentials");
}
