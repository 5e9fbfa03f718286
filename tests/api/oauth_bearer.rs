//! A client's access token as a Bearer: what it opens, what it does not, and when it is dead.

use crate::support::admin::{Person, set};
use crate::support::api_keys::MadeKey;
use crate::support::state::claims;
use crate::support::{Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_store::ATTEMPTS;
use serde_json::json;

const CHECK: &str = "BatchGetItem api-keys revoked-tokens users";

async fn somebody_with_a_client(service: &Service) -> (Person, MadeKey, String) {
    let ann = service.person("ann").await;
    let client = service.client_of(&ann, "read:items write:items").await;
    let token = service.client_token(&client).await;
    service.probe.forget();
    (ann, client, token)
}

impl Service {
    async fn expect_dead_client(&self, token: &str, status: u16, detail: &str) {
        let challenge = (status == 401).then_some("Bearer error=\"invalid_token\", scope=\"read:items\"");
        let items = self.get("/items").bearer(token).send().await.expect_problem(status, detail);
        assert_eq!(items.header("www-authenticate"), challenge);
        self.me(token).await.expect_problem(status, detail);
    }
}

#[tokio::test]
async fn a_route_that_needs_a_user_is_closed_to_a_client() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.alter(&ann, |user| user.role = doorward_core::user::Role::Admin).await;
    let client = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&client).await;
    let (sessions, keys) = (service.raw.items("sessions").await.len(), service.raw.items("api-keys").await.len());
    let user = format!("/users/{}", ann.id);
    for (method, path) in [
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
        ("POST", "/users/me/password"),
        ("GET", "/users/me/sessions"),
        ("GET", "/users/me/items"),
        ("GET", "/users"),
        ("GET", &user),
        ("PATCH", &user),
        ("DELETE", &user),
        ("POST", "/moderate"),
        ("POST", "/comments"),
        ("GET", "/api-keys"),
        ("POST", "/api-keys"),
        ("DELETE", &client.path()),
        ("POST", &format!("{}/rotate", client.path())),
        ("POST", "/2fa/setup"),
        ("POST", "/2fa/verify"),
        ("POST", "/2fa/disable"),
        ("POST", "/2fa/recovery-codes"),
        ("POST", "/refresh-token"),
        ("POST", "/logout"),
        ("POST", "/logout/all"),
        ("POST", "/revoke-token"),
    ] {
        service.probe.forget();
        let answer = service.request(method, path).bearer(&token).send().await;
        let answer = answer.expect_problem(403, "Insufficient permissions");
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(service.probe.calls(), [CHECK], "{method} {path}");
    }
    service.get("/items").bearer(&token).send().await.expect(200);
    service.me(&ann.access).await.expect(200);
    assert_eq!(
        (service.raw.items("sessions").await.len(), service.raw.items("api-keys").await.len()),
        (sessions, keys)
    );
}

#[tokio::test]
async fn a_clients_token_is_dead_with_its_key() {
    let service = service().await;
    let (ann, client, token) = somebody_with_a_client(&service).await;
    service.delete(&client.path()).bearer(&ann.access).send().await.expect(204);
    service.expect_dead_client(&token, 401, "Could not validate credentials").await;

    // The item may be there for days after its end, and the key is dead to the moment.
    let other = service.client_of(&ann, "read:items").await;
    let token = service.client_token(&other).await;
    let end = AttributeValue::N((service.clock.now().millis() + 5000).to_string());
    service.raw.set("api-keys", &[("user_id", &ann.id), ("key_id", &other.id)], "ends_at", end).await;
    service.wait(4);
    service.get("/items").bearer(&token).send().await.expect(200);
    service.wait(1);
    service.expect_dead_client(&token, 401, "Could not validate credentials").await;
}

#[tokio::test]
async fn a_clients_token_is_dead_with_its_owner() {
    let service = service().await;
    let (ann, _, token) = somebody_with_a_client(&service).await;
    service.disable("ann").await;
    service.expect_dead_client(&token, 400, "Inactive user").await;
    // It was never the user's own, and its key was not ended.
    service.enable("ann").await;
    service.get("/items").bearer(&token).send().await.expect(200);
    service.delete_user(&ann.access).await;
    service.expect_dead_client(&token, 401, "Could not validate credentials").await;
}

