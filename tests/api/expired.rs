//! What is over counts for nothing, on every route that looks at it, though the store still has it: it deletes days late.
//!
//! The moment at which each thing ends is held to where that thing is tested; here is that its end is an end everywhere.

use crate::routes::{Dialect, ROUTES};
use crate::support::admin::Person;
use crate::support::api_keys::MadeKey;
use crate::support::authorizer::Authorizer;
use crate::support::raw::Item;
use crate::support::second_factor::{Guarded, STEP};
use crate::support::state::claims;
use crate::support::{PASSWORD, Service, service, service_with};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward::tables::of_template;
use doorward_core::keyring::Purpose;
use doorward_core::rotation::Order;
use serde_json::json;
use std::collections::BTreeSet;

/// Every end that the store keeps. `expires_at` is for the store itself, which deletes by it; nobody else reads it.
const ENDS: [(&str, &str); 12] = [
    ("api-keys", "ends_at"),
    ("api-keys", "expires_at"),
    ("api-keys", "previous_until"),
    ("limits", "expires_at"),
    ("revoked-tokens", "expires_at"),
    ("second-factors", "failures_until"),
    ("second-factors", "pending_until"),
    ("sessions", "ends_at"),
    ("sessions", "expires_at"),
    ("signing-keys", "signs_from"),
    ("signing-keys", "signs_until"),
    ("signing-keys", "verifies_until"),
];

/// Whoever else is asked what a token or a key is worth.
struct Others {
    authorizer: Authorizer,
    inquirer: MadeKey,
}

impl Others {
    async fn of(service: &Service) -> Self {
        let inquirer = service.inquirer().await;
        Self { authorizer: service.authorizer().await, inquirer }
    }

    /// Expects that an access token is good on no route, whose own end is yet to come unless it is that which is over.
    async fn expect_access_over(&self, service: &Service, token: &str) {
        for route in ROUTES.iter().filter(|route| route.needs_bearer) {
            let answer = service.request(route.method, route.path).bearer(token).send().await;
            assert_eq!(answer.status, 401, "{} {}", route.method, route.path);
            if route.dialect == Dialect::OAuth {
                assert_eq!(answer.text("error"), "invalid_token", "{} {}", route.method, route.path);
            }
        }
        self.authorizer.expect_token_refused(token).await;
        service.expect_inactive(&self.inquirer, token).await;
    }

    /// Expects that a refresh token is good on no route, and that nobody takes it for a theft.
    async fn expect_refresh_over(&self, service: &Service, token: &str) {
        let thefts = service.thefts();
        service.refresh(token).await.expect_problem(401, "Invalid refresh token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        service.post("/oauth2/token").form(&form).send().await.expect_oauth_error(400, "invalid_grant");
        service.expect_inactive(&self.inquirer, token).await;
        assert_eq!(service.thefts(), thefts);
    }

    async fn expect_session_over(&self, service: &Service, who: &Person) {
        self.expect_access_over(service, &who.access).await;
        self.expect_refresh_over(service, &who.refresh).await;
    }

    /// Expects that a secret is good on no route.
    async fn expect_secret_over(&self, service: &Service, key: &MadeKey) {
        service.expect_key_dead(&key.key).await;
        service.ask_as_client(key, "").send().await.expect_oauth_error(401, "invalid_client");
        service.introspect("x").client(key).send().await.expect_oauth_error(401, "invalid_client");
        let by_header = service.introspect("x").header("x-api-key", &key.key).send().await;
        by_header.expect_oauth_error(401, "invalid_client");
        self.authorizer.expect_key_refused(&key.key).await;
    }
}

impl Service {
    /// The one item of a table in which an attribute has that value.
    async fn item_with(&self, table: &str, attribute: &str, value: &str) -> Item {
        let value = AttributeValue::S(value.to_owned());
        let items = self.raw.items(table).await.into_iter().filter(|item| item.get(attribute) == Some(&value));
        let mut items: Vec<_> = items.collect();
        assert_eq!(items.len(), 1, "{table} {attribute} {value:?}");
        items.remove(0)
    }

    /// Lets an item have ended now, by that attribute and by what the store deletes it by.
    async fn end_now(&self, table: &str, mut item: Item, attribute: &str) {
        item.insert(attribute.to_owned(), AttributeValue::N(self.clock.now().millis().to_string()));
        item.insert("expires_at".to_owned(), AttributeValue::N(self.clock.now().seconds().to_string()));
        self.raw.put(table, item).await;
    }

