//! The local server.

use crate::cli::Options;
use crate::dynamodb::Embedded;
use crate::folder::{self, Folder, KEY_FILE};
use crate::{OPENS, first_user, routes, tables};
use doorward_core::clock::Clock;
use doorward_core::random::Random;
use doorward_http::app::Seams;
use doorward_http::audit::Audit;
use doorward_http::config::{Config, Surroundings, Variables};
use doorward_http::seal::Sealer;
use doorward_http::{App, edge, keys};
use doorward_store::Store;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

type Fault = Box<dyn Error + Send + Sync>;

/// How long requests that run may take when the server is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something that is needed to start cannot be had.
pub async fn run(options: Options) -> Result<(), Fault> {
    let listener = bind(options.listen).await?;
    let address = listener.local_addr()?;
    let config = configure(&options, address)?;
    let stopped = stop_signal()?;

    let folder = match (&options.dynamodb_endpoint, options.ephemeral) {
        (None, false) => Some(Folder::hold(&options.data)?),
        _ => None,
    };
    let embedded = if options.dynamodb_endpoint.is_none() {
        let file = folder.as_ref().map(Folder::database);
        Some(Embedded::start(bind(options.dynamodb).await?, file.as_deref())?)
    } else {
        None
    };
    let app = assemble(&options, config, embedded.as_ref()).await?;

    if let Some(embedded) = &embedded {
        if let Some(password) = first_user::make(&app).await? {
            say(&format!("created user admin with password {password}"))?;
        }
        say(&format!("dynamodb on {}", embedded.endpoint()))?;
    }
    say(&format!("listening on http://{address}"))?;

    let service = edge(routes(), app).into_make_service_with_connect_info::<SocketAddr>();
    let (told, stopping) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async {
        stopped.await;
        let _ = told.send(());
    });
    tokio::select! {
        ended = server => ended?,
        () = async {
            let _ = stopping.await;
            tokio::time::sleep(PATIENCE).await;
        } => tracing::warn!("stopped while requests were running"),
    }
    if let Some(embedded) = embedded {
        let _ = tokio::time::timeout(PATIENCE, embedded.stop()).await;
    }
    Ok(())
}

fn configure(options: &Options, address: SocketAddr) -> Result<(Config, Variables), Fault> {
    let variables = Variables::of_process()?.or(dotenv()?);
    let surroundings = Surroundings { issuer: Some(format!("http://{address}")), ephemeral: options.ephemeral };
    Ok((Config::read(&variables, &surroundings)?, variables))
}

/// The variables of `.env`, if there is one.
fn dotenv() -> Result<Vec<(String, String)>, Fault> {
    match dotenvy::from_path_iter(".env") {
        Ok(pairs) => Ok(pairs.collect::<Result<_, _>>().map_err(|error| format!(".env: {error}"))?),
        Err(error) if error.not_found() => Ok(Vec::new()),
        Err(error) => Err(format!(".env: {error}").into()),
    }
}

/// The store with its tables and keys, and everything around it.
async fn assemble(
    options: &Options,
    (config, variables): (Config, Variables),
    embedded: Option<&Embedded>,
) -> Result<App, Fault> {
    let mut settings = config.aws(&variables);
    if let Some(endpoint) = embedded.map(Embedded::endpoint).or_else(|| options.dynamodb_endpoint.clone()) {
        settings.endpoint = Some(endpoint);
    }
    let store = Store::new(&settings);
    store.create_missing(&tables::of_template()?).await?;

    let sealer = match (&config.key_file, options.ephemeral) {
        (Some(file), _) => Sealer::from_file(file, Random)?,
        (None, true) => Sealer::ephemeral(Random)?,
        (None, false) => {
            folder::make(&options.data)?;
            Sealer::from_file(&options.data.join(KEY_FILE), Random)?
        }
    };
    let clock = Clock::System;
    keys::make_first(&store.signing_keys, &sealer, config.signing_alg, &clock, Random).await?;
    let seams = Seams { store, sealer: Some(sealer), opens: OPENS, clock, audit: Audit::default() };
    let app = App::new(config, seams);
    app.keys.current().await?;
    Ok(app)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    Ok(TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?)
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
