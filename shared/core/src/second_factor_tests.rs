use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const RATE: CodeRate = CodeRate { most: 5, window: Duration::from_mins(15) };

fn secrets(byte: u8) -> FactorSecrets {
    FactorSecrets { totp: TotpSecret::from_random([byte; 20]), recovery_key: [byte; 32] }
}

fn factor() -> SecondFactor {
    let sealed = SealedFactor { key: KeyId::parse("k").unwrap(), bytes: vec![1] };
    let recovery = BTreeSet::from([secrets(1).hash(&recovery())]);
    let user = UserId::parse("u").unwrap();
    SecondFactor { user, live: Some(sealed), pending: None, last_step: None, recovery, wrong: WrongCodes::default() }
}

fn recovery() -> RecoveryCode {
    RecoveryCode::from_random([7; 10])
}

fn live() -> Opened {
    Opened { live: Some(secrets(1)), pending: None }
}

fn code(byte: u8) -> OneTimeCode {
    OneTimeCode::Totp(secrets(byte).totp.code(Step::at(NOW)))
}

fn judge(factor: &SecondFactor, opened: &Opened, code: &OneTimeCode) -> CodeVerdict {
    judge_code(factor, opened, code, RATE, NOW)
}

#[test]
fn what_is_typed_is_read_as_it_is_meant() {
    for text in ["123456", "123 456", " 123456 ", "123-456"] {
        assert!(matches!(OneTimeCode::typed(text), OneTimeCode::Totp(123_456)), "{text}");
    }
    for text in ["", "12345", "1234567", "12345é", "１２３４５６", "+12345", "12345678901 é", &"a".repeat(65)] {
        assert!(matches!(OneTimeCode::typed(text), OneTimeCode::Unreadable), "{text}");
    }
    let shown = recovery().reveal();
    assert_eq!(shown.len(), 19);
    for text in [shown.clone(), shown.to_uppercase(), shown.replace('-', ""), shown.replace('-', " ")] {
        assert!(matches!(OneTimeCode::typed(&text), OneTimeCode::Recovery(code) if code == recovery()), "{text}");
    }
}

#[test]
fn a_wrong_code_counts_whatever_it_is() {
    let counted = WrongCodes { count: 1, window_ends_at: Some(NOW.plus(RATE.window)) };
    let foreign = OneTimeCode::Recovery(RecoveryCode::from_random([8; 10]));
    for wrong in [code(2), foreign, OneTimeCode::Unreadable] {
        assert_eq!(judge(&factor(), &live(), &wrong), CodeVerdict::Wrong(counted));
    }
}

#[test]
fn five_wrong_codes_block_both_factors_until_the_window_ends() {
    let ends = NOW.plus(Duration::from_secs(1));
    let wrong = WrongCodes { count: 5, window_ends_at: Some(ends) };
    let blocked = SecondFactor { wrong, ..factor() };
    for right in [code(1), OneTimeCode::Recovery(recovery())] {
        assert_eq!(judge(&blocked, &live(), &right), CodeVerdict::Blocked(ends));
        assert!(matches!(judge_code(&blocked, &live(), &right, RATE, ends), CodeVerdict::Right(_)));
    }
    let fourth = SecondFactor { wrong: WrongCodes { count: 4, ..wrong }, ..factor() };
    assert_eq!(judge(&fourth, &live(), &code(2)), CodeVerdict::Wrong(wrong), "the window stays the first one's");
}

#[test]
fn a_step_and_a_recovery_code_are_good_once() {
    let step = Step::at(NOW);
    assert_eq!(judge(&factor(), &live(), &code(1)), CodeVerdict::Right(Spent::Step(step)));
    let later = SecondFactor { last_step: Some(step), ..factor() };
    assert!(matches!(judge(&later, &live(), &code(1)), CodeVerdict::Wrong(_)));

    let by_recovery = OneTimeCode::Recovery(recovery());
    assert!(matches!(judge(&later, &live(), &by_recovery), CodeVerdict::Right(Spent::Recovery(_))));
    let used = SecondFactor { recovery: BTreeSet::new(), ..factor() };
    assert!(matches!(judge(&used, &live(), &by_recovery), CodeVerdict::Wrong(_)));
}

#[test]
fn the_first_code_of_a_new_secret_is_asked_for_only_where_it_is_confirmed() {
    let confirming = Opened { pending: Some(secrets(2)), ..live() };
    let later = SecondFactor { last_step: Some(Step(u64::MAX)), ..factor() };
    assert_eq!(judge(&later, &confirming, &code(2)), CodeVerdict::Right(Spent::First(Step::at(NOW))));
    assert!(matches!(judge(&factor(), &live(), &code(2)), CodeVerdict::Wrong(_)));
    assert!(matches!(judge(&factor(), &confirming, &code(1)), CodeVerdict::Right(Spent::Step(_))));
}

#[test]
fn hashes_of_two_factors_have_nothing_in_common() {
    assert_ne!(secrets(1).hash(&recovery()), secrets(2).hash(&recovery()));
    assert_eq!(RecoveryHash::parse(secrets(1).hash(&recovery()).as_str()), Ok(secrets(1).hash(&recovery())));
    assert!(RecoveryHash::parse("abc").is_err());
}

proptest! {
    #[test]
    fn what_was_typed_is_one_thing(text in "\\PC{0,70}|[0-9 -]{0,12}|[A-Za-z0-9 -]{0,70}|\\p{any}{0,8}") {
        let digits = text.chars().filter(|c| !" -".contains(*c)).collect::<String>();
        let is_totp = digits.len() == 6 && digits.chars().all(|c| c.is_ascii_digit());
        match OneTimeCode::typed(&text) {
            OneTimeCode::Totp(code) => prop_assert!(is_totp && digits.parse() == Ok(code)),
            OneTimeCode::Recovery(code) => prop_assert!(!is_totp && RecoveryCode::parse(&text) == Ok(code)),
            OneTimeCode::Unreadable => prop_assert!(!is_totp && RecoveryCode::parse(&text).is_err()),
        }
    }

    #[test]
    fn a_recovery_code_is_read_as_it_is_shown(random in any::<[u8; 10]>(), with in "[ -]{0,3}", at in 0usize..19) {
        let code = RecoveryCode::from_random(random);
        let mut shown = code.reveal();
        prop_assert_eq!(RecoveryCode::parse(&shown.to_uppercase()), Ok(code.clone()));
        shown.insert_str(at, &with);
        prop_assert_eq!(RecoveryCode::parse(&shown), Ok(code));
    }
}

#[test]
fn a_new_secret_waits_until_its_time_is_over() {
    let until = NOW.plus(Duration::from_secs(1));
    let sealed = SealedFactor { key: KeyId::parse("k").unwrap(), bytes: vec![2] };
    let waits = SecondFactor { pending: Some((sealed.clone(), until)), ..factor() };
    assert_eq!(waits.waiting(NOW), Some(&sealed));
    assert_eq!(waits.waiting(until), None);
    assert_eq!(waits.waiting(until.plus(Duration::from_secs(1))), None);
    assert_eq!(factor().waiting(NOW), None);
}

#[test]
fn nothing_of_a_factor_is_shown() {
    let shown = format!("{:?} {:?} {:?} {:?}", code(1), recovery(), secrets(1), secrets(1).totp);
    assert_eq!(shown, "OneTimeCode(…) RecoveryCode(…) FactorSecrets(…) TotpSecret(…)");
}
