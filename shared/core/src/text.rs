//! Text as people type it, made comparable.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The form in which names and addresses are compared: two that a reader would take for the same have the same one.
///
/// Compatibility normalisation around full case folding, twice, because each can undo the other
/// (Unicode Standard §3.13, D146: compatibility caseless matching).
pub(crate) fn canonical(text: &str) -> String {
    let fold = |text: &str| text.nfkc().default_case_fold().nfkc().collect::<String>();
    fold(&fold(text))
}

/// Letters that are not seen: they would make a second name that looks like the first
/// (Unicode's `Default_Ignorable_Code_Point`, as far as it is alphabetic).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}')
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use proptest::prelude::*;

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
    }
}
