//! What the steps come to, by the functions that decide it in the running service.

use crate::session::{ann, session_of};
use crate::state::{Account, Exchange, Found, How, Older, Owner, Row};
use doorward_core::clock::Timestamp;
use doorward_core::ids::RequestId;
use doorward_core::refresh_token::{Generation, RefreshToken};
use doorward_core::scope::AskedScopes;
use doorward_core::session::{
    Behind, Refresh, RefreshRefusal, Rotation, Session, SessionRules, judge_bearer, judge_refresh,
    refresh_token_ends_at,
};
use doorward_core::user::{Epoch, User};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The number of the session's key.
pub const OWN_KEY: u8 = 0;
const TICK: Duration = Duration::from_secs(10);

/// A rule that is broken on purpose: each must be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The write does not ask at which generation the session stands.
    AnyGeneration,
    /// The successor is vouched for by the newest key.
    NewestKey,
    /// Nobody looks whether the session was ended.
    RevocationIgnored,
    /// Nobody looks at the epoch.
    EpochIgnored,
    /// A password change raises the epoch by one, as a logout everywhere does.
    EpochsAlike,
    /// A request does not know its own earlier write.
    RetryNotRecognised,
    /// A repetition is always theft.
    NoGrace,
    /// The session and the user are judged as they were read.
    NoCatchUp,
    /// A repetition is never theft.
    EndlessGrace,
    /// Theft is refused, and the session lives on.
    TheftNotEnded,
}

/// The rules, and everything about the session and its user that never changes.
#[derive(Clone, Debug)]
pub struct Rules {
    flaw: Option<Flaw>,
    /// What was answered before: the same few thousand questions come up in millions of states.
    known: Arc<RwLock<HashMap<Question, Answer>>>,
    lasting: SessionRules,
    session: Session,
    user: User,
}

/// What is asked of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    Write { row: Row, presented: u8, arrived: u8, of: Option<Owner> },
    Judge { found: Found, account: Account, presented: u8, arrived: u8, owner: Owner },
    Older(Found, Account),
    Standing(Row, Account, u8),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Write(Found, Row),
    Judge(Verdict),
    Older(Option<Older>),
    Standing(Standing),
}

/// How things stand with a session.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // Four questions, each with its answer.
pub struct Standing {
    /// Whether it is over by time.
    pub lapsed: bool,
    /// Whether it is alive.
    pub alive: bool,
    /// Whether an access token of it is good.
    pub serves: bool,
    /// Whether any refresh token of it would bring tokens, if it came now.
    pub gives: bool,
    /// How many of its refresh tokens are called active.
    pub active: usize,
    /// How many of them would move it.
    pub moving: usize,
}

/// What a refresh comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Tokens { generation: u8, how: How },
    Theft,
    Refused,
}

impl Rules {
    /// Sessions of three ticks that last two without use. The grace is a tick, or nothing.
    pub fn new(grace: bool, flaw: Option<Flaw>) -> Self {
        let rules =
            SessionRules { idle: TICK * 2, lifetime: TICK * 3, grace: if grace { TICK } else { Duration::ZERO } };
        let user = ann(START);
        let session = Session { rotated_by: request(None), ..session_of(&user, rules.lifetime) };
        Self { flaw, known: Arc::default(), lasting: rules, session, user }
    }

    fn asked(&self, question: Question, answer: impl FnOnce() -> Answer) -> Answer {
        if let Some(known) = self.known.read().unwrap().get(&question) {
            return *known;
        }
        let answer = answer();
        self.known.write().unwrap().insert(question, answer);
        answer
    }

    pub fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub fn promises_grace(&self) -> bool {
        !self.lasting.grace.is_zero()
    }

    fn session(&self, row: Row) -> Session {
        Session {
            generation: Generation(row.generation.into()),
            rotated_at: at(row.rotated_at),
            rotated_by: request(row.rotated_by),
            epoch: Epoch(row.epoch.into()),
            revoked_at: row.revoked.then_some(START),
            ..self.session.clone()
        }
    }

