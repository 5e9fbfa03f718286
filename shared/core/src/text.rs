//! Text as people type it, made comparable.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The form in which names and addresses are compared: two that a reader would take for the same have the same one.
///
/// Compatibility normalisation around full case folding, twice, because each can undo the other
/// (Unicode Standard §3.13, D146: compatibility caseless matching). The table of full foldings is older than the standard
/// library's letters: what only this one knows is one letter in two cases still.
pub(crate) fn canonical(text: &str) -> String {
    // Nearly all names are, and every check reads one.
    if text.is_ascii() { text.to_ascii_lowercase() } else { folded(&folded(text)) }
}

fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).default_case_fold().nfkc().collect()
}

/// Letters that are not seen: they would make a second name that looks like the first
/// (Unicode's `Default_Ignorable_Code_Point`, as far as it is alphabetic).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn letters() -> impl Iterator<Item = char> {
        (char::MIN..=char::MAX).filter(|c| c.is_alphabetic())
    }

    /// But for the dotless i, which is a letter of its own: that its capital is `I` holds in Turkish only.
    #[test]
    fn a_letter_is_itself_in_every_case() {
        for c in letters().filter(|c| *c != 'ı') {
            for other in [c.to_lowercase().to_string(), c.to_uppercase().to_string()] {
                assert!(other == c.to_string() || canonical(&other) == canonical(&c.to_string()), "{c} {other}");
            }
        }
    }

    /// A name is looked up by the form that was stored when it was made.
    #[test]
    fn what_the_table_of_foldings_knows_is_as_it_says() {
        let said = |text: &str| text.nfkc().default_case_fold().nfkc().collect::<String>();
        for c in letters().map(String::from) {
            let folded = said(&said(&c));
            assert!(folded == c || canonical(&c) == folded, "{c}");
        }
    }

    proptest! {
        #[test]
        fn canonical_is_stable(text in "\\PC{0,40}") {
            let once = canonical(&text);
            prop_assert_eq!(canonical(&once), once);
        }

        #[test]
        fn case_does_not_matter_in_ascii(text in "[a-zA-Z0-9._-]{1,40}") {
            prop_assert_eq!(canonical(&text.to_uppercase()), canonical(&text.to_lowercase()));
        }

        #[test]
        fn ascii_is_nothing_special(text in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(canonical(&text), folded(&folded(&text)));
        }
    }
}
