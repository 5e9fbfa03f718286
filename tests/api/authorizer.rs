//! The authorizer of other people's APIs: whom it lets in, what it says of them, and what that costs.

use crate::support::admin::set;
use crate::support::api_keys::{MadeKey, a_key_of, strangers_key};
use crate::support::authorizer::{Api, Authorizer};
use crate::support::state::claims;
use crate::support::{PASSWORD, Service, service, service_with};
use doorward_authorizer::Failure;
use doorward_core::keyring::Purpose;
use doorward_core::rotation::Order;
use doorward_core::user::Role;
use doorward_store::ATTEMPTS;
use serde_json::{Value, json};

const USER_CHECK: &str = "BatchGetItem revoked-tokens sessions users";
const CLIENT_CHECK: &str = "BatchGetItem api-keys revoked-tokens users";
const KEY_CHECK: &str = "BatchGetItem api-keys users";
const MARK: &str = "UpdateItem api-keys";

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn without_credentials_nobody_is_let_in() {
    let service = service().await;
    let access = service.newcomer("ann").await.access;
    let authorizer = service.authorizer().await;
    authorizer.expect_refused(&[]).await;
    for header in ["", "Basic YW5uOnB3", &format!("Basic {access}"), &format!("Token {access}"), &access, "Bearerx"] {
        authorizer.expect_refused(&[("Authorization", header)]).await;
    }
    authorizer.expect_refused(&[("X-API-Key", "")]).await;
    authorizer.expect_refused(&[("Cookie", &format!("access_token={access}")), ("X-Access-Token", &access)]).await;
    authorizer.expect_refused(&[("X-Forwarded-Authorization", &bearer(&access))]).await;
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_credential_is_refused_without_a_read() {
    let service = service().await;
    let ann = service.person("ann").await;
    let MadeKey { id, key } = service.key_of(&ann, "ci").await;
    let authorizer = service.authorizer().await;
    let forged = format!("{}.AAAA", ann.access.rsplit_once('.').unwrap().0);
    let twice = format!("{0} {0}", ann.access);
    for token in ["", "garbage", "..", &forged, &twice, &ann.refresh, &key, &id, &"a".repeat(9000)] {
        authorizer.expect_token_refused(token).await;
    }
    let typo = format!("{}{}", &key[..key.len() - 1], if key.ends_with('x') { "y" } else { "x" });
    for text in ["x", "dwk_", &typo, &ann.access, &id, &bearer(&key)] {
        authorizer.expect_key_refused(text).await;
    }
    assert_eq!(service.probe.calls(), [""; 0]);
}

#[tokio::test]
async fn one_credential_speaks_for_a_request_and_no_two() {
    let service = service().await;
    let (ann, bob) = (service.person("ann").await, service.person("bob").await);
    let key = service.key_of(&bob, "ci").await.key;
    let authorizer = service.authorizer().await;
    let (good, other) = (bearer(&ann.access), bearer(&bob.access));
    for second in [&good, &other, "Basic YW5uOnB3", "x"] {
        authorizer.expect_refused(&[("Authorization", &good), ("Authorization", second)]).await;
        authorizer.expect_refused(&[("Authorization", second), ("Authorization", &good)]).await;
    }
    authorizer.expect_refused(&[("X-API-Key", &key), ("X-API-Key", &key)]).await;
    // A kept answer to one of the headers would be the other one's.
    for authorization in [&good, "Bearer garbage", "Basic YW5uOnB3", ""] {
        authorizer.expect_refused(&[("Authorization", authorization), ("X-API-Key", &key)]).await;
    }
    authorizer.expect_refused(&[("X-API-Key", "garbage"), ("Authorization", &good)]).await;
    assert_eq!(service.probe.calls(), [""; 0]);
    authorizer.expect_token_admitted(&ann.access).await;
    authorizer.expect_key_admitted(&key).await;
}

#[tokio::test]
async fn a_token_is_refused_from_the_very_second_of_its_end() {
    let service = service().await;
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items").await;
    let tokens = [ann.access, service.client_token(&client).await];
    let authorizer = service.authorizer().await;
    service.wait(899);
    for token in &tokens {
        authorizer.expect_token_admitted(token).await;
    }
    service.wait(1);
    for token in &tokens {
        authorizer.expect_token_refused(token).await;
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_audience_or_store_is_refused() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let authorizer = service.authorizer().await;
    for variable in ["DOORWARD_ISSUER", "DOORWARD_AUDIENCE"] {
        let elsewhere = service.another(&[(variable, "https://elsewhere.test")]).await;
        let foreign = elsewhere.login("ann").await.access;
        elsewhere.authorizer().await.expect_token_admitted(&foreign).await;
        authorizer.expect_token_refused(&foreign).await;
    }
    let stranger = service_with(&[]).await;
    let foreign = stranger.person("ann").await;
    authorizer.expect_token_refused(&foreign.access).await;
    authorizer.expect_key_refused(&stranger.key_of(&foreign, "ci").await.key).await;
}

#[tokio::test]
async fn what_a_user_ended_is_refused_on_the_next_request() {
    let service = service().await;
    service.sign_up("ann").await.expect(201);
    let authorizer = service.authorizer().await;
    for end in ["/logout", "/logout/all", "/revoke-token"] {
        let access = service.login("ann").await.access;
        authorizer.expect_token_admitted(&access).await;
        service.post_as(&access, end).await.expect(200);
        authorizer.expect_token_refused(&access).await;
    }
    let gone = service.login("ann").await.access;
    service.delete_session(&gone).await;
    authorizer.expect_token_refused(&gone).await;
}

#[tokio::test]
async fn nobody_is_let_in_for_a_user_who_is_disabled_or_gone() {
    let service = service().await;
    let authorizer = service.authorizer().await;
    let root = service.admin("root").await;
    for (name, leaves) in [("ann", false), ("bob", true)] {
        let person = service.person(name).await;
        let client = service.client_of(&person, "read:items").await;
        let token = service.client_token(&client).await;
        authorizer.expect_token_admitted(&token).await;
        if leaves {
            service.leave(&person, PASSWORD).send().await.expect(200);
        } else {
            service.change(&root, &person, &json!({"disabled": true})).send().await.expect(200);
        }
        authorizer.expect_token_refused(&person.access).await;
        authorizer.expect_token_refused(&token).await;
        authorizer.expect_key_refused(&client.key).await;
        if !leaves {
            service.change(&root, &person, &json!({"disabled": false})).send().await.expect(200);
            authorizer.expect_token_refused(&person.access).await;
            authorizer.expect_key_admitted(&client.key).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_deleted_or_never_made_is_refused() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&made).await;
    let authorizer = service.authorizer().await;
    for unknown in [strangers_key(), a_key_of(&ann.id)] {
        authorizer.expect_key_refused(&unknown).await;
    }
    authorizer.expect_key_admitted(&made.key).await;
    let next = MadeKey::of(&service.rotate(&ann, &made, 60).send().await.expect(200));
    service.wait(59);
    authorizer.expect_key_admitted(&made.key).await;
    service.wait(1);
    authorizer.expect_key_refused(&made.key).await;
    authorizer.expect_key_admitted(&next.key).await;
    // A client's token lives through a rotation, and dies with the key.
    authorizer.expect_token_admitted(&token).await;
    service.delete(&made.path()).bearer(&ann.access).send().await.expect(204);
    authorizer.expect_key_refused(&next.key).await;
    authorizer.expect_token_refused(&token).await;
}

#[tokio::test]
async fn a_key_ends_to_the_moment_and_a_clients_token_when_it_is_revoked() {
    let service = service().await;
    let ann = service.person("ann").await;
    let body = json!({"name": "short", "expires_at": "2027-01-15T08:01:00Z"});
    let made = MadeKey::of(&service.ask_for_key(&ann, &body).send().await.expect(201));
    let (first, second) = (service.client_token(&made).await, service.client_token(&made).await);
    let authorizer = service.authorizer().await;
    service.revoke(&first).send().await.expect(200);
    authorizer.expect_token_refused(&first).await;
    service.wait(59);
    authorizer.expect_token_admitted(&second).await;
    authorizer.expect_key_admitted(&made.key).await;
    service.wait(1);
    authorizer.expect_token_refused(&second).await;
    authorizer.expect_key_refused(&made.key).await;
}

#[tokio::test]
async fn a_user_is_described_as_they_are_by_now() {
    let service = service().await;
    let ann = service.person_with_scopes("Ann", "read:items read:reports").await;
    let authorizer = service.authorizer().await;
    let mut expected = json!({
        "sub": ann.id, "owner": ann.id, "username": "Ann", "roles": "user", "permissions": "",
        "scope": "read:items read:reports", "amr": "pwd",
    });
    assert_eq!(authorizer.expect_token_admitted(&ann.access).await, expected);
    service
        .alter(&ann, |user| {
            user.role = Role::Moderator;
            user.permissions = set("write:users read:users");
        })
        .await;
    expected["roles"] = json!("moderator");
    expected["permissions"] = json!("read:users write:users");
    assert_eq!(authorizer.expect_token_admitted(&ann.access).await, expected);
    assert_eq!(claims(&ann.access)["roles"], json!(["user"]), "the token has a copy of what they were");

    let narrow = [("username", "Ann"), ("password", PASSWORD), ("scope", "read:reports")];
    let narrow = service.post("/token").form(&narrow).send().await.expect(200).tokens();
    assert_eq!(authorizer.expect_token_admitted(&narrow.access).await["scope"], "read:reports");
}

#[tokio::test]
async fn a_second_factor_shows() {
    let service = service().await;
    let bob = service.with_second_factor("bob").await;
    let code = service.code(&bob.app);
    let access = service.log_in_with("bob", &code).send().await.expect(200).tokens().access;
    let context = service.authorizer().await.expect_token_admitted(&access).await;
    assert_eq!(context["amr"], "pwd otp mfa");
}

#[tokio::test]
async fn a_client_is_described_alike_by_its_key_and_by_its_token_and_never_as_its_owner() {
    let service = service().await;
    let ann = service.person_of("ann", Role::Admin).await;
    let made = service.client_of(&ann, "read:items write:items").await;
    let token = service.client_token(&made).await;
    let authorizer = service.authorizer().await;
    let expected = json!({"sub": made.id, "owner": ann.id, "scope": "read:items write:items"});
    assert_eq!(authorizer.expect_token_admitted(&token).await, expected);
    assert_eq!(authorizer.expect_key_admitted(&made.key).await, expected);
    assert_eq!(claims(&token)["sub"], expected["sub"]);
    // What it may do is cut to what its owner may.
    for (scopes, left) in [("read:items", "read:items"), ("other", "")] {
        service.alter(&ann, |user| user.scopes = set(scopes)).await;
        let expected = json!({"sub": made.id, "owner": ann.id, "scope": left});
        assert_eq!(authorizer.expect_token_admitted(&token).await, expected);
        assert_eq!(authorizer.expect_key_admitted(&made.key).await, expected);
    }
}

#[tokio::test]
async fn what_else_is_in_a_request_does_not_matter() {
    let service = service().await;
    let access = service.newcomer("ann").await.access;
    let authorizer = service.authorizer().await;
    let upload = [("Authorization", &*bearer(&access)), ("Content-Length", "9000000"), ("Host", "elsewhere.test")];
    authorizer.expect_admitted(&upload).await;
    authorizer.expect_admitted(&[("AUTHORIZATION", &format!("bEaReR {access}"))]).await;
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_and_no_refusal() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&made).await;
    let fresh = service.key_of(&ann, "fresh").await;
    let (warm, cold) = (service.authorizer().await, service.cold_authorizer());
    let credentials = [
        ("Authorization", bearer(&ann.access)),
        ("Authorization", bearer(&token)),
        ("X-API-Key", made.key.clone()),
        ("X-API-Key", strangers_key()),
    ];
    service.probe.cut_off(true);
    for (name, value) in &credentials {
        warm.expect_unavailable(&[(name, value)]).await;
        cold.expect_unavailable(&[(name, value)]).await;
    }
    // What needs no store is refused as ever.
    warm.expect_refused(&[]).await;
    warm.expect_token_refused("garbage").await;
    warm.expect_key_refused("dwk_typo").await;
    service.probe.cut_off(false);
    // The use of a key cannot be written down.
    service.probe.cut_off_after(1);
    assert_eq!(warm.ask(Api::Rest, &[("X-API-Key", &fresh.key)]).await, Err(Failure::Unavailable));
    service.probe.cut_off(false);
    cold.expect_token_admitted(&ann.access).await;
    warm.expect_key_admitted(&made.key).await;
}

#[tokio::test]
async fn what_a_batch_left_out_is_asked_again_and_is_never_absence() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.client_of(&ann, "read:items").await;
    let authorizer = service.authorizer().await;
    authorizer.expect_key_admitted(&made.key).await;
    let (authorization, key) = (bearer(&ann.access), made.key.clone());
    for (name, value, tables) in [
        ("Authorization", &authorization, &["users", "sessions", "revoked-tokens"][..]),
        ("X-API-Key", &key, &["users", "api-keys"]),
    ] {
        for table in tables {
            service.probe.leave_unprocessed(table);
            authorizer.ask(Api::Rest, &[(name, value)]).await.unwrap();
            for _ in 0..ATTEMPTS {
                service.probe.leave_unprocessed(table);
            }
            assert_eq!(authorizer.ask(Api::Http, &[(name, value)]).await, Err(Failure::Unavailable));
            assert!(service.probe.is_done());
        }
    }
    service.post_as(&ann.access, "/revoke-token").await.expect(200);
    service.probe.leave_unprocessed("revoked-tokens");
    authorizer.expect_token_refused(&ann.access).await;
    assert!(service.probe.is_done());
}

#[tokio::test]
async fn keys_are_turned_over_under_a_running_authorizer() {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "EdDSA")]).await;
    let old = service.newcomer("ann").await.access;
    let authorizer = service.authorizer().await;
    service.turn(Purpose::Sign, Order::Now).await;
    service.wait(60);
    let new = service.login("ann").await.access;
    authorizer.expect_token_admitted(&new).await;
    authorizer.expect_token_admitted(&old).await;
    service.turn(Purpose::Sign, Order::RevokeOld).await;
    service.wait(61);
    authorizer.expect_token_refused(&old).await;
    authorizer.expect_token_refused(&new).await;
    authorizer.expect_token_admitted(&service.login("ann").await.access).await;
}

