use super::*;
use crate::ids::KeyId;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIVES: Lifetimes = Lifetimes { access: Duration::from_mins(15), session: Duration::from_hours(30 * 24) };
const LEAD: Duration = Duration::from_secs(RING_AGE.as_secs() + 2 * 3600 + 5 * 60);
const DAY: Duration = Duration::from_hours(24);

/// A table of keys, as the store keeps it: every step on the condition that its key is as it was read.
#[derive(Clone)]
struct Table {
    purpose: Purpose,
    keys: Vec<KeyRecord>,
}

impl Table {
    fn empty(purpose: Purpose) -> Self {
        Self { purpose, keys: Vec::new() }
    }

    /// A table whose first key was made at [`START`].
    fn begun(purpose: Purpose) -> Self {
        let mut table = Self::empty(purpose);
        table.turn(Order::WhenDue, START);
        table
    }

    fn begin(&self, order: Order, now: Timestamp) -> Turn {
        Turn::new(self.purpose, order, LIVES, &self.keys, now)
    }

    /// Takes the next step of a turn; false when there is none.
    fn step(&mut self, turn: &Turn, now: Timestamp) -> bool {
        let read = self.keys.clone();
        let Some(step) = turn.step(&read, now) else { return false };
        self.take(&step, now);
        true
    }

    fn take(&mut self, step: &Step<'_>, now: Timestamp) {
        match step {
            Step::Make { serial, lead } if self.keys.iter().all(|key| key.serial != *serial) => {
                let term = Term { signs_from: now.plus(*lead), signs_until: None, verifies_until: None };
                let id = KeyId::parse(&format!("k{serial}")).unwrap();
                let (serial, purpose) = (*serial, self.purpose);
                self.keys.push(KeyRecord { purpose, serial, made_at: now, id, public: None, sealed: vec![], term });
            }
            Step::Make { .. } => {}
            Step::Change { key, term } => {
                if let Some(kept) = self.keys.iter_mut().find(|kept| *kept == *key) {
                    kept.term = *term;
                }
            }
            Step::Delete { key } => self.keys.retain(|kept| kept != *key),
        }
    }

    fn turn(&mut self, order: Order, now: Timestamp) {
        let turn = self.begin(order, now);
        let mut steps = 0;
        while self.step(&turn, now) {
            steps += 1;
            assert!(steps < 20, "it comes to an end");
        }
    }

    fn states(&self, now: Timestamp) -> Vec<&'static str> {
        State::of(&self.keys, now).into_iter().map(State::as_str).collect()
    }

    fn serials(&self) -> Vec<u64> {
        self.keys.iter().map(|key| key.serial).collect()
    }

    /// Whatever happens, somebody makes what is new, and nobody's end comes before its time.
    fn expect_sound(&self, now: Timestamp) {
        let current = self.states(now).iter().filter(|state| **state == "current").count();
        assert_eq!(current, 1, "{:?} at {now}", self.keys);
    }
}

#[test]
fn nothing_is_done_before_it_is_due() {
    for (purpose, due) in [(Purpose::Sign, Some(30 * DAY)), (Purpose::Refresh, Some(90 * DAY)), (Purpose::Seal, None)] {
        let table = Table::begun(purpose);
        assert_eq!(table.states(START), ["current"], "the first one is used at once");
        let until = due.unwrap_or(10_000 * DAY);
        for age in [Duration::ZERO, until / 2, until.saturating_sub(Duration::from_millis(1))] {
            let now = START.plus(age);
            assert_eq!(table.begin(Order::WhenDue, now).step(&table.keys, now), None, "{purpose:?} {age:?}");
        }
        if let Some(due) = due {
            let mut table = table;
            table.turn(Order::WhenDue, START.plus(due));
            assert_eq!(table.states(START.plus(due)), ["current", "next"], "{purpose:?}");
        }
    }
}

#[test]
fn a_key_signs_once_everybody_knows_it_and_verifies_until_its_last_token_is_dead() {
    let second = Duration::from_secs(1);
    for (purpose, order, lead, life) in [
        (Purpose::Sign, Order::Next, LEAD, Some(LIVES.access + SKEW)),
        (Purpose::Sign, Order::Now, RING_AGE, Some(LIVES.access + SKEW)),
        (Purpose::Sign, Order::RevokeOld, RING_AGE, Some(Duration::ZERO)),
        (Purpose::Refresh, Order::Next, RING_AGE, Some(LIVES.session + SKEW)),
        (Purpose::Refresh, Order::Now, RING_AGE, Some(LIVES.session + SKEW)),
        (Purpose::Refresh, Order::RevokeOld, RING_AGE, Some(Duration::ZERO)),
        (Purpose::Seal, Order::Next, RING_AGE, None),
        (Purpose::Seal, Order::RevokeOld, RING_AGE, None),
    ] {
        let mut table = Table::begun(purpose);
        let now = START.plus(DAY);
        table.turn(order, now);
        let signs = now.plus(lead);
        for (moment, states) in [
            (now, ["current", "next"]),
            (signs.minus(second), ["current", "next"]),
            (signs, [if life == Some(Duration::ZERO) { "dead" } else { "previous" }, "current"]),
        ] {
            assert_eq!(table.states(moment), states, "{purpose:?} {order:?} at {moment}");
        }
        let Some(life) = life else {
            assert_eq!(table.states(now.plus(10_000 * DAY)), ["previous", "current"]);
            continue;
        };
        assert_eq!(table.keys[0].term.verifies_until, Some(signs.plus(life)));
        assert_eq!(table.states(signs.plus(life)), ["dead", "current"], "{purpose:?} {order:?}");
    }
}

