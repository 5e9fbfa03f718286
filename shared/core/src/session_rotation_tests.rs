use super::tests::{NOW, RULES, request, session, token};
use super::*;

/// What the write of request `ours` does with a session that it finds, for the token of that generation.
fn written(found: Option<Session>, presented: u32) -> Rotation {
    Rotation::of(
        found,
        &Refresh { token: &token(presented), scopes: &AskedScopes::All, request: &request("ours"), now: NOW },
        &RULES,
    )
}

#[test]
fn the_write_of_a_refresh_moves_its_session_on_and_no_other() {
    let next = Session { generation: Generation(6), rotated_at: NOW, rotated_by: request("ours"), ..session() };
    assert_eq!(written(Some(session()), 5), Rotation::Moved(next));
    assert_eq!(written(Some(session()), 4), Rotation::Refused(Some(session())));
    assert_eq!(written(Some(session()), 6), Rotation::Refused(Some(session())));
    assert_eq!(written(None, 5), Rotation::Refused(None));
}

#[test]
fn of_session_and_user_the_older_one_is_read_again() {
    let at = |epoch| Rotation::Refused(Some(Session { epoch: Epoch(epoch), ..session() }));
    let ann = User::ann();
    assert_eq!(at(2).behind(Some(&ann)), Some(Behind::Session));
    assert_eq!(at(3).behind(Some(&ann)), None);
    assert_eq!(at(4).behind(Some(&ann)), Some(Behind::User));
    assert_eq!(at(2).behind(None), None);
    assert_eq!(Rotation::Refused(None).behind(Some(&ann)), None);

    let ended = Session { epoch: Epoch(9), revoked_at: Some(NOW), generation: Generation(8), ..session() };
    let mut rotation = written(Some(session()), 5);
    rotation.catch_up(&ended);
    let caught_up = rotation.session().unwrap();
    assert_eq!((caught_up.epoch, caught_up.revoked_at), (Epoch(9), Some(NOW)));
    assert_eq!(caught_up.generation, Generation(6), "where it stands is what the write found");
}