    fn ends_later(&self, access: &str) -> bool {
        claims(access)["exp"].as_i64().unwrap() > self.clock.now().seconds()
    }
}

fn sid(who: &Person) -> String {
    claims(&who.access)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_list_of_ends_is_whole() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "50/60")]).await;
    let ann = service.with_second_factor("ann").await;
    service.verify(&ann.person.access, "000").send().await.expect(400);
    service.new_app(&ann.person.access).await;
    let body = json!({"name": "ci", "expires_at": "2030-01-01T00:00:00Z"});
    let key = MadeKey::of(&service.ask_for_key(&ann.person, &body).send().await.expect(201));
    service.rotate(&ann.person, &key, 60).send().await.expect(200);
    service.post("/items").bearer(&ann.person.access).json(&json!({"name": "lamp"})).send().await.expect(200);
    service.post_as(&ann.person.access, "/revoke-token").await.expect(200);
    service.turn(Purpose::Sign, Order::Now).await;

    let mut found = BTreeSet::new();
    for table in of_template().unwrap().into_iter().map(|table| table.name) {
        let items = service.raw.items(&table).await;
        assert!(!items.is_empty(), "{table}");
        let names = items.into_iter().flat_map(Item::into_keys);
        let ends =
            names.filter(|name| ["_until", "_from", "ends_at", "expires_at"].iter().any(|end| name.ends_with(end)));
        found.extend(ends.map(|name| (table.clone(), name)));
    }
    let found: BTreeSet<_> = found.iter().map(|(table, name)| (table.as_str(), name.as_str())).collect();
    assert_eq!(found, BTreeSet::from(ENDS));
}

#[tokio::test]
async fn a_session_that_has_ended() {
    let service = service().await;
    let others = Others::of(&service).await;
    let ann = service.person("ann").await;
    let over = service.again("ann", &ann).await;
    service.expect_alive(&over.access).await;
    let item = service.item_with("sessions", "session_id", &sid(&over)).await;
    service.end_now("sessions", item, "ends_at").await;
    assert!(service.ends_later(&over.access));
    others.expect_session_over(&service, &over).await;
    let listed = service.see(&ann, "/users/me/sessions").await.expect(200).json();
    assert!(listed["items"].as_array().unwrap().iter().all(|session| session["id"] != sid(&over)), "{listed}");
    let path = format!("/users/me/sessions/{}", sid(&over));
    service.delete(&path).bearer(&ann.access).send().await.expect_problem(404, "Not Found");
    assert!(service.find_session(&over.access).await.is_some(), "the store still has it");
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn a_session_that_was_not_used_for_too_long() {
    let service = service_with(&[("DOORWARD_REFRESH_TTL", "50")]).await;
    let ann = service.person("ann").await;
    let over = service.again("ann", &ann).await;
    let others = Others::of(&service).await;
    service.wait(25);
    let ann = service.again("ann", &ann).await;
    service.wait(25);
    others.expect_session_over(&service, &over).await;
    let path = format!("/users/me/sessions/{}", sid(&over));
    service.delete(&path).bearer(&ann.access).send().await.expect_problem(404, "Not Found");
    assert!(service.find_session(&over.access).await.is_some(), "the store still has it");
    service.expect_in(&ann).await;
}

#[tokio::test]
async fn an_access_token_that_has_ended() {
    let service = service().await;
    let others = Others::of(&service).await;
    let ann = service.person("ann").await;
    service.wait(900);
    others.expect_access_over(&service, &ann.access).await;
    service.refresh(&ann.refresh).await.expect(200);
}

#[tokio::test]
async fn a_revocation_that_the_store_should_have_deleted_counts_as_long_as_it_is_there() {
    let service = service().await;
    let others = Others::of(&service).await;
    let ann = service.person("ann").await;
    service.post_as(&ann.access, "/revoke-token").await.expect(200);
    let item = service.raw.items("revoked-tokens").await.remove(0);
    service.end_now("revoked-tokens", item, "expires_at").await;
    assert!(service.ends_later(&ann.access));
    others.expect_access_over(&service, &ann.access).await;
}

#[tokio::test]
async fn a_key_that_has_ended() {
    let service = service().await;
    let others = Others::of(&service).await;
    let ann = service.person("ann").await;
    let key = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&key).await;
    service.expect_key_good(&key.key).await;
    service.get("/items").bearer(&token).send().await.expect(200);
    let item = service.item_with("api-keys", "key_id", &key.id).await;
    service.end_now("api-keys", item, "ends_at").await;
    others.expect_secret_over(&service, &key).await;
    assert!(service.ends_later(&token));
    others.expect_access_over(&service, &token).await;
    assert!(service.keys_of(&ann).await.is_empty());
    service.rotate(&ann, &key, 60).send().await.expect_problem(404, "Not Found");
    service.delete(&key.path()).bearer(&ann.access).send().await.expect_problem(404, "Not Found");
    service.item_with("api-keys", "key_id", &key.id).await;
}

#[tokio::test]
async fn a_secret_whose_overlap_has_ended() {
    let service = service().await;
    let others = Others::of(&service).await;
    let ann = service.person("ann").await;
    let old = service.client_of(&ann, "read:items").await;
    let new = MadeKey::of(&service.rotate(&ann, &old, 60).send().await.expect(200));
    service.expect_key_good(&old.key).await;
    service.wait(60);
    others.expect_secret_over(&service, &old).await;
    service.expect_key_good(&new.key).await;
    assert!(service.item_with("api-keys", "key_id", &old.id).await.contains_key("previous_hash"));
}

