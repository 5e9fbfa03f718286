use aws_sdk_dynamodb::error::ErrorMetadata;
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
    pub(crate) fn unavailable(error: impl Error + 'static) -> Self {
        Self::Unavailable(in_words(&error))
    }
}

/// An error of an AWS SDK for a person: what the service said, or what was in the way, each cause once.
#[must_use]
pub fn in_words(error: &(dyn Error + 'static)) -> String {
    let (mut words, mut next) = (Vec::<String>::new(), Some(error));
    while let Some(cause) = next {
        let text = match cause.downcast_ref::<ErrorMetadata>() {
            Some(said) => said.message().or_else(|| said.code()).unwrap_or_default().to_owned(),
            None => cause.to_string(),
        };
        if !text.is_empty() && !words.iter().any(|earlier| earlier.contains(&text)) {
            words.push(text);
        }
        next = cause.source();
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<dyn Error + 'static>>);

    #[test]
    fn every_cause_is_said_once_and_without_rust() {
        let said = ErrorMetadata::builder().code("AccessDenied").message("who are you?").build();
        let inner = Layer("unhandled error (AccessDenied)", Some(Box::new(said)));
        let outer = Layer("service error", Some(Box::new(Layer("service error", Some(Box::new(inner))))));
        assert_eq!(in_words(&outer), "service error: unhandled error (AccessDenied): who are you?");
    }
}
