//! Passwords that an operator types, or hands over on standard input.

use crate::client::PASSWORD;
use crate::commands::refused;
use crate::server::Place;
use std::time::{Duration, Instant};

#[test]
fn who_types_holds_nothing() {
    let place = Place::new();
    let typing = place.users(&["create", "--username", "bob", "--email", "bob@example.com"]).typing();
    let server = place.server().start();
    assert_eq!(typing.enter(&format!("{PASSWORD}\n")).code, Some(0), "{}", place.log());
    server.client().log_in("bob", PASSWORD).expect(200);
}

#[test]
fn what_is_wrong_already_is_said_before_anybody_types() {
    let place = Place::new();
    let bad = place.users(&["create", "--username", "a b", "--email", "a@b"]).typing();
    assert_eq!(bad.wait(), refused());
    assert!(place.log().contains("doorward: --username must be"), "{}", place.log());
    let bad = place.users(&["password", "ann"]).env("DOORWARD_PASSWORD_MIN", "1").typing();
    assert_eq!(bad.wait(), refused());
    assert!(place.log().contains("doorward: DOORWARD_PASSWORD_MIN: "), "{}", place.log());
}

#[test]
fn a_password_of_two_hundred_megabytes_is_not_read_to_its_end() {
    let place = Place::new();
    let began = Instant::now();
    let typing = place.users(&["create", "--username", "bob", "--email", "bob@example.com"]).typing();
    assert_eq!(typing.enter(&"long".repeat(50_000_000)), refused());
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(place.log().contains("must have at most 1024 bytes"), "{}", place.log());
}

/// `script` of util-linux gives the command a terminal.
#[cfg(all(target_os = "linux", feature = "tools"))]
#[test]
fn at_a_terminal_a_password_is_asked_for_and_not_shown() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_doorward");
    let create = format!("{program} --data data users create --username bob --email bob@example.com; stty -a");
    let mut terminal = Command::new("script")
        .args(["-qec", &create, "/dev/null"])
        .current_dir(place.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keyboard, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let (mut seen, mut buffer) = (String::new(), [0; 1024]);
    while !seen.contains("Password: ") {
        let length = screen.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    // It asks before it turns the echo off.
    std::thread::sleep(Duration::from_secs(1));
    keyboard.write_all(format!("{PASSWORD}\r").as_bytes()).unwrap();
    screen.read_to_string(&mut seen).unwrap();
    assert!(terminal.wait().unwrap().success(), "{seen}");
    assert!(seen.contains("created user bob") && !seen.contains(PASSWORD), "{seen}");
    assert!(seen.contains(" echo "), "the echo is on again: {seen}");
    place.server().start().client().log_in("bob", PASSWORD).expect(200);
}
