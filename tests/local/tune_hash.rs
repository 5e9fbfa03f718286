//! `tune-hash`: what it proposes can be used.

use crate::server::{Ended, Place, Start};

impl Place {
    fn tune(&self, args: &[&str]) -> Start {
        args.iter().fold(self.server().arg("tune-hash"), |start, arg| start.arg(arg))
    }
}

#[test]
fn a_wrong_command_line_is_2_and_a_wrong_configuration_1() {
    let place = Place::new();
    for args in [&["--within", "0"][..], &["--within", "-1"], &["--within", "fast"], &["--within"], &["50"]] {
        assert_eq!(place.tune(args).run(), Ended { code: Some(2), said: Vec::new() }, "{args:?}");
    }
    let weak = place.tune(&[]).env("DOORWARD_ARGON2", "m=8,t=1,p=1").run();
    assert_eq!(weak, Ended { code: Some(1), said: Vec::new() });
    assert!(place.log().contains("DOORWARD_ARGON2"), "{}", place.log());
}

#[test]
fn what_it_proposes_can_be_used() {
    let place = Place::new();
    // However slow this machine is, nothing is done in a millisecond, and everything in an hour.
    for (within, expected) in [("1", "m=19456,t=2,p=1"), ("3600000", "m=65536,t=3,p=1")] {
        let Ended { code, said } = place.tune(&["--within", within]).env("DOORWARD_ARGON2", expected).run();
        assert_eq!(code, Some(0), "{}", place.log());
        assert!(said.contains(&format!("propose DOORWARD_ARGON2={expected}")), "{said:?}");
        assert!(said.last().unwrap().starts_with("propose HashingMemory="), "{said:?}");
        let slow = said.iter().any(|line| line == "the least that is allowed takes longer than 1 ms here");
        assert_eq!(slow, within == "1", "{said:?}");
        let configured = said.iter().find(|line| line.ends_with("configured")).unwrap();
        assert!(configured.starts_with(expected), "{said:?}");
        place.server().env("DOORWARD_ARGON2", expected).start();
    }
}

#[test]
fn it_makes_nothing() {
    let place = Place::new();
    assert_eq!(place.tune(&[]).run().code, Some(0), "{}", place.log());
    assert!(!place.path("data").exists());
}
