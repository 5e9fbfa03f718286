//! `keys list`, `keys rotate`

use super::table;
use crate::cli::Rotate;
use crate::setup::Fault;
use doorward_core::clock::Timestamp;
use doorward_core::keyring::{KeyRecord, Purpose};
use doorward_core::rotation::{Order, State};
use doorward_http::App;
use doorward_http::rotate::Rotator;
use doorward_http::seal::Sealer;

pub async fn list(app: &App) -> Result<(), Fault> {
    let header = ["PURPOSE", "KID", "ALG", "STATE", "MADE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL"];
    let mut rows = vec![header.map(str::to_owned)];
    for purpose in Purpose::ALL {
        let keys = app.store.signing_keys.list(purpose).await?;
        let states = State::of(&keys, app.clock.now());
        rows.extend(keys.iter().zip(states).map(|(key, state)| row(key, state)));
    }
    table::print(&rows)?;
    Ok(())
}

fn row(key: &KeyRecord, state: State) -> [String; 8] {
    let until = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    [
        key.purpose.as_str().to_owned(),
        key.id.to_string(),
        algorithm(key).unwrap_or("-").to_owned(),
        state.as_str().to_owned(),
        key.made_at.to_string(),
        key.term.signs_from.to_string(),
        until(key.term.signs_until),
        until(key.term.verifies_until),
    ]
}

fn algorithm(key: &KeyRecord) -> Option<&'static str> {
    key.public.as_ref().map(|(algorithm, _)| algorithm.as_str())
}

pub async fn rotate(app: &App, sealer: &Sealer, wanted: Rotate) -> Result<(), Fault> {
    let Rotate { purpose, now, revoke_old } = wanted;
    let order = Order::wanted(now, revoke_old);
    let (store, config, clock) = (&app.store.signing_keys, &app.config, &app.clock);
    let rotator = Rotator { store, sealer, config, clock, random: app.random, audit: &app.audit };
    let turned = rotator.turn(purpose, order).await?;
    let Some((next, older)) = turned.keys.split_last() else { return Err("there is no key".into()) };

    let (name, from) = (purpose.as_str(), next.term.signs_from);
    let kind = algorithm(next).map(|algorithm| format!(" ({algorithm})")).unwrap_or_default();
    if turned.made.as_ref() == Some(&next.id) {
        println!("made the {name} key {}{kind}; it is used from {from}", next.id);
    } else {
        println!("the {name} key {}{kind} stands ready; it is used from {from}", next.id);
    }
    let present = app.clock.now();
    for key in older.iter().filter(|key| key.term.verifies(present)) {
        match key.term.verifies_until {
            Some(until) => println!("what the {name} key {} made is good until {until}", key.id),
            None => println!("what the {name} key {} made stays good", key.id),
        }
    }
    if let Some(cost) = cost(purpose, order) {
        eprintln!("{cost}");
    }
    Ok(())
}

/// What a hurry costs.
fn cost(purpose: Purpose, order: Order) -> Option<&'static str> {
    match (purpose, order) {
        (Purpose::Sign, Order::Now) => Some(
            "API Gateway's JWT authorizers may refuse tokens of the new key for up to two hours, until they read the key set again",
        ),
        (Purpose::Sign, Order::RevokeOld) => Some(
            "every access token ends within 60 seconds; clients refresh and go on. API Gateway's JWT authorizers may refuse \
             tokens of the new key, and accept those of the old ones, for up to two hours, until they read the key set again",
        ),
        (Purpose::Refresh, Order::RevokeOld) => Some(
            "every refresh token ends within 60 seconds: everybody has to log in anew, at the latest when their access token ends",
        ),
        _ => None,
    }
}
