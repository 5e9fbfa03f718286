use crate::item::{Item, Reader, Writer, text};
use crate::keys::{DESCRIPTION, EXAMPLE_ITEMS, ITEM_ID, NAME, USER_ID};
use crate::{Db, StoreError};
use doorward_core::ids::{ItemId, UserId};

/// The sample resource, by owner and item id.
#[derive(Clone, Debug)]
pub struct ExampleItemStore(pub(crate) Db);

/// A sample item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleItem {
    /// Its id.
    pub id: ItemId,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
}

/// How many are listed.
const PAGE: i32 = 1000;

impl ExampleItemStore {
    /// Keeps an item. Sent twice, it is the same.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn put(&self, owner: &UserId, item: &ExampleItem) -> Result<(), StoreError> {
        let item = Writer::default()
            .with(USER_ID, text(owner))
            .with(ITEM_ID, text(&item.id))
            .with(NAME, text(&item.name))
            .with_some(DESCRIPTION, item.description.as_ref().map(text))
            .item();
        let sent = self.0.client.put_item().table_name(self.0.table(EXAMPLE_ITEMS)).set_item(Some(item)).send().await;
        sent.map(|_| ()).map_err(StoreError::unavailable)
    }

    /// An owner's items in the order of their ids, as many as one answer of the store has: a thousand at most, or a megabyte.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn list(&self, owner: &UserId) -> Result<Vec<ExampleItem>, StoreError> {
        let query = self.0.query_of(EXAMPLE_ITEMS, owner).limit(PAGE);
        query.send().await.map_err(StoreError::unavailable)?.items().iter().map(read).collect()
    }
}

fn read(item: &Item) -> Result<ExampleItem, StoreError> {
    let item = Reader(item);
    Ok(ExampleItem {
        id: item.parsed(ITEM_ID, ItemId::parse)?,
        name: item.text(NAME)?.to_owned(),
        description: item.text_if_any(DESCRIPTION)?.map(str::to_owned),
    })
}
