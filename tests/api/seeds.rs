//! The tests of the third seed, and the users of all three.

use crate::support::{START, Service, service};
use doorward_core::email::Email;
use doorward_core::grant::{Credentials, Failures};
use doorward_core::ids::{RequestId, UserId};
use doorward_core::password::PasswordHash;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{DisplayName, Epoch, Role, User};
use doorward_core::username::Username;
use doorward_store::{NewUser, SignedUp};
use serde_json::json;

/// Somebody of the seeds' `users` dictionary.
struct Seed {
    username: &'static str,
    full_name: &'static str,
    email: &'static str,
    hashed_password: &'static str,
}

const STANLEY: Seed = Seed {
    username: "stanley",
    full_name: "Stanley Jobson",
    email: "Stanley.Jobson@localhost",
    hashed_password: "$2b$12$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6",
};
const MIKE: Seed = Seed {
    username: "mike",
    full_name: "Mike Doe",
    email: "Mike.Doe@localhost",
    hashed_password: "$2b$12$JAM3vz8gEZDeNSDAILiaReTmvoNM5EEP33Elhq5fCoTgno4SxfqKO",
};
const JOHN: Seed = Seed {
    username: "johndoe",
    full_name: "John Doe",
    email: "johndoe@example.com",
    hashed_password: "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
};

async fn service_with_the_seeds_users() -> Service {
    let service = service().await;
    for seed in [STANLEY, MIKE, JOHN] {
        let username = Username::parse(seed.username).unwrap();
        let id = UserId::parse(&format!("id-of-{}", seed.username)).unwrap();
        let credentials = Credentials {
            username: username.canonical().clone(),
            user: id.clone(),
            hash: Some(PasswordHash::parse(seed.hashed_password).unwrap()),
            password_set_at: START,
            failures: Failures::default(),
        };
        let user = User {
            id,
            username,
            email: Some(Email::parse(seed.email).unwrap()),
            email_verified: false,
            full_name: Some(DisplayName::parse(seed.full_name).unwrap()),
            disabled: false,
            role: Role::User,
            permissions: ScopeSet::default(),
            scopes: ScopeSet::default(),
            two_factor_enabled: false,
            epoch: Epoch::default(),
            created_at: START,
        };
        let request = RequestId::parse(seed.username).unwrap();
        let outcome = service.store.users.create(&NewUser { user, credentials, factor: None }, &request).await.unwrap();
        assert_eq!(outcome, SignedUp::Created);
    }
    service
}

async fn stored_hash(service: &Service, name: &str) -> String {
    service.credentials(name).await.hash.unwrap().as_str().to_owned()
}

#[tokio::test]
async fn without_login_gets_401_unauthorized() {
    let service = service_with_the_seeds_users().await;
    for path in ["/users/me", "/users/me/"] {
        let answer = service.get(path).send().await.expect_problem(401, "Not authenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn a_wrong_password_does_not_get_in_and_leaves_the_hash_as_it_was() {
    let service = service_with_the_seeds_users().await;
    for (name, password) in [("stanley", "password"), ("mike", "secret"), ("johndoe", "secret "), ("Mike", "")] {
        let answer = service.try_login(name, password).await;
        answer.expect_problem(401, "Incorrect username or password");
    }
    for seed in [STANLEY, MIKE, JOHN] {
        assert_eq!(stored_hash(&service, seed.username).await, seed.hashed_password);
    }
}

#[tokio::test]
async fn the_seeds_users_log_in_and_see_who_they_are() {
    let service = service_with_the_seeds_users().await;
    for (seed, password) in [(STANLEY, "secret"), (MIKE, "password"), (JOHN, "secret")] {
        let answer = service.try_login(seed.username, password).await.expect(200);
        let jwt = answer.text("access_token");
        let me = service.get("/users/me/").bearer(&jwt).send().await.expect(200);
        assert_eq!(
            me.json(),
            json!({"username": seed.username, "email": seed.email, "full_name": seed.full_name, "disabled": false})
        );
        assert_eq!(me.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn the_seeds_users_log_in_by_their_addresses_too() {
    let service = service_with_the_seeds_users().await;
    for (email, password) in [("stanley.jobson@LOCALHOST", "secret"), ("Mike.Doe@localhost", "password")] {
        service.try_login(email, password).await.expect(200);
    }
}

#[tokio::test]
async fn a_login_turns_bcrypt_into_argon2_and_the_password_stays_the_same() {
    let service = service_with_the_seeds_users().await;
    for (seed, password) in [(STANLEY, "secret"), (MIKE, "password"), (JOHN, "secret")] {
        service.try_login(seed.username, password).await.expect(200);
        let rehashed = stored_hash(&service, seed.username).await;
        assert!(rehashed.starts_with("$argon2id$v=19$"), "{rehashed}");
        assert_eq!(service.credentials(seed.username).await.password_set_at, START, "it is the same password");

        service.try_login(seed.username, "another").await.expect_problem(401, "Incorrect username or password");
        service.try_login(seed.username, password).await.expect(200);
        assert_eq!(stored_hash(&service, seed.username).await, rehashed, "once is enough");
    }
}
