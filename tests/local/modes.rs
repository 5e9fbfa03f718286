//! What a server keeps is for its owner alone.

use crate::server::{Place, mode};
use crate::starts::stopped;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

fn set(place: &Place, name: &str, mode: u32) {
    fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn its_things_are_its_owners_alone() {
    let place = Place::new();
    let server = place.server().start();
    assert_eq!(mode(&place.path("data")), 0o700);
    for file in ["keys", "endpoint", "lock", "dynamodb.sqlite"] {
        assert_eq!(mode(&place.path("data").join(file)), 0o600, "{file}");
    }
    assert_eq!(server.stop("TERM"), stopped());
}

#[test]
fn what_others_could_read_they_can_read_no_longer() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    set(&place, "data", 0o755);
    drop(place.server().start());
    assert_eq!(mode(&place.path("data")), 0o700, "it was empty");

    fs::write(place.path("data/endpoint.new"), "").unwrap();
    for (name, loose) in [("data", 0o755), ("data/keys", 0o644), ("data/endpoint.new", 0o666)] {
        set(&place, name, loose);
    }
    let _server = place.server().start();
    assert_eq!(mode(&place.path("data")), 0o700, "everything in it was the server's");
    assert_eq!(mode(&place.path("data/keys")), 0o600);
    assert_eq!(mode(&place.path("data/endpoint")), 0o600);
}

#[test]
fn a_folder_of_others_stays_as_it_is() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    fs::write(place.path("data/theirs"), "").unwrap();
    set(&place, "data", 0o755);
    drop(place.server().start());
    let _server = place.server().start();
    assert_eq!(mode(&place.path("data")), 0o755);
    assert_eq!(mode(&place.path("data/dynamodb.sqlite")), 0o600);
}
