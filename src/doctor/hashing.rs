//! How long the hash of a password takes.

use super::Patient;
use super::finding::Finding;
use crate::hashing::{ONE_PROCESSOR, time};
use crate::setup::Fault;

/// The time here, and the memory of the functions that hash, by which theirs goes.
pub async fn check(patient: &Patient<'_>) -> Result<Finding, Fault> {
    let config = &patient.configured.config;
    let took = time(config.hash_cost).await?.as_millis();
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
