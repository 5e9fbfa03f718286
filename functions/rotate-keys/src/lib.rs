//! Turning the keys over: by a schedule, at a deploy, and when somebody asks for it.
//!
//! A run makes the first keys of a store that has none, the next one of a purpose whose key is old enough, and brings to its
//! end what an earlier run left half done. A run that fails is repeated by Lambda.

mod event;
mod stack;

pub use event::{Event, Rotation, StackEvent};

use doorward_core::clock::Clock;
use doorward_core::keyring::Purpose;
use doorward_core::random::Random;
use doorward_core::rotation::{Order, State};
use doorward_http::audit::Audit;
use doorward_http::keys::KeyError;
use doorward_http::rotate::{Rotator, Turned};
use doorward_http::serve::Start;
use lambda_http::lambda_runtime;
use lambda_http::{Error, LambdaEvent, service_fn};
use serde::Serialize;

/// The private keys that the function opens: it makes none that the others could not open.
pub const OPENS: &[Purpose] = &Purpose::ALL;

/// Runs the function.
///
/// # Errors
/// When a variable cannot be used, or the runtime ends.
pub async fn run() -> Result<(), Error> {
    let Start { config, store, sealer } = Start::of_process(OPENS)?;
    let sealer = sealer.ok_or("nothing seals keys")?;
    let (store, config, clock) = (&store.signing_keys, &config, &Clock::System);
    let rotator = &Rotator { store, sealer: &sealer, config, clock, random: Random, audit: &Audit::default() };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| handle(rotator, event.payload))).await
}

/// Does what an event asks for, and says how the keys stand.
///
/// # Errors
/// When it could not be done, or CloudFormation could not be told.
pub async fn handle(rotator: &Rotator<'_>, event: Event) -> Result<Vec<Key>, Error> {
    match event {
        // The keys outlive their stack, as the tables do.
        Event::Stack(stack) if stack.is_delete() => {
            stack.succeed().await?;
            Ok(Vec::new())
        }
        Event::Stack(stack) => {
            let keys = turn(rotator, &Purpose::ALL, Order::WhenDue).await?;
            stack.succeed().await?;
            Ok(keys)
        }
        Event::Rotation(Rotation { rotate: Some(purpose), order }) => Ok(turn(rotator, &[purpose], order).await?),
        Event::Rotation(Rotation { rotate: None, .. }) => Ok(turn(rotator, &Purpose::ALL, Order::WhenDue).await?),
    }
}

async fn turn(rotator: &Rotator<'_>, purposes: &[Purpose], order: Order) -> Result<Vec<Key>, KeyError> {
    let mut keys = Vec::new();
    for purpose in purposes {
        let turned = rotator.turn(*purpose, order).await?;
        keys.extend(Key::all(&turned, rotator.clock));
    }
    Ok(keys)
}

/// How a key stands.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    purpose: &'static str,
    kid: String,
    state: &'static str,
    signs_from: String,
    signs_until: Option<String>,
    verifies_until: Option<String>,
}

impl Key {
    fn all(turned: &Turned, clock: &Clock) -> Vec<Self> {
        let states = State::of(&turned.keys, clock.now());
        let keys = turned.keys.iter().zip(states).map(|(key, state)| Self {
            purpose: key.purpose.as_str(),
            kid: key.id.to_string(),
            state: state.as_str(),
            signs_from: key.term.signs_from.to_string(),
            signs_until: key.term.signs_until.map(|time| time.to_string()),
            verifies_until: key.term.verifies_until.map(|time| time.to_string()),
        });
        keys.collect()
    }
}
