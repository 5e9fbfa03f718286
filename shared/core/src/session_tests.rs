use super::*;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub(super) const RULES: SessionRules = SessionRules {
    idle: Duration::from_hours(7 * 24),
    lifetime: Duration::from_hours(30 * 24),
    grace: Duration::from_secs(10),
};
const MILLISECOND: Duration = Duration::from_millis(1);

/// Stands at generation 5 since an hour ago, by another request than `ours`.
pub(super) fn session() -> Session {
    Session {
        id: SessionId::new(NOW, [1; 10]),
        user: UserId::parse("ann").unwrap(),
        generation: Generation(5),
        rotated_at: ago(Duration::from_hours(1)),
        rotated_by: request("theirs"),
        epoch: Epoch(3),
        auth_time: NOW,
        amr: vec![Amr::Pwd],
        scopes: scopes("read write"),
        key: KeyId::parse("k1").unwrap(),
        created_at: NOW,
        ends_at: NOW.plus(Duration::from_hours(24)),
        revoked_at: None,
        address: String::new(),
        user_agent: String::new(),
    }
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

pub(super) fn request(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

fn ago(duration: Duration) -> Timestamp {
    NOW.minus(duration)
}

/// The session as the write found it, last refreshed so long ago by that request.
fn rotated(since: Duration, by: &str) -> Session {
    Session { rotated_at: ago(since), rotated_by: request(by), ..session() }
}

pub(super) fn token(generation: u32) -> RefreshToken {
    let Session { key, user, id, .. } = session();
    RefreshToken { key, user, session: id, generation: Generation(generation) }
}

/// What request `ours` gets for the token of that generation, which asks for `scope`.
fn refresh(
    rotation: Rotation,
    user: Option<&User>,
    presented: u32,
    scope: Option<&str>,
    rules: &SessionRules,
) -> Result<Session, RefreshRefusal> {
    let token = token(presented);
    let (scopes, request) = (AskedScopes::parse(scope), request("ours"));
    let refresh = Refresh { token: &token, scopes: &scopes, request: &request, now: NOW };
    judge_refresh(rotation, user, &refresh, rules)
}

/// The same for a write whose condition did not hold.
fn refused(session: Session, presented: u32, scope: Option<&str>) -> Result<Session, RefreshRefusal> {
    refresh(Rotation::Refused(Some(session)), Some(&User::ann()), presented, scope, &RULES)
}

type Defect<T> = (fn(&mut T), RefreshRefusal);

#[test]
fn of_several_reasons_against_a_refresh_the_first_counts() {
    type Case = (Option<User>, Option<Session>, bool);
    let defects: [Defect<Case>; 8] = [
        (|case| case.1 = None, RefreshRefusal::Dead),
        (|case| case.0 = None, RefreshRefusal::Dead),
        (|case| case.0.iter_mut().for_each(|user| user.disabled = true), RefreshRefusal::Inactive),
        (|case| case.1.iter_mut().for_each(|session| session.epoch = Epoch(2)), RefreshRefusal::Dead),
        (|case| case.1.iter_mut().for_each(|session| session.revoked_at = Some(NOW)), RefreshRefusal::Dead),
        (|case| case.1.iter_mut().for_each(|session| session.ends_at = NOW), RefreshRefusal::Dead),
        (|case| case.1.iter_mut().for_each(|session| session.generation = Generation(7)), RefreshRefusal::Theft),
        // What is no scope is as wide as any.
        (|case| case.2 = true, RefreshRefusal::ScopeNotAllowed),
    ];
    for (subset, wide) in (0..1 << defects.len()).flat_map(|subset| [(subset, "read admin"), (subset, "read\"")]) {
        // Without a defect: a repetition within the grace time.
        let mut case: Case = (Some(User::ann()), Some(rotated(Duration::ZERO, "theirs")), false);
        let chosen: Vec<_> = defects.iter().enumerate().filter(|(n, _)| subset >> n & 1 == 1).map(|(_, d)| d).collect();
        for (spoil, _) in &chosen {
            spoil(&mut case);
        }
        let expected = chosen.first().map(|(_, refusal)| *refusal);
        let scope = if case.2 { wide } else { "read" };
        let verdict = refresh(Rotation::Refused(case.1.clone()), case.0.as_ref(), 4, Some(scope), &RULES);
        assert_eq!(verdict.err(), expected, "{subset:08b} {wide}");
    }
}

#[test]
fn a_moved_session_is_worth_nothing_to_a_user_who_is_shut_out_or_gone() {
    let disabled = User { disabled: true, ..User::ann() };
    let closed = User { disabled: true, epoch: Epoch(4), ..User::ann() };
    let later = User { epoch: Epoch(4), ..User::ann() };
    let earlier = User { epoch: Epoch(2), ..User::ann() };
    for (user, refusal) in [
        (None, RefreshRefusal::Dead),
        (Some(disabled), RefreshRefusal::Inactive),
        (Some(closed), RefreshRefusal::Inactive),
        (Some(later), RefreshRefusal::Dead),
        (Some(earlier), RefreshRefusal::Dead),
    ] {
        let verdict = refresh(Rotation::Moved(session()), user.as_ref(), 4, None, &RULES);
        assert_eq!(verdict, Err(refusal), "{user:?}");
    }
    assert_eq!(refresh(Rotation::Moved(session()), Some(&User::ann()), 4, None, &RULES), Ok(session()));
}

#[test]
fn a_repetition_is_theft_from_the_end_of_the_grace_time_on() {
    for (since, theft) in [
        (Duration::ZERO, false),
        (RULES.grace.checked_sub(MILLISECOND).unwrap(), false),
        (RULES.grace, true),
        (RULES.grace + MILLISECOND, true),
        (Duration::from_hours(24), true),
    ] {
        let session = rotated(since, "theirs");
        let expected = if theft { Err(RefreshRefusal::Theft) } else { Ok(session.clone()) };
        assert_eq!(refused(session, 4, None), expected, "{since:?}");
    }
}

#[test]
fn without_grace_any_repetition_is_theft_but_the_answer_lost_on_the_way_is_none() {
    let rules = SessionRules { grace: Duration::ZERO, ..RULES };
    let judge = |session| refresh(Rotation::Refused(Some(session)), Some(&User::ann()), 4, None, &rules);
    let ahead = Session { rotated_at: NOW.plus(MILLISECOND), ..session() };
    for session in [rotated(Duration::ZERO, "theirs"), rotated(MILLISECOND, "theirs"), ahead] {
        assert_eq!(judge(session), Err(RefreshRefusal::Theft));
    }
    let own = rotated(Duration::from_mins(1), "ours");
    assert_eq!(judge(own.clone()), Ok(own));
}

#[test]
fn a_token_older_than_the_last_one_is_theft_whenever_and_by_whomever() {
    for presented in [0, 1, 3] {
        for since in [Duration::ZERO, MILLISECOND, RULES.grace, Duration::from_hours(24)] {
            for by in ["ours", "theirs"] {
                let verdict = refused(rotated(since, by), presented, None);
                assert_eq!(verdict, Err(RefreshRefusal::Theft), "{presented} {since:?} {by}");
            }
        }
    }
}

#[test]
fn an_own_write_whose_answer_was_lost_is_no_theft_however_late() {
    for since in [Duration::ZERO, RULES.grace, Duration::from_hours(24)] {
        let session = rotated(since, "ours");
        assert_eq!(refused(session.clone(), 4, Some("read")), Ok(session), "{since:?}");
    }
    let ended = Session { revoked_at: Some(NOW), ..rotated(Duration::ZERO, "ours") };
    assert_eq!(refused(ended, 4, None), Err(RefreshRefusal::Dead));
}

#[test]
fn a_clock_that_is_behind_makes_nobody_a_thief() {
    let session = Session { rotated_at: NOW.plus(Duration::from_secs(3)), ..session() };
    assert_eq!(refused(session.clone(), 4, None), Ok(session));
}

#[test]
fn a_token_that_is_ahead_of_a_restored_store_is_dead_and_not_stolen() {
    for presented in [6, 7, u32::MAX] {
        for scope in [None, Some("admin")] {
            for by in ["ours", "theirs"] {
                let verdict = refused(rotated(Duration::ZERO, by), presented, scope);
                assert_eq!(verdict, Err(RefreshRefusal::Dead), "{presented} {scope:?} {by}");
            }
        }
    }
}

#[test]
fn a_spent_token_of_a_dead_session_is_dead_and_not_stolen() {
    let other_epoch = |epoch| Session { epoch: Epoch(epoch), ..session() };
    for session in [
        Session { revoked_at: Some(ago(Duration::from_hours(1))), ..session() },
        Session { revoked_at: Some(NOW.plus(MILLISECOND)), ..session() },
        Session { ends_at: NOW, ..session() },
        rotated(RULES.idle, "theirs"),
        other_epoch(2),
        other_epoch(4),
    ] {
        for presented in 0..=7 {
            assert_eq!(refused(session.clone(), presented, None), Err(RefreshRefusal::Dead), "{presented} {session:?}");
        }
    }
}

#[test]
fn a_scope_never_widens() {
    for wide in ["admin", "read admin", "read write admin", "READ"] {
        let verdict = refused(session(), 5, Some(wide));
        assert_eq!(verdict, Err(RefreshRefusal::ScopeNotAllowed), "first use, {wide}");
        for by in ["ours", "theirs"] {
            let verdict = refused(rotated(Duration::ZERO, by), 4, Some(wide));
            assert_eq!(verdict, Err(RefreshRefusal::ScopeNotAllowed), "repetition, {wide}");
        }
        assert_eq!(refused(session(), 4, Some(wide)), Err(RefreshRefusal::Theft), "late repetition, {wide}");
    }
    for narrow in ["", "read", "write read"] {
        let session = rotated(Duration::ZERO, "theirs");
        assert_eq!(refused(session.clone(), 4, Some(narrow)), Ok(session), "{narrow}");
    }
}

#[test]
fn a_live_session_at_the_token_s_generation_whose_write_was_refused_gives_nothing() {
    for scope in [None, Some("read")] {
        for by in ["ours", "theirs"] {
            assert_eq!(refused(rotated(Duration::ZERO, by), 5, scope), Err(RefreshRefusal::Dead), "{scope:?} {by}");
        }
    }
}

#[test]
fn a_session_lapses_at_its_end_and_after_idling() {
    let idle = RULES.idle;
    for (session, lapsed) in [
        (Session { ends_at: ago(MILLISECOND), ..session() }, true),
        (Session { ends_at: NOW, ..session() }, true),
        (Session { ends_at: NOW.plus(MILLISECOND), ..session() }, false),
        (rotated(idle + MILLISECOND, "theirs"), true),
        (rotated(idle, "theirs"), true),
        (rotated(idle.checked_sub(MILLISECOND).unwrap(), "theirs"), false),
        (Session { rotated_at: NOW.plus(MILLISECOND), ..session() }, false),
    ] {
        assert_eq!(session.has_lapsed(NOW, &RULES), lapsed, "{session:?}");
    }
}

#[test]
fn of_several_reasons_against_a_call_the_first_counts() {
    type Case = (Option<User>, Option<Session>, bool);
    type Spoil = fn(&mut Case);
    let defects: [(Spoil, BearerRefusal); 7] = [
        (|case| case.0 = None, BearerRefusal::Gone),
        (|case| case.1 = None, BearerRefusal::Gone),
        (|case| case.1.iter_mut().for_each(|session| session.ends_at = NOW), BearerRefusal::Gone),
        (|case| case.0.iter_mut().for_each(|user| user.disabled = true), BearerRefusal::Inactive),
        (|case| case.2 = true, BearerRefusal::Revoked),
        (|case| case.1.iter_mut().for_each(|session| session.revoked_at = Some(NOW)), BearerRefusal::Revoked),
        (|case| case.0.iter_mut().for_each(|user| user.epoch = Epoch(4)), BearerRefusal::Revoked),
    ];
    for subset in 0..1 << defects.len() {
        let mut case: Case = (Some(User::ann()), Some(session()), false);
        let chosen: Vec<_> = defects.iter().enumerate().filter(|(n, _)| subset >> n & 1 == 1).map(|(_, d)| d).collect();
        for (spoil, _) in &chosen {
            spoil(&mut case);
        }
        let (user, session, revoked) = case.clone();
        let expected = chosen.first().map_or_else(|| Ok((User::ann(), self::session())), |(_, refusal)| Err(*refusal));
        assert_eq!(judge_bearer(user, session, revoked, NOW), expected, "{subset:07b}");
    }
}

#[test]
fn a_call_is_good_until_the_session_s_last_millisecond() {
    let ends = |ends_at| judge_bearer(Some(User::ann()), Some(Session { ends_at, ..session() }), false, NOW);
    assert_eq!(ends(ago(MILLISECOND)), Err(BearerRefusal::Gone));
    assert_eq!(ends(NOW), Err(BearerRefusal::Gone));
    assert!(ends(NOW.plus(MILLISECOND)).is_ok());
    let earlier = Session { epoch: Epoch(4), ..session() };
    assert_eq!(judge_bearer(Some(User::ann()), Some(earlier), false, NOW), Err(BearerRefusal::Revoked));
}

#[test]
fn an_access_token_ends_with_its_session_at_the_latest() {
    let lifetime = Duration::from_mins(15);
    for (left, expected) in [(0, 0), (60, 60), (899, 899), (900, 900), (901, 900), (86_400, 900)].map(seconds) {
        let session = Session { rotated_at: NOW, ends_at: NOW.plus(left), ..session() };
        assert_eq!(access_ends_at(&session, NOW, lifetime, &RULES), NOW.plus(expected), "{left:?}");
        // The same for want of use.
        let (session, rules) = (Session { rotated_at: NOW, ..self::session() }, SessionRules { idle: left, ..RULES });
        assert_eq!(access_ends_at(&session, NOW, lifetime, &rules), NOW.plus(expected), "{left:?}");
    }
}

#[test]
fn a_renewed_access_token_ends_an_hour_after_the_last_refresh_at_the_latest() {
    let lifetime = Duration::from_mins(15);
    for (since_refresh, session_left, expected) in [
        (3600, 86_400, None),
        (3601, 86_400, None),
        (86_400, 86_400, None),
        (0, 0, None),
        (3599, 86_400, Some(1)),
        (2701, 86_400, Some(899)),
        (2700, 86_400, Some(900)),
        (0, 86_400, Some(900)),
        (0, 60, Some(60)),
        (3590, 60, Some(10)),
        (3590, 5, Some(5)),
    ] {
        let (since, left) = seconds((since_refresh, session_left));
        let session = Session { rotated_at: ago(since), ends_at: NOW.plus(left), ..session() };
        let expected = expected.map(|seconds| NOW.plus(Duration::from_secs(seconds)));
        assert_eq!(renewed_access_ends_at(&session, NOW, lifetime, &RULES), expected, "{since_refresh} {session_left}");
    }
}

#[test]
fn a_renewed_access_token_ends_with_the_time_without_use() {
    let rules = SessionRules { idle: Duration::from_mins(1), ..RULES };
    for (since, expected) in [(0, Some(60)), (59, Some(1)), (60, None), (61, None)] {
        let session = Session { rotated_at: ago(Duration::from_secs(since)), ..session() };
        let end = renewed_access_ends_at(&session, NOW, Duration::from_mins(15), &rules);
        assert_eq!(end, expected.map(|left| NOW.plus(Duration::from_secs(left))), "{since}");
    }
}

#[test]
fn a_renewed_access_token_without_a_whole_second_is_none() {
    for (millis, some) in [(1, false), (999, false), (1000, true)] {
        let session = Session { ends_at: NOW.plus(Duration::from_millis(millis)), ..session() };
        let session = Session { rotated_at: NOW, ..session };
        let end = renewed_access_ends_at(&session, NOW, Duration::from_mins(15), &RULES);
        assert_eq!(end.is_some(), some, "{millis}");
    }
}

fn seconds((a, b): (u64, u64)) -> (Duration, Duration) {
    (Duration::from_secs(a), Duration::from_secs(b))
}

/// Everything that ends a session, each by itself.
fn ended() -> [Session; 5] {
    [
        Session { epoch: Epoch(2), ..session() },
        Session { epoch: Epoch(4), ..session() },
        Session { revoked_at: Some(ago(MILLISECOND)), ..session() },
        Session { ends_at: NOW, ..session() },
        Session { rotated_at: ago(RULES.idle), ..session() },
    ]
}

#[test]
fn a_session_is_alive_until_one_thing_ends_it() {
    assert!(session().is_alive(&User::ann(), NOW, &RULES));
    let last = Session { ends_at: NOW.plus(MILLISECOND), rotated_at: ago(RULES.idle).plus(MILLISECOND), ..session() };
    assert!(last.is_alive(&User::ann(), NOW, &RULES));
    for dead in ended() {
        assert!(!dead.is_alive(&User::ann(), NOW, &RULES), "{dead:?}");
    }
}

#[test]
fn a_refresh_token_is_good_where_its_session_stands_and_until_that_is_over() {
    let ends_at = |generation, session: &Session, user: &User| {
        refresh_token_ends_at(&token(generation), user, session, NOW, &RULES)
    };
    assert_eq!(ends_at(5, &session(), &User::ann()), Some(session().ends_at));
    let long = Session { ends_at: NOW.plus(RULES.lifetime), ..session() };
    assert_eq!(ends_at(5, &long, &User::ann()), Some(long.rotated_at.plus(RULES.idle)));
    for spent_or_to_come in [0, 4, 6] {
        assert_eq!(ends_at(spent_or_to_come, &session(), &User::ann()), None);
    }
    for dead in ended() {
        assert_eq!(ends_at(5, &dead, &User::ann()), None, "{dead:?}");
    }
    assert_eq!(ends_at(5, &session(), &User { disabled: true, ..User::ann() }), None);
}

#[test]
fn a_session_is_ended_once() {
    let mut ended = session();
    assert!(ended.revoke(NOW));
    assert!(ended.revoke(NOW), "its own earlier write");
    assert!(!ended.revoke(NOW.plus(MILLISECOND)));
    assert_eq!(ended.revoked_at, Some(NOW));
}
