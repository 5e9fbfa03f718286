//! The audit: one event for each thing that happens, once, and none for what does not.

use crate::support::admin::{Person, count, race, set};
use crate::support::api_keys::MadeKey;
use crate::support::request::Request;
use crate::support::{PASSWORD, Service, service, service_with};
use doorward_core::api_key::ApiKeyId;
use doorward_core::ids::{SessionId, UserId};
use doorward_core::keyring::Purpose;
use doorward_core::rotation::Order;
use doorward_core::user::Role;
use doorward_http::audit::{Event, LoginFailure, Needed, RefreshFailure, Rights};
use serde_json::json;

impl Person {
    fn user(&self) -> UserId {
        UserId::parse(&self.id).unwrap()
    }
}

impl MadeKey {
    fn key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&self.id).unwrap()
    }
}

impl Service {
    /// What a request that is answered so tells the audit.
    async fn told(&self, status: u16, request: Request) -> Vec<Event> {
        let before = self.events().len();
        request.send().await.expect(status);
        self.events().split_off(before)
    }

    fn try_as(&self, name: &str, password: &str, scope: &str) -> Request {
        self.post("/token").form(&[("username", name), ("password", password), ("scope", scope)])
    }

    fn refresh_of(&self, who: &Person, scope: &str) -> Request {
        self.post("/token/refresh").form(&[("refresh_token", &who.refresh), ("scope", scope)])
    }

    async fn session_id(&self, who: &Person) -> SessionId {
        self.session(&who.access).await.id
    }
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_reason() {
    let service = service().await;
    let ann = service.person("ann").await;
    let failed = |user: Option<UserId>, reason| vec![Event::LoginFailed { user, reason }];
    let nobody = service.told(401, service.try_as("typed by mistake", PASSWORD, "")).await;
    assert_eq!(nobody, failed(None, LoginFailure::UnknownUser), "neither a user nor what was typed");

    let wrong = || service.try_as("ann", "wrong", "");
    let wide = service.told(400, service.try_as("ann", PASSWORD, "read:all")).await;
    assert_eq!(wide, failed(Some(ann.user()), LoginFailure::ScopeNotAllowed));
    for _ in 0..4 {
        assert_eq!(service.told(401, wrong()).await, failed(Some(ann.user()), LoginFailure::WrongPassword));
    }
    let mut closing = vec![Event::AccountClosed { user: ann.user() }];
    closing.extend(failed(Some(ann.user()), LoginFailure::WrongPassword));
    assert_eq!(service.told(401, wrong()).await, closing);
    let closed = service.told(401, service.try_as("ann", PASSWORD, "")).await;
    assert_eq!(closed, failed(Some(ann.user()), LoginFailure::AccountClosed));

    let bob = service.person("bob").await;
    service.disable("bob").await;
    let inactive = service.told(400, service.try_as("bob", PASSWORD, "")).await;
    assert_eq!(inactive, failed(Some(bob.user()), LoginFailure::Inactive));
}

#[tokio::test]
async fn a_refresh_is_told_and_why_it_was_refused() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (user, session) = (ann.user(), service.session_id(&ann).await);
    let failed = |reason| vec![Event::RefreshFailed { user: user.clone(), session, reason }];
    assert_eq!(service.told(400, service.refresh_of(&ann, "read:all")).await, failed(RefreshFailure::ScopeNotAllowed));
    let refreshed = vec![Event::Refreshed { user: user.clone(), session }];
    assert_eq!(service.told(200, service.refresh_of(&ann, "")).await, refreshed);
    service.wait(11);
    let theft = vec![Event::TheftDetected { user: user.clone(), session }];
    assert_eq!(service.told(401, service.refresh_of(&ann, "")).await, theft);
    assert_eq!(service.told(401, service.refresh_of(&ann, "")).await, failed(RefreshFailure::SessionEnded));

    // A forged one is nobody's.
    let forged = format!("{}x", &ann.refresh[..ann.refresh.len() - 1]);
    let forged = service.post("/token/refresh").form(&[("refresh_token", &forged)]);
    assert_eq!(service.told(401, forged).await, []);

    let bob = service.person("bob").await;
    let session = service.session_id(&bob).await;
    service.disable("bob").await;
    let inactive = Event::RefreshFailed { user: bob.user(), session, reason: RefreshFailure::Inactive };
    assert_eq!(service.told(400, service.refresh_of(&bob, "")).await, [inactive]);
}