#[tokio::test]
async fn a_window_that_is_full_and_over() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "1/60"), ("DOORWARD_SIGN_UP_RATE", "1/60")]).await;
    service.sign_up("ann").await.expect(201);
    let hit = async |name: &str| {
        let mut statuses = vec![service.sign_up(name).await.status, service.try_login("ann", PASSWORD).await.status];
        for _ in 0..6 {
            statuses.push(service.get("/limited").send().await.status);
        }
        statuses
    };
    assert_eq!(hit("bob").await, [429, 200, 200, 200, 200, 200, 200, 429]);
    service.wait(60);
    assert_eq!(hit("carl").await, [201, 200, 200, 200, 200, 200, 200, 429]);
    assert_eq!(service.raw.items("limits").await.len(), 6, "the store still has the full ones");
    // Another instance remembers nothing, and finds what the store has.
    let other = service.another(&[("DOORWARD_LOGIN_RATE", "1/60")]).await;
    other.try_login("ann", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn failures_that_have_closed_an_account_for_long_enough() {
    let service = service().await;
    let ann = service.person("ann").await;
    for _ in 0..5 {
        service.try_login("ann", "wrong").await.expect(401);
    }
    let wrong = json!({"email": "new@example.com", "current_password": PASSWORD});
    service.change_me(&ann, &wrong).send().await.expect_problem(400, "Incorrect password");
    assert_eq!(service.failures("ann").await, 5);
    service.wait(1);
    service.change_me(&ann, &wrong).send().await.expect(200);
    service.login("ann").await;
}

#[tokio::test]
async fn a_new_secret_that_has_waited_too_long() {
    let service = service_with(&[("DOORWARD_OTP_RATE", "100/900")]).await;
    // Of somebody who has no other, and of somebody who has.
    let ann = service.person("ann").await;
    let never = service.new_app(&ann.access).await;
    let bob = service.with_second_factor("bob").await;
    let late = service.new_app(&bob.person.access).await;
    service.wait(600);
    let bob = Guarded { person: again(&service, &bob).await, ..bob };

    service.verify(&ann.access, &service.code(&never)).send().await.expect_problem(400, "Invalid 2FA code");
    service.expect_one_step("ann").await;
    let (access, code) = (&bob.person.access, service.code(&late));
    let token = service.first_step("bob").await;
    for request in [
        service.verify(access, &code),
        service.turn_off(access, PASSWORD, &code),
        service.replace_codes(access, PASSWORD, &code),
        service.log_in_with("bob", &code),
        service.second_step(&token, &code),
    ] {
        request.send().await.expect_problem(400, "Invalid 2FA code");
    }
    for item in service.raw.items("second-factors").await {
        assert!(item.contains_key("pending_sealed"), "the store still has it");
    }
    service.wait(STEP);
    service.log_in_with("bob", &service.code(&bob.app)).send().await.expect(200);
}

/// Another login of somebody with a second factor.
async fn again(service: &Service, guarded: &Guarded) -> Person {
    let answer = service.log_in_with(&guarded.name, &guarded.recovery[0]).send().await.expect(200);
    let tokens = answer.tokens();
    Person { id: guarded.person.id.clone(), access: tokens.access, refresh: tokens.refresh }
}

#[tokio::test]
async fn a_window_of_wrong_codes_that_is_over() {
    let service = service_with(&[("DOORWARD_ACCESS_TTL", "3600")]).await;
    let ann = service.with_second_factor("ann").await;
    let access = &ann.person.access;
    for _ in 0..5 {
        service.verify(access, "000").send().await.expect_problem(400, "Invalid 2FA code");
    }
    service.verify(access, &ann.recovery[0]).send().await.expect(429);
    service.wait(900);
    assert_eq!(service.wrong_codes_of("ann").await, 5, "the store still has them");
    let token = service.first_step("ann").await;
    service.second_step(&token, &ann.recovery[0]).send().await.expect(200);
    service.log_in_with("ann", &ann.recovery[1]).send().await.expect(200);
    service.verify(access, &ann.recovery[2]).send().await.expect(200);
    service.replace_codes(access, PASSWORD, &ann.recovery[3]).send().await.expect(200);
    service.turn_off(access, PASSWORD, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn a_first_step_that_nobody_followed() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let token = service.first_step("ann").await;
    service.wait(300);
    for code in [&service.code(&ann.app), &ann.recovery[0]] {
        service.second_step(&token, code).send().await.expect_problem(401, "Invalid mfa token");
        service.log_in_with("ann", code).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_key_of_ours_that_verifies_no_more() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.turn(Purpose::Sign, Order::RevokeOld).await;
    service.turn(Purpose::Refresh, Order::RevokeOld).await;
    service.expect_alive(&ann.access).await;
    service.wait(61);
    let others = Others::of(&service).await;
    assert!(service.ends_later(&ann.access));
    others.expect_session_over(&service, &ann).await;
    assert_eq!(service.published().await.len(), 1);
    for purpose in [Purpose::Sign, Purpose::Refresh] {
        assert_eq!(service.ring(purpose).await.len(), 2, "the store still has it");
    }
    service.expect_in(&service.again("ann", &ann).await).await;
}
