//! Secrets, sent in every place where a client may put one, while everything is logged that can be: none is written down.

use crate::client::{Client, PASSWORD, Tokens, tokens};
use crate::commands::BCRYPT;
use crate::routes::{CANARY, Media, ROUTES, Route};
use crate::second_factor::code_of;
use crate::server::{Place, Start};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "content-type: application/json\r\n";

/// What must not be found.
struct Secrets(Vec<String>);

impl Secrets {
    fn new() -> Self {
        // As it is, as a form has it, and as a header of basic authentication does.
        let password = [PASSWORD.to_owned(), PASSWORD.replace(' ', "+"), BCRYPT.to_owned()];
        let canary = [CANARY.to_owned(), STANDARD.encode(format!("{CANARY}:{CANARY}"))];
        Self(password.into_iter().chain(canary).collect())
    }

    fn keep(&mut self, secret: &str) -> String {
        // The last part of a token is what makes it one.
        self.0.extend(secret.rsplit('.').next().filter(|part| part.len() > 5).map(str::to_owned));
        secret.to_owned()
    }

    fn keep_all(&mut self, tokens: &Tokens) {
        self.keep(&tokens.access);
        self.keep(&tokens.refresh);
    }

    fn expect_none_in(&self, text: &str) {
        for secret in &self.0 {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret}");
        }
    }
}

impl Client {
    /// The answer's status, if it was whole.
    fn status(self, method: &str, path: &str, headers: &str, body: &str) -> Option<u16> {
        self.try_send(method, path, headers, body).ok().map(|answer| answer.status)
    }
}

fn talkative(start: Start) -> Start {
    start.env("RUST_LOG", "trace")
}

/// Somebody's way through all that has secrets, as it should go.
fn live(client: Client, secrets: &mut Secrets) -> Tokens {
    let ann = client.newcomer("ann");
    secrets.keep_all(&ann);
    let next = tokens(&client.refresh(&ann.refresh).expect(200));
    secrets.keep_all(&next);
    let made = client.post_as(&next.access, "/api-keys", &json!({"name": "ci"})).expect(201);
    let (id, key) = (made.text("id"), secrets.keep(&made.text("key")));
    assert_eq!(client.status("GET", "/protected", &format!("x-api-key: {key}\r\n"), ""), Some(200));
    let basic = secrets.keep(&STANDARD.encode(format!("{id}:{key}")));
    let headers = format!("{FORM}authorization: Basic {basic}\r\n");
    let granted = client.try_send("POST", "/oauth2/token", &headers, "grant_type=client_credentials").unwrap();
    secrets.keep(&granted.expect(200).text("access_token"));
    client.form("/oauth2/introspect", &format!("token={}&client_id={id}&client_secret={key}", next.access)).expect(403);

    let (secret, codes) = client.turn_on(&next.access);
    secrets.keep(&secret);
    let mfa = client.log_in("ann", PASSWORD).expect(403).text("mfa_token");
    secrets.keep(&mfa);
    for code in &codes {
        secrets.keep(code);
    }
    let login = client.form("/token", &format!("mfa_token={mfa}&otp={}", codes[0])).expect(200);
    let login = tokens(&login);
    secrets.keep_all(&login);
    // Six digits may be part of a time or an id; so only codes that are too long to be.
    client.form("/token", &format!("username=ann&password=wrong&otp={}", code_of(&secret, 30))).expect(401);
    client.form("/oauth2/revoke", &format!("token={}", ann.refresh)).expect(200);
    client.refresh(&login.refresh).expect(200);
    login
}

fn body_of(route: &Route, is_form: bool) -> String {
    let members = route.members.iter();
    if is_form {
        let pairs: Vec<_> = members.map(|member| format!("{}={CANARY}", member.name)).collect();
        return pairs.join("&");
    }
    let members: Map<_, _> = members.map(|member| (member.name.to_owned(), Value::from(CANARY))).collect();
    Value::Object(members).to_string()
}

/// Sends the canary in every place of a route: good ones, and those where none is looked for.
fn try_everything(client: Client, route: &Route, access: &str) {
    let (method, path) = (route.method, route.path.replace("anything", CANARY).replace("anybody", CANARY));
    let bearer = format!("authorization: Bearer {access}\r\n");
    let is_form = matches!(route.media, Media::Form);
    let (good, other) = if is_form { (FORM, JSON) } else { (JSON, FORM) };
    let body = body_of(route, is_form);
    let proper: Map<_, _> = route.members.iter().map(|member| (member.name.to_owned(), member.value())).collect();
    let proper = if is_form {
        let pairs: Vec<_> = route.members.iter().map(|member| format!("{}={}", member.name, member.good)).collect();
        pairs.join("&")
    } else {
        Value::Object(proper).to_string()
    };
    let unknown = format!("{{\"{CANARY}\": \"{CANARY}\"}}");
    let cut = format!("{{\"password\": \"{CANARY}");
    for (headers, body) in [
        (good, body.as_str()),
        (good, proper.as_str()),
        (good, cut.as_str()),
        (good, unknown.as_str()),
        (other, body.as_str()),
        (other, body_of(route, !is_form).as_str()),
    ] {
        client.status(method, &path, &format!("{headers}{bearer}"), body);
    }
    let basic = STANDARD.encode(format!("{CANARY}:{CANARY}"));
    for headers in [
        format!("authorization: Bearer {CANARY}\r\n"),
        format!("authorization: Basic {basic}\r\n"),
        format!("authorization: {CANARY}\r\n"),
        format!("x-api-key: {CANARY}\r\n"),
        format!("x-api-key: dwk_{CANARY}\r\n"),
        format!("cookie: session={CANARY}\r\n"),
        format!("content-type: {CANARY}\r\n{bearer}"),
    ] {
        client.status(method, &path, &headers, &body);
    }
    for path in [
        format!("{path}?refresh_token={CANARY}&code={CANARY}"),
        format!("{path}?cursor={CANARY}"),
        format!("{path}/{CANARY}"),
        format!("/{CANARY}{path}"),
    ] {
        client.status(method, &path, &bearer, "");
        client.status(CANARY, &path, &bearer, "");
    }
}

