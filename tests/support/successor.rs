//! What a race of refreshes may hand out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The generation of a refresh token, which stands before its tag.
pub fn generation_of(token: &str) -> u32 {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("dwr_").unwrap()).unwrap();
    let (rest, _) = bytes.split_last_chunk::<16>().unwrap();
    u32::from_be_bytes(*rest.last_chunk().unwrap())
}

/// Whether of all those who presented the token of a generation, and got that, `winners` at least got the one successor, and
/// the others nothing. The session stands at `stands`.
///
/// # Errors
/// What is wrong.
pub fn one_successor(
    presented: u32,
    answers: &[Option<(u32, String)>],
    stands: u32,
    winners: usize,
) -> Result<(), String> {
    let won: Vec<_> = answers.iter().flatten().collect();
    if won.len() < winners {
        return Err(format!("{} of {winners} got a successor", won.len()));
    }
    if let Some((generation, _)) = won.iter().find(|(generation, _)| *generation != presented + 1) {
        return Err(format!("{presented} was followed by {generation}"));
    }
    if won.iter().any(|(_, token)| *token != won[0].1) {
        return Err(format!("{presented} has two successors"));
    }
    if stands == presented + 1 { Ok(()) } else { Err(format!("{presented} was moved to {stands}")) }
}
