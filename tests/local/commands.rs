//! The operator's commands, beside a running server and without one.

use crate::client::PASSWORD;
use crate::doctor::{raw, remake_with_other_keys};
use crate::server::{Ended, Place, Server, Start};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/users.jsonl");
/// A hash of `secret` that is quickly made.
pub const BCRYPT: &str = "$2b$04$fMbrD2FKmsrdBb0iPM21LuT4s8tH88cD5HPwuLomcnZUjne8SeiiW";

impl Place {
    /// A command on the folder `data` here.
    pub fn users(&self, args: &[&str]) -> Start {
        args.iter().fold(self.server().arg("users"), |start, arg| start.arg(arg))
    }

    pub fn import(&self, lines: &[String]) -> Ended {
        fs::write(self.path("lines"), lines.join("\n")).unwrap();
        self.users(&["import", "lines"]).run()
    }

    /// What `users export` says.
    pub fn exported(&self) -> Vec<Value> {
        let ended = self.users(&["export"]).run();
        assert_eq!(ended.code, Some(0), "{}", self.log());
        let mut users: Vec<Value> = ended.said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        users.sort_by_key(|user| user["username"].as_str().unwrap().to_owned());
        users
    }

    /// A server, and somebody who signed up.
    pub fn server_with(&self, name: &str) -> Server {
        let server = self.server().start();
        server.client().sign_up(name).expect(201);
        server
    }
}

/// Fails until the account is closed for long enough that nobody has to hurry.
fn close(server: &Server, name: &str) {
    let until = Instant::now() + Duration::from_mins(2);
    while server.client().log_in(name, PASSWORD).status == 200 {
        for _ in 0..9 {
            server.client().log_in(name, "a wrong password").expect(401);
        }
        assert!(Instant::now() < until);
    }
}

pub fn done(line: &str) -> Ended {
    Ended { code: Some(0), said: vec![line.to_owned()] }
}

pub fn refused() -> Ended {
    Ended { code: Some(1), said: Vec::new() }
}

