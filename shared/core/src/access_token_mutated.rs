//! Good tokens, damaged at random: `just mutate 5000000` does more of it than every test run.

use super::forge::*;
use serde_json::{Value, json};

const TIMES: &str = match option_env!("MUTATIONS") {
    Some(times) => times,
    None => "100000",
};

/// `SplitMix64`: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A place and a later one, both within.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (a, b) = (self.below(length + 1), self.below(length + 1));
        a.min(b)..a.max(b)
    }
}

fn parts(token: &str) -> Vec<String> {
    token.split('.').map(str::to_owned).collect()
}

/// The bytes behind one part, changed.
fn rewritten(dice: &mut Dice, token: &str, other: &str) -> String {
    let (mut mine, others) = (parts(token), parts(other));
    let n = dice.below(mine.len());
    let mut bytes = super::decode(&mine[n]).unwrap();
    let at = dice.below(bytes.len());
    match dice.below(4) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
        _ => bytes = super::decode(&others[n]).unwrap()[..at.min(60)].iter().copied().chain(bytes).collect(),
    }
    mine[n] = b64(bytes);
    mine.join(".")
}

/// A text that is made of good tokens; all of it is ASCII.
fn mutant(dice: &mut Dice, pool: &[String]) -> String {
    let (token, other) = (dice.of(pool).clone(), dice.of(pool).clone());
    let at = dice.below(token.len());
    match dice.below(8) {
        0 => {
            let mut bytes = token.into_bytes();
            for _ in 0..=dice.below(3) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(7);
            }
            String::from_utf8(bytes).unwrap()
        }
        1 => token.get(dice.range(token.len())).unwrap_or_default().to_owned(),
        2 => format!("{}{}{}", &token[..at], char::from(*dice.of(b"Aa0-_.=+/ \n\0")), &token[at..]),
        3 => format!("{}{}", &token[..at], &token[at + 1..]),
        4 => (0..3).map(|n| parts(dice.of(pool).as_str())[n].clone()).collect::<Vec<_>>().join("."),
        5 => (0..=dice.below(4)).map(|_| dice.of(&parts(&token)).clone()).collect::<Vec<_>>().join("."),
        6 => {
            let from = dice.range(other.len());
            format!("{}{}{}", &token[..at], &other[from.clone()], token.get(at + from.len()..).unwrap_or_default())
        }
        _ => rewritten(dice, &token, &other),
    }
}

#[test]
fn no_damaged_token_passes() {
    let others = |key: &Key| {
        let bob = with(with(claims(), "sub", "bob"), "roles", json!(["admin"]));
        let stolen: [Value; 3] = [claims(), bob, client_claims()];
        stolen.map(|claims| forge(header_of(key), claims, key))
    };
    let good: Vec<String> = ours().into_iter().flat_map(others).collect();
    let over = ours().map(|key| forge(header_of(key), with(claims(), "exp", NOW.seconds()), key));
    let pool: Vec<String> = good.iter().cloned().chain(over).chain(others(&ATTACKER)).collect();
    let mut dice = Dice(0x000d_0012_3a2d);
    for n in 0..TIMES.parse::<u64>().unwrap() {
        let mutant = mutant(&mut dice, &pool);
        assert_eq!(judge(&mutant, NOW).is_ok(), good.contains(&mutant), "{n}: {mutant}");
    }
}