#[test]
fn a_dead_key_is_deleted_after_a_week_and_its_number_is_not_given_again() {
    let mut table = Table::begun(Purpose::Sign);
    table.turn(Order::Next, START);
    let dead = table.keys[0].term.verifies_until.unwrap();
    table.turn(Order::WhenDue, dead.plus(7 * DAY).minus(Duration::from_millis(1)));
    assert_eq!(table.serials(), [1, 2]);
    table.turn(Order::WhenDue, dead.plus(7 * DAY));
    assert_eq!(table.serials(), [2]);
    table.turn(Order::Next, dead.plus(8 * DAY));
    assert_eq!(table.serials(), [2, 3]);
}

#[test]
fn a_second_order_finds_the_next_key_ready() {
    let mut table = Table::begun(Purpose::Sign);
    table.turn(Order::Next, START);
    let ready = table.keys.clone();
    for order in [Order::Next, Order::WhenDue] {
        table.turn(order, START.plus(LEAD / 2));
        assert_eq!(table.keys, ready);
    }
    // In a hurry, the one that stands ready is used sooner; what waits is published already.
    let now = START.plus(LEAD / 2);
    table.turn(Order::Now, now);
    assert_eq!(table.serials(), [1, 2]);
    assert_eq!(table.keys[1].term.signs_from, now.plus(RING_AGE));
    assert_eq!(table.keys[0].term.signs_until, Some(now.plus(RING_AGE)));
    // And never later again.
    let hurried = table.keys.clone();
    table.turn(Order::Now, now.plus(RING_AGE / 2));
    assert_eq!(table.keys, hurried);
    table.turn(Order::Next, now.plus(RING_AGE));
    assert_eq!(table.serials(), [1, 2, 3], "it is the present one by now");
}

#[test]
fn what_somebody_may_have_seen_is_revoked_the_next_key_too() {
    let mut table = Table::begun(Purpose::Sign);
    table.turn(Order::Next, START.plus(DAY));
    table.turn(Order::Next, START.plus(2 * DAY));
    let now = START.plus(2 * DAY).plus(RING_AGE);
    assert_eq!(table.states(now), ["dead", "current", "next"]);
    table.turn(Order::RevokeOld, now);
    let then = now.plus(RING_AGE);
    assert_eq!(
        table.states(then.minus(Duration::from_millis(1))),
        ["dead", "current", "previous", "next"],
        "no use now"
    );
    assert_eq!(table.states(then), ["dead", "dead", "dead", "current"]);
    // What was dead before is no less dead.
    assert!(table.keys[0].term.verifies_until.unwrap() < then);
}

#[test]
fn what_was_succeeded_long_ago_is_revoked_at_the_same_moment() {
    let mut table = Table::begun(Purpose::Refresh);
    table.turn(Order::Next, START.plus(DAY));
    let now = START.plus(20 * DAY);
    table.turn(Order::RevokeOld, now);
    let ends: Vec<_> = table.keys.iter().map(|key| key.term.verifies_until).collect();
    assert_eq!(ends, [Some(now.plus(RING_AGE)), Some(now.plus(RING_AGE)), None]);
    assert_eq!(table.states(now), ["previous", "current", "next"]);
}

#[test]
fn a_hurry_that_meets_a_calm_order_hurries_its_key() {
    for order in [Order::Now, Order::RevokeOld] {
        let mut table = Table::begun(Purpose::Sign);
        let hurried = table.begin(order, START);
        table.turn(Order::Next, START);
        while table.step(&hurried, START) {}
        assert_eq!(table.serials(), [1, 2]);
        assert_eq!(table.keys[1].term.signs_from, START.plus(RING_AGE));
        assert_eq!(table.keys[0].term.signs_until, Some(START.plus(RING_AGE)));
    }
}

#[test]
fn a_ring_whose_youngest_key_is_lost_gets_another_at_once() {
    let mut table = Table::begun(Purpose::Sign);
    table.turn(Order::Next, START);
    table.keys.pop();
    let now = START.plus(DAY);
    assert_eq!(table.states(now), ["dead"]);
    table.turn(Order::WhenDue, now);
    assert_eq!(table.states(now), ["dead", "current"]);
}

