//! The embedded DynamoDB: the same SDK client speaks to it, over HTTP, as to AWS's.

use crate::background::Background;
use doorward_core::random::Random;
use dynoxide::Database;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;

/// It did not start.
#[derive(Debug, thiserror::Error)]
#[error("the embedded DynamoDB: {0}")]
pub struct NotStarted(String);

/// DynamoDB deletes expired items days late; here it is done every minute.
const SWEEP: Duration = Duration::from_mins(1);

/// Starts one on a listener: on that file, or in memory.
///
/// # Errors
/// When the file cannot be used.
pub fn start(listener: TcpListener, file: Option<&Path>) -> Result<Background, NotStarted> {
    let fault = |error: &dyn std::fmt::Display| NotStarted(error.to_string());
    let database = match file {
        Some(path) => Database::new(&path.to_string_lossy()),
        None => Database::memory(),
    };
    let database = database.map_err(|error| fault(&error))?;
    let serve = |listener, stopped| async move {
        let sweeping = tokio::spawn(sweep(database.clone()));
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
            tracing::error!(error, "the embedded DynamoDB ended");
        }
        sweeping.abort();
    };
    Background::start(listener, serve).map_err(|error| fault(&error))
}

/// A listener of which nobody is told. All of 127.0.0.0/8 is this machine on Linux, so that nobody finds it by trying ports; where
/// only one address is, it is on that.
///
/// # Errors
/// When there is no port to be had.
pub async fn untold() -> io::Result<TcpListener> {
    let [second, third, fourth] = Random.bytes().map_err(io::Error::other)?;
    match TcpListener::bind((Ipv4Addr::new(127, second, third, fourth), 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

async fn sweep(database: Database) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items were not deleted");
        }
    }
}
