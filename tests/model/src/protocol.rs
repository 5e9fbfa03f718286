//! What can happen next, and what it comes to.

use crate::promises;
use crate::rules::{Flaw, Rules, Standing};
use crate::state::{Account, Broken, Change, Exchange, Jar, Logout, Older, Owner, Phase, Row, State, Tab};
use stateright::{Model, Property};

/// The protocol, and how much of it is looked at.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // Switches, each for itself.
pub struct Protocol {
    pub tabs: usize,
    /// How often the session may be refreshed.
    pub generations: u8,
    /// How many answers may be lost, writes delayed, or processes killed.
    pub losses: u8,
    pub thief: bool,
    /// Whether the user logs out, or out everywhere.
    pub logout: bool,
    /// Whether the password is changed, or the user shut out and let in again.
    pub change: bool,
    /// Whether a request may take longer than the grace. The service gives up after six seconds.
    pub slow: bool,
    pub rules: Rules,
}

/// The first tick in which the session is over, whatever happened.
const END: u8 = 3;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next tick begins.
    Tick,
    Ask(Owner, u8),
    WriteAnswered(Owner),
    WriteUnheard(Owner),
    WriteDelayed(Owner),
    Arrive(usize),
    Judge(Owner),
    End(Owner),
    Die(Owner),
    Deliver(usize),
    AnswerLost(usize),
    CheckLogout(Logout),
    /// The write of the logout. Whoever of those under way are in the set have read the user before.
    WriteLogout {
        read: u8,
        heard: bool,
    },
    LogoutAnswered,
    CheckPassword,
    WritePassword {
        read: u8,
    },
    Disable {
        read: u8,
    },
    DisableAnswered,
    Enable,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            session: Row { generation: 0, rotated_at: 0, rotated_by: None, epoch: 0, revoked: false },
            account: Account::default(),
            jar: Jar { generation: 0, fresh: false },
            tabs: vec![Tab::Calm; self.tabs],
            thief: None,
            logout: Logout::Idle,
            change: Change::Idle,
            stragglers: Vec::new(),
            losses: self.losses,
            acknowledged: false,
            excused: false,
            moved: 0,
            broken: Broken::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let in_service = |phase| !matches!(phase, Phase::Answered { .. });
        if state.now < END && (self.slow || !state.exchanges().any(|(_, exchange)| in_service(exchange.phase))) {
            actions.push(Action::Tick);
        }
        self.requests(state, actions);
        for (owner, _) in state.exchanges() {
            self.steps(state, owner, actions);
        }
        actions.extend((0..state.stragglers.len()).map(Action::Arrive));
        self.of_logout(state, actions);
        self.of_account(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let exchange = |owner: Owner| *last.exchange(owner).unwrap();
        match action {
            Action::Tick => self.tick(&mut state),
            Action::Ask(owner, presented) => {
                self.note_request(&mut state, owner, presented);
                self.ask(&mut state, owner, presented);
            }
            Action::WriteAnswered(owner) => self.write_answered(&mut state, owner, exchange(owner)),
            Action::WriteUnheard(owner) => self.write_unheard(&mut state, owner, exchange(owner)),
            Action::WriteDelayed(owner) => Self::write_delayed(&mut state, owner, &exchange(owner)),
            Action::Arrive(which) => self.arrive(&mut state, which),
            Action::Judge(owner) => self.judge(&mut state, owner, exchange(owner)),
            Action::End(owner) => self.end(&mut state, owner, exchange(owner)),
            Action::Die(owner) => Self::die(&mut state, owner, &exchange(owner)),
            Action::Deliver(tab) => {
                let Phase::Answered { generation, .. } = exchange(Owner::Tab(tab)).phase else { return None };
                Self::deliver(&mut state, tab, generation);
            }
            Action::AnswerLost(tab) => Self::die(&mut state, Owner::Tab(tab), &exchange(Owner::Tab(tab))),
            Action::CheckLogout(logout) => {
                state.logout = logout;
                state.excused = true;
            }
            Action::WriteLogout { read, heard } => self.write_logout(&mut state, read, heard)?,
            Action::LogoutAnswered => {
                state.logout = Logout::Over;
                state.acknowledged = true;
            }
            Action::CheckPassword => state.change = Change::Password(state.account.epoch),
            Action::WritePassword { read } => self.write_password(&mut state, read),
            Action::Disable { read } => {
                Self::have_read(&mut state, read);
                state.account = Account { disabled: true, epoch: Rules::next_epoch(state.account.epoch) };
                state.change = Change::Disabled;
                state.excused = true;
            }
            Action::DisableAnswered => {
                state.change = Change::ToldDisabled;
                state.acknowledged = true;
            }
            Action::Enable => {
                state.account.disabled = false;
                state.change = Change::Over;
            }
        }
        Some(state.in_order())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all(self)
    }
}