    fn user(&self, account: Account) -> User {
        User { disabled: account.disabled, epoch: Epoch(account.epoch.into()), ..self.user.clone() }
    }

    fn token(&self, generation: u8) -> RefreshToken {
        RefreshToken {
            key: self.session.key.clone(),
            user: self.user.id.clone(),
            session: self.session.id,
            generation: Generation(generation.into()),
        }
    }

    /// How things stand with the session.
    pub fn standing(&self, row: Row, account: Account, now: u8) -> Standing {
        let asked =
            self.asked(Question::Standing(row, account, now), || Answer::Standing(self.stand(row, account, now)));
        let Answer::Standing(standing) = asked else { unreachable!("another answer") };
        standing
    }

    fn stand(&self, row: Row, account: Account, now: u8) -> Standing {
        let (session, user, now_at) = (self.session(row), self.user(account), at(now));
        let all = || 0..=row.generation + 1;
        let is_active =
            |n: &u8| refresh_token_ends_at(&self.token(*n), &user, &session, now_at, &self.lasting).is_some();
        let gives = |n: u8| {
            let (found, _) = self.write(row, n, now, Some(Owner::Thief));
            matches!(self.judge(found, account, &Exchange::new(n, now), Owner::Thief), Verdict::Tokens { .. })
        };
        Standing {
            lapsed: session.has_lapsed(now_at, &self.lasting),
            alive: session.is_alive(&user, now_at, &self.lasting),
            serves: judge_bearer(Some(user.clone()), Some(session.clone()), false, now_at).is_ok(),
            gives: all().any(gives),
            active: all().filter(is_active).count(),
            moving: all().filter(|&n| self.write(row, n, now, None).0.moved).count(),
        }
    }

    /// Whether a token that comes now is spent and past the grace, by the words of the promise and not by the decision's.
    pub fn is_spent(&self, presented: u8, row: Row, now: u8) -> bool {
        let grace = now == row.rotated_at && self.promises_grace();
        row.generation > presented + 1 || (row.generation == presented + 1 && !grace)
    }

    /// What the conditional write of a refresh does to the session: what it returns, and the session as it is then.
    pub fn write(&self, row: Row, presented: u8, arrived: u8, of: Option<Owner>) -> (Found, Row) {
        let asked = self.asked(Question::Write { row, presented, arrived, of }, || {
            let (found, after) = self.written(row, presented, arrived, of);
            Answer::Write(found, after)
        });
        let Answer::Write(found, after) = asked else { unreachable!("another answer") };
        (found, after)
    }

    fn written(&self, row: Row, presented: u8, arrived: u8, of: Option<Owner>) -> (Found, Row) {
        let mut session = self.session(row);
        if self.has(Flaw::AnyGeneration) {
            session.generation = Generation(presented.into());
        }
        if self.has(Flaw::RevocationIgnored) {
            session.revoked_at = None;
        }
        let (token, request) = (self.token(presented), request(of));
        let refresh = Refresh { token: &token, scopes: &AskedScopes::All, request: &request, now: at(arrived) };
        match Rotation::of(Some(session), &refresh, &self.lasting) {
            Rotation::Moved(session) => {
                let after = Row {
                    generation: u8::try_from(session.generation.0).unwrap(),
                    rotated_at: tick(session.rotated_at),
                    rotated_by: of,
                    ..row
                };
                (Found { moved: true, row: after }, after)
            }
            Rotation::Refused(_) => (Found { moved: false, row }, row),
        }
    }

    fn rotation(&self, found: Found) -> Rotation {
        let mut session = self.session(found.row);
        if self.has(Flaw::RevocationIgnored) {
            session.revoked_at = None;
        }
        if found.moved { Rotation::Moved(session) } else { Rotation::Refused(Some(session)) }
    }

    /// Which of the two is to be read again.
    pub fn older(&self, found: Found, account: Account) -> Option<Older> {
        if self.has(Flaw::NoCatchUp) || self.has(Flaw::EpochIgnored) {
            return None;
        }
        let asked = self.asked(Question::Older(found, account), || {
            let behind = self.rotation(found).behind(Some(&self.user(account)));
            Answer::Older(behind.map(|behind| match behind {
                Behind::Session => Older::Session,
                Behind::User => Older::User,
            }))
        });
        let Answer::Older(older) = asked else { unreachable!("another answer") };
        older
    }

