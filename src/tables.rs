//! The tables of `template.yaml`: they are defined there and nowhere else.

use doorward_store::{KeyAttribute, KeyType, TableDefinition};
use serde_yaml_ng::Value;

/// The template is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadTemplate {
    /// It is no YAML.
    #[error("template.yaml: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A table lacks something.
    #[error("template.yaml: the table {table} has no usable {what}")]
    Table {
        /// Which resource.
        table: String,
        /// What it lacks.
        what: &'static str,
    },
}

/// The tables that the template of this build defines.
///
/// # Errors
/// When one is not defined as expected.
pub fn of_template() -> Result<Vec<TableDefinition>, BadTemplate> {
    let template: Value = serde_yaml_ng::from_str(include_str!("../template.yaml"))?;
    let resources = template["Resources"].as_mapping().into_iter().flatten();
    resources
        .filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::DynamoDB::Table"))
        .map(|(name, resource)| table(name.as_str().unwrap_or("?"), &resource["Properties"]))
        .collect()
}

fn table(resource: &str, properties: &Value) -> Result<TableDefinition, BadTemplate> {
    let bad = |what| BadTemplate::Table { table: resource.to_owned(), what };
    let name = untagged(&properties["TableName"]).as_str().and_then(|name| name.strip_prefix("${TablePrefix}"));
    let key = |place: &str| {
        let schema = properties["KeySchema"].as_sequence()?;
        let element = schema.iter().find(|element| element["KeyType"].as_str() == Some(place))?;
        attribute(properties, element["AttributeName"].as_str()?)
    };
    let ttl = &properties["TimeToLiveSpecification"];
    Ok(TableDefinition {
        name: name.ok_or_else(|| bad("TableName"))?.to_owned(),
        partition: key("HASH").ok_or_else(|| bad("KeySchema"))?,
        sort: key("RANGE"),
        ttl: ttl["AttributeName"].as_str().filter(|_| ttl["Enabled"].as_bool() == Some(true)).map(str::to_owned),
        recoverable: properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"].as_bool()
            == Some(true),
        protected: properties["DeletionProtectionEnabled"].as_bool() == Some(true),
    })
}

fn attribute(properties: &Value, name: &str) -> Option<KeyAttribute> {
    let definitions = properties["AttributeDefinitions"].as_sequence()?;
    let definition = definitions.iter().find(|definition| definition["AttributeName"].as_str() == Some(name))?;
    let kind = match definition["AttributeType"].as_str()? {
        "S" => KeyType::Text,
        "N" => KeyType::Number,
        _ => return None,
    };
    Some(KeyAttribute { name: name.to_owned(), kind })
}

/// The value behind CloudFormation's `!Sub`.
fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_the_tables_of_the_architecture() {
        let tables = of_template().unwrap();
        let mut names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "api-keys",
            "credentials",
            "example-items",
            "limits",
            "revoked-tokens",
            "second-factors",
            "sessions",
            "signing-keys",
            "users",
        ];
        assert_eq!(names, expected);
        let expiring: Vec<_> = tables.iter().filter(|table| table.ttl.is_some()).map(|table| &*table.name).collect();
        let kept = |table: &&TableDefinition| table.recoverable && table.protected;
        assert_eq!(tables.iter().filter(kept).count(), 5);
        assert_eq!(expiring.len(), 4, "{expiring:?}");
        assert!(tables.iter().filter_map(|table| table.ttl.as_deref()).all(|attribute| attribute == "expires_at"));
    }
}