#[test]
fn what_is_refused_leaves_nothing() {
    let place = Place::new();
    let ann = ["create", "--username", "ann", "--email", "ann@example.com"];
    let with = |more: &[&'static str]| place.users(&[&ann[..], more].concat());
    let long = with(&[]).input("correct horse battery staple\nignored");
    for (start, why) in [
        (with(&[]), "the password is expected as one line on standard input"),
        (with(&[]).input(&"long".repeat(2_000)), "the password must have at most 1024 bytes"),
        (with(&[]).input("short\n"), "the password must have at least 8 characters"),
        (with(&[]).input("password\n"), "the password is one of the most common passwords"),
        (with(&["--scope", "a\"b"]).input(PASSWORD), "--scope must be"),
        (with(&["--permission", ""]).input(PASSWORD), "--permission must be"),
        (with(&["--full-name", ""]).input(PASSWORD), "--full-name must be"),
        (place.users(&["create", "--username", "a b", "--email", "a@b"]).input(PASSWORD), "--username must be"),
        (place.users(&["create", "--username", "ann", "--email", "ann"]).input(PASSWORD), "--email must be"),
        (place.users(&["password", "ann"]).input(PASSWORD), "there is no user ann"),
        (place.users(&["unlock", "ann"]), "there is no user ann"),
        (place.users(&["reset-2fa", "ann"]), "there is no user ann"),
        (place.users(&["logout", "ann@example.com"]), "there is no user ann@example.com"),
        (place.users(&["delete", "ann"]), "there is no user ann"),
        (place.users(&["import", "nothing"]), "nothing: No such file"),
    ] {
        assert_eq!(start.run(), refused(), "{why}");
        assert!(place.log().contains(&format!("doorward: {why}")), "{why}: {}", place.log());
    }
    assert!(place.exported().is_empty());
    assert_eq!(long.run().code, Some(0), "only the first line is the password");
    assert_eq!(with(&[]).input(PASSWORD).run(), refused(), "the name is taken");
    assert_eq!(place.exported().len(), 1);
}

#[test]
fn a_user_that_was_made_logs_in() {
    let place = Place::new();
    let create = ["create", "--username", "Bob", "--email", "bob@example.com", "--role", "moderator"];
    let more = ["--permission", "read:users", "--permission", "write:users", "--scope", "a:b", "--full-name", "Bob B."];
    // A line end is not part of the password, and a blank is.
    assert_eq!(place.users(&[&create[..], &more[..]].concat()).input(" pass phrase \r\n").run().code, Some(0));

    let server = place.server().start();
    assert_eq!(server.admin_password(), None, "the store was not empty");
    let client = server.client();
    client.log_in("bob", "pass phrase").expect(401);
    let access = client.log_in("bob", " pass phrase ").expect(200).text("access_token");
    let found = client.get("/users?username=BOB", &access).expect(200).body["items"][0].clone();
    assert_eq!(found["role"], "moderator");
    assert_eq!(found["permissions"], serde_json::json!(["read:users", "write:users"]));
    assert_eq!(found["scopes"], serde_json::json!(["a:b"]));
    assert_eq!(found["full_name"], "Bob B.");
}

#[test]
fn support_helps_while_the_server_runs() {
    let place = Place::new();
    let server = place.server_with("ann");
    let client = server.client();
    let tokens = client.newcomer("eve");

    assert_eq!(place.users(&["logout", "eve@example.com"]).run(), done("ended all sessions of eve"));
    client.get("/users/me", &tokens.access).expect(401);
    client.refresh(&tokens.refresh).expect(401);

    let changed = place.users(&["password", "EVE"]).input("another pass phrase\r\r\n").run();
    assert_eq!(changed, done("set another password for eve; all sessions are ended"));
    client.log_in("eve", PASSWORD).expect(401);
    client.log_in("eve", "another pass phrase").expect(401);
    // One line end is cut off, and no more.
    let access = client.log_in("eve", "another pass phrase%0D").expect(200).text("access_token");

    close(&server, "ann");
    assert_eq!(place.users(&["unlock", "ann"]).run(), done("forgot the wrong passwords and codes of ann"));
    client.log_in("ann", PASSWORD).expect(200);

    let table = place.users(&["list"]).run();
    assert_eq!(table.code, Some(0));
    assert_eq!(
        table.said[0].split_whitespace().collect::<Vec<_>>(),
        ["ID", "USERNAME", "E-MAIL", "ROLE", "STATE", "CREATED"]
    );
    let eve = table.said.iter().find(|line| line.contains("eve@example.com")).unwrap();
    let id = eve.split_whitespace().next().unwrap();

    assert_eq!(place.users(&["delete", id]).run(), done("deleted user eve"));
    client.get("/users/me", &access).expect(401);
    client.sign_up("eve").expect(201);
}

#[test]
fn another_dynamodb_is_named_before_or_after_the_command() {
    let place = Place::new();
    let server = place.server_with("ann");
    let endpoint = format!("http://{}", server.dynamodb());
    let elsewhere = Place::new();
    for args in
        [["--dynamodb-endpoint", &endpoint, "users", "list"], ["users", "list", "--dynamodb-endpoint", &endpoint]]
    {
        let ended = args.iter().fold(elsewhere.command(), |start, arg| start.arg(arg)).run();
        assert!(ended.said.iter().any(|line| line.contains("ann@example.com")), "{}", elsewhere.log());
    }
    assert!(!elsewhere.path(".doorward").exists(), "nothing is made where nothing is kept");
}

#[test]
fn the_seeds_users_move_in() {
    let place = Place::new();
    let server = place.server().start();
    assert_eq!(place.users(&["import", SEEDS]).run(), done("imported 3, kept 0, refused 0"));
    let before = place.exported();
    assert_eq!(place.users(&["import", SEEDS]).run(), done("imported 0, kept 3, refused 0"));
    assert_eq!(place.exported(), before, "a second time changes nothing");
    for (name, password) in [("johndoe", "secret"), ("stanley", "secret"), ("Mike.Doe@localhost", "password")] {
        server.client().log_in(name, password).expect(200);
    }
}

#[test]
fn a_bad_line_is_reported_by_its_number_and_leaves_nothing() {
    let place = Place::new();
    let line = |members: &str| format!("{{\"username\": \"u\", {members}}}");
    let good = format!(r#"{{"username": "ann", "id": "a-1", "email": "ann@x", "hashed_password": "{BCRYPT}"}}"#);
    let rights: Vec<_> = (0..40).map(|n| format!(r#""{n:051}""#)).collect();
    let bad = [
        "not JSON".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"username": "a b"}"#.to_owned(),
        line(r#""id": "a/b""#),
        line(r#""id": "a-1""#),
        line(r#""id": "me""#),
        line(r#""email": "ANN@X""#),
        line(r#""email": "nobody""#),
        line(r#""hashed_password": "secret""#),
        line(r#""hashed_password": "$2b$15$fMbrD2FKmsrdBb0iPM21LuT4s8tH88cD5HPwuLomcnZUjne8SeiiW""#),
        line(r#""role": "root""#),
        line(r#""scopes": "read:items""#),
        line(r#""permissions": ["a b"]"#),
        line(r#""disabled": "no""#),
        line(r#""created_at": "yesterday""#),
        line(r#""password": "secret""#),
        line(r#""username": "v""#),
        line(r#""totp_secret": """#),
        line(r#""totp_secret": "JBSWY3DP""#),
        line(r#""totp_secret": "not base32 at all""#),
        line(r#""totp_secret": ["JBSWY3DPEHPK3PXP"]"#),
        line(r#""recovery_codes": ["abcd-efgh"]"#),
        line(r#""totp_secret": "JBSWY3DPEHPK3PXP", "recovery_codes": "abcd-efgh""#),
        line(r#""totp_secret": "JBSWY3DPEHPK3PXP", "recovery_codes": ["abcd-efgh", "short"]"#),
        line(r#""totp_secret": "JBSWY3DPEHPK3PXP", "recovery_codes": ["hmac-sha256:abc"]"#),
        r#"{"username": null}"#.to_owned(),
        line(r#""password": null"#),
        // With the default scopes they are too many.
        line(&format!(r#""permissions": [{}]"#, rights.join(","))),
        line(&format!(r#""scopes": null, "permissions": [{}]"#, rights.join(","))),
    ];
    let lines = [&[good.clone()][..], &bad, &[good.replace("ann", "bob").replace("a-1", "b-1")]].concat();
    let ended = place.import(&lines);
    assert_eq!((ended.code, &*ended.said[0]), (Some(1), "imported 2, kept 0, refused 30"), "{}", place.log());
    let log = place.log();
    let numbers = log.lines().filter_map(|line| line.strip_prefix("line ")?.split_once(':')?.0.parse().ok());
    assert_eq!(numbers.collect::<Vec<usize>>(), (2..2 + bad.len()).collect::<Vec<_>>(), "in their order: {log}");
    let names: Vec<_> = place.exported().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ann", "bob"]);
}

#[test]
fn what_is_null_in_a_line_is_absent() {
    let place = Place::new();
    let names = [
        "id",
        "email",
        "email_verified",
        "full_name",
        "disabled",
        "hashed_password",
        "role",
        "permissions",
        "scopes",
        "totp_secret",
        "recovery_codes",
        "created_at",
    ];
    let nulls: Vec<_> = names.iter().map(|name| format!(r#""{name}": null"#)).collect();
    let lines = [format!(r#"{{"username": "ann", {}}}"#, nulls.join(", ")), r#"{"username": "bob"}"#.to_owned()];
    assert_eq!(place.import(&lines), done("imported 2, kept 0, refused 0"), "{}", place.log());
    let mut users = place.exported();
    for user in &mut users {
        for own in ["id", "username", "created_at"] {
            assert!(user[own].take().is_string());
        }
    }
    assert_eq!(users[0], users[1]);
    assert_eq!(users[0]["scopes"], serde_json::json!(["read:items", "write:items"]));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let place = Place::new();
    let line = |name: &str| format!("\u{feff}{{\"username\": \"{name}\"}}");
    let ended = place.import(&[line("ann"), line("bob")]);
    assert_eq!((ended.code, &*ended.said[0]), (Some(1), "imported 1, kept 0, refused 1"), "{}", place.log());
    assert!(place.log().contains("line 2: is not well-formed JSON"), "{}", place.log());
}

#[test]
fn progress_counts_every_line() {
    let place = Place::new();
    let mut lines = vec!["not JSON".to_owned(); 2000];
    lines[0] = r#"{"username": "ann"}"#.to_owned();
    let ended = place.import(&lines);
    assert_eq!((ended.code, &*ended.said[0]), (Some(1), "imported 1, kept 0, refused 1999"));
    for progress in ["imported 1, kept 0, refused 999 so far", "imported 1, kept 0, refused 1999 so far"] {
        assert!(place.log().contains(progress), "{progress}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_store_fails_what_was_done_is_said() {
    let place = Place::new();
    let server = place.server().start();
    // A table that takes nothing.
    remake_with_other_keys(&raw(&server), "doorward-second-factors").await;
    let line = |name: &str, more: &str| format!(r#"{{"username": "{name}"{more}}}"#);
    let guarded = line("bob", r#", "totp_secret": "JBSWY3DPEHPK3PXP""#);
    let lines = [line("ann", ""), "not JSON".to_owned(), guarded, line("carl", "")];
    let ended = place.import(&lines);
    assert_eq!((ended.code, &*ended.said[0]), (Some(1), "imported 2, kept 0, refused 1"), "{}", place.log());
    assert!(place.log().contains("doorward: line 3: the store is unavailable"), "{}", place.log());
}

#[test]
fn of_two_lines_with_something_alike_the_first_wins() {
    let place = Place::new();
    let line =
        |name: &str, id: &str, role: &str| format!(r#"{{"username": "{name}", "id": "{id}", "role": "{role}"}}"#);
    let lines = [line("ann", "1", "admin"), line("ANN", "2", "user"), line("bob", "1", "user")];
    let ended = place.import(&lines);
    assert_eq!((ended.code, &*ended.said[0]), (Some(1), "imported 1, kept 1, refused 1"));
    assert_eq!(place.exported()[0]["role"], "admin");
}

#[test]
fn everybody_moves_out_and_in_again_whole() {
    let old = Place::new();
    let full = format!(
        r#"{{"username": "Ann", "id": "ann-1", "email": "Ann@Example.com", "email_verified": true, "full_name": "Ann A.",
            "hashed_password": "{BCRYPT}", "role": "moderator", "permissions": ["read:users"], "scopes": [],
            "disabled": false, "created_at": "2020-02-29T12:00:00.5Z"}}"#
    );
    old.import(&[full.replace('\n', " "), r#"{"username": "no-password"}"#.to_owned()]);
    let server = old.server_with("carl");
    let before = old.exported();
    let subject = subject(&server.client().log_in("carl", PASSWORD).expect(200).text("access_token"));
    drop(server);

    let new = Place::new();
    let lines: Vec<_> = before.iter().map(Value::to_string).collect();
    assert_eq!(new.import(&lines), done("imported 3, kept 0, refused 0"));
    assert_eq!(new.exported(), before);
    assert_eq!(new.import(&lines), done("imported 0, kept 3, refused 0"), "a second time nothing is new");
    assert_eq!(old.import(&lines), done("imported 0, kept 3, refused 0"), "nor where they come from");
    assert_eq!(new.exported(), before);
    assert_eq!(before[0]["created_at"], "2020-02-29T12:00:00.500Z");
    let server = new.server().start();
    let access = server.client().log_in("carl", PASSWORD).expect(200).text("access_token");
    assert_eq!(self::subject(&access), subject, "`sub` is kept");
    server.client().log_in("ann", "secret").expect(200);
    server.client().log_in("no-password", "").expect(401);
}

/// The `sub` of an access token.
fn subject(access: &str) -> Value {
    use base64::Engine as _;
    let claims = access.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["sub"].clone()
}