#[test]
fn what_was_left_half_done_is_done_by_the_next_turn() {
    for order in [Order::Next, Order::Now] {
        let (mut whole, mut broken) = (Table::begun(Purpose::Sign), Table::begun(Purpose::Sign));
        whole.turn(order, START.plus(DAY));
        let turn = broken.begin(order, START.plus(DAY));
        assert!(broken.step(&turn, START.plus(DAY)));
        // The next key is there, and its predecessor has no end yet: nobody notices.
        assert_eq!(broken.keys[0].term.signs_until, None);
        assert_eq!(broken.states(START.plus(2 * DAY)), ["previous", "current"]);
        broken.turn(Order::WhenDue, START.plus(2 * DAY));
        assert_eq!(broken.keys, whole.keys);
    }
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![
        4 => Just(Order::WhenDue),
        3 => Just(Order::Next),
        2 => Just(Order::Now),
        1 => Just(Order::RevokeOld),
    ]
}

proptest! {
    /// Of any turns side by side, in any order of their steps: one next key, and no turn is left with a step to take.
    #[test]
    fn turns_at_once_are_one(
        purpose in prop::sample::select(Purpose::ALL.to_vec()),
        orders in prop::collection::vec(any_order(), 1..8),
        schedule in prop::collection::vec((0..8_usize, any::<bool>()), 0..64),
        age in 0..120_u64,
    ) {
        let mut table = Table::begun(purpose);
        let now = START.plus(Duration::from_hours(24 * age));
        let turns: Vec<_> = orders.iter().map(|order| table.begin(*order, now)).collect();
        let mut stale = table.keys.clone();
        for (who, reads) in schedule {
            let turn = &turns[who % turns.len()];
            // Some decide by what they read a while ago.
            if reads {
                stale = table.keys.clone();
            }
            let read = stale.clone();
            if let Some(step) = turn.step(&read, now) {
                table.take(&step, now);
            }
        }
        for turn in &turns {
            while table.step(turn, now) {}
        }
        prop_assert!(turns.iter().all(|turn| turn.step(&table.keys, now).is_none()));
        prop_assert!(table.keys.len() <= 2, "{:?}", table.keys);
        table.expect_sound(now);
    }

    /// Through years of turns, some of them broken off: there is always one key that makes what is new, what it made is good
    /// until its end unless it was revoked, and times never move away.
    #[test]
    fn no_turn_breaks_what_was_promised(
        purpose in prop::sample::select(Purpose::ALL.to_vec()),
        turns in prop::collection::vec((0..2_000_000_u64, any_order(), 0..6_usize), 1..30),
    ) {
        let mut table = Table::begun(purpose);
        let (mut now, mut revoked) = (START, false);
        for (pause, order, steps) in turns {
            now = now.plus(Duration::from_secs(pause));
            table.expect_sound(now);
            let before = table.keys.clone();
            let turn = table.begin(order, now);
            for _ in 0..steps {
                table.step(&turn, now);
            }
            revoked |= order == Order::RevokeOld;
            for key in &table.keys {
                let Some(was) = before.iter().find(|was| was.serial == key.serial) else { continue };
                let nearer = |new: Option<Timestamp>, old: Option<Timestamp>| old.is_none_or(|old| new.is_some_and(|new| new <= old));
                prop_assert!(key.term.signs_from <= was.term.signs_from);
                prop_assert!(nearer(key.term.signs_until, was.term.signs_until));
                prop_assert!(nearer(key.term.verifies_until, was.term.verifies_until));
                if let (Some(until), Some(dies), Some(life), false) =
                    (key.term.signs_until, key.term.verifies_until, purpose.life(&LIVES), revoked)
                {
                    prop_assert!(dies >= until.plus(life));
                }
            }
            table.expect_sound(now);
        }
    }
}

#[test]
fn a_key_that_is_replaced_before_its_time_is_none_that_comes() {
    let at = |seconds| START.plus(Duration::from_secs(seconds));
    let key = |serial: u64, signs_from, signs_until: Option<u64>| KeyRecord {
        purpose: Purpose::Sign,
        serial,
        made_at: START,
        id: KeyId::parse(&format!("k{serial}")).unwrap(),
        public: None,
        sealed: vec![],
        term: Term { signs_from: at(signs_from), signs_until: signs_until.map(at), verifies_until: None },
    };
    for (replaced_at, state) in [(20, State::Next), (11, State::Next), (10, State::Previous), (9, State::Previous)] {
        let keys = [key(1, 0, None), key(2, 10, Some(replaced_at)), key(3, 20, None)];
        assert_eq!(State::of(&keys, at(9)), [State::Current, state, State::Next], "{replaced_at}");
    }
    // From its first moment on a key is current, or is none.
    assert_eq!(State::of(&[key(1, 10, None), key(2, 10, None)], at(10)), [State::Previous, State::Current]);
}