#[tokio::test]
async fn a_clients_token_is_dead_when_it_is_revoked() {
    let service = service().await;
    let (_, client, token) = somebody_with_a_client(&service).await;
    let other = service.client_token(&client).await;
    service.revoke(&token).send().await.expect(200);
    service.expect_dead_client(&token, 401, "Token has been revoked").await;
    service.get("/items").bearer(&other).send().await.expect(200);
    service.client_token(&client).await;
}

#[tokio::test]
async fn a_clients_token_dies_at_its_end() {
    let service = service().await;
    let (_, _, token) = somebody_with_a_client(&service).await;
    service.wait(899);
    service.get("/items").bearer(&token).send().await.expect(200);
    service.wait(1);
    service.expect_dead_client(&token, 401, "Could not validate credentials").await;
}

#[tokio::test]
async fn a_clients_token_lives_through_what_is_not_its_end() {
    let service = service().await;
    let (ann, client, token) = somebody_with_a_client(&service).await;
    service.rotate(&ann, &client, 0).send().await.expect(200);
    service.get("/items").bearer(&token).send().await.expect(200);
    service.post_as(&ann.access, "/logout/all").await.expect(200);
    service.get("/items").bearer(&token).send().await.expect(200);
}

#[tokio::test]
async fn a_clients_scope_is_what_token_key_and_owner_share_by_now() {
    let service = service().await;
    let ann = service.person("ann").await;
    let wide = service.client_of(&ann, "read:items write:items").await;
    let reader = service.ask_as_client(&wide, "read:items").send().await.expect(200).text("access_token");
    let writer = service.client_token(&wide).await;
    let item = json!({"name": "lamp"});
    let refused = service.post("/items").bearer(&reader).json(&item).send().await;
    let refused = refused.expect_problem(403, "Not enough permissions");
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"write:items\"";
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    service.post("/items").bearer(&writer).json(&item).send().await.expect(200);

    // The owner's right to write is gone, then all of them, and then it is there again.
    for (owners, read, write) in [("read:items", 200, 403), ("other", 403, 403), ("read:items write:items", 200, 200)] {
        service.alter(&ann, |user| user.scopes = set(owners)).await;
        service.get("/items").bearer(&writer).send().await.expect(read);
        service.post("/items").bearer(&writer).json(&item).send().await.expect(write);
    }
    let scopes = AttributeValue::Ss(vec!["read:items".to_owned()]);
    service.raw.set("api-keys", &[("user_id", &ann.id), ("key_id", &wide.id)], "scopes", scopes).await;
    service.post("/items").bearer(&writer).json(&item).send().await.expect(403);
    service.get("/items").bearer(&writer).send().await.expect(200);
}

#[tokio::test]
async fn a_client_serves_its_owner() {
    let service = service().await;
    let (ann, _, token) = somebody_with_a_client(&service).await;
    let made = service.post("/items").bearer(&token).json(&json!({"name": "lamp"})).send().await.expect(200);
    assert_eq!(service.probe.calls(), [CHECK, "PutItem example-items"]);
    assert_eq!(made.json()["item"]["owner"], "ann");
    for who in [&token, &ann.access] {
        let items = service.get("/items").bearer(who).send().await.expect(200);
        assert_eq!(items.json()["items"], json!([made.json()["item"]]));
    }
    let bob = service.person("bob").await;
    assert_eq!(service.see(&bob, "/items").await.expect(200).json(), json!({"items": []}));
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_nobodys_death() {
    let service = service().await;
    let (_, _, token) = somebody_with_a_client(&service).await;
    service.probe.cut_off(true);
    for path in ["/items", "/users/me"] {
        service.get(path).bearer(&token).send().await.expect_problem(503, "Service unavailable");
    }
    service.probe.cut_off(false);
    for table in ["users", "api-keys", "revoked-tokens"] {
        service.probe.leave_unprocessed(table);
        service.get("/items").bearer(&token).send().await.expect(200);
        for _ in 0..ATTEMPTS {
            service.probe.leave_unprocessed(table);
        }
        service.get("/items").bearer(&token).send().await.expect_problem(503, "Service unavailable");
        assert!(service.probe.is_done());
    }
    assert!(claims(&token).get("sid").is_none());
}
