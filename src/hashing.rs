//! How long the hash of a password takes where this program runs.

use crate::setup::Fault;
use doorward_core::password::{HashCost, Password};
use doorward_core::random::Random;
use doorward_http::hasher::Hasher;
use std::time::{Duration, Instant};

/// What gives a function one full processor, in MB; with less it gets so much less of one.
pub const ONE_PROCESSOR: u32 = 1_769;
/// The best of so many is what the hash takes; the others waited for something else.
const TRIES: u32 = 5;

/// The time of a hash of that cost, in a buffer that is used again.
///
/// # Errors
/// When it cannot be made.
pub async fn time(cost: HashCost) -> Result<Duration, Fault> {
    let (hasher, mut fastest) = (Hasher::new(cost), Duration::MAX);
    for _ in 0..TRIES {
        let (password, salt) = (Password::typed("correct horse battery staple".to_owned()), Random.bytes()?);
        let start = Instant::now();
        hasher.hash(password, salt).await?;
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}
