//! What is promised, and what must be seen to have happened for the promises to mean anything.

use crate::protocol::Protocol;
use crate::state::{How, Phase, State, Tab};
use stateright::Property;

pub const ONE_SUCCESSOR: &str = "of one generation there is one successor, and one generation is current";
pub const DEAD: &str = "after its end was acknowledged nothing comes of a session, nor is good that came before";
pub const STAYS_IN: &str = "an honest user stays in, whatever is lost, if it is asked again within the grace";
pub const FOUND: &str = "a spent token past its grace gets nothing, and the session is over when that is said";

pub fn all(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(ONE_SUCCESSOR, one_successor),
        Property::always(DEAD, dead_after_its_end),
        Property::always(STAYS_IN, |_, state: &State| !state.broken.honest_out),
        Property::always(FOUND, |_, state: &State| !state.broken.theft_missed),
        Property::sometimes("theft is found", |_, state: &State| phases(state).any(|phase| phase == Phase::Ending)),
        Property::sometimes("every refresh was made", |protocol: &Protocol, state: &State| {
            state.session.generation == protocol.generations
        }),
        Property::sometimes("a session ends by time", |protocol: &Protocol, state: &State| {
            !state.session.revoked && protocol.standing(state).lapsed
        }),
    ];
    if protocol.rules.promises_grace() && protocol.tabs > 1 {
        all.push(Property::sometimes("a second tab gets the same successor", |_, state: &State| {
            answers(state, How::Repeated)
        }));
    }
    if protocol.losses > 0 {
        all.push(Property::sometimes("everything that is lost is survived", |protocol: &Protocol, state: &State| {
            let calm = state.tabs.iter().all(|tab| *tab == Tab::Calm);
            calm && !state.excused && state.losses == 0 && state.session.generation == protocol.generations
        }));
        all.push(Property::sometimes("a retry whose first answer was lost knows itself", |_, state: &State| {
            answers(state, How::KnewItself)
        }));
    }
    if protocol.losses > 1 {
        all.push(Property::sometimes("a write arrives after its request is over", |_, state: &State| {
            state.stragglers.iter().any(|straggler| straggler.of.is_none())
        }));
    }
    if protocol.logout {
        all.push(Property::sometimes("tokens are on their way that died before they arrive", |_, state: &State| {
            state.acknowledged && phases(state).any(|phase| matches!(phase, Phase::Answered { .. }))
        }));
    }
    if protocol.change {
        all.push(Property::sometimes("a refresh catches up with a new password", |_, state: &State| {
            phases(state).any(|phase| matches!(phase, Phase::CatchingUp(..)))
        }));
    }
    all
}

fn phases(state: &State) -> impl Iterator<Item = Phase> {
    state.exchanges().map(|(_, exchange)| exchange.phase)
}

fn answers(state: &State, why: How) -> bool {
    phases(state).any(|phase| matches!(phase, Phase::Answered { how, .. } if how == why))
}

fn one_successor(protocol: &Protocol, state: &State) -> bool {
    let standing = protocol.standing(state);
    !state.broken.second_successor && standing.active <= 1 && standing.moving <= 1
}

fn dead_after_its_end(protocol: &Protocol, state: &State) -> bool {
    let standing = protocol.standing(state);
    let lives = standing.serves || standing.gives || standing.active > 0;
    !(state.broken.minted_after_end || state.acknowledged && lives)
}
