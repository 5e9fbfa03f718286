//! Randomness: an argument wherever something is decided, [`Random`] where it is drawn.

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness to be had")]
pub struct NoRandomness;

/// The only source of randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

impl Random {
    /// `N` unpredictable bytes.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn bytes<const N: usize>(self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        let [one, other] = [Random.bytes::<32>().unwrap(), Random.bytes().unwrap()];
        assert_ne!(one, other);
        assert!(one.iter().any(|byte| *byte != one[0]));
    }
}
