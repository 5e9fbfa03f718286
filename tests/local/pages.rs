//! The pages under docs, as a person follows them: every command and program in them is run, in its order.

use crate::server::{Place, Server};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// The code blocks of a page, with their languages.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// What a person has open while they read: a folder, a server in it, and a terminal where `cargo run` is the program.
struct Desk {
    place: Place,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let place = Place::new();
        let server = place.command().arg("--dynamodb").arg("127.0.0.1:0").start();
        fs::create_dir(place.path("examples")).unwrap();
        let users = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/users.jsonl");
        fs::copy(users, place.path("examples/users.jsonl")).unwrap();
        fs::create_dir(place.path("bin")).unwrap();
        let cargo = format!("#!/bin/sh\n[ \"$1 $2\" = 'run --' ] || exit 9\nshift 2\nexec {} \"$@\"\n", program());
        fs::write(place.path("bin/cargo"), cargo).unwrap();
        fs::set_permissions(place.path("bin/cargo"), Permissions::from_mode(0o755)).unwrap();
        Self { place, server }
    }

    /// Runs a block, and gives what it said on standard output.
    fn run(&self, language: &str, text: &str) -> String {
        let text = text.replace("127.0.0.1:9000", &self.server.address().to_string());
        let command: &[&str] = match language {
            "sh" => &["sh", "-e", "-c"],
            "python" => &["python3", "-c"],
            "js" => &["node", "--input-type=module", "--eval"],
            other => panic!("{other}"),
        };
        #[allow(clippy::disallowed_methods)] // A page's programs are found where this one's are.
        let path = std::env::var("PATH").unwrap_or_default();
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/venv/bin");
        let output = Command::new(command[0])
            .args(&command[1..])
            .arg(&text)
            .current_dir(self.place.path("."))
            .env("PATH", format!("{}:{tools}:{path}", self.place.path("bin").display()))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{said}\n{complaint}");
        said
    }

    /// Runs all that a page tells to, and holds what is said against what the page says it is.
    fn follow(&self, page: &str) -> String {
        let (mut all, mut last) = (String::new(), String::new());
        for (language, text) in blocks(page) {
            match language {
                "text" => {
                    let mut rest = last.as_str();
                    for part in text.split('…') {
                        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part} in {last}")).1;
                    }
                }
                // Needs a deployed stack.
                "console" => {}
                _ => {
                    last = self.run(language, text);
                    all.push_str(&last);
                }
            }
        }
        all
    }
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_doorward")
}

#[test]
fn the_clients_of_the_fastapi_tutorials() {
    let page = include_str!("../../docs/fastapi.md");
    let said = Desk::new().follow(page);
    assert!(said.starts_with("imported 3, kept 0, refused 0"), "{said}");
    let languages: Vec<_> = blocks(page).into_iter().map(|(language, _)| language).collect();
    assert_eq!(languages, ["sh", "python", "text", "js", "text"]);
}

#[test]
fn the_operators_page() {
    let desk = Desk::new();
    desk.server.client().sign_up("ann").expect(201);
    let said = desk.follow(include_str!("../../docs/operations.md"));
    for line in ["created user bob", "imported 3, kept 0, refused 0", "imported 6, kept 0, refused 0", "stanley"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    for line in ["forgot the wrong passwords", "turned the second factor of ann off", "set another password for ann"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    desk.server.client().log_in("ann", "another long pass phrase").expect(200);
}
