//! Writes of the store that come late: sent again meanwhile and done, or beside what they were judged by.

use crate::support::admin::{Person, race, set};
use crate::support::{PASSWORD, Service, service};
use doorward_core::api_key::{ApiKey, ApiKeyId, PlainKey};
use doorward_core::clock::Timestamp;
use doorward_core::grant::Identifier;
use doorward_core::ids::{RequestId, UserId};
use doorward_core::scope::ScopeSet;
use doorward_core::user::{DisplayName, Role, User};
use doorward_core::username::Username;
use doorward_store::{Authority, Changed, KeyCreated, NewUser, SignedUp};
use serde_json::json;

const NEW: &str = "staple battery horse correct";

fn key_of(who: &Person, created_at: Timestamp) -> (PlainKey, ApiKey) {
    let plain = PlainKey::new(ApiKeyId::new(&UserId::parse(&who.id).unwrap(), [7; 8]), &[7; 32]);
    let key = ApiKey {
        id: plain.id().clone(),
        name: DisplayName::parse("late").unwrap(),
        hash: plain.hash(),
        previous: None,
        scopes: ScopeSet::default(),
        created_at,
        ends_at: None,
        last_used_at: None,
    };
    (plain, key)
}

#[tokio::test]
async fn a_late_change_gives_back_no_right_that_was_taken() {
    let service = service().await;
    let ann = service.person("ann").await;
    let user = service.stored(&ann).await.unwrap();
    let admin = User { role: Role::Admin, ..user.clone() };
    let change = async |read: &User, wanted: &User, token| {
        let changed = service.store.users.change(read, wanted, Authority::Checked, token).await.unwrap();
        assert!(matches!(changed, Changed::Done), "{changed:?}");
    };
    change(&user, &admin, "first").await;
    change(&admin, &user, "second").await;
    change(&user, &admin, "first").await;
    assert_eq!(service.stored(&ann).await, Some(user));
}

#[tokio::test]
async fn a_late_creation_makes_no_key_again_that_was_deleted() {
    let service = service().await;
    let ann = service.person("ann").await;
    let (now, request) = (service.clock.now(), RequestId::parse("r1").unwrap());
    let (plain, key) = key_of(&ann, now);
    let keys = &service.store.api_keys;
    assert_eq!(keys.create(&key, 50, &request).await.unwrap(), KeyCreated::Done);
    service.expect_key_good(plain.reveal()).await;
    assert!(keys.delete(&key.id, now, &RequestId::parse("r2").unwrap()).await.unwrap());
    keys.create(&key, 50, &request).await.unwrap();
    service.knock(plain.reveal()).await.expect_problem(403, "Invalid API key");
    assert_eq!(service.raw.items("api-keys").await.len(), 0);
}

#[tokio::test]
async fn nobody_who_is_gone_gets_a_key() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    service.remove(&root, &ann).send().await.expect(200);
    let (_, key) = key_of(&ann, service.clock.now());
    let created = service.store.api_keys.create(&key, 50, &RequestId::parse("r1").unwrap()).await.unwrap();
    assert_eq!(created, KeyCreated::NoOwner);
    assert_eq!(service.raw.items("api-keys").await.len(), 0);
}

#[tokio::test]
async fn a_late_rotation_brings_back_no_secret_that_gave_way() {
    let service = service().await;
    let ann = service.person("ann").await;
    let now = service.clock.now();
    let (_, key) = key_of(&ann, now);
    let keys = &service.store.api_keys;
    keys.create(&key, 50, &RequestId::parse("r1").unwrap()).await.unwrap();
    let secrets = [1, 2].map(|n| PlainKey::new(key.id.clone(), &[n; 32]).hash());
    for hash in &secrets {
        assert_eq!(keys.rotate(&key.id, hash, now, now).await.unwrap().unwrap().hash, *hash);
    }
    // It was done, and another one after it.
    assert_eq!(keys.rotate(&key.id, &secrets[0], now, now).await.unwrap().unwrap().hash, secrets[1]);
    assert_eq!(keys.list(key.id.owner(), now).await.unwrap()[0].hash, secrets[1]);
}

#[tokio::test]
async fn who_has_not_the_password_learns_nothing_of_an_address() {
    let service = service().await;
    let ann = service.person("ann").await;
    service.person("bob").await;
    let user = service.stored(&ann).await.unwrap();
    let name = Identifier::Username(user.username.canonical().clone());
    let judged = service.store.credentials.find(&name).await.unwrap().unwrap();
    // Others guess meanwhile, so that the right guess is to be judged again.
    service.try_login("ann", "wrong").await.expect(401);
    let wanted = User { email: service.stored(&service.person("cid").await).await.unwrap().email, ..user.clone() };
    let changed = service.store.users.change(&user, &wanted, Authority::Password(&judged), "t").await.unwrap();
    assert!(matches!(changed, Changed::CredentialsChanged(Some(_))), "{changed:?}");
}

