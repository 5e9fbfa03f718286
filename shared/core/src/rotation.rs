//! Turning keys over: what is to be done with the keys of a purpose, one step at a time.
//!
//! A step is taken on the condition that its key is as it was read; then the keys are read again and the next step is asked
//! for, until there is none. So two that turn the same keys at once make one next key, a step whose answer was lost is not
//! taken twice, and what somebody left half done is brought to its end by whoever comes next. Times only ever move nearer.

use crate::clock::Timestamp;
use crate::keyring::{KeyRecord, Purpose, Term};
use std::time::Duration;

/// A ring older than that is read again: how long it takes until every instance knows a new key. Less than the minute in which
/// an operator is promised that a key is used.
pub const RING_AGE: Duration = Duration::from_secs(45);
/// How long API Gateway's JWT authorizer keeps a JWK set.
const GATEWAYS_CACHE: Duration = Duration::from_hours(2);
/// How long others may keep the JWK set: its `max-age`.
pub const JWKS_AGE: Duration = Duration::from_mins(5);
/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_mins(1);
/// How long a dead key is still listed.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// What is wanted of a key ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A next key if the present one is old enough, or if there is none.
    WhenDue,
    /// A next key, unless one stands ready already. It is used as soon as everybody who verifies knows it.
    Next,
    /// A next key, or the one that stands ready, used as soon as Doorward itself knows it. Others may not know it yet.
    Now,
    /// A key that nobody has seen, and the end of every other one at the same moment, with everything that they made.
    RevokeOld,
}

impl Order {
    /// What somebody wants who says so: `now` and `revoke_old` are the options of `keys rotate`.
    #[must_use]
    pub fn wanted(now: bool, revoke_old: bool) -> Self {
        match (revoke_old, now) {
            (true, _) => Self::RevokeOld,
            (false, true) => Self::Now,
            (false, false) => Self::Next,
        }
    }
}

/// How long what keys make lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A session, whose refresh tokens are all made by the key that it began with.
    pub session: Duration,
}

impl Purpose {
    /// How old a key gets before it is due for a successor. A key that seals is turned over by hand only: what is sealed by
    /// it stays so, and every key that was is kept.
    fn interval(self) -> Option<Duration> {
        match self {
            Self::Sign => Some(Duration::from_hours(30 * 24)),
            Self::Refresh => Some(Duration::from_hours(90 * 24)),
            Self::Seal => None,
        }
    }

    /// How long a new key is known before it is used. Those of `sign` are verified by others too, who learn of them late.
    fn publication(self) -> Duration {
        match self {
            Self::Sign => RING_AGE + JWKS_AGE + GATEWAYS_CACHE,
            Self::Refresh | Self::Seal => RING_AGE,
        }
    }

    /// How long the last thing that a key made is good; `None` without end.
    fn life(self, lifetimes: &Lifetimes) -> Option<Duration> {
        match self {
            Self::Sign => Some(lifetimes.access + SKEW),
            Self::Refresh => Some(lifetimes.session + SKEW),
            Self::Seal => None,
        }
    }
}

/// One turn of the keys of a purpose: what was decided at its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    purpose: Purpose,
    order: Order,
    lifetimes: Lifetimes,
    /// The serial number of the key that the turn leads to: of several turns at once, the same.
    next: Option<u64>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Make the key of that number, which is used from `lead` after the moment when it is kept.
    Make {
        /// Its number.
        serial: u64,
        /// How long it is known before it is used.
        lead: Duration,
    },
    /// Give a key other times.
    Change {
        /// The key as it was read.
        key: &'a KeyRecord,
        /// Its times from now on.
        term: Term,
    },
    /// Delete a key that is long dead.
    Delete {
        /// The key as it was read.
        key: &'a KeyRecord,
    },
}

