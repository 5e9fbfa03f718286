//! What one instance ended is over at every other on the very next request: nothing of it is remembered anywhere.

use crate::support::admin::Person;
use crate::support::api_keys::MadeKey;
use crate::support::request::Request;
use crate::support::second_factor::STEP;
use crate::support::{PASSWORD, Service, service};
use serde_json::json;

const ANOTHER: &str = "another long pass phrase";

/// Two instances on one store, each of which has seen everybody who asks.
struct Two {
    here: Service,
    there: Service,
}

impl Two {
    async fn new() -> Self {
        let here = service().await;
        let there = here.another(&[]).await;
        Self { here, there }
    }

    /// Somebody whom both instances have let in, moments ago.
    async fn person(&self, name: &str) -> Person {
        let person = self.here.person(name).await;
        self.expect_in(&person).await;
        person
    }

    async fn expect_in(&self, who: &Person) {
        for instance in [&self.here, &self.there] {
            instance.expect_alive(&who.access).await;
            instance.get("/items").bearer(&who.access).send().await.expect(200);
        }
    }

    /// Does something at the one, and expects that the other lets nobody in by either token.
    async fn ends(&self, request: Request, who: &Person) {
        self.expect_in(who).await;
        assert!(request.send().await.status < 300);
        assert_eq!(self.there.me(&who.access).await.status, 401);
        self.there.authorizer().await.expect_token_refused(&who.access).await;
        assert_eq!(self.there.refresh(&who.refresh).await.status, 401);
    }
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere() {
    let two = Two::new().await;
    let here = &two.here;
    let ann = two.person("ann").await;
    two.ends(here.post("/logout").bearer(&ann.access), &ann).await;
    let (one, other) = (here.again("ann", &ann).await, here.again("ann", &ann).await);
    two.ends(here.post("/logout/all").bearer(&one.access), &other).await;
    let ann = here.again("ann", &ann).await;
    two.ends(here.revoke(&ann.refresh), &ann).await;
    let (ann, other) = (here.again("ann", &ann).await, here.again("ann", &ann).await);
    let session = here.session(&other.access).await.id;
    two.ends(here.delete(&format!("/users/me/sessions/{session}")).bearer(&ann.access), &other).await;
    let other = here.again("ann", &ann).await;
    two.ends(here.change_password(&ann, PASSWORD, ANOTHER), &other).await;
    two.expect_in(&ann).await;
    two.there.try_login("ann", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_token_that_was_revoked_elsewhere() {
    let two = Two::new().await;
    for by_itself in [true, false] {
        let ann = two.person(&format!("ann-{by_itself}")).await;
        let own = two.here.post("/revoke-token").bearer(&ann.access);
        let request = if by_itself { own } else { two.here.revoke(&ann.access) };
        request.send().await.expect(200);
        two.there.me(&ann.access).await.expect_problem(401, "Token has been revoked");
        two.there.refresh(&ann.refresh).await.expect(200);
    }
}

#[tokio::test]
async fn a_user_who_was_changed_elsewhere() {
    let two = Two::new().await;
    let root = two.here.admin("root").await;
    let ann = two.person("ann").await;
    let change = |body| two.here.change(&root, &ann, &body).send();
    change(json!({"role": "moderator", "permissions": ["read:users"]})).await.expect(200);
    two.there.post_as(&ann.access, "/moderate").await.expect(200);
    two.there.see(&ann, "/users").await.expect(200);
    change(json!({"role": "user", "permissions": []})).await.expect(200);
    two.there.post_as(&ann.access, "/moderate").await.expect(403);
    two.there.see(&ann, "/users").await.expect(403);
    change(json!({"scopes": []})).await.expect(200);
    assert_eq!(two.there.refresh(&ann.refresh).await.expect(200).text("scope"), "");

    change(json!({"disabled": true})).await.expect(200);
    two.there.me(&ann.access).await.expect_problem(400, "Inactive user");
    two.there.try_login("ann", PASSWORD).await.expect_problem(400, "Inactive user");
    change(json!({"disabled": false})).await.expect(200);
    two.there.me(&ann.access).await.expect_problem(401, "Token has been revoked");

    let bob = two.person("bob").await;
    two.ends(two.here.remove(&root, &bob), &bob).await;
    let carl = two.person("carl").await;
    two.ends(two.here.leave(&carl, PASSWORD), &carl).await;
    two.there.try_login("carl", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_key_that_was_ended_elsewhere() {
    let two = Two::new().await;
    let ann = two.person("ann").await;
    let key = two.here.client_of(&ann, "read:items").await;
    let token = two.here.client_token(&key).await;
    let knock = async |key: &MadeKey| (two.here.knock(&key.key).await.status, two.there.knock(&key.key).await.status);
    assert_eq!(knock(&key).await, (200, 200));
    let new = MadeKey::of(&two.here.rotate(&ann, &key, 0).send().await.expect(200));
    assert_eq!((knock(&key).await, knock(&new).await), ((403, 403), (200, 200)));
    two.there.get("/items").bearer(&token).send().await.expect(200);
    two.here.delete(&new.path()).bearer(&ann.access).send().await.expect(204);
    assert_eq!(two.there.knock(&new.key).await.status, 403);
    two.there.get("/items").bearer(&token).send().await.expect(401);
    two.there.ask_as_client(&new, "").send().await.expect(401);
}

#[tokio::test]
async fn a_code_that_was_used_elsewhere() {
    let two = Two::new().await;
    let ann = two.here.with_second_factor("ann").await;
    let (code, token) = (two.here.code(&ann.app), two.here.first_step("ann").await);
    two.here.second_step(&token, &code).send().await.expect(200);
    two.there.second_step(&token, &ann.recovery[0]).send().await.expect(401);
    two.there.log_in_with("ann", &code).send().await.expect(400);
    two.here.log_in_with("ann", &ann.recovery[0]).send().await.expect(200);
    two.there.log_in_with("ann", &ann.recovery[0]).send().await.expect(400);
    two.here.wait(STEP);
    two.there.log_in_with("ann", &two.here.code(&ann.app)).send().await.expect(200);

    let refresh = two.here.log_in_with("ann", &ann.recovery[1]).send().await.expect(200).tokens().refresh;
    two.here.refresh(&refresh).await.expect(200);
    two.here.wait(10);
    two.there.refresh(&refresh).await.expect(401);
    assert_eq!((two.here.thefts(), two.there.thefts()), (0, 1));

    let (mut waiting, access) = (two.here.first_step("ann").await, &ann.person.access);
    two.here.turn_off(access, PASSWORD, &ann.recovery[2]).send().await.expect(200);
    two.there.second_step(&waiting, &ann.recovery[3]).send().await.expect(401);
    let app = two.here.new_app(access).await;
    two.here.verify(access, &two.here.code(&app)).send().await.expect(200);
    waiting = two.there.first_step("ann").await;
    two.there.second_step(&waiting, &ann.recovery[3]).send().await.expect(400);
}
