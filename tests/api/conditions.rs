//! The conditions of the store's writes beside the functions of the core that say what they do: at every boundary, and
//! every one of them with every other.

use crate::support::history::RULES;
use crate::support::session::{ann, session_of};
use crate::support::{START, Service, service};
use doorward_core::clock::Timestamp;
use doorward_core::ids::{RequestId, SessionId};
use doorward_core::refresh_token::{Generation, RefreshToken};
use doorward_core::scope::{AskedScopes, ScopeSet};
use doorward_core::session::{Refresh, Rotation, Session};
use doorward_core::user::{Epoch, User};
use std::time::Duration;

const NOW: Timestamp = START;
const MILLISECOND: Duration = Duration::from_millis(1);
const PRESENTED: u32 = 5;

fn request(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// So many that they do not fit into one condition.
fn many_scopes(count: usize) -> ScopeSet {
    scopes(&(0..count).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" "))
}

fn user() -> User {
    User { epoch: Epoch(3), ..ann(NOW) }
}

/// Alive, at the generation of the token, refreshed by somebody an hour ago.
fn session() -> Session {
    Session {
        generation: Generation(PRESENTED),
        rotated_at: NOW.minus(Duration::from_hours(1)),
        rotated_by: request("theirs"),
        scopes: scopes("read write"),
        ..session_of(&user(), Duration::from_hours(24))
    }
}

/// Every combination of what a condition asks about a session's time and end; each session has an id of its own.
fn sessions() -> Vec<Session> {
    let idle = RULES.idle;
    let hour = Duration::from_hours(1);
    let mut all = Vec::new();
    for rotated_at in
        [NOW.minus(idle + MILLISECOND), NOW.minus(idle), NOW.minus(idle).plus(MILLISECOND), NOW, NOW.plus(hour)]
    {
        for ends_at in [NOW.minus(MILLISECOND), NOW, NOW.plus(MILLISECOND)] {
            for revoked_at in [None, Some(NOW.minus(hour)), Some(NOW)] {
                all.push(Session { rotated_at, ends_at, revoked_at, ..session() });
            }
        }
    }
    all
}

