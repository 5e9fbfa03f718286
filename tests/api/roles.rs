//! Least privilege: the store of every service under test refuses what the role of the function at work does not allow, and
//! here each function is taken through everything that its role does allow.

use crate::support::admin::Person;
use crate::support::roles::{ROLES, as_function};
use crate::support::{Answer, PASSWORD, Service, service_with};
use doorward_core::user::{Role, User};
use doorward_rotate_keys::Event;
use doorward_store::Authority;
use serde_json::json;

/// Until the keys are read again.
const KEYS_ARE_OLD: u64 = 61;

/// As one reads them: what is missing, and what is too much.
fn differences(service: &Service, function: &str) -> Vec<String> {
    let (used, allowed) = (service.probe.used(function), ROLES.rights(function));
    // A call that the role does not allow fails; this is for a role that nobody looked at.
    let too_little = used.difference(&allowed).map(|right| format!("{function} lacks {right}"));
    too_little.chain(allowed.difference(&used).map(|right| format!("{function} never uses {right}"))).collect()
}

#[tokio::test]
async fn a_function_uses_every_right_of_its_role() {
    let service = service_with(&[("DOORWARD_LOGIN_RATE", "1000/60"), ("DOORWARD_SIGN_UP_RATE", "1000/3600")]).await;
    service.uses_token_and_refresh().await;
    service.uses_two_factor().await;
    service.uses_logout().await;
    service.uses_api_keys_oauth_and_example().await;
    service.uses_users().await;
    service.uses_authorizer().await;
    service.uses_rotate_keys().await;
    service.wait(KEYS_ARE_OLD);
    service.published().await;
    let differences: Vec<_> = ROLES.functions().flat_map(|function| differences(&service, function)).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn what_a_role_does_not_allow_is_refused() {
    let service = service_with(&[]).await;
    let ann = service.person("ann").await;
    let user = service.stored(&ann).await.unwrap();
    let raised = |function: &'static str| as_function(function, service.store.users.raise_epoch(&user.id, user.epoch));
    for function in ["metadata", "refresh", "two-factor"] {
        raised(function).await.unwrap_err();
    }
    assert_eq!(service.stored(&ann).await.unwrap().epoch, user.epoch);
    assert!(raised("logout").await.unwrap());
    // The same action on the same table, with other attributes.
    let user = service.stored(&ann).await.unwrap();
    let wanted = User { role: Role::Admin, ..user.clone() };
    let change = service.store.users.change(&user, &wanted, Authority::Checked, "t");
    as_function("logout", change).await.unwrap_err();
}

impl Service {
    async fn oauth_refresh(&self, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post("/oauth2/token").form(&form).send().await
    }

    /// A password change is between the write of a refresh and the read beside it, or looks as if.
    async fn another_epoch(&self, who: &Person) {
        self.alter(who, |user| user.epoch = user.epoch.next()).await;
    }

    async fn uses_token_and_refresh(&self) {
        let ann = self.person("ann").await;
        self.wait(KEYS_ARE_OLD);
        let tokens = self.login("ann").await;
        for path in ["/token", "/users"] {
            self.post(path).send().await.expect(422);
        }
        self.oauth_refresh(&tokens.refresh).await.expect(200);
        let client = self.client_of(&ann, "read:items").await;
        self.client_token(&client).await;

        let bob = self.with_second_factor("bob").await;
        let waiting = self.first_step("bob").await;
        self.second_step(&waiting, &self.wrong_code(&bob.app)).send().await.expect(400);
        self.second_step(&waiting, &self.next_code(&bob.app)).send().await.expect(200);

        // Limit, credentials and profile are read; session and credentials are not written.
        self.probe.cut_off_after(3);
        self.try_login("ann", PASSWORD).await.expect(503);
        self.probe.cut_off(false);

        self.wait(KEYS_ARE_OLD);
        let tokens = self.login("ann").await;
        self.wait(KEYS_ARE_OLD);
        let tokens = self.refresh(&tokens.refresh).await.expect(200).tokens();
        self.post_as(&tokens.access, "/refresh-token").await.expect(200);
        let client_token = self.client_token(&client).await;
        self.post_as(&client_token, "/refresh-token").await.expect(403);
        let other = self.login("ann").await;
        self.another_epoch(&ann).await;
        self.refresh(&tokens.refresh).await.expect(401);
        self.oauth_refresh(&other.refresh).await.expect(400);
    }

    async fn uses_two_factor(&self) {
        let cid = self.person("cid").await;
        self.wait(KEYS_ARE_OLD);
        let cid = self.again("cid", &cid).await;
        let app = self.new_app(&cid.access).await;
        self.verify(&cid.access, &self.code(&app)).send().await.expect(200);
        self.wait(30);
        // Again, by the password.
        self.new_app(&cid.access).await;
        self.verify(&cid.access, &self.wrong_code(&app)).send().await.expect(400);
        self.turn_off(&cid.access, "wrong", &self.code(&app)).send().await.expect(400);
        self.turn_off(&cid.access, PASSWORD, &self.next_code(&app)).send().await.expect(200);
        let client = self.client_of(&cid, "read:items").await;
        let token = self.client_token(&client).await;
        self.set_up(&token, &json!({})).send().await.expect(403);
    }

    async fn uses_logout(&self) {
        let dan = self.person("dan").await;
        self.wait(KEYS_ARE_OLD);
        self.post_as(&self.login("dan").await.access, "/revoke-token").await.expect(200);
        self.post_as(&self.login("dan").await.access, "/logout").await.expect(200);
        let client = self.client_of(&dan, "read:items").await;
        self.revoke(&self.client_token(&client).await).send().await.expect(200);
        self.post_as(&self.client_token(&client).await, "/logout").await.expect(403);
        let tokens = self.login("dan").await;
        self.wait(KEYS_ARE_OLD);
        self.post_as(&tokens.access, "/logout/all").await.expect(200);
    }

    async fn uses_api_keys_oauth_and_example(&self) {
        let eve = self.person_with_scopes("eve", "read:items write:items introspect:tokens").await;
        self.wait(KEYS_ARE_OLD);
        let key = self.key_of(&eve, "ci").await;
        self.rotate(&eve, &key, 0).send().await.expect(200);
        self.delete(&key.path()).bearer(&eve.access).send().await.expect(204);
        self.keys_of(&eve).await;

        let client = self.client_of(&eve, "read:items introspect:tokens").await;
        let token = self.client_token(&client).await;
        self.get("/api-keys").bearer(&token).send().await.expect(403);
        self.wait(KEYS_ARE_OLD);
        self.get("/oauth2/userinfo").bearer(&eve.access).send().await.expect(200);
        self.told_of(&client, &token).await;
        self.wait(600);
        self.told_of(&client, &eve.access).await;

        let eve = self.again("eve", &eve).await;
        let token = self.client_token(&client).await;
        self.wait(600);
        self.post("/items").bearer(&eve.access).json(&json!({"name": "lamp"})).send().await.expect(200);
        self.get("/items").bearer(&token).send().await.expect(200);
        self.knock(&client.key).await.expect(200);
        self.get("/limited").send().await.expect(200);
    }

    async fn uses_users(&self) {
        let root = self.admin("root").await;
        let other = self.admin("other").await;
        self.wait(KEYS_ARE_OLD);
        self.remove(&root, &other).send().await.expect(200);
        let fay = self.person("fay").await;
        self.see(&root, "/users").await.expect(200);
        self.see(&root, "/users?username=fay").await.expect(200);
        self.see(&root, &fay.path()).await.expect(200);
        self.change(&root, &fay, &json!({"full_name": "Fay"})).send().await.expect(200);
        self.change_email(&fay, "fay@example.org").send().await.expect(200);
        self.change_password(&fay, PASSWORD, "another pass phrase").send().await.expect(204);

        let gus = self.with_second_factor("gus").await.person;
        let key = self.key_of(&gus, "ci").await;
        self.login("root").await;
        let sessions = self.see(&root, "/users/me/sessions").await.expect(200).json();
        let other = sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == false).unwrap();
        let path = format!("/users/me/sessions/{}", other["id"].as_str().unwrap());
        self.delete(&path).bearer(&root.access).send().await.expect(204);
        self.post("/items").bearer(&gus.access).json(&json!({"name": "lamp"})).send().await.expect(200);
        let client = self.client_of(&gus, "read:items").await;
        self.see(&Person { access: self.client_token(&client).await, ..gus.clone() }, "/users/me").await.expect(403);
        self.remove(&root, &gus).send().await.expect(200);
        self.knock(&key.key).await.expect(403);
    }

    async fn uses_authorizer(&self) {
        let gil = self.person("gil").await;
        let authorizer = self.cold_authorizer();
        let client = self.client_of(&gil, "read:items").await;
        authorizer.expect_token_admitted(&gil.access).await;
        authorizer.expect_token_admitted(&self.client_token(&client).await).await;
        let key = self.key_of(&gil, "ci").await;
        authorizer.expect_key_admitted(&key.key).await;
    }

    async fn uses_rotate_keys(&self) {
        let sealer = self.sealer();
        let call = async |event| {
            let event: Event = serde_json::from_value(event).unwrap();
            let rotator = self.rotator(&sealer);
            let turned = Box::pin(doorward_rotate_keys::handle(&rotator, event));
            as_function("rotate-keys", turned).await.unwrap();
        };
        call(json!({"rotate": "sign", "now": true})).await;
        // Long enough that the first key verifies nothing any more.
        self.wait(400 * 86_400);
        call(json!({})).await;
    }
}