    /// What the write returned, with what was read again.
    pub fn caught_up(&self, found: Found, now: Row) -> Found {
        let mut rotation = self.rotation(found);
        rotation.catch_up(&self.session(now));
        let session = rotation.session().unwrap();
        let epoch = u8::try_from(session.epoch.0).unwrap();
        Found { row: Row { epoch, revoked: session.revoked_at.is_some(), ..found.row }, ..found }
    }

    /// Judges a refresh.
    pub fn judge(&self, found: Found, account: Account, exchange: &Exchange, owner: Owner) -> Verdict {
        let Exchange { presented, arrived, .. } = *exchange;
        let question = Question::Judge { found, account, presented, arrived, owner };
        let asked = self.asked(question, || Answer::Judge(self.judged(found, account, exchange, owner)));
        let Answer::Judge(verdict) = asked else { unreachable!("another answer") };
        verdict
    }

    fn judged(&self, found: Found, account: Account, exchange: &Exchange, owner: Owner) -> Verdict {
        let mut user = self.user(account);
        let mut rules = self.lasting;
        let mut by = Some(owner);
        match self.flaw {
            Some(Flaw::EpochIgnored) => user.epoch = Epoch(found.row.epoch.into()),
            Some(Flaw::EndlessGrace) => rules.grace = Duration::MAX,
            Some(Flaw::NoGrace) => rules.grace = Duration::ZERO,
            Some(Flaw::RetryNotRecognised) => by = Some(Owner::Tab(99)),
            _ => {}
        }
        let (token, request) = (self.token(exchange.presented), request(by));
        let refresh =
            Refresh { token: &token, scopes: &AskedScopes::All, request: &request, now: at(exchange.arrived) };
        match judge_refresh(self.rotation(found), Some(&user), &refresh, &rules) {
            Ok(session) => {
                let generation = u8::try_from(session.generation.0).unwrap();
                let how = match (found.moved, found.row.rotated_by == Some(owner)) {
                    (true, _) => How::Moved,
                    (false, true) => How::KnewItself,
                    (false, false) => How::Repeated,
                };
                Verdict::Tokens { generation, how }
            }
            Err(RefreshRefusal::Theft) => Verdict::Theft,
            Err(_) => Verdict::Refused,
        }
    }

    /// The key that vouches for the successor, by its number. Keys turn over with every tick.
    pub fn key(&self, now: u8) -> u8 {
        if self.has(Flaw::NewestKey) { now } else { OWN_KEY }
    }

    /// The session after the write that ends it.
    pub fn revoked(&self, row: Row, now: u8) -> Row {
        let mut session = self.session(row);
        session.revoke(at(now));
        Row { revoked: session.revoked_at.is_some(), ..row }
    }

    pub fn next_epoch(epoch: u8) -> u8 {
        u8::try_from(Epoch(epoch.into()).next().0).unwrap()
    }

    /// The epoch after a password change.
    pub fn epoch_with_one_kept(&self, epoch: u8) -> u8 {
        if self.has(Flaw::EpochsAlike) {
            return Self::next_epoch(epoch);
        }
        u8::try_from(Epoch(epoch.into()).next_with_one_kept().0).unwrap()
    }
}

fn at(tick: u8) -> Timestamp {
    START.plus(TICK * u32::from(tick))
}

fn tick(at: Timestamp) -> u8 {
    u8::try_from(at.since(START).as_secs() / TICK.as_secs()).unwrap()
}

/// The id of a request. Those that ask no more have one that nobody has.
fn request(of: Option<Owner>) -> RequestId {
    RequestId::from_random(match of {
        None => [0; 16],
        Some(Owner::Thief) => [255; 16],
        Some(Owner::Tab(n)) => [u8::try_from(n + 1).unwrap(); 16],
    })
}
