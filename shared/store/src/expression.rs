//! Expressions, with every name and value behind a placeholder: half of the plain names are reserved words.

use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    pub(crate) fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    pub(crate) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// `name operator value`, as in `generation = 3`.
    pub(crate) fn compare(&mut self, name: &str, operator: &str, value: AttributeValue) -> String {
        format!("{} {operator} {}", self.name(name), self.value(value))
    }

    /// That an attribute has a value, or is not there.
    pub(crate) fn is(&mut self, name: &str, value: Option<AttributeValue>) -> String {
        match value {
            Some(value) => self.compare(name, "=", value),
            None => format!("attribute_not_exists({})", self.name(name)),
        }
    }

    pub(crate) fn names(&self) -> HashMap<String, String> {
        self.names.clone()
    }

    /// `None` where there are none: DynamoDB refuses an empty map.
    pub(crate) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}