impl Service {
    /// The calls that an answer costs, in any order.
    async fn calls_for(&self, authorizer: &Authorizer, name: &str, value: &str) -> Vec<String> {
        self.probe.forget();
        authorizer.ask(Api::Http, &[(name, value)]).await.unwrap();
        self.probe.calls()
    }
}

#[tokio::test]
async fn an_answer_costs_one_call_and_once_in_five_minutes_two() {
    let service = service().await;
    let ann = service.person("ann").await;
    let made = service.client_of(&ann, "read:items").await;
    let fresh = service.key_of(&ann, "fresh").await;
    let token = service.client_token(&made).await;
    let authorizer = service.authorizer().await;
    for (name, value, calls) in [
        ("Authorization", bearer(&ann.access), &[USER_CHECK][..]),
        ("Authorization", bearer(&token), &[CLIENT_CHECK]),
        ("X-API-Key", strangers_key(), &[KEY_CHECK]),
        ("X-API-Key", fresh.key.clone(), &[KEY_CHECK, MARK]),
        ("X-API-Key", fresh.key.clone(), &[KEY_CHECK]),
    ] {
        assert_eq!(service.calls_for(&authorizer, name, &value).await, calls, "{name}");
    }
    // A dead one costs no more.
    let dead = service.login("ann").await.access;
    service.post_as(&dead, "/logout").await.expect(200);
    assert_eq!(service.calls_for(&authorizer, "Authorization", &bearer(&dead)).await, [USER_CHECK]);
    service.wait(300);
    assert_eq!(service.calls_for(&authorizer, "X-API-Key", &fresh.key).await, [KEY_CHECK, MARK]);
    let used: Vec<Value> = service.keys_of(&ann).await.iter().map(|key| key["last_used_at"].clone()).collect();
    assert!(used.contains(&json!("2027-01-15T08:05:00Z")), "{used:?}");
}
