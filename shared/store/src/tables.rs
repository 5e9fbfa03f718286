use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType as Place, ScalarAttributeType, TimeToLiveSpecification,
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

impl Store {
    /// Makes the tables that are missing, and switches on the expiry of each that has one.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create_missing(&self, tables: &[TableDefinition]) -> Result<(), StoreError> {
        let mut names = Vec::new();
        let mut pages = self.db.client.list_tables().into_paginator().send();
        while let Some(page) = pages.next().await {
            names.extend(page.map_err(StoreError::unavailable)?.table_names.unwrap_or_default());
        }
        for table in tables {
            if !names.contains(&self.db.table(&table.name)) {
                self.create(table).await?;
            }
        }
        Ok(())
    }

    async fn create(&self, table: &TableDefinition) -> Result<(), StoreError> {
        let name = self.db.table(&table.name);
        let mut request = self.db.client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let keys = [Some((&table.partition, Place::Hash)), table.sort.as_ref().map(|key| (key, Place::Range))];
        for (key, place) in keys.into_iter().flatten() {
            let kind = match key.kind {
                KeyType::Text => ScalarAttributeType::S,
                KeyType::Number => ScalarAttributeType::N,
            };
            let attribute = AttributeDefinition::builder().attribute_name(&key.name).attribute_type(kind).build();
            let element = KeySchemaElement::builder().attribute_name(&key.name).key_type(place).build();
            request = request
                .attribute_definitions(attribute.map_err(StoreError::unavailable)?)
                .key_schema(element.map_err(StoreError::unavailable)?);
        }
        match request.send().await {
            Ok(_) => {}
            // Somebody else was faster.
            Err(error) if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => {}
            Err(error) => return Err(StoreError::unavailable(error)),
        }
        let Some(attribute) = &table.ttl else { return Ok(()) };
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let ttl = ttl.map_err(StoreError::unavailable)?;
        let sent = self.db.client.update_time_to_live().table_name(&name).time_to_live_specification(ttl).send().await;
        sent.map(|_| ()).map_err(StoreError::unavailable)
    }
}
