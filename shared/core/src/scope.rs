//! Scopes and permissions: sets of RFC 6749 scope tokens.

use crate::user::User;
use std::collections::BTreeSet;
use std::fmt;

/// The text is no scope token, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// Not 1 to 64 of `%x21 / %x23-5B / %x5D-7E` (RFC 6749 §3.3).
    #[error("must be 1 to 64 printable ASCII characters without space, '\"' or '\\'")]
    Token,
    /// More than [`ScopeSet::MAX_BYTES`] together.
    #[error("must be at most 2048 bytes together")]
    TooLong,
}

/// A set of scope tokens (RFC 6749 §3.3). Permissions have the same form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<String>);

impl ScopeSet {
    /// How long the tokens of a set may be together.
    pub const MAX_BYTES: usize = 2048;

    /// Takes a space-separated list, as the `scope` parameter and the claim have it.
    ///
    /// # Errors
    /// When a token is malformed or the whole is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }

    /// Takes the tokens one by one.
    ///
    /// # Errors
    /// When a token is malformed or the whole is too long.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidScope> {
        let mut set = BTreeSet::new();
        for token in tokens {
            if !is_token(token) {
                return Err(InvalidScope::Token);
            }
            set.insert(token.to_owned());
        }
        let set = Self(set);
        if set.bytes() > Self::MAX_BYTES { Err(InvalidScope::TooLong) } else { Ok(set) }
    }

    /// How long the tokens are together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    /// Whether `token` is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether nothing is in the set that `other` has not.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// What both sets have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The tokens in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The `scope` parameter of a refresh (RFC 6749 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedScopes {
    /// Absent: all that there is to get.
    All,
    /// No more than these.
    These(ScopeSet),
    /// What nobody can get: no list of scopes, or one that the user has not got. It is a wrong wish and nothing else: what
    /// there is to say of the token comes first.
    Denied,
}

impl AskedScopes {
    /// Takes the parameter. An empty list is an absent one.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        match text.map(ScopeSet::parse) {
            None => Self::All,
            Some(Ok(set)) if set.is_empty() => Self::All,
            Some(Ok(set)) => Self::These(set),
            Some(Err(_)) => Self::Denied,
        }
    }

    /// Whether nothing is asked for that is not among `granted`.
    #[must_use]
    pub fn within(&self, granted: &ScopeSet) -> bool {
        match self {
            Self::All => true,
            Self::These(asked) => asked.is_subset(granted),
            Self::Denied => false,
        }
    }

    /// The wish, as one that nobody can have where the user has not got it (any longer).
    #[must_use]
    pub fn of_user(self, user: Option<&User>) -> Self {
        if user.is_none_or(|user| self.within(&user.scopes)) { self } else { Self::Denied }
    }

    /// What is asked for of what was granted.
    #[must_use]
    pub fn of(&self, granted: &ScopeSet) -> ScopeSet {
        match self {
            Self::All => granted.clone(),
            Self::These(asked) => asked.intersection(granted),
            Self::Denied => ScopeSet::default(),
        }
    }
}

fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// The tokens with a space between them.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, token) in self.0.iter().enumerate() {
            write!(f, "{}{token}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_scope() {
        let long = "a".repeat(65);
        for text in ["a\"b", "a\\b", "a\tb", "a\nb", "é", "a\0", "a\u{7f}", &long] {
            assert_eq!(ScopeSet::parse(text), Err(InvalidScope::Token), "{text:?}");
        }
        let fits = (0..32).map(|n| format!("{n:064}")).collect::<Vec<_>>().join(" ");
        assert_eq!(ScopeSet::parse(&fits).map(|set| (set.len(), set.bytes())), Ok((32, 2048)));
        assert_eq!(ScopeSet::parse(&format!("{fits} b")), Err(InvalidScope::TooLong));
    }

    #[test]
    fn a_set_has_one_order_and_no_doubles() {
        let set = ScopeSet::parse(" write:items  read:items write:items ").unwrap();
        assert_eq!(set.to_string(), "read:items write:items");
        assert_eq!((set.len(), set.bytes(), set.is_empty()), (2, 21, false));
        assert!(set.contains("read:items") && !set.contains("read") && !set.contains("admin"));
        let none = ScopeSet::parse("").unwrap();
        assert_eq!((none.len(), none.bytes(), none.is_empty()), (0, 0, true));
    }

    #[test]
    fn a_refresh_asks_for_all_for_some_or_for_what_nobody_has() {
        let granted = ScopeSet::parse("read write").unwrap();
        for (text, within, of) in [
            (Some("read\"write"), false, ""),
            (Some("read é"), false, ""),
            (Some("read admin"), false, "read"),
            (Some("read"), true, "read"),
            (Some(" "), true, "read write"),
            (Some(""), true, "read write"),
            (None, true, "read write"),
        ] {
            let asked = AskedScopes::parse(text);
            assert_eq!((asked.within(&granted), asked.of(&granted).to_string()), (within, of.to_owned()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_list_says_what_was_put_in(text in "\\PC{0,60}|[ -~]{0,200}|([a-z:]{1,10} {0,2}){0,20}|\\p{any}{0,8}") {
            let tokens: BTreeSet<&str> = text.split(' ').filter(|token| !token.is_empty()).collect();
            match ScopeSet::parse(&text) {
                Ok(set) => {
                    prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), tokens);
                    prop_assert_eq!(ScopeSet::parse(&set.to_string()), Ok(set));
                }
                // RFC 6749 §3.3
                Err(_) => prop_assert!(tokens.iter().any(|token| token.len() > 64
                    || !token.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~')))),
            }
        }
    }
}
