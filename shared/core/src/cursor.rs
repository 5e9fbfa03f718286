//! Where a paged list goes on: opaque to the client, and a broken one is noticed.

use crate::ids::UserId;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const CHECKSUM: usize = 8;

/// The text is no cursor that an answer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

/// The cursor of the page after `last`.
#[must_use]
pub fn after(last: &UserId) -> String {
    let mut bytes = checksum(last.as_str().as_bytes()).to_vec();
    bytes.extend_from_slice(last.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The user after whom a page begins.
///
/// # Errors
/// When the text is not what [`after`] made.
pub fn parse(text: &str) -> Result<UserId, InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
    let (sum, id) = bytes.split_first_chunk::<CHECKSUM>().ok_or(InvalidCursor)?;
    let id = std::str::from_utf8(id).map_err(|_| InvalidCursor)?;
    if checksum(id.as_bytes()) != *sum {
        return Err(InvalidCursor);
    }
    UserId::parse(id).map_err(|_| InvalidCursor)
}

fn checksum(id: &[u8]) -> [u8; CHECKSUM] {
    let digest = digest::digest(&digest::SHA256, &[b"doorward cursor ", id].concat());
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&digest.as_ref()[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_is_found_again_and_a_changed_one_is_noticed() {
        let id = UserId::from_random([5; 16]);
        let cursor = after(&id);
        assert_eq!(parse(&cursor), Ok(id));
        for at in 0..cursor.len() {
            let changed: String = cursor
                .char_indices()
                .map(|(n, c)| {
                    if n != at {
                        c
                    } else if c == 'A' {
                        'B'
                    } else {
                        'A'
                    }
                })
                .collect();
            assert_eq!(parse(&changed), Err(InvalidCursor), "{at}");
        }
        for text in ["", "A", "é", "AAAAAAAAAAA"] {
            assert_eq!(parse(text), Err(InvalidCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_was_given(id in "[A-Za-z0-9_-]{1,64}", text in "\\PC{0,100}|[A-Za-z0-9_-]{0,100}") {
            let id = UserId::parse(&id).unwrap();
            prop_assert_eq!(parse(&after(&id)), Ok(id));
            prop_assert_eq!(parse(&text), Err(InvalidCursor));
        }
    }
}
