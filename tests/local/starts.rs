//! Starting, stopping, and starting again.

use crate::client::{PASSWORD, tokens};
use crate::server::{Ended, Place};
use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

pub fn stopped() -> Ended {
    Ended { code: Some(0), said: Vec::new() }
}

fn refused(code: i32) -> Ended {
    Ended { code: Some(code), said: Vec::new() }
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [
        &["--nothing"][..],
        &["--dynamodb", "nowhere"],
        &["--dynamodb"],
        &["--ephemeral", "--dynamodb-endpoint", "http://127.0.0.1:1"],
        &["--ephemeral", "users", "list"],
        &["--dynamodb-endpoint", ""],
        &["--dynamodb-endpoint", "nonsense"],
        &["--dynamodb-endpoint", "127.0.0.1:8000"],
        &["--dynamodb-endpoint", "ftp://127.0.0.1:8000"],
        &["--dynamodb-endpoint", "http://"],
        &["--dynamodb-endpoint", "http://:8000"],
        &["--dynamodb-endpoint", "http://127.0.0.1:0"],
        &["--dynamodb-endpoint", "http://127.0.0.1:80000"],
        &["--dynamodb-endpoint", "http://who@127.0.0.1:8000"],
        &["users", "list", "--dynamodb-endpoint", "nonsense"],
        &["users"],
        &["users", "create", "--username", "ann", "--email", "ann@example.com", "--role", "king"],
        &["users", "nothing"],
        &["nothing"],
    ] {
        let place = Place::new();
        let start = args.iter().fold(place.command(), |start, arg| start.arg(arg));
        assert_eq!(start.run(), refused(2), "{args:?}");
        assert!(!place.log().is_empty(), "it says why");
        assert!(!place.path("data").exists() && !place.path(".doorward").exists());
    }
}

#[test]
fn a_bad_variable_stops_the_start_with_its_name() {
    for (name, value) in [
        ("DOORWARD_ISSUER", "http://127.0.0.1:9000/"),
        ("DOORWARD_ACCESS_TTL", "15m"),
        ("DOORWARD_ARGON2", "m=8,t=1,p=1"),
        ("DOORWARD_ALLOWED_ORIGINS", "*"),
        ("DOORWARD_REFRESH_GRACE", "61"),
        ("DOORWARD_SIGN_UP", "yes"),
    ] {
        let place = Place::new();
        assert_eq!(place.server().env(name, value).run(), refused(1), "{name}");
        assert!(place.log().contains(name), "{}", place.log());
        assert!(!place.path("data").exists(), "nothing is made before everything is read");
    }
}

#[test]
fn who_does_not_answer_is_said_in_a_sentence() {
    let place = Place::new();
    let aws =
        place.server().env("DOORWARD_KMS_KEY", "alias/doorward").env("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1");
    assert_eq!(aws.run().code, Some(1));
    let store = place.command().arg("users").arg("list").arg("--dynamodb-endpoint").arg("http://127.0.0.1:1");
    assert_eq!(store.run().code, Some(1));
    let log = place.log();
    let said: Vec<_> = log.lines().filter(|line| line.starts_with("doorward: ")).collect();
    assert!(said[0].contains("DOORWARD_KMS_KEY") && said[1].contains("the store is unavailable"), "{log}");
    for line in said {
        assert!(line.contains("Connection refused") && !line.contains(['{', '"']), "{line}");
        assert!(!line.contains("DispatchFailure") && line.len() < 250, "{line}");
    }
}

#[test]
fn a_key_file_that_cannot_be_used_is_named_by_its_variable() {
    for file in ["missing/keys", ".", "junk"] {
        let place = Place::new();
        fs::write(place.path("junk"), b"\xFF not 64 digits").unwrap();
        assert_eq!(place.server().env("DOORWARD_KEY_FILE", file).run(), refused(1), "{file}");
        assert!(place.log().contains("doorward: DOORWARD_KEY_FILE: "), "{file}: {}", place.log());
    }
}

#[test]
fn an_address_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new();
    assert_eq!(place.server().on(taken.local_addr().unwrap()).run(), refused(1));
    let said = |option: &str| {
        let said = format!("doorward: cannot listen on {}: ", taken.local_addr().unwrap());
        let log = place.log();
        log.lines().any(|line| line.starts_with(&said) && line.contains(option))
    };
    assert!(said("--listen") && !said("--dynamodb"), "{}", place.log());
    let dynamodb = place.command().arg("--dynamodb").arg(&taken.local_addr().unwrap().to_string());
    assert_eq!(dynamodb.arg("--data").arg("data").run(), refused(1));
    assert!(said("--dynamodb"), "{}", place.log());
}

