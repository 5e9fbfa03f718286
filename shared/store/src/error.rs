use aws_sdk_dynamodb::error::DisplayErrorContext;
use std::error::Error;

/// The store did not do what it was asked; it may have, or may be asked again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused for load, or for another fault of its own or of the set-up.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// An item is not what was written.
    #[error("the attribute {attribute} of an item is missing or malformed")]
    Corrupt {
        /// Which attribute.
        attribute: &'static str,
    },
}

impl StoreError {
    pub(crate) fn unavailable(error: impl Error) -> Self {
        Self::Unavailable(DisplayErrorContext(error).to_string())
    }
}
