//! `tune-hash`: what Argon2 takes here, and what a function of Lambda would take and cost.

use super::table;
use crate::cli::TuneHash;
use crate::hashing::{ONE_PROCESSOR, time};
use crate::setup::Fault;
use doorward_core::password::HashCost;
use std::time::Duration;

/// KiB and passes that are worth a thought, by their work: from the least that a service may have to the most that is verified.
const COSTS: [(u32, u32); 8] =
    [(19_456, 2), (19_456, 3), (32_768, 2), (47_104, 2), (32_768, 3), (65_536, 2), (47_104, 3), (65_536, 3)];
/// Sizes of functions, in MB. One hash keeps one processor busy: more memory than [`ONE_PROCESSOR`] does nothing for it.
const SIZES: [u32; 5] = [128, 256, 512, 1_024, ONE_PROCESSOR];
/// What a login waits for its table besides, twice.
const WAITS: Duration = Duration::from_millis(8);
/// Lambda's list prices in us-east-1 in November 2026, in dollars for a second of 1 024 MB: <https://aws.amazon.com/lambda/pricing/>
const ARM64: f64 = 0.000_013_333_4;
const X86_64: f64 = 0.000_016_666_7;

pub async fn run(configured: HashCost, wanted: TuneHash) -> Result<(), Fault> {
    let within = Duration::from_millis(wanted.within.into());
    let mut measured = Vec::new();
    for (memory, passes) in COSTS {
        let cost = HashCost::new(memory, passes, 1).ok_or("a cost is out of bounds")?;
        measured.push((cost, time(cost).await?));
    }
    let (cost, takes) = proposed(&measured, within).ok_or("there is no cost to propose")?;

    println!("Argon2id, a hash on one processor of this machine:\n");
    let mut rows = vec![["DOORWARD_ARGON2", "TIME", ""].map(str::to_owned)];
    rows.extend(measured.iter().map(|(cost, takes)| {
        let note = if *cost == configured { "configured" } else { "" };
        [cost.to_string(), milliseconds(*takes), note.to_owned()]
    }));
    table::print(&rows)?;

    println!("\nA login on Lambda at {cost}, if its processor is as fast, and what a million cost:\n");
    let sizes = SIZES.map(|memory| Size::of(memory, takes));
    let mut rows = vec![["MEMORY", "HASH", "LOGIN", "ARM64", "X86_64"].map(str::to_owned)];
    rows.extend(sizes.iter().map(Size::row));
    table::print(&rows)?;

    let size = sizes.iter().min_by(|one, other| one.weight().total_cmp(&other.weight())).ok_or("there is no size")?;
    println!("\npropose DOORWARD_ARGON2={cost}");
    if takes > within {
        println!("the least that is allowed takes longer than {} ms here", wanted.within);
    }
    println!("propose HashingMemory={}", size.memory);
    Ok(())
}

/// The most work that is done in time; the least that is allowed, if none is.
fn proposed(measured: &[(HashCost, Duration)], within: Duration) -> Option<(HashCost, Duration)> {
    let in_time = measured.iter().rev().find(|(_, takes)| *takes <= within);
    in_time.or(measured.first()).copied()
}

/// A function of some memory that answers a login.
struct Size {
    memory: u32,
    hash: Duration,
}

impl Size {
    fn of(memory: u32, takes: Duration) -> Self {
        Self { memory, hash: takes * ONE_PROCESSOR / memory }
    }

    fn login(&self) -> Duration {
        self.hash + WAITS
    }

    /// Dollars for a million logins, of the function's time alone. Lambda counts whole milliseconds.
    fn million(&self, price: f64) -> f64 {
        let billed = (self.login().as_secs_f64() * 1_000.0).ceil();
        billed * 1_000.0 * f64::from(self.memory) / 1_024.0 * price
    }

    /// Time and price are worth the same.
    fn weight(&self) -> f64 {
        self.login().as_secs_f64() * self.million(ARM64)
    }

    fn row(&self) -> [String; 5] {
        let dollars = |price| format!("${:.2}", self.million(price));
        let memory = format!("{} MB", self.memory);
        [memory, milliseconds(self.hash), milliseconds(self.login()), dollars(ARM64), dollars(X86_64)]
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_most_work_in_time_is_proposed_and_never_less_than_the_floor() {
        let costs = COSTS.map(|(memory, passes)| HashCost::new(memory, passes, 1).unwrap());
        assert!(costs.iter().all(|cost| cost.reaches(HashCost::FLOOR)));
        assert_eq!(costs[0], HashCost::FLOOR);
        assert!(COSTS.windows(2).all(|pair| pair[0].0 * pair[0].1 <= pair[1].0 * pair[1].1));
        let measured: Vec<_> = costs.into_iter().zip([20, 30, 35, 50, 51, 70, 75, 100].map(ms)).collect();
        for (within, expected) in [(1, 0), (20, 0), (29, 0), (30, 1), (50, 3), (51, 4), (1_000, 7)] {
            assert_eq!(proposed(&measured, ms(within)), Some(measured[expected]), "{within} ms");
        }
        assert_eq!(proposed(&[], ms(1)), None);
    }

    #[test]
    fn less_memory_is_slower_by_as_much_and_saves_only_the_waiting() {
        let (small, large) = (Size::of(128, ms(20)), Size::of(ONE_PROCESSOR, ms(20)));
        assert_eq!(large.row(), ["1769 MB", "20.0 ms", "28.0 ms", "$0.64", "$0.81"]);
        assert_eq!(small.row(), ["128 MB", "276.4 ms", "284.4 ms", "$0.48", "$0.59"]);
        assert!(large.weight() < small.weight());
    }
}
