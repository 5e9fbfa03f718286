//! The local server.

use crate::cli::Options;
use crate::connections;
use crate::dynamodb::{self, untold};
use crate::folder::{Announced, Folder};
use crate::gate;
use crate::setup::{Fault, configure};
use crate::{first_session, first_user, routes};
use doorward_http::edge;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that run may take when the server is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something that is needed to start cannot be had.
pub async fn run(options: Options) -> Result<(), Fault> {
    let listener = bind("--listen", options.listen).await?;
    let address = listener.local_addr()?;
    let configured = configure(&options, format!("http://{address}"))?;
    let stopped = stop_signal()?;

    let folder = match (&options.dynamodb_endpoint, options.ephemeral) {
        (None, false) => Some(Folder::wait_for(&options.data).await?),
        _ => None,
    };
    let embedded = if options.dynamodb_endpoint.is_none() {
        let file = folder.as_ref().map(Folder::database).transpose()?;
        let listener = bind("--dynamodb", options.dynamodb).await?;
        let embedded = dynamodb::start(untold().await?, file.as_deref())?;
        Some((gate::open(listener, embedded.address)?, embedded))
    } else {
        None
    };
    // The API needs no gate.
    let own = embedded.as_ref().map(|(_, embedded)| embedded.endpoint());
    let endpoint = own.or_else(|| options.dynamodb_endpoint.clone());
    let app = configured.serving(&options, endpoint).await?;

    let mut is_first = false;
    if let Some((gate, _)) = &embedded {
        if let Some(password) = first_user::make(&app).await? {
            say(&format!("created user admin with password {password}"))?;
            is_first = true;
        }
        if let Some(folder) = &folder {
            folder.announce(&Announced { dynamodb: gate.endpoint(), api: format!("http://{address}") })?;
        }
        say(&format!("dynamodb on {}", gate.endpoint()))?;
    }
    say(&format!("listening on http://{address}"))?;
    // Programs read the lines above; a person gets a hand.
    if is_first && io::stdout().is_terminal() {
        say(&format!("\nA first session, for another terminal:\n\n{}", first_session::at(address)))?;
    }

    let (told, stopping) = tokio::sync::oneshot::channel::<()>();
    let server = connections::serve(listener, edge(routes(), app), connections::most(), async {
        stopped.await;
        let _ = told.send(());
    });
    tokio::select! {
        () = server => {}
        () = async {
            let _ = stopping.await;
            tokio::time::sleep(PATIENCE).await;
        } => tracing::warn!("stopped while requests were running"),
    }
    if let Some((gate, embedded)) = embedded {
        let ended = async {
            gate.stop().await;
            embedded.stop().await;
        };
        let _ = tokio::time::timeout(PATIENCE, ended).await;
    }
    Ok(())
}

async fn bind(option: &str, address: SocketAddr) -> Result<TcpListener, Fault> {
    let bound = TcpListener::bind(address).await;
    Ok(bound.map_err(|error| format!("cannot listen on {address}: {error}; {option} names another address"))?)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Resolves at the first SIGTERM or SIGINT. Heard from here on, also while the server starts.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
