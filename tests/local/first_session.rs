//! README's first session, as a person follows it: in a shell, with an authenticator app.

use crate::journey::{Authenticator, qr_code_in};
use crate::server::Place;
use doorward::first_session;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An app that scans the picture, once it is there whole.
fn scanned(picture: &Path) -> Authenticator {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(uri) = File::open(picture).ok().and_then(qr_code_in) {
            return Authenticator::of(&uri);
        }
        assert!(Instant::now() < until, "no picture");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_first_session_goes_as_readme_says() {
    let place = Place::new();
    let server = place.server().start();
    let mut shell = Command::new("sh")
        .args(["-e", "-c", &first_session::at(server.address())])
        .current_dir(place.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = shell.stdin.take().unwrap();
    let mut app = scanned(&place.path("qr.png"));
    writeln!(keyboard, "{}\n{}", app.code(), app.code()).unwrap();
    drop(keyboard);
    let output = shell.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let mut rest = said.as_str();
    for expected in [
        "\"username\":\"ann\"",
        "\"two_factor_enabled\":false",
        "{\"username\":\"ann\"",
        "Scan qr.png",
        "2FA verified successfully",
        "recovery_codes",
        "Type the next code",
        "refresh_token",
        "Access granted",
        "\"key_name\":\"my script\"",
        "Successfully logged out",
        "Token has been revoked",
    ] {
        rest = rest.split_once(expected).unwrap_or_else(|| panic!("{expected} in {said}")).1;
    }
}
