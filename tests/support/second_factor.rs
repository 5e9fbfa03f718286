//! Second factors: authenticator apps that are somebody else's code, and people who have one.

use super::admin::Person;
use super::request::Request;
use super::{Answer, PASSWORD, Service};
use doorward_core::clock::Timestamp;
use doorward_core::second_factor::SecondFactor;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

/// Seconds that an app shows a code.
pub const STEP: u64 = 30;

/// Somebody's authenticator app.
#[derive(Clone)]
pub struct Authenticator(Totp);

impl Authenticator {
    /// An app that has read a QR code.
    #[track_caller]
    pub fn scan(uri: &str) -> Self {
        Self(Totp::from_url(uri).unwrap())
    }

    /// An app into which a secret was typed.
    #[track_caller]
    pub fn typed(secret: &str) -> Self {
        let secret = Secret::try_from_base32(secret).unwrap();
        Self(Builder::new().with_secret(secret).build_noncompliant())
    }

    /// What the app shows so many seconds from that moment.
    pub fn code_at(&self, now: Timestamp, seconds: i64) -> String {
        self.0.generate((now.seconds() + seconds).try_into().unwrap()).to_string()
    }

    /// So many different codes that the app does not show around that moment.
    pub fn wrong_codes(&self, now: Timestamp, count: usize) -> Vec<String> {
        let near: Vec<_> = (-5..=5).map(|step| self.code_at(now, step * 30)).collect();
        (0..1_000_000).map(|n| format!("{n:06}")).filter(|code| !near.contains(code)).take(count).collect()
    }

    /// The secret as people type it.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The secret as it is.
    pub fn secret_bytes(&self) -> &[u8] {
        self.0.secret().as_bytes()
    }

    pub fn totp(&self) -> &Totp {
        &self.0
    }
}

/// Somebody with a second factor.
#[derive(Clone)]
pub struct Guarded {
    pub name: String,
    pub person: Person,
    pub app: Authenticator,
    pub recovery: Vec<String>,
}

/// The recovery codes of an answer.
#[track_caller]
pub fn recovery_codes(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let codes = body["recovery_codes"].as_array().unwrap_or_else(|| panic!("recovery codes in {body}"));
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

impl Service {
    /// `POST /2fa/setup`, for JSON.
    pub fn set_up(&self, access: &str, body: &Value) -> Request {
        self.post("/2fa/setup").bearer(access).header("accept", "application/json").json(body)
    }

    /// An app with a new secret, which waits for its first code; where there is a live one, by [`PASSWORD`].
    pub async fn new_app(&self, access: &str) -> Authenticator {
        let answer = self.set_up(access, &json!({"password": PASSWORD})).send().await.expect(200);
        Authenticator::scan(&answer.text("otpauth_uri"))
    }

    /// `POST /2fa/verify`
    pub fn verify(&self, access: &str, code: &str) -> Request {
        self.post("/2fa/verify").bearer(access).json(&json!({"code": code}))
    }

    /// `POST /2fa/disable`
    pub fn turn_off(&self, access: &str, password: &str, code: &str) -> Request {
        self.post("/2fa/disable").bearer(access).json(&json!({"password": password, "code": code}))
    }

    /// `POST /2fa/recovery-codes`
    pub fn replace_codes(&self, access: &str, password: &str, code: &str) -> Request {
        self.post("/2fa/recovery-codes").bearer(access).json(&json!({"password": password, "code": code}))
    }

    /// Somebody who signs up, logs in and turns the second factor on. The code that confirmed it is over.
    pub async fn with_second_factor(&self, name: &str) -> Guarded {
        let person = self.person(name).await;
        let app = self.new_app(&person.access).await;
        let code = app.code_at(self.clock.now(), 0);
        let answer = self.verify(&person.access, &code).send().await.expect(200);
        let recovery = recovery_codes(&answer);
        self.wait(STEP);
        Guarded { name: name.to_owned(), person, app, recovery }
    }

    /// What an app shows now.
    pub fn code(&self, app: &Authenticator) -> String {
        app.code_at(self.clock.now(), 0)
    }

    /// What an app shows next.
    pub fn next_code(&self, app: &Authenticator) -> String {
        self.wait(STEP);
        self.code(app)
    }

    /// A code that an app does not show.
    pub fn wrong_code(&self, app: &Authenticator) -> String {
        app.wrong_codes(self.clock.now(), 1).remove(0)
    }

    /// `POST /token` with [`PASSWORD`] and a code at once.
    pub fn log_in_with(&self, name: &str, code: &str) -> Request {
        self.post("/token").form(&[("username", name), ("password", PASSWORD), ("otp", code)])
    }

    /// `POST /token` with [`PASSWORD`] alone: the `mfa_token` that waits for a code.
    pub async fn first_step(&self, name: &str) -> String {
        self.try_login(name, PASSWORD).await.expect_problem(403, "Two-factor code required").text("mfa_token")
    }

    /// `POST /token` with a code for an `mfa_token`.
    pub fn second_step(&self, mfa_token: &str, code: &str) -> Request {
        self.post("/token").form(&[("mfa_token", mfa_token), ("otp", code)])
    }

    /// Somebody's second factor, as the store has it.
    pub async fn factor(&self, name: &str) -> Option<SecondFactor> {
        let id = self.credentials(name).await.user;
        self.store.second_factors.get(&id).await.unwrap()
    }

    /// How many wrong codes are counted for somebody.
    pub async fn wrong_codes_of(&self, name: &str) -> u32 {
        self.factor(name).await.map_or(0, |factor| factor.wrong.count)
    }

    /// Expects that the right password alone gets somebody in.
    pub async fn expect_one_step(&self, name: &str) {
        let claims = super::state::claims(&self.login(name).await.access);
        assert_eq!(claims["amr"], json!(["pwd"]));
    }
}
