//! What a session does when one request comes after the other, by the core's own functions; and whether a history of
//! requests side by side can be told as such a sequence.

use super::session::{ann, session_of};
use doorward_core::clock::Timestamp;
use doorward_core::ids::RequestId;
use doorward_core::refresh_token::{Generation, RefreshToken};
use doorward_core::scope::AskedScopes;
use doorward_core::session::{Refresh, RefreshRefusal, Rotation, Session, SessionRules, judge_bearer, judge_refresh};
use doorward_core::user::User;
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The defaults.
pub const RULES: SessionRules = SessionRules {
    idle: Duration::from_hours(7 * 24),
    lifetime: Duration::from_hours(30 * 24),
    grace: Duration::from_secs(10),
};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A refresh with the token of that generation.
    Refresh(u32),
    /// A route for whoever is logged in.
    Me,
    Logout,
    LogoutEverywhere,
    /// The end of the session by a refresh token (RFC 7009).
    Revoke,
}

/// What the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Tokens, the refresh token of that generation.
    Tokens(u32),
    Done,
    Refused,
}

/// A session to which one thing happens after the other, at one moment.
#[derive(Clone, Debug)]
pub struct Sequential {
    session: Session,
    user: User,
}

impl Sequential {
    /// A session that stands at `generation`, since `rotated` ago.
    pub fn standing_at(generation: u32, rotated: Duration) -> Self {
        let user = ann(NOW);
        let session = Session {
            generation: Generation(generation),
            rotated_at: NOW.minus(rotated),
            ..session_of(&user, RULES.lifetime)
        };
        Self { session, user }
    }

    fn serves(&self) -> bool {
        judge_bearer(Some(self.user.clone()), Some(self.session.clone()), false, NOW).is_ok()
    }

    fn refresh(&mut self, presented: u32) -> Said {
        let token = RefreshToken {
            key: self.session.key.clone(),
            user: self.user.id.clone(),
            session: self.session.id,
            generation: Generation(presented),
        };
        let refresh = Refresh { token: &token, scopes: &AskedScopes::All, request: &request("anybody"), now: NOW };
        let rotation = Rotation::of(Some(self.session.clone()), &refresh, &RULES);
        if let Rotation::Moved(session) = &rotation {
            // No request asks twice here.
            self.session = Session { rotated_by: request("before"), ..session.clone() };
        }
        match judge_refresh(rotation, Some(&self.user), &refresh, &RULES) {
            Ok(session) => Said::Tokens(session.generation.0),
            Err(refusal) => {
                if refusal == RefreshRefusal::Theft {
                    self.session.revoke(NOW);
                }
                Said::Refused
            }
        }
    }
}

fn request(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

impl SequentialSpec for Sequential {
    type Op = Ask;
    type Ret = Said;

    fn invoke(&mut self, ask: &Ask) -> Said {
        let serves = self.serves();
        match ask {
            Ask::Refresh(presented) => return self.refresh(*presented),
            Ask::Logout if serves => _ = self.session.revoke(NOW),
            Ask::LogoutEverywhere if serves => self.user.epoch = self.user.epoch.next(),
            Ask::Me | Ask::Logout | Ask::LogoutEverywhere => {}
            Ask::Revoke => {
                self.session.revoke(NOW);
                return Said::Done;
            }
        }
        if serves { Said::Done } else { Said::Refused }
    }

    /// A logout is a check and then a write. Who was let in by the check is told that it is done, also where somebody else
    /// ended the session in between: it is over, as was asked for.
    fn is_valid_step(&mut self, ask: &Ask, said: &Said) -> bool {
        let is_logout = matches!(ask, Ask::Logout | Ask::LogoutEverywhere);
        self.invoke(ask) == *said || (is_logout && *said == Said::Done)
    }
}

/// What was asked and said, in the order in which it was, of one session.
#[derive(Clone, Debug)]
pub struct History(Arc<Mutex<Record>>);

#[derive(Debug)]
struct Record {
    tester: LinearizabilityTester<usize, Sequential>,
    /// The same, and a refresh that nobody was answered. That is what the first sending of a write is whose answer was lost: it
    /// may have moved the session, and that may have died before it was sent again.
    lost: [LinearizabilityTester<usize, Sequential>; 2],
    /// The refresh tokens that were handed out, by their generation.
    tokens: BTreeMap<u32, String>,
    /// Whether one generation had two.
    doubled: bool,
    refused: usize,
    told: Vec<String>,
}

impl History {
    pub fn of(before: Sequential) -> Self {
        let tester = LinearizabilityTester::new(before);
        let lost = [1, 2].map(|generation| {
            let mut tester = tester.clone();
            tester.on_invoke(usize::MAX, Ask::Refresh(generation)).unwrap();
            tester
        });
        Self(Arc::new(Mutex::new(Record {
            tester,
            lost,
            tokens: BTreeMap::new(),
            doubled: false,
            refused: 0,
            told: Vec::new(),
        })))
    }

    /// `who` asks. Nobody asks before they were answered.
    pub fn asks(&self, who: usize, ask: Ask) {
        let mut record = self.0.lock().unwrap();
        for tester in record.testers() {
            tester.on_invoke(who, ask).unwrap();
        }
        record.told.push(format!("{who} asks {ask:?}"));
    }

    /// `who` is answered.
    pub fn is_told(&self, who: usize, said: Said) {
        let mut record = self.0.lock().unwrap();
        for tester in record.testers() {
            tester.on_return(who, said).unwrap();
        }
        record.told.push(format!("{who} is told {said:?}"));
        record.refused += usize::from(said == Said::Refused);
    }

    /// A refresh token was handed out.
    pub fn hands_out(&self, generation: u32, token: &str) {
        let mut record = self.0.lock().unwrap();
        let known = record.tokens.entry(generation).or_insert_with(|| token.to_owned());
        let doubled = known != token;
        record.doubled |= doubled;
    }

    /// Whether one of them was refused something.
    pub fn has_refusals(&self) -> bool {
        self.0.lock().unwrap().refused > 0
    }

    /// Whether it can be told as a sequence, in which each generation has one token; `lossy` where the store was asked again.
    pub fn is_linearizable(&self, lossy: bool) -> bool {
        let record = self.0.lock().unwrap();
        let lost = lossy && record.lost.iter().any(LinearizabilityTester::is_consistent);
        !record.doubled && (lost || record.tester.is_consistent())
    }

    #[track_caller]
    pub fn expect_linearizable(&self, lossy: bool) {
        assert!(self.is_linearizable(lossy), "{:#?}", self.0.lock().unwrap().told);
    }
}

impl Record {
    fn testers(&mut self) -> impl Iterator<Item = &mut LinearizabilityTester<usize, Sequential>> {
        std::iter::once(&mut self.tester).chain(&mut self.lost)
    }
}
