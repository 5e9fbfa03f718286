use super::*;

const CHEAP: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

fn typed(text: &str) -> Password {
    Password::typed(text.to_owned())
}

#[test]
fn what_may_not_be_set() {
    for (text, why) in [
        ("", WeakPassword::TooShort(8)),
        ("seven77", WeakPassword::TooShort(8)),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", WeakPassword::TooShort(8)),
        ("password", WeakPassword::Common),
        ("PassWord", WeakPassword::Common),
        ("12345678", WeakPassword::Common),
    ] {
        assert_eq!(NewPassword::parse(text, 8).err(), Some(why), "{text:?}");
    }
    assert_eq!(NewPassword::parse(&"é".repeat(513), 8).err(), Some(WeakPassword::TooLong));
    assert!(NewPassword::parse(&"é".repeat(512), 8).is_ok());
    for text in
        ["correct horse battery staple", "        ", "tab\tin between", "nul\0in between", "\r\n\u{7f}\u{85}\u{1b}123"]
    {
        assert!(NewPassword::parse(text, 8).is_ok(), "{text:?}");
    }
}

#[test]
fn every_common_password_is_found() {
    assert!(COMMON.lines().count() > 5_000);
    assert!(COMMON.lines().all(is_common));
    assert!(!COMMON.lines().any(|line| is_common(&format!("{line}\u{1}"))));
}

#[test]
fn a_hash_is_of_one_password() {
    let mut workspace = Workspace::default();
    let hash = workspace.hash(&typed("correct horse"), [1; 16], CHEAP).unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert!(workspace.verify(&typed("correct horse"), &hash));
    for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
        assert!(!workspace.verify(&typed(wrong), &hash), "{wrong:?}");
    }
    assert!(!hash.is_outdated(CHEAP));
    assert!(hash.is_outdated(HashCost::FLOOR));
}

#[test]
fn the_same_letters_are_the_same_password() {
    let mut workspace = Workspace::default();
    let hash = workspace.hash(&typed("pass\u{e9}word"), [1; 16], CHEAP).unwrap();
    assert!(workspace.verify(&typed("passe\u{301}word"), &hash));
}

/// Others hash the bytes that come.
#[test]
fn a_hash_that_was_brought_along_may_be_of_the_letters_as_they_were_typed() {
    let mut workspace = Workspace::default();
    let (composed, decomposed) = ("pass\u{e9}word", "passe\u{301}word");
    let bcrypt = bcrypt::hash(decomposed, 4).unwrap();
    let mut output = [0; 32];
    let params = Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(decomposed.as_bytes(), &[1; 16], &mut output)
        .unwrap();
    for hash in [bcrypt, phc(CHEAP, &[1; 16], &output)].map(|text| PasswordHash::parse(&text).unwrap()) {
        assert!(workspace.verify(&typed(decomposed), &hash));
        for wrong in [composed, "passeword", "passe\u{301}wor"] {
            assert!(!workspace.verify(&typed(wrong), &hash), "{wrong}");
        }
    }
}

#[test]
fn nothing_is_cut_off() {
    let mut workspace = Workspace::default();
    let long = "a".repeat(1024);
    let hash = workspace.hash(&typed(&long), [1; 16], CHEAP).unwrap();
    assert!(workspace.verify(&typed(&long), &hash));
    assert!(!workspace.verify(&typed(&"a".repeat(1025)), &hash));
    assert!(!workspace.verify(&typed(&"a".repeat(1023)), &hash));

    let bcrypt = PasswordHash::parse(&bcrypt::hash("a".repeat(72), 4).unwrap()).unwrap();
    assert!(workspace.verify(&typed(&"a".repeat(72)), &bcrypt));
    assert!(!workspace.verify(&typed(&"a".repeat(73)), &bcrypt));

    let bcrypt = PasswordHash::parse(&bcrypt::hash("a", 4).unwrap()).unwrap();
    assert!(workspace.verify(&typed("a"), &bcrypt));
    assert!(!workspace.verify(&typed("a\0a"), &bcrypt));
}

#[test]
fn nobody_has_the_hash_of_nobody() {
    let hash = PasswordHash::unmatchable(CHEAP);
    assert!(PasswordHash::parse(hash.as_str()).is_ok());
    assert!(!Workspace::default().verify(&typed(""), &hash));
}

#[test]
fn hashes_of_others() {
    let mut workspace = Workspace::default();
    for (hash, password) in [
        ("$2b$12$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6", "secret"),
        ("$2b$12$JAM3vz8gEZDeNSDAILiaReTmvoNM5EEP33Elhq5fCoTgno4SxfqKO", "password"),
        ("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW", "secret"),
        // The vector of RFC 9106's reference implementation for Argon2i, version 0x10.
        ("$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password"),
    ] {
        let hash = PasswordHash::parse(hash).unwrap_or_else(|_| panic!("{hash}"));
        assert!(hash.is_outdated(HashCost::FLOOR));
        assert!(workspace.verify(&typed(password), &hash));
        assert!(!workspace.verify(&typed("Secret"), &hash));
    }
}

