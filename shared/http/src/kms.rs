//! AWS KMS, which seals the private keys of a deployed stack: the key that does never leaves it.

use crate::seal::SealError;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use doorward_core::ids::KeyId;
use doorward_core::keyring::Purpose;
use doorward_store::{AwsCredentials, in_words};
use std::collections::HashMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// Which key seals, and where KMS is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key: its id, ARN or alias.
    pub key: String,
    /// Another address than AWS's own.
    pub endpoint: Option<String>,
    /// The AWS region.
    pub region: String,
    /// Who asks.
    pub credentials: AwsCredentials,
}

/// A key of KMS.
pub(crate) struct Kms {
    client: Client,
    key: String,
}

impl Kms {
    /// Nothing is sent yet.
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { key, endpoint, region, credentials } = settings;
        let AwsCredentials { access_key_id, secret_access_key, session_token } = credentials;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(500))
            .operation_attempt_timeout(Duration::from_secs(2))
            .operation_timeout(Duration::from_secs(5))
            .build();
        let mut config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, session_token, None, "doorward"))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(25)))
            .timeout_config(timeouts);
        config.set_endpoint_url(endpoint);
        Self { client: Client::from_conf(config.build()), key }
    }

    pub(crate) async fn seal(&self, purpose: Purpose, id: &KeyId, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let sent = self
            .client
            .encrypt()
            .key_id(&self.key)
            .set_encryption_context(Some(context(purpose, id)))
            .plaintext(Blob::new(secret))
            .send()
            .await;
        let sealed = sent.map_err(|error| SealError::Kms(in_words(&error)))?.ciphertext_blob;
        sealed.map(Blob::into_inner).ok_or_else(|| SealError::Kms("an empty answer".to_owned()))
    }

    pub(crate) async fn open(
        &self,
        purpose: Purpose,
        id: &KeyId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sent = self
            .client
            .decrypt()
            .key_id(&self.key)
            .set_encryption_context(Some(context(purpose, id)))
            .ciphertext_blob(Blob::new(sealed))
            .send()
            .await;
        let opened = sent.map_err(|error| match error.as_service_error() {
            Some(DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_)) => {
                SealError::DoesNotOpen
            }
            _ => SealError::Kms(in_words(&error)),
        })?;
        opened.plaintext.map(|plain| Zeroizing::new(plain.into_inner())).ok_or(SealError::DoesNotOpen)
    }
}

/// What a sealed key is bound to. A function's role may open those of its purposes and no others.
fn context(purpose: Purpose, id: &KeyId) -> HashMap<String, String> {
    [("purpose", purpose.as_str()), ("kid", id.as_str())]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
