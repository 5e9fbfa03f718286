//! How things stand in the store, and how tests make them stand.

use super::{Answer, Service, Tokens};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::grant::{Credentials, Identifier};
use doorward_core::ids::{SessionId, UserId};
use doorward_core::session::Session;
use doorward_core::user::User;
use doorward_http::audit::Event;
use serde_json::Value;

/// What an access token says, whoever signed it.
pub fn claims(access_token: &str) -> Value {
    let part = access_token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn claim(access_token: &str, name: &str) -> String {
    claims(access_token)[name].as_str().unwrap().to_owned()
}

impl Service {
    /// What somebody logs in with.
    pub async fn credentials(&self, name: &str) -> Credentials {
        self.store.credentials.find(&Identifier::typed(name)).await.unwrap().expect("credentials")
    }

    /// How many wrong passwords in a row somebody has.
    pub async fn failures(&self, name: &str) -> u32 {
        self.credentials(name).await.failures.count
    }

    pub async fn user(&self, name: &str) -> User {
        let id = self.credentials(name).await.user;
        self.store.users.get(&id).await.unwrap().expect("a user")
    }

    /// The session of an access token, if it is there.
    pub async fn find_session(&self, access_token: &str) -> Option<Session> {
        let user = UserId::parse(&claim(access_token, "sub")).unwrap();
        let session = SessionId::parse(&claim(access_token, "sid")).unwrap();
        self.store.sessions.get(&user, session).await.unwrap()
    }

    /// The session of an access token.
    pub async fn session(&self, access_token: &str) -> Session {
        self.find_session(access_token).await.expect("a session")
    }

    /// How many sessions there are, dead or alive.
    pub async fn count_sessions(&self) -> usize {
        self.raw.items("sessions").await.len()
    }

    /// The generation at which the session of an access token stands.
    pub async fn generation(&self, access_token: &str) -> u32 {
        self.session(access_token).await.generation.0
    }

    /// How often theft was detected.
    pub fn thefts(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::TheftDetected { .. })).count()
    }

    /// Shuts somebody out: as the architecture has it, with a new epoch.
    pub async fn disable(&self, name: &str) {
        let user = self.user(name).await;
        self.store.users.raise_epoch(&user.id, user.epoch).await.unwrap();
        self.set_of_user(name, "disabled", AttributeValue::Bool(true)).await;
    }

    /// Lets somebody in again.
    pub async fn enable(&self, name: &str) {
        self.set_of_user(name, "disabled", AttributeValue::Bool(false)).await;
    }

    /// Gives somebody exactly these scopes.
    pub async fn set_scopes(&self, name: &str, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.set_of_user(name, "scopes", AttributeValue::Ss(scopes)).await;
    }

    async fn set_of_user(&self, name: &str, attribute: &str, value: AttributeValue) {
        let id = self.credentials(name).await.user;
        self.raw.set("users", &[("user_id", id.as_str())], attribute, value).await;
    }

    /// Takes the profile of an access token's user away.
    pub async fn delete_user(&self, access_token: &str) {
        self.raw.delete("users", &[("user_id", &claim(access_token, "sub"))]).await;
    }

    /// Takes the session of an access token away, as DynamoDB does when its time is over.
    pub async fn delete_session(&self, access_token: &str) {
        let (user, session) = (claim(access_token, "sub"), claim(access_token, "sid"));
        self.raw.delete("sessions", &[("user_id", &user), ("session_id", &session)]).await;
    }

    pub async fn post_as(&self, access_token: &str, path: &str) -> Answer {
        self.post(path).bearer(access_token).send().await
    }

    /// Expects that neither of the tokens is good for anything, because their session was ended.
    #[track_caller]
    pub fn expect_ended(&self, tokens: &Tokens) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let (me, refreshed) = (self.get("/users/me").bearer(&tokens.access), self.post("/token/refresh"));
        let refreshed = refreshed.form(&[("refresh_token", &tokens.refresh)]);
        async move {
            let (me, refreshed) = (me.send().await, refreshed.send().await);
            let told = (me.status, me.json()["detail"].clone(), refreshed.status, refreshed.json()["detail"].clone());
            let dead = (401, Value::from("Token has been revoked"), 401, Value::from("Invalid refresh token"));
            assert_eq!(told, dead, "at {caller}");
        }
    }

    /// Expects that the access token is good.
    pub async fn expect_alive(&self, access_token: &str) {
        self.me(access_token).await.expect(200);
    }
}
