//! Where a command finds the store.

use crate::background::Background;
use crate::cli::Options;
use crate::dynamodb::{self, untold};
use crate::folder::{self, Folder, FolderError};
use crate::setup::Fault;
use std::time::Duration;

/// A DynamoDB that a command works on.
pub struct Attached {
    /// Where it is; `None` is where the environment says.
    pub endpoint: Option<String>,
    /// Where the API is that serves it, if a server of this machine does.
    pub api: Option<String>,
    /// The embedded one that was started because no server runs, and its folder.
    own: Option<(Background, Folder)>,
}

/// How long a server that holds the folder may take to say where its DynamoDB listens.
const PATIENCE: u32 = 100;

impl Attached {
    /// The DynamoDB that the options name: AWS's or another one, the one of the server that runs, or the file.
    ///
    /// # Errors
    /// When the folder cannot be used, or its server does not say where it is.
    pub async fn to(options: &Options) -> Result<Self, Fault> {
        if options.stack.is_some() || options.dynamodb_endpoint.is_some() {
            return Ok(Self { endpoint: options.dynamodb_endpoint.clone(), api: None, own: None });
        }
        for _ in 0..PATIENCE {
            match Folder::hold(&options.data) {
                Ok(folder) => {
                    let embedded = dynamodb::start(untold().await?, Some(&folder.database()?))?;
                    return Ok(Self { endpoint: Some(embedded.endpoint()), api: None, own: Some((embedded, folder)) });
                }
                Err(FolderError::InUse(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(server) = folder::announced(&options.data) {
                return Ok(Self { endpoint: Some(server.dynamodb), api: Some(server.api), own: None });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(FolderError::InUse(options.data.display().to_string()).into())
    }

    /// Whether no server runs on the folder.
    #[must_use]
    pub fn runs_alone(&self) -> bool {
        self.own.is_some()
    }

    /// Stops what was started.
    pub async fn leave(self) {
        if let Some((embedded, _folder)) = self.own {
            embedded.stop().await;
        }
    }
}
