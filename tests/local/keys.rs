//! `keys list` and `keys rotate`, beside a running server and without one.

use crate::client::PASSWORD;
use crate::server::{Ended, Place, Start};
use std::fs;
use std::thread;

impl Place {
    fn keys(&self, args: &[&str]) -> Start {
        args.iter().fold(self.server().arg("keys"), |start, arg| start.arg(arg))
    }

    /// The rows of `keys list`: purpose, key id, algorithm, state, and four times.
    fn listed(&self) -> Vec<Vec<String>> {
        let ended = self.keys(&["list"]).run();
        assert_eq!(ended.code, Some(0), "{}", self.log());
        let words = |line: &String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let header = "PURPOSE KID ALG STATE MADE SIGNS FROM SIGNS UNTIL VERIFIES UNTIL";
        assert_eq!(words(&ended.said[0]).join(" "), header);
        ended.said[1..].iter().map(words).collect()
    }

    /// Purpose, algorithm and state of each key.
    fn stand(&self) -> Vec<[String; 3]> {
        self.listed().into_iter().map(|row| [row[0].clone(), row[2].clone(), row[3].clone()]).collect()
    }
}

fn refused() -> Ended {
    Ended { code: Some(1), said: Vec::new() }
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [&[][..], &["turn"], &["rotate", "--purpose", "all"], &["rotate", "--purpose"], &["rotate", "sign"]] {
        let place = Place::new();
        assert_eq!(place.keys(args).run(), Ended { code: Some(2), said: Vec::new() }, "{args:?}");
        assert!(!place.path("data").exists());
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let place = Place::new();
    let server = place.server().start();
    let before = place.listed();
    assert_eq!(place.keys(&["rotate", "--purpose", "seal", "--revoke-old"]).run(), refused());
    assert!(place.log().contains("a key that seals is never revoked"), "{}", place.log());
    // Who does not have the server's key file makes no keys for it.
    let endpoint = format!("http://{}", server.dynamodb());
    let stranger = place.command().arg("keys").arg("rotate").arg("--data").arg("other");
    assert_eq!(stranger.arg("--dynamodb-endpoint").arg(&endpoint).run(), refused());
    assert!(place.log().contains("the key file other/keys is missing"), "{}", place.log());
    assert!(!place.path("other").exists());
    fs::write(place.path("stranger"), "00".repeat(32)).unwrap();
    assert_eq!(place.keys(&["rotate"]).env("DOORWARD_KEY_FILE", "stranger").run(), refused());
    assert!(place.log().contains("another store"), "{}", place.log());
    assert_eq!(place.listed(), before);
}

#[test]
fn a_lost_key_file_is_said_and_not_replaced() {
    let place = Place::new();
    drop(place.server_with("ann"));
    fs::rename(place.path("data/keys"), place.path("lost")).unwrap();
    assert_eq!(place.server().run(), refused());
    assert!(place.log().contains("doorward: the key file data/keys is missing"), "{}", place.log());
    assert_eq!(place.users(&["export"]).run(), refused());
    assert_eq!(place.keys(&["rotate"]).run(), refused());
    assert_eq!(place.server().env("DOORWARD_KEY_FILE", "elsewhere").run(), refused());
    assert!(!place.path("data/keys").exists() && !place.path("elsewhere").exists());
    assert_eq!(place.users(&["list"]).run().code, Some(0), "what needs no key goes on");
    fs::rename(place.path("lost"), place.path("data/keys")).unwrap();
    place.server().start().client().log_in("ann", PASSWORD).expect(200);
}

#[test]
fn an_empty_store_gets_the_first_keys_by_the_first_who_comes() {
    let place = Place::new();
    assert_eq!(place.listed(), Vec::<Vec<String>>::new());
    let made = place.keys(&["rotate"]).env("DOORWARD_SIGNING_ALG", "ES256").run();
    assert_eq!(made.code, Some(0), "{}", place.log());
    assert!(made.said[0].starts_with("made the sign key "), "{made:?}");
    assert_eq!(place.stand(), [["sign", "ES256", "current"]]);

    let server = place.server().start();
    let ann = server.client().newcomer("ann");
    server.client().get("/users/me", &ann.access).expect(200);
    let expected = [["sign", "ES256", "current"], ["refresh", "-", "current"], ["seal", "-", "current"]];
    assert_eq!(place.stand(), expected, "what there is stays");
}

#[test]
fn the_next_key_stands_ready_once_and_is_hurried_and_revokes_the_old() {
    let place = Place::new();
    let server = place.server().env("DOORWARD_ISSUER", "https://auth.example.com").start();
    let ann = server.client().newcomer("ann");
    let rotate = |args: &[&str]| {
        let start = place.keys(&[&["rotate"], args].concat()).env("DOORWARD_SIGNING_ALG", "EdDSA");
        let ended = start.run();
        assert_eq!(ended.code, Some(0), "{}", place.log());
        ended.said
    };
    let said = rotate(&[]);
    let next = place.listed().into_iter().find(|row| row[3] == "next").unwrap();
    assert_eq!(said[0], format!("made the sign key {} (EdDSA); it is used from {}", next[1], next[5]));
    assert!(said[1].starts_with("what the sign key ") && said[1].contains(" made is good until 20"), "{said:?}");
    let again = format!("the sign key {} (EdDSA) stands ready; it is used from {}", next[1], next[5]);
    assert_eq!(rotate(&[])[0], again);
    assert!(!place.log().contains("API Gateway"), "what is not hurried costs nothing");

    let hurried = rotate(&["--now"]);
    let sooner = place.listed().into_iter().find(|row| row[3] == "next").unwrap();
    assert_eq!(hurried[0], format!("the sign key {} (EdDSA) stands ready; it is used from {}", next[1], sooner[5]));
    assert!(sooner[5] < next[5]);
    assert!(place.log().contains("may refuse tokens of the new key for up to two hours"), "{}", place.log());

    // Whoever reads the keys now publishes both, and takes what the old one signed.
    let endpoint = format!("http://{}", server.dynamodb());
    let second = place.command().arg("--data").arg("data").arg("--dynamodb-endpoint").arg(&endpoint);
    let second = second.env("DOORWARD_ISSUER", "https://auth.example.com").start();
    let published = second.client().get("/.well-known/jwks.json", "").expect(200).body;
    let published: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert!(published.len() == 2 && published[1] == next[1], "{published:?}");
    second.client().get("/users/me", &ann.access).expect(200);

    rotate(&["--revoke-old"]);
    let rows: Vec<_> = place.listed().into_iter().filter(|row| row[0] == "sign").collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[..2].iter().all(|row| row[7] <= rows[2][5]), "what is old ends with it: {rows:?}");
    assert_eq!(rows[2][3], "next");
    assert!(place.log().contains("every access token ends within 60 seconds"), "{}", place.log());
}

#[test]
fn every_purpose_is_turned_by_itself_and_by_eight_at_once_it_is_turned_once() {
    let place = Place::new();
    let _server = place.server().start();
    for purpose in ["refresh", "seal"] {
        let started: Vec<_> = (0..8)
            .map(|_| {
                let rotate = place.keys(&["rotate", "--purpose", purpose]);
                thread::spawn(move || rotate.run())
            })
            .collect();
        let ended: Vec<_> = started.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:?}");
        let made = ended.iter().filter(|ended| ended.said[0].starts_with("made ")).count();
        assert_eq!(made, 1, "{ended:?}");
    }
    let stand: Vec<_> = place.listed().into_iter().map(|row| format!("{} {}", row[0], row[3])).collect();
    assert_eq!(stand, ["sign current", "refresh current", "refresh next", "seal current", "seal next"]);
}