impl Protocol {
    /// Who may ask now: a tab whose token is due or whose answer was lost, and the thief with any token that was ever handed
    /// out.
    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        let Jar { generation, fresh } = state.jar;
        for (n, tab) in state.tabs.iter().enumerate() {
            let due = *tab == Tab::Unanswered || (*tab == Tab::Calm && !fresh);
            if due && generation < self.generations {
                actions.push(Action::Ask(Owner::Tab(n), generation));
            }
        }
        if self.thief && state.thief.is_none() {
            let handed_out = (0..=state.session.generation).filter(|&n| n < self.generations);
            actions.extend(handed_out.map(|n| Action::Ask(Owner::Thief, n)));
        }
    }

    /// What may become of a refresh under way.
    fn steps(&self, state: &State, owner: Owner, actions: &mut Vec<Action>) {
        let Some(exchange) = state.exchange(owner) else { return };
        let lossy = state.losses > 0;
        let may_have_written = state.session.rotated_by == Some(owner)
            || state.stragglers.iter().any(|straggler| straggler.of == Some(owner));
        match exchange.phase {
            Phase::Writing => {
                actions.push(Action::WriteAnswered(owner));
                if lossy {
                    let (found, _) = self.rules.write(state.session, exchange.presented, exchange.arrived, Some(owner));
                    // That the answer to a write is lost which did nothing is as if it had not been sent.
                    if found.moved {
                        actions.push(Action::WriteUnheard(owner));
                        actions.push(Action::WriteDelayed(owner));
                    }
                    if may_have_written {
                        actions.push(Action::Die(owner));
                    }
                }
            }
            Phase::Written(_) | Phase::CatchingUp(..) => {
                actions.push(Action::Judge(owner));
                if lossy && matches!(exchange.phase, Phase::CatchingUp(_, Older::Session)) {
                    actions.push(Action::Die(owner));
                }
            }
            Phase::Ending => {
                actions.push(Action::End(owner));
                if lossy {
                    actions.push(Action::Die(owner));
                    if !state.session.revoked {
                        actions.push(Action::WriteUnheard(owner));
                    }
                }
            }
            Phase::Answered { .. } => {
                let Owner::Tab(tab) = owner else { return };
                actions.push(Action::Deliver(tab));
                if lossy {
                    actions.push(Action::AnswerLost(tab));
                }
            }
        }
    }

    fn of_logout(&self, state: &State, actions: &mut Vec<Action>) {
        match state.logout {
            Logout::Idle if self.logout && self.standing(state).serves => {
                actions.push(Action::CheckLogout(Logout::Here));
                actions.push(Action::CheckLogout(Logout::Everywhere(state.account.epoch)));
            }
            Logout::Here => actions.push(Action::WriteLogout { read: 0, heard: true }),
            Logout::Everywhere(from) => {
                let raises = from == state.account.epoch;
                for read in self.who_may_have_read(state, raises) {
                    actions.push(Action::WriteLogout { read, heard: true });
                    if raises && state.losses > 0 {
                        actions.push(Action::WriteLogout { read, heard: false });
                    }
                }
            }
            Logout::Written => actions.push(Action::LogoutAnswered),
            Logout::Idle | Logout::Over => {}
        }
    }

    fn of_account(&self, state: &State, actions: &mut Vec<Action>) {
        match state.change {
            Change::Idle if self.change => {
                if self.standing(state).serves {
                    actions.push(Action::CheckPassword);
                }
                actions.extend(self.who_may_have_read(state, true).map(|read| Action::Disable { read }));
            }
            Change::Password(from) => {
                let raises = Self::keeps(state, from);
                let who = self.who_may_have_read(state, raises);
                actions.extend(who.map(|read| Action::WritePassword { read }));
            }
            Change::Disabled => actions.push(Action::DisableAnswered),
            Change::ToldDisabled => actions.push(Action::Enable),
            Change::Idle | Change::Over => {}
        }
    }

    pub fn standing(&self, state: &State) -> Standing {
        self.rules.standing(state.session, state.account, state.now)
    }

    /// Whether the user changes no more.
    pub fn is_settled(&self, state: &State) -> bool {
        let stays = !self.logout || matches!(state.logout, Logout::Here | Logout::Written | Logout::Over);
        stays && (!self.change || matches!(state.change, Change::Over))
    }

    fn tick(&self, state: &mut State) {
        let under_way = under_way(state);
        state.now += 1;
        state.jar.fresh = false;
        // A request that takes longer than the grace, or that is not repeated within it.
        state.excused |= under_way || self.standing(state).lapsed;
    }

    /// Whether an honest tab may be logged out after that request: there is a thief; or there is no grace, and the token was
    /// in a request before.
    fn note_request(&self, state: &mut State, owner: Owner, presented: u8) {
        match owner {
            Owner::Thief => state.excused = true,
            Owner::Tab(_) => {
                let again = state.session.generation > presented || under_way(state);
                state.excused |= !self.rules.promises_grace() && again;
            }
        }
    }

    /// Every refresh reads the user at some moment. It matters only when the user changes: then each that is under way and
    /// has not judged yet may have read before. As sets of bits, the thief's the highest.
    fn who_may_have_read(&self, state: &State, changes: bool) -> impl Iterator<Item = u8> + use<> {
        let unread = state.exchanges().filter(|(_, exchange)| {
            exchange.read.is_none() && matches!(exchange.phase, Phase::Writing | Phase::Written(_))
        });
        let all = unread.fold(0, |all, (owner, _)| all | self.bit(owner));
        (0..1 << (self.tabs + 1)).filter(move |set| set & !all == 0 && (changes || *set == 0))
    }

    fn bit(&self, owner: Owner) -> u8 {
        match owner {
            Owner::Tab(n) => 1 << n,
            Owner::Thief => 1 << self.tabs,
        }
    }

    fn have_read(state: &mut State, who: u8) {
        for (n, owner) in state.owners().enumerate() {
            if who >> n & 1 == 1
                && let Some(exchange) = state.exchange(owner).copied()
            {
                let read = Some(state.account);
                state.set_exchange(owner, Exchange { read, ..exchange });
            }
        }
    }

    /// `SessionStore::revoke`, or one round of `UserStore::raise_epoch`.
    fn write_logout(&self, state: &mut State, read: u8, heard: bool) -> Option<()> {
        match state.logout {
            Logout::Here => state.session = self.rules.revoked(state.session, state.now),
            Logout::Everywhere(from) if state.account.epoch == from => {
                Self::have_read(state, read);
                state.account.epoch = Rules::next_epoch(from);
            }
            // Its own earlier write, or another that ended everything that was seen.
            Logout::Everywhere(from) if state.account.epoch == Rules::next_epoch(from) => {}
            Logout::Everywhere(_) => {
                state.logout = Logout::Everywhere(state.account.epoch);
                return Some(());
            }
            _ => return None,
        }
        if heard {
            state.logout = Logout::Written;
        } else {
            state.losses -= 1;
        }
        Some(())
    }

    /// Whether the transaction of a password change goes through.
    fn keeps(state: &State, from: u8) -> bool {
        let is_as_read = state.account == Account { epoch: from, disabled: false };
        is_as_read && state.session.epoch == from && !state.session.revoked
    }

    fn write_password(&self, state: &mut State, read: u8) {
        if let Change::Password(from) = state.change
            && Self::keeps(state, from)
        {
            Self::have_read(state, read);
            let epoch = self.rules.epoch_with_one_kept(from);
            state.account.epoch = epoch;
            state.session.epoch = epoch;
        }
        state.change = Change::Over;
    }

    /// The same with a rule broken.
    pub fn with(&self, flaw: Flaw) -> Self {
        Self { rules: Rules::new(self.rules.promises_grace(), Some(flaw)), ..self.clone() }
    }
}

/// Whether a token was presented for which no tab has an answer.
fn under_way(state: &State) -> bool {
    state.tabs.iter().any(|tab| matches!(tab, Tab::Asking(_) | Tab::Unanswered))
}
