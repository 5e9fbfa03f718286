//! What is kept of a second factor, where, and for how long.

use crate::support::raw::Item;
use crate::support::{PASSWORD, Service, service};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

/// Every text and every run of bytes in an item.
fn contents(value: &AttributeValue, found: &mut Vec<Vec<u8>>) {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => found.push(text.clone().into_bytes()),
        AttributeValue::B(bytes) => found.push(bytes.as_ref().to_vec()),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            found.extend(texts.iter().map(|text| text.clone().into_bytes()));
        }
        AttributeValue::Bs(all) => found.extend(all.iter().map(|bytes| bytes.as_ref().to_vec())),
        AttributeValue::L(values) => values.iter().for_each(|value| contents(value, found)),
        AttributeValue::M(members) => members.values().for_each(|value| contents(value, found)),
        _ => {}
    }
}

impl Service {
    /// Everything that is kept, in all tables.
    async fn everything(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for table in doorward::tables::of_template().unwrap() {
            let items = self.raw.items(&table.name).await;
            items.iter().flat_map(Item::values).for_each(|value| contents(value, &mut found));
        }
        found
    }

    async fn factor_item(&self, id: &str) -> Option<Item> {
        self.raw.item("second-factors", &[("user_id", id)]).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn no_secret_and_no_code_is_kept_as_it_is() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    let waiting = service.new_app(&ann.person.access).await;
    let token = service.first_step("ann").await;
    let typed = service.code(&ann.app);
    service.second_step(&token, &typed).send().await.expect(200);
    service.log_in_with("ann", &ann.recovery[0]).send().await.expect(200);

    let mut secrets = vec![token.clone().into_bytes(), token.trim_start_matches("dwm_").into()];
    for app in [&ann.app, &waiting] {
        secrets.extend([app.secret().into_bytes(), app.secret().to_lowercase().into_bytes()]);
        secrets.extend([app.secret_bytes().to_vec(), hex(app.secret_bytes()).into_bytes()]);
    }
    for code in &ann.recovery {
        let plain = code.replace('-', "");
        let bytes = totp_rs::Secret::try_from_base32(plain.to_uppercase()).unwrap().as_bytes().to_vec();
        secrets.extend([code.clone().into(), plain.clone().into(), plain.to_uppercase().into(), bytes]);
    }
    let kept = service.everything().await;
    assert!(kept.len() > 50, "{} values", kept.len());
    for secret in secrets {
        let is_there = kept.iter().any(|value| value.windows(secret.len()).any(|window| window == secret));
        assert!(!is_there, "{}", String::from_utf8_lossy(&secret));
    }
    // The scan finds what is there.
    assert!(kept.iter().any(|value| value == ann.person.id.as_bytes()));
}

#[tokio::test]
async fn a_sealed_secret_opens_for_its_owner_only() {
    let service = service().await;
    let (ann, eve) = (service.with_second_factor("ann").await, service.with_second_factor("eve").await);
    let token = service.first_step("ann").await;
    let own = service.factor_item(&ann.person.id).await.unwrap();
    // Eve has the store's writes, and puts her app where Ann's is.
    let mut moved = service.factor_item(&eve.person.id).await.unwrap();
    moved.insert("user_id".to_owned(), AttributeValue::S(ann.person.id.clone()));
    service.raw.put("second-factors", moved.clone()).await;
    let sessions = service.count_sessions().await;
    for code in [service.code(&eve.app), eve.recovery[0].clone(), service.code(&ann.app), ann.recovery[0].clone()] {
        for request in [
            service.log_in_with("ann", &code),
            service.second_step(&token, &code),
            service.verify(&ann.person.access, &code),
            service.turn_off(&ann.person.access, PASSWORD, &code),
            service.replace_codes(&ann.person.access, PASSWORD, &code),
        ] {
            request.send().await.expect_problem(503, "Service unavailable");
        }
    }
    assert_eq!(service.count_sessions().await, sessions);
    assert_eq!(service.factor_item(&ann.person.id).await, Some(moved));
    // Nor does one that was changed, or is of a key that there is not.
    for (attribute, value) in [
        ("sealed", AttributeValue::B(vec![0; 80].into())),
        ("sealed", AttributeValue::B(Vec::new().into())),
        ("key_id", AttributeValue::S("nokey".to_owned())),
    ] {
        service.raw.put("second-factors", own.clone()).await;
        service.raw.set("second-factors", &[("user_id", &ann.person.id)], attribute, value).await;
        let answer = service.second_step(&token, &service.code(&ann.app)).send().await;
        answer.expect_problem(503, "Service unavailable");
    }
    service.raw.put("second-factors", own).await;
    service.second_step(&token, &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn who_is_to_have_a_second_factor_and_has_none_is_kept_out() {
    let service = service().await;
    let ann = service.with_second_factor("ann").await;
    service.raw.delete("second-factors", &[("user_id", &ann.person.id)]).await;
    let token = service.first_step("ann").await;
    for code in [service.code(&ann.app), ann.recovery[0].clone(), "000000".to_owned()] {
        service.log_in_with("ann", &code).send().await.expect_problem(400, "Invalid 2FA code");
        service.second_step(&token, &code).send().await.expect_problem(400, "Invalid 2FA code");
    }
    assert!(service.raw.items("second-factors").await.is_empty(), "no update makes an item");
}

#[tokio::test]
async fn nobody_sees_another_ones_second_factor() {
    let service = service().await;
    let root = service.admin("root").await;
    let ann = service.with_second_factor("ann").await;
    for path in [ann.person.path(), "/users?username=ann".to_owned(), "/users/me".to_owned()] {
        for who in [&root, &ann.person] {
            let answer = service.see(who, &path).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            for secret in [&ann.app.secret(), "sealed", "recovery", "last_step", "secret"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
    // And nobody turns it on or off by a change of the profile.
    for who in [&root, &ann.person] {
        let body = json!({"two_factor_enabled": false});
        service.change_me(who, &body).send().await.expect_invalid(&["/two_factor_enabled"]);
    }
    let request = service.change(&root, &ann.person, &json!({"two_factor_enabled": false}));
    request.send().await.expect_invalid(&["/two_factor_enabled"]);
}

#[tokio::test]
async fn a_change_of_the_profile_leaves_it_as_it_is() {
    let service = service().await;
    let root = service.admin("root").await;
    let ann = service.with_second_factor("ann").await;
    let before = service.factor("ann").await;
    service.change_me(&ann.person, &json!({"full_name": "Ann"})).send().await.expect(200);
    service.change_email(&ann.person, "new@example.com").send().await.expect(200);
    let body = json!({"full_name": null, "role": "moderator", "scopes": ["a"], "permissions": ["read:users"]});
    let changed = service.change(&root, &ann.person, &body).send().await.expect(200).json();
    assert_eq!(changed["two_factor_enabled"], true);
    service.change_password(&ann.person, PASSWORD, "another pass phrase").send().await.expect(204);
    service.change_password(&ann.person, "another pass phrase", PASSWORD).send().await.expect(204);
    service.change(&root, &ann.person, &json!({"disabled": true})).send().await.expect(200);
    service.change(&root, &ann.person, &json!({"disabled": false})).send().await.expect(200);
    assert_eq!(service.factor("ann").await, before);
    service.log_in_with("ann", &service.code(&ann.app)).send().await.expect(200);
}

#[tokio::test]
async fn it_goes_with_its_user() {
    let service = service().await;
    let root = service.admin("root").await;
    for (name, by_admin) in [("ann", false), ("bob", true)] {
        let who = service.with_second_factor(name).await;
        if by_admin {
            service.remove(&root, &who.person).send().await.expect(200);
        } else {
            service.leave(&who.person, PASSWORD).send().await.expect(200);
        }
        assert!(service.raw.items("second-factors").await.is_empty());
        // Whoever comes by that name has none, and is asked for none.
        let successor = service.person(name).await;
        assert_ne!(successor.id, who.person.id);
        for code in [service.code(&who.app), who.recovery[0].clone()] {
            service.verify(&successor.access, &code).send().await.expect_problem(400, "Invalid 2FA code");
        }
        service.expect_one_step(name).await;
        let seen = service.see(&successor, &successor.path()).await.expect(200).json();
        assert_eq!(seen["two_factor_enabled"], false);
    }
}