impl Turn {
    /// Begins a turn of the keys of a purpose, given all of them by their serial numbers.
    #[must_use]
    pub fn new(purpose: Purpose, order: Order, lifetimes: Lifetimes, keys: &[KeyRecord], now: Timestamp) -> Self {
        let next = match keys.last() {
            None => Some(1),
            Some(youngest) => {
                let (after, waits) = (youngest.serial + 1, youngest.term.signs_from > now);
                match order {
                    Order::WhenDue => is_due(youngest, now).then_some(after),
                    Order::Next | Order::Now if waits => Some(youngest.serial),
                    Order::Next | Order::Now | Order::RevokeOld => Some(after),
                }
            }
        };
        Self { purpose, order, lifetimes, next }
    }

    /// The first step that is left, given all keys of the purpose by their serial numbers, as they are by now.
    #[must_use]
    pub fn step<'a>(&self, keys: &'a [KeyRecord], now: Timestamp) -> Option<Step<'a>> {
        if let Some(serial) = self.next
            && keys.last().is_none_or(|youngest| youngest.serial < serial)
        {
            return Some(Step::Make { serial, lead: self.lead(keys, now) });
        }
        for (at, key) in keys.iter().enumerate() {
            let term = self.term(key, &keys[at + 1..], now);
            if term != key.term {
                return Some(Step::Change { key, term });
            }
        }
        // The youngest stays whatever its times are: its number is not to be given again.
        let (_, older) = keys.split_last()?;
        older
            .iter()
            .find(|key| key.term.verifies_until.is_some_and(|end| end.plus(KEPT) <= now))
            .map(|key| Step::Delete { key })
    }

    fn lead(&self, keys: &[KeyRecord], now: Timestamp) -> Duration {
        if !keys.iter().any(|key| key.term.signs(now)) {
            // Nothing is made until it is there.
            return Duration::ZERO;
        }
        match self.order {
            Order::WhenDue | Order::Next => self.purpose.publication(),
            Order::Now | Order::RevokeOld => RING_AGE,
        }
    }

    /// The times that a key should have beside those that are younger.
    fn term(&self, key: &KeyRecord, younger: &[KeyRecord], now: Timestamp) -> Term {
        let mut term = key.term;
        let soon = now.plus(RING_AGE);
        if matches!(self.order, Order::Now | Order::RevokeOld) && Some(key.serial) == self.next {
            term.signs_from = term.signs_from.min(soon);
        }
        let Some(succeeded) = younger.iter().map(|younger| younger.term.signs_from).min() else { return term };
        let ends = term.signs_until.map_or(succeeded, |until| until.min(succeeded));
        term.signs_until = Some(ends);
        let revoked = younger.iter().find(|next| self.order == Order::RevokeOld && Some(next.serial) == self.next);
        let dies = self.purpose.life(&self.lifetimes).map(|life| match revoked {
            Some(next) => next.term.signs_from,
            None => ends.plus(life),
        });
        term.verifies_until = [term.verifies_until, dies].into_iter().flatten().min();
        term
    }
}

/// Whether a key should have a successor by now, being the youngest of its purpose. One that has an end and no successor lost it.
#[must_use]
pub fn is_due(youngest: &KeyRecord, now: Timestamp) -> bool {
    let old = youngest.purpose.interval().is_some_and(|interval| youngest.term.signs_from.plus(interval) <= now);
    old || youngest.term.signs_until.is_some()
}

/// What a key does at a moment, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is published and makes nothing yet.
    Next,
    /// It makes what is new.
    Current,
    /// It makes nothing any more; what it made is good still.
    Previous,
    /// Nothing that it made is good.
    Dead,
}

impl State {
    /// The state of each of the keys of a purpose, given by their serial numbers.
    #[must_use]
    pub fn of(keys: &[KeyRecord], now: Timestamp) -> Vec<Self> {
        let current = keys.iter().rposition(|key| key.term.signs(now));
        let state = |(at, key): (usize, &KeyRecord)| match key.term {
            term if !term.verifies(now) => Self::Dead,
            _ if Some(at) == current => Self::Current,
            term if term.signs_from > now && term.signs_until.is_none_or(|until| term.signs_from < until) => Self::Next,
            _ => Self::Previous,
        };
        keys.iter().enumerate().map(state).collect()
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Dead => "dead",
        }
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
