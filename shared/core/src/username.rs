//! User names.

use crate::text::{canonical, is_invisible};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The text is no user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, '.', '_' or '-'")]
pub struct InvalidUsername;

/// A user name: 1 to 64 letters, digits, `.`, `_`, `-` after NFKC, kept as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    given: String,
    canonical: CanonicalUsername,
}

/// What a user name is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalUsername(String);

impl Username {
    /// Takes a name as a person gave it.
    ///
    /// # Errors
    /// When it is not 1 to 64 letters, digits, `.`, `_`, `-`.
    pub fn parse(given: &str) -> Result<Self, InvalidUsername> {
        // NFKC composes at most a handful of characters into one, so this bound refuses no name.
        if given.len() > 4096 {
            return Err(InvalidUsername);
        }
        let normal: String = given.nfkc().collect();
        let allowed = |c: char| (c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) && !is_invisible(c);
        if !(1..=64).contains(&normal.chars().count()) || !normal.chars().all(allowed) {
            return Err(InvalidUsername);
        }
        Ok(Self { given: given.to_owned(), canonical: CanonicalUsername(canonical(given)) })
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// What the name is compared by.
    #[must_use]
    pub fn canonical(&self) -> &CanonicalUsername {
        &self.canonical
    }
}

impl CanonicalUsername {
    /// Takes a form that was stored: folded once, a name may be longer than it was and have other characters.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The comparable form as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap_or_else(|_| panic!("{text:?} is a name"))
    }

    #[test]
    fn what_is_no_name() {
        let long = "a".repeat(65);
        let bad = [
            "",
            " ",
            "a b",
            "a@b",
            "a/b",
            "a#b",
            "a\0",
            "a\nb",
            "a\u{200B}b",
            "a\u{202E}b",
            "\u{3164}",
            "a\u{115F}",
            "a\u{336}",
            &long,
        ];
        for text in bad {
            assert_eq!(Username::parse(text), Err(InvalidUsername), "{text:?}");
        }
    }

    #[test]
    fn a_name_stays_as_given() {
        let given = "Stanley.Jobson_1-x";
        assert_eq!((name(given).as_str(), name(given).to_string().as_str()), (given, given));
        assert!(Username::parse(&"é".repeat(64)).is_ok());
        assert!(Username::parse(&"e\u{301}".repeat(64)).is_ok(), "64 letters after NFKC");
    }

    #[test]
    fn twins_are_one() {
        for (one, other) in [
            ("stanley", "STANLEY"),
            ("straße", "STRASSE"),
            ("admin", "ａｄｍｉｎ"),
            ("Å", "A\u{30A}"),
            ("K", "\u{212A}"),
            ("ſam", "sam"),
            ("ﬁ", "FI"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ] {
            assert_eq!(name(one).canonical(), name(other).canonical(), "{one} {other}");
        }
        assert_ne!(name("stanley").canonical(), name("stan1ey").canonical());
    }

    proptest! {
        #[test]
        fn a_name_is_kept_as_given_and_means_nothing_elsewhere(text in "\\PC{0,70}|[\\w.-]{1,64}|\\p{any}{0,8}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(!text.contains(['#', '/', '@', '%', '<', '"', ' ']) && !text.contains(char::is_control));
                // Whoever types it in another case is the same person.
                if let Ok(upper) = Username::parse(&text.to_uppercase()) {
                    let lower = Username::parse(&text.to_uppercase().to_lowercase());
                    prop_assert!(lower.is_err() || lower.as_ref().map(Username::canonical) == Ok(upper.canonical()));
                }
            }
        }

        #[test]
        fn every_plain_name_is_one(text in "[A-Za-z0-9._-]{1,64}") {
            prop_assert_eq!(Username::parse(&text).map(|name| name.canonical().as_str().to_owned()), Ok(text.to_lowercase()));
        }
    }
}
