//! Items, written and read.

use crate::StoreError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn time(value: Timestamp) -> AttributeValue {
    number(value.millis())
}

pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item in the making.
#[derive(Default)]
pub(crate) struct Writer(Item);

impl Writer {
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Absence is an attribute that is not there.
    pub(crate) fn with_some(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// DynamoDB knows no empty set: it is an attribute that is not there.
    pub(crate) fn with_set(self, name: &str, set: &ScopeSet) -> Self {
        let tokens: Vec<String> = set.iter().map(str::to_owned).collect();
        if tokens.is_empty() { self } else { self.with(name, AttributeValue::Ss(tokens)) }
    }

    pub(crate) fn item(self) -> Item {
        self.0
    }
}

/// An item as it was found.
pub(crate) struct Reader<'a>(pub(crate) &'a Item);

impl<'a> Reader<'a> {
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, StoreError> {
        self.text_if_any(name)?.ok_or(StoreError::Corrupt { attribute: name })
    }

    pub(crate) fn text_if_any(&self, name: &'static str) -> Result<Option<&'a str>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(StoreError::Corrupt { attribute: name }),
        }
    }

    pub(crate) fn parsed<T, E>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        self.parsed_if_any(name, parse)?.ok_or(StoreError::Corrupt { attribute: name })
    }

    pub(crate) fn parsed_if_any<T, E>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let corrupt = |_| StoreError::Corrupt { attribute: name };
        self.text_if_any(name)?.map(|text| parse(text).map_err(corrupt)).transpose()
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, StoreError> {
        self.number_if_any(name)?.ok_or(StoreError::Corrupt { attribute: name })
    }

    pub(crate) fn number_if_any<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => {
                digits.parse().map(Some).map_err(|_| StoreError::Corrupt { attribute: name })
            }
            Some(_) => Err(StoreError::Corrupt { attribute: name }),
        }
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Timestamp, StoreError> {
        self.number(name).map(Timestamp::from_millis)
    }

    pub(crate) fn time_if_any(&self, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.number_if_any(name)?.map(Timestamp::from_millis))
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::Bool(value)) => Ok(*value),
            _ => Err(StoreError::Corrupt { attribute: name }),
        }
    }

    pub(crate) fn set(&self, name: &'static str) -> Result<ScopeSet, StoreError> {
        let corrupt = |_| StoreError::Corrupt { attribute: name };
        ScopeSet::from_tokens(self.texts(name)?.iter().map(String::as_str)).map_err(corrupt)
    }

    pub(crate) fn parsed_set<T: Ord, E>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<BTreeSet<T>, StoreError> {
        let corrupt = |_| StoreError::Corrupt { attribute: name };
        self.texts(name)?.iter().map(|text| parse(text).map_err(corrupt)).collect()
    }

    fn texts(&self, name: &'static str) -> Result<&'a [String], StoreError> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(AttributeValue::Ss(texts)) => Ok(texts),
            Some(_) => Err(StoreError::Corrupt { attribute: name }),
        }
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Result<&'a [u8], StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::B(blob)) => Ok(blob.as_ref()),
            _ => Err(StoreError::Corrupt { attribute: name }),
        }
    }
}
