use crate::{Store, StoreError};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType as Place, PointInTimeRecoveryStatus,
    ScalarAttributeType, TableDescription, TimeToLiveSpecification, TimeToLiveStatus,
};

/// A table, as `template.yaml` defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its name, without the prefix.
    pub name: String,
    /// The partition key.
    pub partition: KeyAttribute,
    /// The sort key, if it has one.
    pub sort: Option<KeyAttribute>,
    /// The attribute that says when an item may be deleted, if one does.
    pub ttl: Option<String>,
    /// Whether a deployed one can be set back to any moment of the last weeks.
    pub recoverable: bool,
    /// Whether a deployed one cannot be deleted by mistake.
    pub protected: bool,
}

/// A table, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableState {
    /// Its whole name.
    pub name: String,
    /// Whether its keys are those of its definition.
    pub keys_fit: bool,
    /// The attribute by which expired items are deleted, if any are.
    pub ttl: Option<String>,
    /// Whether it cannot be deleted by mistake.
    pub protected: bool,
}

/// An attribute that is part of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: KeyType,
}

/// What a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// `S`
    Text,
    /// `N`
    Number,
}

impl TableDefinition {
    /// The attributes of the key, each with its place and its type.
    fn keys(&self) -> impl Iterator<Item = (&KeyAttribute, Place, ScalarAttributeType)> {
        let keys = [Some((&self.partition, Place::Hash)), self.sort.as_ref().map(|key| (key, Place::Range))];
        keys.into_iter().flatten().map(|(key, place)| match key.kind {
            KeyType::Text => (key, place, ScalarAttributeType::S),
            KeyType::Number => (key, place, ScalarAttributeType::N),
        })
    }

    fn has_keys_of(&self, table: &TableDescription) -> bool {
        let (schema, attributes) = (table.key_schema(), table.attribute_definitions());
        let is_there = |(key, place, kind): (&KeyAttribute, Place, ScalarAttributeType)| {
            schema.iter().any(|element| element.attribute_name == key.name && element.key_type == place)
                && attributes.iter().any(|found| found.attribute_name == key.name && found.attribute_type == kind)
        };
        schema.len() == self.keys().count() && self.keys().all(is_there)
    }
}

impl Store {
    /// Makes the tables that are missing, and switches on the expiry of each that is to have one and has none.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create_missing(&self, tables: &[TableDefinition]) -> Result<(), StoreError> {
        let missing = self.missing(tables).await?;
        for table in tables {
            if missing.contains(&table) {
                self.create(table).await?;
            }
            // Whoever made a table may have ended before its expiry was switched on.
            if let Some(attribute) = &table.ttl
                && self.expiry_of(&self.table_name(table)).await?.is_none()
            {
                self.switch_expiry_on(table, attribute).await?;
            }
        }
        Ok(())
    }

    /// The tables that are not there.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn missing<'a>(&self, tables: &'a [TableDefinition]) -> Result<Vec<&'a TableDefinition>, StoreError> {
        let mut names = Vec::new();
        let mut pages = self.db.client.list_tables().into_paginator().send();
        while let Some(page) = pages.next().await {
            names.extend(page.map_err(StoreError::unavailable)?.table_names.unwrap_or_default());
        }
        Ok(tables.iter().filter(|table| !names.contains(&self.table_name(table))).collect())
    }

    /// The whole name of a table.
    #[must_use]
    pub fn table_name(&self, table: &TableDefinition) -> String {
        self.db.table(&table.name)
    }

    /// How a table is; `None` where there is none.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn inspect(&self, table: &TableDefinition) -> Result<Option<TableState>, StoreError> {
        let name = self.table_name(table);
        let found = match self.db.client.describe_table().table_name(&name).send().await {
            Ok(described) => described.table,
            Err(error)
                if matches!(error.as_service_error(), Some(DescribeTableError::ResourceNotFoundException(_))) =>
            {
                None
            }
            Err(error) => return Err(StoreError::unavailable(error)),
        };
        let Some(found) = found else { return Ok(None) };
        let ttl = self.expiry_of(&name).await?;
        let (keys_fit, protected) = (table.has_keys_of(&found), found.deletion_protection_enabled == Some(true));
        Ok(Some(TableState { name, keys_fit, ttl, protected }))
    }

    /// Whether a table can be set back to any moment of the last weeks.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn is_recoverable(&self, table: &TableDefinition) -> Result<bool, StoreError> {
        let sent = self.db.client.describe_continuous_backups().table_name(self.table_name(table)).send().await;
        let backups = sent.map_err(StoreError::unavailable)?.continuous_backups_description;
        let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
        Ok(recovery.and_then(|recovery| recovery.point_in_time_recovery_status)
            == Some(PointInTimeRecoveryStatus::Enabled))
    }

    async fn create(&self, table: &TableDefinition) -> Result<(), StoreError> {
        let name = self.db.table(&table.name);
        let mut request = self.db.client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        for (key, place, kind) in table.keys() {
            let attribute = AttributeDefinition::builder().attribute_name(&key.name).attribute_type(kind).build();
            let element = KeySchemaElement::builder().attribute_name(&key.name).key_type(place).build();
            request = request
                .attribute_definitions(attribute.map_err(StoreError::unavailable)?)
                .key_schema(element.map_err(StoreError::unavailable)?);
        }
        match request.send().await {
            // Somebody else was faster.
            Err(error) if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => {
                Ok(())
            }
            sent => sent.map(|_| ()).map_err(StoreError::unavailable),
        }
    }

    /// The attribute by which a table's expired items are deleted, if any are.
    async fn expiry_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        let described = self.db.client.describe_time_to_live().table_name(name).send().await;
        let ttl = described.map_err(StoreError::unavailable)?.time_to_live_description;
        let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
        let ttl = ttl.filter(|ttl| ttl.time_to_live_status.as_ref().is_some_and(|status| on.contains(status)));
        Ok(ttl.and_then(|ttl| ttl.attribute_name))
    }

    async fn switch_expiry_on(&self, table: &TableDefinition, attribute: &str) -> Result<(), StoreError> {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let ttl = ttl.map_err(StoreError::unavailable)?;
        let request = self.db.client.update_time_to_live().table_name(self.table_name(table));
        match request.time_to_live_specification(ttl).send().await {
            // Somebody else was faster.
            Err(error) if error.message().is_some_and(|message| message.contains("already enabled")) => Ok(()),
            sent => sent.map(|_| ()).map_err(StoreError::unavailable),
        }
    }
}