#[test]
fn no_secret_that_is_sent_is_logged() {
    let place = Place::new();
    let mut secrets = Secrets::new();
    let start = place.command().arg("--ephemeral").arg("--dynamodb").arg("127.0.0.1:0");
    let server = talkative(start.env("DOORWARD_ARGON2", "m=8,t=1,p=1")).start();
    let client = server.client();
    live(client, &mut secrets);
    client.log_in("typed-by-mistake", PASSWORD).expect(401);
    secrets.keep("typed-by-mistake");
    for (number, route) in ROUTES.iter().enumerate() {
        let caller = client.newcomer(&format!("caller-{number}"));
        secrets.keep_all(&caller);
        try_everything(client, route, &caller.access);
    }
    let said = [server.said.clone(), server.stop("TERM").said].concat().join("\n");
    let log = place.log();
    secrets.expect_none_in(&said);
    secrets.expect_none_in(&log);

    // It was all logged.
    for line in
        ["\"event\":\"logged_in\"", "\"event\":\"client_granted\"", "\"route\":\"/users/{id}\"", "\"status\":422"]
    {
        assert!(log.contains(line), "{line}");
    }
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        if line["target"] == "doorward::audit" && line["purpose"].is_null() {
            assert!(line["event"].is_string() && line["request"].is_string(), "{line}");
            assert_eq!((&line["address"], &line["request"]), (&json!("127.0.0.1"), &line["id"]), "{line}");
        }
    }
}

#[test]
fn no_secret_is_logged_when_the_store_is_gone() {
    let place = Place::new();
    let mut secrets = Secrets::new();
    let mut store = place.server().start();
    let endpoint = format!("http://{}", store.dynamodb());
    let front = place.command().arg("--dynamodb-endpoint").arg(&endpoint).arg("--data").arg("data");
    let server = talkative(front).start();
    let client = server.client();
    let login = live(client, &mut secrets);
    store.kill();
    let bearer = format!("authorization: Bearer {}\r\n", login.access);
    for route in ROUTES.iter().filter(|route| route.members.iter().any(|member| member.good == CANARY)) {
        let is_form = matches!(route.media, Media::Form);
        let headers = format!("{}{bearer}", if is_form { FORM } else { JSON });
        client.status(route.method, route.path, &headers, &body_of(route, is_form));
    }
    assert_eq!(client.log_in("ann", PASSWORD).status, 503);
    assert_eq!(client.refresh(&login.refresh).status, 503);
    let said = [server.said.clone(), server.stop("TERM").said].concat().join("\n");
    secrets.expect_none_in(&said);
    secrets.expect_none_in(&place.log());
    assert!(place.log().contains("\"message\":\"unavailable\""));
}

#[test]
fn no_secret_of_an_operator_is_logged() {
    let place = Place::new();
    let mut secrets = Secrets::new();
    let totp = secrets.keep("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let recovery = secrets.keep("canary-recovery-4711");
    let lines = [
        format!(
            r#"{{"username": "ann", "hashed_password": "{BCRYPT}", "totp_secret": "{totp}", "recovery_codes": ["{recovery}"]}}"#
        ),
        format!(r#"{{"username": "bob", "hashed_password": "{CANARY}", "totp_secret": "{CANARY}"}}"#),
        format!(r#"{{"username": "eve", "password": "{CANARY}"}}"#),
        format!(r#"{{"username": "joe", "hashed_password": "{CANARY}"#),
    ];
    std::fs::write(place.path("lines"), lines.join("\n")).unwrap();
    let run = |args: &[&str], input: &str| talkative(place.users(args)).input(input).run();
    let line = format!("{CANARY}\n");
    let create = ["create", "--username", "joe", "--email", "joe@example.com"];
    for (args, input, code) in [
        (&["import", "lines"][..], "", 1),
        (&create[..], line.as_str(), 0),
        (&create[..], line.as_str(), 1),
        (&["password", "joe"], line.as_str(), 0),
        (&["password", "nobody"], line.as_str(), 1),
        (&["list"], "", 0),
        (&["unlock", "ann"], "", 0),
        (&["reset-2fa", "ann"], "", 0),
    ] {
        let ended = run(args, input);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", place.log());
        secrets.expect_none_in(&ended.said.join("\n"));
    }
    let rotated = talkative(place.server().arg("keys").arg("rotate")).run();
    assert_eq!(rotated.code, Some(0), "{}", place.log());
    secrets.expect_none_in(&place.log());
    assert!(place.log().contains("\"event\":\"key_created\""), "{}", place.log());
}
