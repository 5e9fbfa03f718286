//! Every request that writes, and what holds when it was broken off and is made again.

mod accounts;
mod factors;
mod keys;
mod sessions;

use crate::client::{Answer, Client, PASSWORD, Tokens};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io;

/// A request that writes.
pub struct Write {
    /// The route, as [`crate::routes::ROUTES`] has it.
    pub route: (&'static str, &'static str),
    /// What distinguishes it from others of its route.
    pub name: &'static str,
    /// Makes somebody who asks for it, and what they ask.
    pub ask: fn(&Setting) -> Ask,
    /// How it is answered.
    pub first: u16,
    /// How it may be answered when it was made before.
    pub again: &'static [u16],
    /// Expects what holds after its last answer.
    pub then: fn(&Setting, &Ask, &Answer),
}

impl Write {
    pub fn title(&self) -> String {
        format!("{} {} {}", self.route.0, self.route.1, self.name)
    }

    /// Whether that is an answer to the first request; others may have used a limit up.
    #[cfg(feature = "tools")]
    pub fn is_first(&self, status: u16) -> bool {
        status == self.first || (status == 429 && self.again.contains(&429))
    }
}

/// Where a request is made.
#[derive(Clone)]
pub struct Setting {
    pub client: Client,
    /// The access token of an admin.
    pub admin: String,
    /// A name that nobody has.
    pub name: String,
}

/// A request, as often as it is made, and what its `then` has to know.
#[derive(Clone, Default)]
pub struct Ask {
    method: &'static str,
    path: String,
    headers: String,
    body: String,
    /// Who asks for it, or whom it is about.
    who: Option<Tokens>,
    /// What else there is, by name.
    more: Value,
}

impl Ask {
    fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), ..Self::default() }
    }

    fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers = format!("{}{name}: {value}\r\n", self.headers);
        self
    }

    fn json(mut self, body: &Value) -> Self {
        self.headers += "content-type: application/json\r\naccept: application/json\r\n";
        self.body = body.to_string();
        self
    }

    fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let encode = |text: &str| text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.headers += "content-type: application/x-www-form-urlencoded\r\n";
        self.body = pairs.join("&");
        self
    }

    /// By or about somebody.
    fn of(mut self, who: &Tokens) -> Self {
        self.who = Some(who.clone());
        self
    }

    fn with(mut self, more: Value) -> Self {
        self.more = more;
        self
    }

    fn who(&self) -> &Tokens {
        self.who.as_ref().unwrap()
    }

    fn more(&self, name: &str) -> &str {
        self.more[name].as_str().unwrap()
    }

    pub fn send(&self, client: Client) -> io::Result<Answer> {
        client.try_send(self.method, &self.path, &self.headers, &self.body)
    }
}

impl Setting {
    fn newcomer(&self) -> Tokens {
        self.client.newcomer(&self.name)
    }

    /// Somebody with a second factor: tokens, the app's secret, and recovery codes.
    fn guarded(&self) -> (Tokens, String, Vec<String>) {
        let who = self.newcomer();
        let (secret, codes) = self.client.turn_on(&who.access);
        (who, secret, codes)
    }

    /// Somebody with a key, which may ask what tokens are worth.
    fn with_key(&self) -> (Tokens, Value) {
        let who = self.newcomer();
        let key = self.make_key(&who);
        (who, key)
    }

    fn make_key(&self, who: &Tokens) -> Value {
        let body = json!({"name": "ci", "scopes": ["read:items", "introspect:tokens"]});
        self.client.post_as(&who.access, "/api-keys", &body).expect(201).body
    }

    /// The status of `GET /protected` with a key.
    fn knock(&self, key: &str) -> u16 {
        self.client.try_send("GET", "/protected", &format!("x-api-key: {key}\r\n"), "").unwrap().status
    }

    fn get(&self, path: &str, access: &str, status: u16) -> Value {
        self.client.get(path, access).expect(status).body
    }

    fn id_of(&self, access: &str) -> String {
        self.client.get("/oauth2/userinfo", access).expect(200).text("sub")
    }

    fn log_in_with(&self, otp: &str) -> u16 {
        let form = [("username", self.name.as_str()), ("password", PASSWORD), ("otp", otp)];
        Ask::new("POST", "/token").form(&form).send(self.client).unwrap().status
    }

    fn log_in(&self, password: &str) -> u16 {
        self.client.log_in(&self.name, password).status
    }

    /// Expects that one code is used up, and the next one is good.
    fn expect_used_up(&self, ask: &Ask) {
        assert_eq!(self.log_in_with(ask.more("used")), 400);
        assert_eq!(self.log_in_with(ask.more("next")), 200);
    }

    /// Expects that both tokens are good.
    fn expect_in(&self, who: &Tokens) {
        self.get("/users/me", &who.access, 200);
        self.client.refresh(&who.refresh).expect(200);
    }

    /// Expects that neither token is good.
    fn expect_out(&self, who: &Tokens) {
        self.get("/users/me", &who.access, 401);
        self.client.refresh(&who.refresh).expect(401);
    }

    /// Expects that nothing of a deleted user is good, and that the name is free.
    fn expect_gone(&self, who: &Tokens, key: &str) {
        self.expect_out(who);
        assert_eq!(self.knock(key), 403);
        assert_eq!(self.log_in(PASSWORD), 401);
        self.client.sign_up(&self.name).expect(201);
        self.expect_out(who);
    }
}

fn basic(key: &Value) -> String {
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// All of them; codes of an app first, which are good for half a minute.
pub fn writes() -> Vec<Write> {
    [factors::writes(), sessions::logins(), sessions::refreshes(), sessions::ends()]
        .into_iter()
        .chain([accounts::own(), accounts::administration(), keys::writes()])
        .flatten()
        .collect()
}
