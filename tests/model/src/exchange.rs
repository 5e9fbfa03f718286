//! A refresh, step by step: `flow::refresh` of `shared/http` with everything that can happen between its lines.

use crate::protocol::Protocol;
use crate::rules::{Flaw, OWN_KEY, Verdict};
use crate::state::{Exchange, Found, Older, Owner, Phase, Row, State, Straggler, Tab};

impl Exchange {
    pub fn new(presented: u8, arrived: u8) -> Self {
        Self { presented, arrived, read: None, after_end: false, spent: false, phase: Phase::Writing }
    }
}

impl Protocol {
    /// A request with that token arrives.
    pub fn ask(&self, state: &mut State, owner: Owner, presented: u8) {
        let alive = self.standing(state).alive;
        state.set_exchange(
            owner,
            Exchange {
                after_end: state.acknowledged,
                spent: alive && self.rules.is_spent(presented, state.session, state.now),
                ..Exchange::new(presented, state.now)
            },
        );
    }

    /// The conditional write is done; returns what it says.
    fn write(&self, state: &mut State, presented: u8, arrived: u8, of: Option<Owner>) -> Found {
        let (found, after) = self.rules.write(state.session, presented, arrived, of);
        if found.moved {
            state.broken.second_successor |= state.moved >> presented & 1 == 1;
            state.moved |= 1 << presented;
        }
        state.session = after;
        found
    }

    /// The write is done and its answer comes.
    pub fn write_answered(&self, state: &mut State, owner: Owner, exchange: Exchange) {
        let found = self.write(state, exchange.presented, exchange.arrived, Some(owner));
        // Another's request is another's, whosever it is.
        let rotated_by = found.row.rotated_by.filter(|by| *by == owner);
        let found = Found { row: Row { rotated_by, ..found.row }, ..found };
        let exchange = Exchange { phase: Phase::Written(found), ..exchange };
        if self.is_settled(state) {
            // Nothing can come between the write and the judgement that makes a difference.
            self.judge(state, owner, exchange);
        } else {
            state.set_exchange(owner, exchange);
        }
    }

    /// The write is done and its answer is lost: it is sent again.
    pub fn write_unheard(&self, state: &mut State, owner: Owner, exchange: Exchange) {
        match exchange.phase {
            Phase::Ending => state.session = self.rules.revoked(state.session, exchange.arrived),
            _ => _ = self.write(state, exchange.presented, exchange.arrived, Some(owner)),
        }
        state.losses -= 1;
    }

    /// The write is sent again while its first sending is on its way still.
    pub fn write_delayed(state: &mut State, owner: Owner, exchange: &Exchange) {
        let Exchange { presented, arrived, .. } = *exchange;
        state.stragglers.push(Straggler { presented, arrived, of: Some(owner) });
        state.losses -= 1;
    }

    /// A first sending arrives after all. Nobody waits for what it says.
    pub fn arrive(&self, state: &mut State, which: usize) {
        let Straggler { presented, arrived, of } = state.stragglers.remove(which);
        self.write(state, presented, arrived, of);
    }

    /// The user is there too: the two are judged, or one of them is read again.
    pub fn judge(&self, state: &mut State, owner: Owner, exchange: Exchange) {
        let account = exchange.read.unwrap_or(state.account);
        match exchange.phase {
            Phase::Written(found) => match self.rules.older(found, account) {
                Some(older) => {
                    let phase = Phase::CatchingUp(found, older);
                    state.set_exchange(owner, Exchange { read: Some(account), phase, ..exchange });
                }
                None => self.decide(state, owner, exchange, found),
            },
            Phase::CatchingUp(found, Older::Session) => {
                let found = self.rules.caught_up(found, state.session);
                if self.rules.older(found, account) == Some(Older::User) {
                    let phase = Phase::CatchingUp(found, Older::User);
                    state.set_exchange(owner, Exchange { phase, ..exchange });
                } else {
                    self.decide(state, owner, exchange, found);
                }
            }
            Phase::CatchingUp(found, Older::User) => {
                self.decide(state, owner, Exchange { read: Some(state.account), ..exchange }, found);
            }
            _ => unreachable!("nothing to judge"),
        }
    }

    fn decide(&self, state: &mut State, owner: Owner, exchange: Exchange, found: Found) {
        let account = exchange.read.unwrap_or(state.account);
        match self.rules.judge(found, account, &exchange, owner) {
            Verdict::Tokens { generation, how } => {
                let (next, key) = (exchange.presented + 1, self.rules.key(state.now));
                state.broken.second_successor |= (generation, key) != (next, OWN_KEY);
                state.broken.minted_after_end |= exchange.after_end;
                state.broken.theft_missed |= exchange.spent;
                state.forget(owner);
                let phase = Phase::Answered { generation, how };
                match owner {
                    Owner::Tab(_) => state.set_exchange(owner, Exchange::answered(phase)),
                    Owner::Thief => state.thief = None,
                }
            }
            Verdict::Theft if self.rules.has(Flaw::TheftNotEnded) => self.refuse(state, owner, exchange),
            Verdict::Theft => {
                // Its write says nothing more to it.
                state.forget(owner);
                state.set_exchange(owner, Exchange { read: None, phase: Phase::Ending, ..exchange });
            }
            Verdict::Refused => self.refuse(state, owner, exchange),
        }
    }

    /// Theft was found and the session is ended; now it is refused.
    pub fn end(&self, state: &mut State, owner: Owner, exchange: Exchange) {
        state.session = self.rules.revoked(state.session, exchange.arrived);
        state.acknowledged = true;
        self.refuse(state, owner, exchange);
    }

    /// Refused. That this answer is lost would change nothing: whoever is dead stays dead.
    fn refuse(&self, state: &mut State, owner: Owner, exchange: Exchange) {
        let alive = self.standing(state).alive;
        state.broken.theft_missed |= exchange.spent && alive;
        state.forget(owner);
        match owner {
            Owner::Tab(n) => {
                state.broken.honest_out |= !state.excused;
                state.tabs[n] = Tab::Out;
            }
            Owner::Thief => state.thief = None,
        }
    }

    /// The process dies, or gives up and answers 503, or the answer is lost: a tab asks again, unless it finds by now what it
    /// wanted.
    pub fn die(state: &mut State, owner: Owner, exchange: &Exchange) {
        let wanted = match exchange.phase {
            Phase::Answered { generation, .. } => generation,
            _ => exchange.presented + 1,
        };
        state.forget(owner);
        match owner {
            Owner::Tab(n) => state.tabs[n] = if state.jar.generation >= wanted { Tab::Calm } else { Tab::Unanswered },
            Owner::Thief => state.thief = None,
        }
        state.losses -= 1;
    }

    /// Tokens arrive.
    pub fn deliver(state: &mut State, tab: usize, generation: u8) {
        state.tabs[tab] = Tab::Calm;
        if generation > state.jar.generation {
            state.jar.generation = generation;
            state.jar.fresh = true;
            // Whoever wanted to ask again finds what they wanted.
            for tab in state.tabs.iter_mut().filter(|tab| **tab == Tab::Unanswered) {
                *tab = Tab::Calm;
            }
        }
    }
}

impl Exchange {
    /// Of an answer that is on its way nothing else matters.
    fn answered(phase: Phase) -> Self {
        Self { phase, ..Self::new(0, 0) }
    }
}
