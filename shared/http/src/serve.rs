use crate::app::{App, Seams};
use crate::audit::Audit;
use crate::config::{Config, Surroundings, Variables};
use crate::edge;
use crate::telemetry::{self, Output};
use axum::Router;
use doorward_core::clock::Clock;
use doorward_core::keyring::Purpose;
use doorward_store::Store;
use lambda_http::Error;

/// Runs routes as a Lambda function, with the private keys of those purposes.
///
/// What can be done before the first request is: start-up has a whole processor.
///
/// # Errors
/// When a variable cannot be used, the keys cannot be read, or the runtime ends.
pub async fn serve(routes: Router<App>, opens: &'static [Purpose]) -> Result<(), Error> {
    let variables = Variables::of_process()?;
    telemetry::start(Output::Lambda { log_group: variables.log_group() }, &[]);
    let config = Config::read(&variables, &Surroundings::default())?;
    let store = Store::new(&config.aws(&variables));
    let sealer = match opens {
        [] => None,
        _ => Some(config.sealer(&variables)?.ok_or("DOORWARD_KMS_KEY: is missing")?),
    };
    let app = App::new(config, Seams { store, sealer, opens, clock: Clock::System, audit: Audit::default() });
    app.keys.current().await?;
    lambda_http::run(edge(routes, app)).await
}