#[tokio::test]
async fn a_late_sign_up_is_done_already_and_another_is_told_what_is_taken() {
    let service = service().await;
    service.person("ann").await;
    let (user, credentials) = (service.user("ann").await, service.credentials("ann").await);
    let ours = NewUser { user, credentials, factor: None };
    let mut theirs = ours.clone();
    theirs.credentials.password_set_at = Timestamp::from_millis(1);
    let mut of_the_id = ours.clone();
    of_the_id.credentials.username = Username::parse("bob").unwrap().canonical().clone();
    let mut of_the_email = of_the_id.clone();
    (of_the_email.user.id, of_the_email.credentials.user) =
        (UserId::parse("bob").unwrap(), UserId::parse("bob").unwrap());
    for (n, (new, outcome)) in [
        (ours, SignedUp::Created),
        (theirs, SignedUp::UsernameTaken),
        (of_the_id, SignedUp::IdTaken),
        (of_the_email, SignedUp::EmailTaken),
    ]
    .into_iter()
    .enumerate()
    {
        let before = (service.raw.items("users").await, service.raw.items("credentials").await);
        let request = RequestId::parse(&format!("later-{n}")).unwrap();
        assert_eq!(service.store.users.create(&new, &request).await.unwrap(), outcome);
        assert_eq!((service.raw.items("users").await, service.raw.items("credentials").await), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_too_many_together_are_not_given_side_by_side() {
    let service = service().await;
    let root = service.admin("root").await;
    let many = |letter: &str| (0..31).map(|n| format!("{}{n:02}", letter.repeat(62))).collect::<Vec<_>>();
    for round in 0..20 {
        let ann = service.person(&format!("ann{round}")).await;
        let changes = [json!({"permissions": many("p")}), json!({"scopes": many("s")})];
        let answers = race(changes.iter().map(|body| service.change(&root, &ann, body)).collect()).await;
        let mut statuses = [answers[0].status, answers[1].status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422], "{answers:?}");
        let user = service.stored(&ann).await.unwrap();
        let bytes: usize = user.permissions.iter().chain(user.scopes.iter()).map(str::len).sum();
        assert!(bytes <= 2048, "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_user_side_by_side_all_come_to_something() {
    let service = service().await;
    let (root, ann) = (service.admin("root").await, service.person("ann").await);
    let change = |n| service.change(&root, &ann, &json!({"email": format!("ann{n}@example.com")}));
    let answers = race((0..32).map(change).collect()).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answers:?}");
    }
    assert_eq!(service.raw.tables().await.contradictions(), Vec::<String>::new());
}

/// The store may read a batch's items at different moments: here the session comes later, as it does where it was left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_new_password_takes_along_is_good_at_every_moment() {
    let service = service().await;
    for round in 0..30 {
        let ann = service.person(&format!("ann{round}")).await;
        let table = if round % 2 == 0 { "sessions" } else { "users" };
        service.probe.leave_unprocessed(table);
        let change = service.change_password(&ann, PASSWORD, NEW);
        let see = || service.get("/users/me").bearer(&ann.access);
        let answers = race(vec![see(), change, see(), see()]).await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 204, 200, 200], "{answers:?}");
        assert!(service.probe.is_done());
    }
}

impl Service {
    async fn narrowed(&self) -> (Person, Person) {
        let (root, ann) = (self.admin("root").await, self.person("ann").await);
        self.alter(&ann, |user| user.scopes = set("read:items")).await;
        (root, ann)
    }
}

#[tokio::test]
async fn a_scope_that_the_user_has_lost_is_refused_and_nothing_is_used_up() {
    let service = service().await;
    let (_, ann) = service.narrowed().await;
    for scope in ["write:items", "read:items write:items"] {
        let body = json!({"refresh_token": ann.refresh, "scope": scope});
        service.post("/token/refresh").json(&body).send().await.expect_problem(400, "Scope not allowed");
        let form = [("grant_type", "refresh_token"), ("refresh_token", ann.refresh.as_str()), ("scope", scope)];
        assert_eq!(service.post("/oauth2/token").form(&form).send().await.expect(400).text("error"), "invalid_scope");
    }
    service.wait(100);
    let next = service.refresh(&ann.refresh).await.expect(200);
    assert_eq!(next.text("scope"), "read:items");
    // What there is to say of the token comes first.
    service.wait(100);
    let body = json!({"refresh_token": ann.refresh, "scope": "write:items"});
    service.post("/token/refresh").json(&body).send().await.expect_problem(401, "Invalid refresh token");
    assert_eq!(service.thefts(), 1);
}
