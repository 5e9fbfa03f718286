//! The protocol keeps its promises, and with any rule broken it does not.

use crate::promises::{DEAD, FOUND, ONE_SUCCESSOR, STAYS_IN};
use crate::protocol::Protocol;
use crate::rules::{Flaw, Rules};
use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;

/// Whether everything is looked at, as `just model` does, or what takes seconds.
const FULL: bool = option_env!("MODEL").is_some();

/// An hour more.
const LONGEST: bool = option_env!("MODEL_LONGEST").is_some();

/// Tabs that lose nothing, in a world without thieves and changes.
fn quiet(tabs: usize) -> Protocol {
    let rules = Rules::new(true, None);
    Protocol { tabs, generations: 2, losses: 0, thief: false, logout: false, change: false, slow: false, rules }
}

/// Looks at every state.
fn check(name: &str, protocol: Protocol) {
    let started = Instant::now();
    let checker = protocol.checker().threads(2).spawn_dfs().join();
    checker.assert_properties();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    println!("{name}: {states} states, {steps} steps, {:.1?}", started.elapsed());
}

#[test]
fn a_thief_beside_tabs_that_lose_answers() {
    let tabs = if FULL { 3 } else { 2 };
    let thief = Protocol { losses: 2, thief: true, ..quiet(tabs) };
    check("thief", thief.clone());
    check("thief, slow requests", Protocol { slow: true, ..thief.clone() });
    check("thief, no grace", Protocol { rules: Rules::new(false, None), ..thief });
}

#[test]
fn a_logout_beside_refreshes() {
    let (tabs, losses, thief) = if FULL { (3, 2, true) } else { (2, 1, false) };
    check("logout", Protocol { losses, thief, logout: true, ..quiet(tabs) });
}

#[test]
fn a_new_password_or_an_account_shut_out_beside_refreshes() {
    let (tabs, losses, thief) = if FULL { (3, 2, true) } else { (2, 1, false) };
    check("account", Protocol { losses, thief, change: true, ..quiet(tabs) });
}

#[test]
fn a_logout_with_a_new_password_or_an_account_shut_out() {
    let (tabs, losses) = if FULL { (3, 2) } else { (1, 1) };
    let both = |tabs| Protocol { losses, logout: true, change: true, ..quiet(tabs) };
    check("logout and account", both(tabs));
    if FULL {
        check("logout and account, thief", Protocol { thief: true, ..both(2) });
    }
    if LONGEST {
        check("logout and account, thief, longest", Protocol { thief: true, losses: 1, ..both(3) });
    }
}

#[test]
fn every_broken_rule_is_found_out() {
    let thief = |tabs| Protocol { thief: true, ..quiet(tabs) };
    let logout = |tabs| Protocol { logout: true, ..quiet(tabs) };
    let change = |tabs| Protocol { change: true, ..quiet(tabs) };
    for (flaw, protocol, promise) in [
        (Flaw::AnyGeneration, quiet(2), ONE_SUCCESSOR),
        (Flaw::NewestKey, quiet(1), ONE_SUCCESSOR),
        (Flaw::RevocationIgnored, logout(1), DEAD),
        (Flaw::EpochIgnored, logout(1), DEAD),
        (Flaw::EpochIgnored, change(1), DEAD),
        (Flaw::EpochsAlike, Protocol { change: true, ..logout(1) }, DEAD),
        (Flaw::TheftNotEnded, thief(1), FOUND),
        (Flaw::EndlessGrace, thief(1), FOUND),
        (Flaw::NoGrace, quiet(2), STAYS_IN),
        (Flaw::NoCatchUp, change(1), STAYS_IN),
        (Flaw::RetryNotRecognised, Protocol { losses: 1, rules: Rules::new(false, None), ..quiet(1) }, STAYS_IN),
    ] {
        let found = |protocol: Protocol| {
            let until = HasDiscoveries::AllOf([promise].into());
            let checker = protocol.checker().finish_when(until).spawn_bfs().join();
            checker.discovery(promise).map(|path| format!("{:?}", path.into_actions()))
        };
        assert_eq!(found(protocol.clone()), None, "as it is");
        let example = found(protocol.with(flaw));
        println!("{flaw:?}: {}", example.as_deref().unwrap_or("not found"));
        assert!(example.is_some(), "{flaw:?} goes unnoticed");
    }
}