#[tokio::test]
async fn a_refusal_says_what_was_missing() {
    let service = service().await;
    let root = service.admin("root").await;
    let ann = service.person_with_scopes("ann", "read:items").await;
    let writer = service.person_who_may("writer", "write:users delete:users").await;
    let client = service.client_of(&ann, "").await;
    let token = service.client_token(&client).await;
    let rights = json!({"role": "admin"});
    for (who, request, needed) in [
        (&ann, service.get("/users"), Needed::Permission("read:users")),
        (&ann, service.get(&root.path()), Needed::Permission("read:users")),
        (&ann, service.get("/users/nobody"), Needed::Permission("read:users")),
        (&ann, service.patch(&root.path()).json(&rights), Needed::Permission("write:users")),
        (&ann, service.delete(&root.path()), Needed::Permission("delete:users")),
        (&writer, service.patch(&ann.path()).json(&rights), Needed::Role(Role::Admin)),
        (&writer, service.patch(&root.path()).json(&json!({"full_name": "X"})), Needed::Role(Role::Admin)),
        (&writer, service.delete(&root.path()), Needed::Role(Role::Admin)),
        (&ann, service.post("/moderate"), Needed::Role(Role::Moderator)),
        (&ann, service.post("/items").json(&json!({"name": "lamp"})), Needed::Scope("write:items")),
        (&ann, service.introspect("anything"), Needed::Scope("introspect:tokens")),
    ] {
        let name = format!("{request:?}");
        let refused = Event::AccessRefused { user: who.user(), key: None, needed };
        assert_eq!(service.told(403, request.bearer(&who.access)).await, [refused], "{name}");
    }
    for (request, needed) in [
        (service.get("/users/me").bearer(&token), Needed::User),
        (service.post("/2fa/verify").bearer(&token).json(&json!({"code": "0"})), Needed::User),
        (service.get("/oauth2/userinfo").bearer(&token), Needed::User),
        (service.get("/items").bearer(&token), Needed::Scope("read:items")),
        (service.introspect("anything").bearer(&token), Needed::Scope("introspect:tokens")),
        (service.introspect("anything").client(&client), Needed::Scope("introspect:tokens")),
    ] {
        let name = format!("{request:?}");
        let refused = Event::AccessRefused { user: ann.user(), key: Some(client.key_id()), needed };
        assert_eq!(service.told(403, request).await, [refused], "{name}");
    }
    // Who is not known is refused nothing of theirs.
    for path in ["/users", "/items", "/users/me"] {
        assert_eq!(service.told(401, service.get(path)).await, []);
        assert_eq!(service.told(401, service.get(path).bearer("nonsense")).await, []);
    }
}

#[tokio::test]
async fn a_change_of_rights_is_told_apart_with_what_was_set() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let (user, by) = (ann.user(), root.user());
    let profile = Event::UserChanged { user: user.clone(), by: by.clone() };
    let changed = |rights| Event::RightsChanged { user: user.clone(), by: by.clone(), rights };
    let none = Rights::default();
    for (body, events) in [
        (json!({}), vec![profile.clone()]),
        (json!({"full_name": "Ann"}), vec![profile.clone()]),
        (json!({"role": "moderator"}), vec![changed(Rights { role: Some(Role::Moderator), ..none.clone() })]),
        // The answer to the first one may have been lost, and the event with it.
        (json!({"role": "moderator"}), vec![changed(Rights { role: Some(Role::Moderator), ..none.clone() })]),
        (
            json!({"full_name": "Ann Lee", "permissions": ["read:users"], "scopes": []}),
            vec![
                profile,
                changed(Rights { permissions: Some(set("read:users")), scopes: Some(set("")), ..none.clone() }),
            ],
        ),
        (json!({"disabled": true}), vec![changed(Rights { disabled: Some(true), ..none.clone() })]),
    ] {
        assert_eq!(service.told(200, service.change(&root, &ann, &body)).await, events, "{body}");
    }
    // Refused: nothing was changed.
    let own = service.change(&root, &root, &json!({"role": "user"}));
    assert_eq!(service.told(409, own).await, []);
}

#[tokio::test]
async fn an_event_is_told_once_though_an_answer_is_lost() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let (user, by, session) = (ann.user(), root.user(), service.session_id(&ann).await);
    let rights = Rights { role: Some(Role::Moderator), ..Rights::default() };
    for (lost, status, request, event) in [
        (
            ("UpdateItem", "credentials"),
            401,
            service.try_as("ann", "wrong", ""),
            Event::LoginFailed { user: Some(user.clone()), reason: LoginFailure::WrongPassword },
        ),
        (
            ("UpdateItem", "sessions"),
            200,
            service.refresh_of(&ann, ""),
            Event::Refreshed { user: user.clone(), session },
        ),
        (
            ("TransactWriteItems", "users"),
            200,
            service.change(&root, &ann, &json!({"role": "moderator"})),
            Event::RightsChanged { user: user.clone(), by, rights },
        ),
        (
            ("UpdateItem", "sessions"),
            200,
            service.post("/logout").bearer(&ann.access),
            Event::LoggedOut { user: user.clone(), session },
        ),
    ] {
        service.probe.lose_reply(lost.0, lost.1);
        assert_eq!(service.told(status, request).await, [event]);
        assert!(service.probe.is_done(), "{lost:?}");
    }
}

#[tokio::test]
async fn a_change_that_is_judged_again_is_told_once() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let before = service.events().len();
    let changes = (0..6).map(|n| service.change(&root, &ann, &json!({"permissions": [format!("p:{n}")]}))).collect();
    let answers = race(changes).await;
    let done = count(&answers, 200);
    let told = service.events().split_off(before);
    assert_eq!(told.len(), done, "{told:?}");
    assert!(told.iter().all(|event| matches!(event, Event::RightsChanged { user, .. } if *user == ann.user())));
}

#[tokio::test]
async fn keys_that_turn_over_are_told_once_though_answers_are_lost() {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    assert_eq!(service.events(), [], "keys that are there already are no news");
    service.probe.lose_reply("PutItem", "signing-keys");
    service.probe.lose_reply("UpdateItem", "signing-keys");
    service.turn(Purpose::Sign, Order::Next).await;
    assert!(service.probe.is_done());
    let keys = service.ring(Purpose::Sign).await;
    let [old, new] = &keys[..] else { panic!("{keys:?}") };
    let purpose = Purpose::Sign;
    let created = Event::KeyCreated { purpose, kid: new.id.clone(), term: new.term };
    let changed = Event::KeyChanged { purpose, kid: old.id.clone(), term: old.term };
    assert!(old.term.signs_until.is_some());
    assert_eq!(service.events(), [created, changed]);
    service.turn(Purpose::Sign, Order::WhenDue).await;
    assert_eq!(service.events().len(), 2, "nothing was due");
}
