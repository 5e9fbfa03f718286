//! A function's start and its run on Lambda.

use crate::app::{App, Seams};
use crate::audit::Audit;
use crate::claims;
use crate::config::{Config, Surroundings, Variables};
use crate::edge;
use crate::gateway;
use crate::seal::Sealer;
use crate::telemetry::{self, Output};
use axum::Router;
use doorward_core::clock::Clock;
use doorward_core::keyring::Purpose;
use doorward_store::Store;
use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};

/// What a function starts with.
pub struct Start {
    /// The configuration of its environment.
    pub config: Config,
    /// The store that it names.
    pub store: Store,
    /// What opens private keys, if the function opens any.
    pub sealer: Option<Sealer>,
}

impl Start {
    /// Reads the environment of this process, and starts the logs.
    ///
    /// # Errors
    /// When a variable cannot be used, or one that is needed is missing.
    pub fn of_process(opens: &[Purpose]) -> Result<Self, Error> {
        let variables = Variables::of_process()?;
        telemetry::start(Output::Lambda { log_group: variables.log_group() }, &[]);
        let config = Config::read(&variables, &Surroundings::default())?;
        let store = Store::new(&config.aws(&variables));
        let sealer = match opens {
            [] => None,
            _ => Some(config.sealer(&variables)?.ok_or("DOORWARD_KMS_KEY: is missing")?),
        };
        Ok(Self { config, store, sealer })
    }
}

/// A function's [`App`], with the private keys of those purposes.
///
/// What can be done before the first request is: start-up has a whole processor.
///
/// # Errors
/// When a variable or a claim cannot be used.
pub async fn start(opens: &'static [Purpose]) -> Result<App, Error> {
    let Start { config, store, sealer } = Start::of_process(opens)?;
    let (clock, audit, claims) = (Clock::System, Audit::default(), claims::of_users()?);
    let app = App::new(config, Seams { store, sealer, opens, clock, audit, claims });
    if let Err(fault) = app.keys.current().await {
        // They are read again with the first request, which is answered 503 if that fails too. A function that does not start
        // would be API Gateway's 500, also for what needs no key.
        tracing::error!(cause = %fault, "the keys cannot be read at the start");
    }
    Ok(app)
}

/// Runs routes as a Lambda function, with the private keys of those purposes.
///
/// A function has one request at a time, and hashes beside it: so its `main` runs on one thread. Handing the request from thread
/// to thread would cost a fifth of its processor time.
///
/// # Errors
/// When a variable cannot be used, or the runtime ends.
pub async fn serve(routes: Router<App>, opens: &'static [Purpose]) -> Result<(), Error> {
    let routes = edge(routes, start(opens).await?);
    let function = service_fn(move |event: LambdaEvent<_>| gateway::answer(routes.clone(), event.payload));
    // A task of its own: what `main` itself waits for wakes it by way of the kernel.
    tokio::spawn(lambda_runtime::run(function)).await?
}