#[test]
fn it_says_what_it_serves_and_who_may_log_in() {
    let place = Place::new();
    let server = place.server().start();
    let password = server.admin_password().unwrap().to_owned();
    assert!(password.len() >= 20 && password.bytes().all(|byte| byte.is_ascii_graphic()));
    let said = [
        format!("created user admin with password {password}"),
        format!("dynamodb on http://{}", server.dynamodb()),
        format!("listening on http://{}", server.address()),
    ];
    assert_eq!(server.said, said);

    let admin = tokens(&server.client().log_in("admin", &password).expect(200));
    let me = server.client().get("/users/me", &admin.access).expect(200);
    assert_eq!(me.text("username"), "admin");
    server.client().log_in("admin", "not the password").expect(401);
    assert_eq!(server.stop("TERM"), stopped());
    assert!(!place.log().contains(&password), "it is said once and logged nowhere");
}

#[test]
fn sigterm_and_sigint_stop_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let server = place.server().start();
        server.client().sign_up("ann").expect(201);
        assert_eq!(server.stop(signal), stopped());
    }
}

#[test]
fn users_and_sessions_are_there_after_a_restart() {
    let place = Place::new();
    let server = place.server().start();
    let (address, admin) = (server.address(), server.admin_password().unwrap().to_owned());
    let ann = server.client().newcomer("ann");
    let dead = server.client().newcomer("dead");
    let client = server.client();
    client.try_send("POST", "/logout", &format!("authorization: Bearer {}\r\n", dead.access), "").unwrap().expect(200);
    assert_eq!(server.stop("TERM"), stopped());

    let server = place.server().on(address).start();
    assert_eq!(server.said.len(), 2, "nobody is made twice: {:?}", server.said);
    let client = server.client();
    assert_eq!(client.get("/users/me", &ann.access).expect(200).text("username"), "ann");
    client.get("/users/me", &dead.access).expect(401);
    client.refresh(&dead.refresh).expect(401);
    client.refresh(&ann.refresh).expect(200);
    client.log_in("admin", &admin).expect(200);
    client.log_in("ann", PASSWORD).expect(200);
    client.sign_up("ANN").expect(409);
}

#[test]
fn with_an_issuer_of_its_own_the_address_does_not_matter() {
    let place = Place::new();
    let issuer = "https://auth.example.com";
    let server = place.server().env("DOORWARD_ISSUER", issuer).start();
    let ann = server.client().newcomer("ann");
    assert_eq!(server.stop("INT"), stopped());

    let server = place.server().env("DOORWARD_ISSUER", issuer).start();
    server.client().get("/users/me", &ann.access).expect(200);
    server.client().refresh(&ann.refresh).expect(200);
    drop(server);
    // Another issuer's tokens are foreign ones.
    let server = place.server().env("DOORWARD_ISSUER", "https://other.example.com").start();
    server.client().get("/users/me", &ann.access).expect(401);
}

#[test]
fn an_ephemeral_server_leaves_nothing() {
    let place = Place::new();
    let ephemeral = || place.command().arg("--ephemeral").arg("--dynamodb").arg("127.0.0.1:0");
    let server = ephemeral().env("DOORWARD_ARGON2", "m=8,t=1,p=1").start();
    let password = server.admin_password().unwrap().to_owned();
    server.client().newcomer("ann");
    assert_eq!(server.stop("TERM"), stopped());
    let left: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["log"]);

    let server = ephemeral().start();
    assert_ne!(server.admin_password().unwrap(), password);
    server.client().log_in("ann", PASSWORD).expect(401);
}

#[test]
fn a_server_waits_for_a_command_to_end() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    let lock = fs::File::create(place.path("data/lock")).unwrap();
    lock.try_lock().unwrap();
    let command = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        drop(lock);
    });
    place.server().start().client().sign_up("ann").expect(201);
    command.join().unwrap();
}

#[test]
fn a_folder_is_one_servers() {
    let place = Place::new();
    let mut server = place.server().start();
    assert_eq!(place.server().run(), refused(1));
    assert!(place.log().contains("in use by another server"), "{}", place.log());
    server.client().sign_up("ann").expect(201);
    server.kill();
    // A server that is dead holds nothing.
    place.server().start().client().log_in("ann", PASSWORD).expect(200);
}

#[test]
fn a_bad_line_of_dotenv_is_named_and_not_shown() {
    for line in ["DOORWARD_KMS_KEY='canary", "DOORWARD_KMS_KEY canary", "DOORWARD_KMS_KEY='canary' canary"] {
        let place = Place::new();
        fs::write(place.path(".env"), format!("{line}\n")).unwrap();
        assert_eq!(place.server().run(), refused(1), "{line}");
        assert!(place.log().contains("doorward: DOORWARD_KMS_KEY: "), "{}", place.log());
        assert!(!place.log().contains("canary"), "{}", place.log());
        assert!(!place.path("data").exists());
    }
}