#[test]
fn who_has_no_hash_has_no_right_password_and_who_has_one_of_less_work_has() {
    let mut workspace = Workspace::default();
    let costlier = HashCost { memory_kib: 16, passes: 2, lanes: 1 };
    for made_at in [CHEAP, costlier] {
        let hash = workspace.hash(&typed("correct horse"), [1; 16], made_at).unwrap();
        for cost in [CHEAP, costlier] {
            assert!(workspace.judge(&typed("correct horse"), Some(&hash), cost));
            assert!(!workspace.judge(&typed("wrong horse"), Some(&hash), cost));
            assert!(!workspace.judge(&typed("correct horse"), None, cost));
            assert_eq!(hash.may_be_less_work_than(cost), made_at == CHEAP && cost == costlier);
        }
        assert!(!hash.may_be_less_work_than(HashCost { memory_kib: 8, passes: 1, lanes: 1 }));
    }
    let bcrypt = PasswordHash::parse(&bcrypt::hash("correct horse", 4).unwrap()).unwrap();
    assert!(workspace.judge(&typed("correct horse"), Some(&bcrypt), CHEAP));
    assert!(bcrypt.may_be_less_work_than(CHEAP));
    for other in [HashCost { passes: 1, ..costlier }, HashCost { memory_kib: 8, ..costlier }] {
        let hash = workspace.hash(&typed("correct horse"), [1; 16], other).unwrap();
        assert!(hash.may_be_less_work_than(costlier), "less in one thing");
    }
}

#[test]
fn a_hash_of_another_kind_is_outdated_whatever_it_cost() {
    let rest = "m=8,t=1,p=1$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (kind, outdated) in
        [("argon2id$v=19", false), ("argon2i$v=19", true), ("argon2id$v=16", true), ("argon2d$v=19", true)]
    {
        let hash = PasswordHash::parse(&format!("${kind}${rest}")).unwrap();
        assert_eq!(hash.is_outdated(CHEAP), outdated, "{kind}");
    }
}

#[test]
fn a_hash_beyond_bounds_is_none() {
    let salt = "c29tZXNhbHRzYWx0";
    let output = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for hash in [
        String::new(),
        "secret".into(),
        "$2b$15$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6".into(),
        "$2b$03$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6".into(),
        "$2x$12$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6".into(),
        "$2b$12$HIbxs5kbjinDEUzbQJYqpeTp".into(),
        "$2b$+4$HIbxs5kbjinDEUzbQJYqpeTp.GxRgy4m8hdQM4JnSunGQ6VaY5Ld6".into(),
        format!("$argon2id$v=19$m=65537,t=2,p=1${salt}${output}"),
        format!("$argon2id$v=19$m=19456,t=11,p=1${salt}${output}"),
        format!("$argon2id$v=19$m=19456,t=2,p=5${salt}${output}"),
        format!("$argon2id$v=18$m=19456,t=2,p=1${salt}${output}"),
        format!("$argon2id$v=19$m=19456,t=2,p=1${salt}"),
        format!("$scrypt$ln=16,r=8,p=1${salt}${output}"),
    ] {
        assert_eq!(PasswordHash::parse(&hash), Err(InvalidHash::Beyond), "{hash}");
    }
}

#[test]
fn a_salt_or_an_output_of_another_length_is_said_to_be_that() {
    let bytes = |count: usize| "A".repeat((count * 4).div_ceil(3));
    for (salt, output) in [(4, 32), (7, 32), (49, 32), (16, 3), (16, 12), (16, 15), (16, 65)] {
        for version in ["v=19$", ""] {
            let hash = format!("$argon2id${version}m=19456,t=2,p=1${}${}", bytes(salt), bytes(output));
            assert_eq!(PasswordHash::parse(&hash), Err(InvalidHash::Length), "{hash}");
        }
    }
    for (salt, output) in [(8, 16), (48, 64), (16, 32)] {
        let hash = format!("$argon2id$v=19$m=19456,t=2,p=1${}${}", bytes(salt), bytes(output));
        assert!(PasswordHash::parse(&hash).is_ok(), "{hash}");
    }
}

#[test]
fn a_cost_reaches_a_floor_in_all_three_or_not_at_all() {
    let floor = HashCost { memory_kib: 100, passes: 3, lanes: 2 };
    for (memory_kib, passes, lanes, reaches) in [
        (100, 3, 2, true),
        (101, 4, 3, true),
        (99, 3, 2, false),
        (100, 2, 2, false),
        (100, 3, 1, false),
        (99, 9, 4, false),
        (200, 9, 1, false),
        (200, 2, 4, false),
    ] {
        let cost = HashCost { memory_kib, passes, lanes };
        assert_eq!(cost.reaches(floor), reaches, "{cost}");
    }
    assert_eq!(floor.to_string(), "m=100,t=3,p=2");
}

#[test]
fn what_is_secret_is_not_shown() {
    let hash = Workspace::default().hash(&typed("correct horse"), [1; 16], CHEAP).unwrap();
    assert_eq!(format!("{:?} {hash:?}", typed("correct horse")), "Password(…) PasswordHash(…)");
}
