//! People with rights, and what they ask of the administration.

use super::request::Request;
use super::{Answer, PASSWORD, Service};
use doorward_core::ids::UserId;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{Role, User};
use doorward_store::{Authority, Changed};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub access: String,
    pub refresh: String,
}

impl Person {
    /// Where others find them.
    pub fn path(&self) -> String {
        format!("/users/{}", self.id)
    }
}

/// What tells one change behind the service's back from another.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A set of scopes or permissions.
pub fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// Sends all of them at once.
pub async fn race(requests: Vec<Request>) -> Vec<Answer> {
    let sent: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    let mut answers = Vec::with_capacity(sent.len());
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// How many answers have that status.
pub fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

impl Service {
    /// Signs somebody up and logs them in.
    pub async fn person(&self, name: &str) -> Person {
        let id = self.sign_up(name).await.expect(201).text("id");
        let tokens = self.login(name).await;
        Person { id, access: tokens.access, refresh: tokens.refresh }
    }

    /// Somebody with those permissions.
    pub async fn person_who_may(&self, name: &str, permissions: &str) -> Person {
        let person = self.person(name).await;
        self.alter(&person, |user| user.permissions = set(permissions)).await;
        person
    }

    /// Somebody of that role.
    pub async fn person_of(&self, name: &str, role: Role) -> Person {
        let person = self.person(name).await;
        self.alter(&person, |user| user.role = role).await;
        person
    }

    pub async fn admin(&self, name: &str) -> Person {
        self.person_of(name, Role::Admin).await
    }

    /// Another login of somebody.
    pub async fn again(&self, name: &str, person: &Person) -> Person {
        self.again_with(name, person, PASSWORD).await
    }

    /// Another login of somebody whose password is another by now.
    pub async fn again_with(&self, name: &str, person: &Person, password: &str) -> Person {
        let tokens = self.try_login(name, password).await.expect(200).tokens();
        Person { id: person.id.clone(), access: tokens.access, refresh: tokens.refresh }
    }

    /// A user as the store has them, if it has them.
    pub async fn stored(&self, person: &Person) -> Option<User> {
        self.store.users.get(&UserId::parse(&person.id).unwrap()).await.unwrap()
    }

    /// Changes a user behind the service's back.
    pub async fn alter(&self, person: &Person, change: impl FnOnce(&mut User)) {
        let read = self.stored(person).await.unwrap();
        let mut wanted = read.clone();
        change(&mut wanted);
        let token = format!("behind its back {}", CHANGES.fetch_add(1, Ordering::Relaxed));
        let changed = self.store.users.change(&read, &wanted, Authority::Checked, &token).await.unwrap();
        assert!(matches!(changed, Changed::Done), "{changed:?}");
    }

    pub fn patch(&self, path: &str) -> Request {
        self.request("PATCH", path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// `PATCH /users/me`
    pub fn change_me(&self, who: &Person, body: &Value) -> Request {
        self.patch("/users/me").bearer(&who.access).json(body)
    }

    /// `PATCH /users/me`, with the password that a new address needs.
    pub fn change_email(&self, who: &Person, email: &str) -> Request {
        self.change_me(who, &json!({"email": email, "current_password": PASSWORD}))
    }

    /// `POST /users/me/password`
    pub fn change_password(&self, who: &Person, current: &str, new: &str) -> Request {
        let body = json!({"current_password": current, "new_password": new});
        self.post("/users/me/password").bearer(&who.access).json(&body)
    }

    /// `DELETE /users/me`
    pub fn leave(&self, who: &Person, password: &str) -> Request {
        self.delete("/users/me").bearer(&who.access).json(&json!({"current_password": password}))
    }

    /// `PATCH /users/{id}`
    pub fn change(&self, who: &Person, whom: &Person, body: &Value) -> Request {
        self.patch(&whom.path()).bearer(&who.access).json(body)
    }

    /// `DELETE /users/{id}`
    pub fn remove(&self, who: &Person, whom: &Person) -> Request {
        self.delete(&whom.path()).bearer(&who.access)
    }

    /// `GET` by somebody.
    pub async fn see(&self, who: &Person, path: &str) -> Answer {
        self.get(path).bearer(&who.access).send().await
    }

    /// Expects that somebody is in, with both of their tokens.
    pub async fn expect_in(&self, who: &Person) {
        self.me(&who.access).await.expect(200);
        self.refresh(&who.refresh).await.expect(200);
    }

    /// Expects that somebody is out: what their access token is told, and that their refresh token is none.
    pub async fn expect_out(&self, who: &Person, detail: &str) {
        self.me(&who.access).await.expect_problem(401, detail);
        self.refresh(&who.refresh).await.expect_problem(401, "Invalid refresh token");
    }
}
