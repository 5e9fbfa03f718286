//! E-mail addresses.

use crate::text::{canonical, is_invisible};
use std::fmt;

/// The text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address")]
pub struct InvalidEmail;

/// An e-mail address, kept as it was given.
///
/// RFC 5321 §4.1.2 with RFC 6531's letters, less what makes two spellings of one mailbox: quoted local parts, comments and
/// address literals. A domain may be of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    canonical: CanonicalEmail,
}

/// What an e-mail address is compared by, the local part too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalEmail(String);

impl Email {
    /// Takes an address as a person gave it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(given: &str) -> Result<Self, InvalidEmail> {
        let canonical = canonical(given);
        if is_address(given) && is_address(&canonical) {
            Ok(Self { given: given.to_owned(), canonical: CanonicalEmail(canonical) })
        } else {
            Err(InvalidEmail)
        }
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// What the address is compared by.
    #[must_use]
    pub fn canonical(&self) -> &CanonicalEmail {
        &self.canonical
    }
}

impl CanonicalEmail {
    /// The comparable form as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// RFC 5321 §4.5.3.1: 64 octets before the `@`, 254 in all (RFC 3696, erratum 1690).
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= 254 && local.len() <= 64 && local.split('.').all(is_atom) && domain.split('.').all(is_label)
}

fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_foreign(c))
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || is_foreign(c))
}

fn is_foreign(c: char) -> bool {
    !c.is_ascii() && (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)) && !is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_address() {
        let long = format!("{}@example.com", "a".repeat(65));
        let very_long = format!("a@{}", ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join("."));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@@b",
            "a@b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@.b",
            "a@b.",
            "a@-b",
            "a@b-",
            "a\0@b",
            "a\n@b",
            "\"a\"@b",
            "a(c)@b",
            "a@[127.0.0.1]",
            "a@b\u{200B}",
            "a\u{202E}@b",
            "a@b_c",
            "a＠b",
            "a@b․c@d",
            &long,
            &very_long,
        ] {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn an_address_stays_as_given_and_is_compared_canonically() {
        let email = Email::parse("Stanley.Jobson@localhost").unwrap();
        assert_eq!(
            (email.as_str(), email.to_string().as_str()),
            ("Stanley.Jobson@localhost", "Stanley.Jobson@localhost")
        );
        assert_eq!(email.canonical().as_str(), "stanley.jobson@localhost");
        for (one, other) in
            [("ann@example.com", "Ann@EXAMPLE.com"), ("ann@example.com", "ａnn@example.com"), ("é@x", "e\u{301}@x")]
        {
            assert_eq!(
                Email::parse(one).unwrap().canonical(),
                Email::parse(other).unwrap().canonical(),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn ordinary_addresses() {
        for text in ["a@b", "first.last+tag@example.co.uk", "o'hara@x.org", "jürgen@münchen.de", "用户@例子.广告"]
        {
            assert!(Email::parse(text).is_ok(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_kept_as_given_and_is_no_name(text in "\\PC{0,30}@\\PC{0,30}|\\p{any}{0,8}|[\\w.+-]{1,20}@[\\w.-]{1,20}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(email.as_str(), &text);
                let again = Email::parse(email.canonical().as_str());
                prop_assert_eq!(again.as_ref().map(Email::canonical), Ok(email.canonical()));
                prop_assert!(!text.contains(char::is_control) && !text.contains([' ', ',', ';', '<', '>']));
                prop_assert!(crate::username::Username::parse(&text).is_err());
            }
        }

        #[test]
        fn every_plain_address_is_one(text in "[a-z0-9]{1,20}([.+_-][a-z0-9]{1,10}){0,2}@[a-z0-9]{1,20}([.-][a-z0-9]{1,10}){0,3}") {
            prop_assert!(Email::parse(&text).is_ok(), "{}", text);
        }
    }
}
