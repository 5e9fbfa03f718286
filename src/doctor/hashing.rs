//! How long the hash of a password takes.

use super::Patient;
use super::finding::Finding;
use crate::setup::Fault;
use doorward_core::password::Password;
use doorward_core::random::Random;
use doorward_http::hasher::Hasher;
use std::time::{Duration, Instant};

/// What gives a function one full processor, in MB; with less it gets so much less of one.
const ONE_PROCESSOR: u32 = 1_769;
/// The best of so many is what the hash takes; the others waited for something else.
const TRIES: u32 = 5;

/// The time here, and the memory of the functions that hash, by which theirs goes.
pub async fn check(patient: &Patient<'_>) -> Result<Finding, Fault> {
    let config = &patient.configured.config;
    let took = fastest(&Hasher::new(config.hash_cost)).await?.as_millis();
    let found = format!("Argon2id {} takes {took} ms on this machine", config.hash_cost);
    let functions = patient.configured.stack.iter().flat_map(|stack| &stack.functions);
    let Some(smallest) = functions.filter(|function| function.hashes).min_by_key(|function| function.memory) else {
        return Ok(Finding::ok("hashing", found));
    };
    let (name, memory) = (&smallest.name, smallest.memory);
    if memory < ONE_PROCESSOR {
        let there = took * u128::from(ONE_PROCESSOR) / u128::from(memory.max(1));
        let found = format!("{found}; {name} has {memory} MB, where it takes about {there} ms");
        let mend = format!("give the functions that hash {ONE_PROCESSOR} MB, one full processor: less saves nothing");
        return Ok(Finding::warning("hashing", found, mend));
    }
    Ok(Finding::ok("hashing", format!("{found}; the functions that hash have {memory} MB and a full processor")))
}

async fn fastest(hasher: &Hasher) -> Result<Duration, Fault> {
    let mut fastest = Duration::MAX;
    for _ in 0..TRIES {
        let (password, salt) = (Password::typed("correct horse battery staple".to_owned()), Random.bytes()?);
        let start = Instant::now();
        hasher.hash(password, salt).await?;
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}
