//! What there is at one moment.

/// Everything: what the store has, who is doing what, and what was promised to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Time in ticks. A tick is as long as the grace: what happens in one tick happens within it, the next one is after it.
    pub now: u8,
    /// The session, as the store has it.
    pub session: Row,
    /// Its user, as the store has them.
    pub account: Account,
    /// What the tabs share.
    pub jar: Jar,
    /// The tabs, in an order that says nothing.
    pub tabs: Vec<Tab>,
    /// What the thief has asked, who has a copy of every token that was ever handed out.
    pub thief: Option<Exchange>,
    /// A logout of the user's.
    pub logout: Logout,
    /// A change of the account.
    pub change: Change,
    /// Writes that were sent again, and whose first sending may still arrive.
    pub stragglers: Vec<Straggler>,
    /// How many answers may be lost still.
    pub losses: u8,
    /// Whether somebody was told that the session is over.
    pub acknowledged: bool,
    /// Whether something happened after which an honest tab may find itself logged out.
    pub excused: bool,
    /// The generations that the session was moved on from, as bits.
    pub moved: u8,
    /// What should never have happened.
    pub broken: Broken,
}

/// What moves in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub generation: u8,
    pub rotated_at: u8,
    /// The request that moved it last, as long as it may ask again.
    pub rotated_by: Option<Owner>,
    pub epoch: u8,
    pub revoked: bool,
}

/// What moves in a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    pub epoch: u8,
    pub disabled: bool,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Tab(usize),
    Thief,
}

/// The newest refresh token that a tab got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Jar {
    pub generation: u8,
    /// It came in this tick, and the access token beside it is good for many: nobody refreshes yet.
    pub fresh: bool,
}

/// A tab.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tab {
    /// It wants nothing, or it waits until the token is due.
    Calm,
    /// It got no answer and is going to ask again.
    Unanswered,
    /// It has asked.
    Asking(Exchange),
    /// It was refused.
    Out,
}

/// A refresh under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exchange {
    /// The generation of the token.
    pub presented: u8,
    /// When it arrived: the time by which it is judged.
    pub arrived: u8,
    /// The user, as it has read them; `None` where it has not read yet, or where that makes no difference.
    pub read: Option<Account>,
    /// It arrived after somebody had been told that the session is over.
    pub after_end: bool,
    /// It came with a token that was spent, and too late for the grace, while the session was alive.
    pub spent: bool,
    pub phase: Phase,
}

/// How far a refresh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Its write is on its way.
    Writing,
    /// Its write is done.
    Written(Found),
    /// The session and the user were read on two sides of a new epoch; one of them is read again.
    CatchingUp(Found, Older),
    /// It found theft; the write that ends the session is on its way.
    Ending,
    /// Its answer, with tokens, is on its way.
    Answered { generation: u8, how: How },
}

/// What a write returned: the session, as it is where it moved, as it was where not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Found {
    pub moved: bool,
    pub row: Row,
}

/// What is to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Older {
    Session,
    User,
}

/// Why there were tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    Moved,
    Repeated,
    /// It had moved the session itself, and had not heard so.
    KnewItself,
}

/// A logout: the check of the access token, the write, the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Logout {
    Idle,
    Here,
    /// The epoch above which it raises.
    Everywhere(u8),
    Written,
    Over,
}

/// A change of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Idle,
    /// A password change that keeps this session, and the epoch that it has read.
    Password(u8),
    /// The user is shut out, and nobody was told so yet.
    Disabled,
    /// The operator was told so.
    ToldDisabled,
    Over,
}

/// The write of a refresh, sent and thought lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Straggler {
    pub presented: u8,
    pub arrived: u8,
    /// Whose it is, as long as that may ask again.
    pub of: Option<Owner>,
}

/// What should never have happened, once it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools)] // A flag for each promise.
pub struct Broken {
    /// A generation got a second successor: another generation, or the same one under another key.
    pub second_successor: bool,
    /// Tokens for a request that came after the end.
    pub minted_after_end: bool,
    /// An honest tab was logged out.
    pub honest_out: bool,
    /// A spent token was answered, and the session lives.
    pub theft_missed: bool,
}

impl State {
    pub fn exchange(&self, owner: Owner) -> Option<&Exchange> {
        match owner {
            Owner::Tab(n) => match &self.tabs[n] {
                Tab::Asking(exchange) => Some(exchange),
                _ => None,
            },
            Owner::Thief => self.thief.as_ref(),
        }
    }

    pub fn set_exchange(&mut self, owner: Owner, exchange: Exchange) {
        match owner {
            Owner::Tab(n) => self.tabs[n] = Tab::Asking(exchange),
            Owner::Thief => self.thief = Some(exchange),
        }
    }

    pub fn owners(&self) -> impl Iterator<Item = Owner> + use<> {
        (0..self.tabs.len()).map(Owner::Tab).chain([Owner::Thief])
    }

    pub fn exchanges(&self) -> impl Iterator<Item = (Owner, &Exchange)> {
        self.owners().filter_map(|owner| Some((owner, self.exchange(owner)?)))
    }

    /// A request that asks no more is nobody's: nothing distinguishes it from any other that is over.
    pub fn forget(&mut self, owner: Owner) {
        if self.session.rotated_by == Some(owner) {
            self.session.rotated_by = None;
        }
        for straggler in &mut self.stragglers {
            if straggler.of == Some(owner) {
                straggler.of = None;
            }
        }
    }

    /// The tabs are alike, so that states that differ in their order are one.
    pub fn in_order(mut self) -> Self {
        // A write whose condition can never hold again may as well never arrive.
        let Row { generation, revoked, .. } = self.session;
        self.stragglers.retain(|straggler| straggler.presented == generation && !revoked);
        self.stragglers.sort_unstable();
        let mut order: Vec<usize> = (0..self.tabs.len()).collect();
        order.sort_by_key(|&n| {
            let owner = Some(Owner::Tab(n));
            let late = self.stragglers.iter().filter(|straggler| straggler.of == owner).count();
            (self.tabs[n].clone(), self.session.rotated_by == owner, late)
        });
        if order.is_sorted() {
            return self;
        }
        let renamed = |owner: &mut Option<Owner>| {
            if let Some(Owner::Tab(n)) = owner {
                *n = order.iter().position(|old| old == n).unwrap();
            }
        };
        renamed(&mut self.session.rotated_by);
        self.stragglers.iter_mut().for_each(|straggler| renamed(&mut straggler.of));
        self.stragglers.sort_unstable();
        self.tabs = order.iter().map(|&n| self.tabs[n].clone()).collect();
        for tab in &mut self.tabs {
            if let Tab::Asking(Exchange { phase: Phase::Written(found) | Phase::CatchingUp(found, _), .. }) = tab {
                renamed(&mut found.row.rotated_by);
            }
        }
        self
    }
}
