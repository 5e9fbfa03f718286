//! Second factors under the operator's commands, and in the logs.

use crate::client::{Answer, Client, PASSWORD, tokens};
use crate::commands::{BCRYPT, done};
use crate::server::Place;
use doorward_core::clock::Clock;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

impl Client {
    /// A login with a code of either factor.
    fn log_in_with(self, name: &str, password: &str, code: &str) -> Answer {
        let form = format!("username={name}&password={}&otp={code}", password.replace(' ', "+"));
        self.try_send("POST", "/token", "content-type: application/x-www-form-urlencoded\r\n", &form).unwrap()
    }

    pub fn post_as(self, access: &str, path: &str, body: &Value) -> Answer {
        let headers = "content-type: application/json\r\naccept: application/json\r\n";
        let headers = format!("{headers}authorization: Bearer {access}\r\n");
        self.try_send("POST", path, &headers, &body.to_string()).unwrap()
    }

    /// Turns the second factor of somebody on who is in: the app's secret, and the recovery codes.
    pub fn turn_on(self, access: &str) -> (String, Vec<String>) {
        let secret = self.post_as(access, "/2fa/setup", &json!({})).expect(200).text("secret");
        let answer = self.post_as(access, "/2fa/verify", &json!({"code": code_of(&secret, 0)})).expect(200);
        let codes = answer.body["recovery_codes"].as_array().unwrap();
        (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
    }
}

/// What an app of that secret shows so many seconds from now. The next code is taken already, and a step once.
pub fn code_of(secret: &str, seconds: u64) -> String {
    let plain = secret.replace(' ', "").to_uppercase();
    let app = Builder::new().with_secret(Secret::try_from_base32(plain).unwrap()).build_noncompliant();
    let now = u64::try_from(Clock::System.now().seconds()).unwrap();
    app.generate(now + seconds).to_string()
}

#[test]
fn second_factors_of_another_system_move_in() {
    let place = Place::new();
    let secret = "jbsw y3dp ehpk 3pxp";
    let members = format!(r#""totp_secret": "{secret}", "recovery_codes": ["ABCD-1234", "zyxw9876"]"#);
    let lines = [
        format!(r#"{{"username": "ann", "hashed_password": "{BCRYPT}", {members}}}"#),
        // Nothing is what somebody has without a second factor.
        format!(r#"{{"username": "bob", "hashed_password": "{BCRYPT}", "totp_secret": null, "recovery_codes": []}}"#),
        format!(r#"{{"username": "eve", "hashed_password": "{BCRYPT}", "totp_secret": "{secret}"}}"#),
    ];
    assert_eq!(place.import(&lines), done("imported 3, kept 0, refused 0"), "{}", place.log());
    let server = place.server().start();
    let client = server.client();
    client.log_in("bob", "secret").expect(200);
    for name in ["ann", "eve"] {
        assert_eq!(client.log_in(name, "secret").expect(403).body["error"], "mfa_required");
        client.log_in_with(name, "secret", "wrong").expect(400);
        let code = code_of(secret, 0);
        client.log_in_with(name, "secret", &code).expect(200);
        client.log_in_with(name, "secret", &code).expect(400);
    }
    client.log_in_with("ann", "secret", "abcd1234").expect(200);
    client.log_in_with("ann", "secret", "ABCD-1234").expect(400);
    client.log_in_with("eve", "secret", "ABCD-1234").expect(400);
    // A second time changes nothing: what was used stays used.
    assert_eq!(place.import(&lines), done("imported 0, kept 3, refused 0"));
    client.log_in_with("ann", "secret", "ABCD-1234").expect(400);
    client.log_in_with("ann", "secret", "zyxw9876").expect(200);
}

#[test]
fn second_factors_move_out_and_in_again() {
    let old = Place::new();
    let server = old.server_with("bob");
    let client = server.client();
    let access = client.newcomer("ann").access;
    let (secret, codes) = client.turn_on(&access);
    client.log_in_with("ann", PASSWORD, &codes[0]).expect(200);
    // One that only waits is not taken along.
    let bob = tokens(&client.log_in("bob", PASSWORD).expect(200)).access;
    client.post_as(&bob, "/2fa/setup", &json!({})).expect(200);
    let before = old.exported();
    drop(server);

    let of = |name: &str| before.iter().find(|user| user["username"] == name).unwrap();
    assert_eq!(of("ann")["totp_secret"], secret.as_str());
    assert_eq!(of("ann")["recovery_codes"].as_array().unwrap().len(), 9, "one was used");
    assert!(of("bob").get("totp_secret").is_none());
    for code in &codes {
        assert!(!of("ann").to_string().contains(code.as_str()), "the codes themselves are nowhere");
        assert!(!of("ann").to_string().contains(&code.replace('-', "")));
    }

    let new = Place::new();
    let lines: Vec<_> = before.iter().map(Value::to_string).collect();
    assert_eq!(new.import(&lines), done(&format!("imported {}, kept 0, refused 0", lines.len())));
    assert_eq!(new.exported(), before);
    let server = new.server().start();
    let client = server.client();
    client.log_in("bob", PASSWORD).expect(200);
    client.log_in("ann", PASSWORD).expect(403);
    client.log_in_with("ann", PASSWORD, &codes[0]).expect(400);
    for code in &codes[1..4] {
        client.log_in_with("ann", PASSWORD, code).expect(200);
    }
    let access = tokens(&client.log_in_with("ann", PASSWORD, &code_of(&secret, 30)).expect(200)).access;
    let body = json!({"password": PASSWORD, "code": codes[4]});
    client.post_as(&access, "/2fa/disable", &body).expect(200);
    client.log_in("ann", PASSWORD).expect(200);
}

#[test]
fn support_helps_who_has_lost_the_second_factor() {
    let place = Place::new();
    let server = place.server_with("ann");
    let client = server.client();
    let access = tokens(&client.log_in("ann", PASSWORD).expect(200)).access;
    let (_, codes) = client.turn_on(&access);
    for _ in 0..5 {
        client.log_in_with("ann", PASSWORD, "wrong").expect(400);
    }
    client.log_in_with("ann", PASSWORD, &codes[0]).expect(429);
    assert_eq!(place.users(&["unlock", "ann"]).run(), done("forgot the wrong passwords and codes of ann"));
    client.log_in_with("ann", PASSWORD, &codes[0]).expect(200);

    assert_eq!(place.users(&["reset-2fa", "ANN@example.com"]).run(), done("turned the second factor of ann off"));
    client.log_in("ann", PASSWORD).expect(200);
    client.get("/users/me", &access).expect(200);
    assert_eq!(place.users(&["reset-2fa", "ann"]).run().code, Some(0), "it is off");
    let (_, anew) = client.turn_on(&access);
    client.log_in_with("ann", PASSWORD, &codes[1]).expect(400);
    client.log_in_with("ann", PASSWORD, &anew[0]).expect(200);
}

#[test]
fn no_secret_of_a_second_factor_is_logged() {
    let place = Place::new();
    let server = place.server().env("RUST_LOG", "trace").start();
    let client = server.client();
    let access = client.newcomer("ann").access;
    let (secret, codes) = client.turn_on(&access);
    let mfa_token = client.log_in("ann", PASSWORD).expect(403).text("mfa_token");
    client.log_in_with("ann", PASSWORD, &codes[0]).expect(200);
    client.log_in_with("ann", PASSWORD, "a-wrong-code-of-theirs").expect(400);
    assert_eq!(place.users(&["reset-2fa", "ann"]).run().code, Some(0));
    let log = place.log();
    assert!(log.contains("second_factor_enabled") && log.contains("code_refused"), "{log}");
    for secret in codes.iter().chain([&secret, &mfa_token, &access, &"a-wrong-code-of-theirs".to_owned()]) {
        assert!(!log.contains(secret.as_str()), "{secret}");
    }
}