#[test]
fn dotenv_is_other_programs_too() {
    let place = Place::new();
    let lines = b"\xEF\xBB\xBFDOORWARD_DEFAULT_SCOPES=read:items c:d # ours\r\n\
        # Z\xFCrich\nSECRET=canary it's \xE9\nPEM=\"one\ntwo\"\ncanary\n\
        DOORWARD_SIGN_UP=closed\nexport DOORWARD_SIGN_UP='open'\n";
    fs::write(place.path(".env"), lines).unwrap();
    let server = place.server().start();
    let ann = server.client().sign_up("ann").expect(201);
    assert_eq!(ann.body["scopes"], serde_json::json!(["c:d", "read:items"]));
    assert!(!place.log().contains("canary"), "{}", place.log());
}

#[test]
fn dotenv_is_read_and_the_environment_wins() {
    let place = Place::new();
    fs::write(place.path(".env"), "# ours\nDOORWARD_SIGN_UP=closed\nDOORWARD_DEFAULT_SCOPES=\"a:b\"\n").unwrap();
    let server = place.server().start();
    server.client().sign_up("ann").expect(403);
    drop(server);
    let server = place.server().env("DOORWARD_SIGN_UP", "open").start();
    let ann = server.client().sign_up("ann").expect(201);
    assert_eq!(ann.body["scopes"][0], "a:b");
    drop(server);

    fs::write(place.path(".env"), "DOORWARD_ACCESS_TTL=soon\n").unwrap();
    assert_eq!(place.server().run(), refused(1));
    assert!(place.log().contains("DOORWARD_ACCESS_TTL"), "{}", place.log());
    place.server().env("DOORWARD_ACCESS_TTL", "900").start();
}

#[test]
fn two_servers_on_one_dynamodb_are_one_service() {
    let place = Place::new();
    let issuer = "https://auth.example.com";
    let first = place.server().env("DOORWARD_ISSUER", issuer).start();
    let endpoint = format!("http://{}", first.dynamodb());
    let start = |data: &str| {
        let start = place.command().arg("--dynamodb-endpoint").arg(&endpoint).arg("--data").arg(data);
        start.env("DOORWARD_ISSUER", issuer)
    };
    let second = start("data").start();
    assert_eq!(second.said, [format!("listening on http://{}", second.address())]);

    let ann = first.client().newcomer("ann");
    second.client().sign_up("ann").expect(409);
    second.client().get("/users/me", &ann.access).expect(200);
    let next = tokens(&second.client().refresh(&ann.refresh).expect(200));
    first.client().refresh(&next.refresh).expect(200);
    let logout = format!("authorization: Bearer {}\r\n", next.access);
    second.client().try_send("POST", "/logout", &logout, "").unwrap().expect(200);
    first.client().get("/users/me", &ann.access).expect(401);

    // Without the key file there is no start, and another one opens nothing.
    assert_eq!(start("other").run(), refused(1));
    assert!(place.log().contains("the key file other/keys is missing"), "{}", place.log());
    assert!(!place.path("other").exists());
    fs::create_dir(place.path("other")).unwrap();
    fs::write(place.path("other/keys"), "00".repeat(32)).unwrap();
    assert_eq!(start("other").run(), refused(1));
    assert!(place.log().contains("another store"), "{}", place.log());
    assert_eq!(second.stop("TERM"), stopped());
}

#[test]
fn a_closed_account_stays_closed_over_a_restart() {
    let place = Place::new();
    let server = place.server().start();
    server.client().newcomer("ann");
    server.client().newcomer("bob");
    let fail = || {
        let began = Instant::now();
        server.client().log_in("ann", "not the password").expect(401);
        thread::sleep(Duration::from_millis(50));
        began.elapsed()
    };
    for _ in 0..5 {
        fail();
    }
    // The 8th failure comes 1 + 2 + 4 seconds after the fifth, and an attempt later each; it closes for 8 seconds.
    let (fifth, mut slowest) = (Instant::now(), Duration::ZERO);
    while fifth.elapsed() < Duration::from_secs(7) + 4 * slowest {
        slowest = slowest.max(fail());
    }
    server.client().log_in("ann", PASSWORD).expect(401);
    assert_eq!(server.stop("TERM"), stopped());

    let server = place.server().start();
    let answer = server.client().log_in("ann", PASSWORD).expect(401);
    assert_eq!(answer.text("detail"), "Incorrect username or password");
    server.client().log_in("bob", PASSWORD).expect(200);
}