impl Service {
    /// Keeps a session under an id that no other one has.
    async fn keep(&self, number: &mut u32, mut session: Session) -> Session {
        *number += 1;
        let mut random = [0; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        session.id = SessionId::new(NOW, random);
        self.store.sessions.create(&session).await.unwrap();
        session
    }

    async fn kept(&self, session: &Session) -> Option<Session> {
        self.store.sessions.get(&session.user, session.id).await.unwrap()
    }

    /// Expects that the write of a refresh does what the core says, and returns whether the session moved.
    async fn expect_same_rotation(&self, session: &Session, asked: &AskedScopes) -> bool {
        let token = RefreshToken {
            key: session.key.clone(),
            user: session.user.clone(),
            session: session.id,
            generation: Generation(PRESENTED),
        };
        let ours = request("ours");
        let refresh = Refresh { token: &token, scopes: asked, request: &ours, now: NOW };
        let expected = Rotation::of(Some(session.clone()), &refresh, &RULES);
        let found = self.store.sessions.rotate(&refresh, &RULES).await.unwrap();
        assert_eq!(found, expected, "{session:?} {asked:?}");
        assert_eq!(self.kept(session).await.as_ref(), expected.session());
        matches!(expected, Rotation::Moved(_))
    }
}

#[tokio::test]
async fn the_write_of_a_refresh_does_what_the_core_says() {
    let service = service().await;
    let (mut number, mut moved, mut refused) = (0, 0, 0);
    for session in sessions() {
        for generation in [PRESENTED - 1, PRESENTED, PRESENTED + 1].map(Generation) {
            for asked in [None, Some("read admin"), Some("read\"")].map(AskedScopes::parse) {
                let session = service.keep(&mut number, Session { generation, ..session.clone() }).await;
                let has_moved = service.expect_same_rotation(&session, &asked).await;
                *(if has_moved { &mut moved } else { &mut refused }) += 1;
            }
        }
    }
    // Of 5 times, 3 ends, 3 revocations, 3 generations and 3 scopes: 3, 1, 1, 1 and 1.
    assert_eq!((moved, refused), (3, 402));
}

#[tokio::test]
async fn the_scopes_of_a_refresh_are_judged_as_the_core_says() {
    let service = service().await;
    let mut number = 0;
    for has in [scopes(""), scopes("read"), scopes("read write"), scopes("readers"), many_scopes(150)] {
        for asked in [
            scopes("read"),
            scopes("write read"),
            scopes("re"),
            scopes("READ"),
            many_scopes(100),
            many_scopes(101),
            many_scopes(150),
            many_scopes(151),
        ] {
            let session = service.keep(&mut number, Session { scopes: has.clone(), ..session() }).await;
            let moved = service.expect_same_rotation(&session, &AskedScopes::These(asked.clone())).await;
            assert_eq!(moved, asked.is_subset(&has), "{has} {asked}");
        }
    }
}

#[tokio::test]
async fn the_write_that_ends_a_session_does_what_the_core_says() {
    let service = service().await;
    let mut number = 0;
    for session in sessions() {
        let session = service.keep(&mut number, session).await;
        let mut expected = session.clone();
        let first = expected.revoke(NOW);
        assert_eq!(service.store.sessions.revoke(&session.user, session.id, NOW).await.unwrap(), first);
        assert_eq!(service.kept(&session).await, Some(expected.clone()));
        let later = NOW.plus(MILLISECOND);
        assert_eq!(
            service.store.sessions.revoke(&session.user, session.id, later).await.unwrap(),
            expected.revoke(later)
        );
        assert_eq!(service.kept(&session).await, Some(expected));
    }
}

#[tokio::test]
async fn a_session_is_ended_from_the_list_if_the_core_calls_it_alive() {
    let service = service().await;
    let (mut number, mut ended) = (0, 0);
    let (user, ours, theirs) = (user(), request("ours"), request("theirs"));
    for session in sessions() {
        for epoch in [2, 3, 4].map(Epoch) {
            let session = service.keep(&mut number, Session { epoch, ..session.clone() }).await;
            let alive = session.is_alive(&user, NOW, &RULES);
            let end = |by| service.store.sessions.end(&user, session.id, NOW, &RULES, by);
            assert_eq!(end(&ours).await.unwrap(), alive, "{session:?}");
            let revoked_at = if alive { Some(NOW) } else { session.revoked_at };
            assert_eq!(service.kept(&session).await, Some(Session { revoked_at, ..session.clone() }));
            assert_eq!(end(&ours).await.unwrap(), alive, "sent again");
            assert!(!end(&theirs).await.unwrap());
            ended += usize::from(alive);
        }
    }
    assert_eq!(ended, 3);
}

#[tokio::test]
async fn a_session_is_made_once_and_never_over_another() {
    let service = service().await;
    let ours = service.keep(&mut 0, session()).await;
    service.store.sessions.create(&ours).await.expect("our own, whose answer was lost");
    let theirs = Session { rotated_by: request("another"), ..ours.clone() };
    service.store.sessions.create(&theirs).await.expect_err("somebody else's");
    assert_eq!(service.kept(&ours).await, Some(ours));
}

#[tokio::test]
async fn no_write_makes_a_session_that_is_not_there() {
    let service = service().await;
    let (session, user) = (session(), user());
    let token = RefreshToken {
        key: session.key.clone(),
        user: session.user.clone(),
        session: session.id,
        generation: Generation(PRESENTED),
    };
    for asked in [AskedScopes::All, AskedScopes::These(many_scopes(101)), AskedScopes::Denied] {
        let refresh = Refresh { token: &token, scopes: &asked, request: &request("ours"), now: NOW };
        let found = service.store.sessions.rotate(&refresh, &RULES).await.unwrap();
        assert_eq!(found, Rotation::of(None, &refresh, &RULES));
    }
    assert!(!service.store.sessions.revoke(&session.user, session.id, NOW).await.unwrap());
    assert!(!service.store.sessions.end(&user, session.id, NOW, &RULES, &request("ours")).await.unwrap());
    assert_eq!(service.kept(&session).await, None);
}
