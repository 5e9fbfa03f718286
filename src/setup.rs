//! What the server and the commands have in common: configuration, the store with its tables and keys, the app.

use crate::cli::Options;
use crate::folder::{self, KEY_FILE};
use crate::{OPENS, tables};
use doorward_core::clock::Clock;
use doorward_core::custom_claims::CustomClaims;
use doorward_core::keyring::Purpose;
use doorward_core::random::Random;
use doorward_http::App;
use doorward_http::app::Seams;
use doorward_http::audit::Audit;
use doorward_http::claims;
use doorward_http::config::{Config, Surroundings, Variables};
use doorward_http::rotate::Rotator;
use doorward_http::seal::Sealer;
use doorward_store::Store;
use std::error::Error;

/// What stops a start or a command, said to the person.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A configuration, and the variables that it came from.
pub struct Configured {
    config: Config,
    variables: Variables,
}

/// What a command needs of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    NoKeys,
    /// Those that seal second factors, as far as there are any.
    Keys,
    /// Those that seal second factors; the first ones are made where there are none.
    KeysOfItsOwn,
}

/// Reads the configuration: the environment, then `.env`.
///
/// # Errors
/// When a variable cannot be used; it is named.
pub fn configure(options: &Options, issuer: String) -> Result<Configured, Fault> {
    let variables = Variables::of_process()?.or(dotenv()?);
    let surroundings = Surroundings { issuer: Some(issuer), ephemeral: options.ephemeral };
    Ok(Configured { config: Config::read(&variables, &surroundings)?, variables })
}

/// The variables of `.env`, if there is one.
fn dotenv() -> Result<Vec<(String, String)>, Fault> {
    match dotenvy::from_path_iter(".env") {
        Ok(pairs) => Ok(pairs.collect::<Result<_, _>>().map_err(|error| format!(".env: {error}"))?),
        Err(error) if error.not_found() => Ok(Vec::new()),
        Err(error) => Err(format!(".env: {error}").into()),
    }
}

impl Configured {
    /// The store at `endpoint`, or where the environment says, with every table that was missing.
    async fn store(&self, endpoint: Option<String>) -> Result<Store, Fault> {
        let mut settings = self.config.aws(&self.variables);
        settings.endpoint = endpoint.or(settings.endpoint);
        let store = Store::new(&settings);
        store.create_missing(&tables::of_template()?).await?;
        Ok(store)
    }

    /// What seals the private keys.
    ///
    /// # Errors
    /// When the key file cannot be read or made.
    pub fn sealer(&self, options: &Options) -> Result<Sealer, Fault> {
        if let Some(configured) = self.config.sealer(&self.variables)? {
            return Ok(configured);
        }
        if options.ephemeral {
            return Ok(Sealer::ephemeral(Random)?);
        }
        folder::make(&options.data)?;
        Ok(Sealer::from_file(&options.data.join(KEY_FILE), Random)?)
    }

    /// An app that serves: the keys are opened, the first ones made.
    ///
    /// # Errors
    /// When the store does not answer, the keys belong to another sealing key, or a claim cannot be had.
    pub async fn serving(self, options: &Options, endpoint: Option<String>) -> Result<App, Fault> {
        let store = self.store(endpoint).await?;
        let sealer = self.sealer(options)?;
        let clock = Clock::System;
        let (signing_keys, config) = (&store.signing_keys, &self.config);
        let (audit, claims) = (Audit::default(), claims::of_users()?);
        let rotator =
            Rotator { store: signing_keys, sealer: &sealer, config, clock: &clock, random: Random, audit: &audit };
        rotator.make_first().await?;
        let seams = Seams { store, sealer: Some(sealer), opens: OPENS, clock, audit, claims };
        let app = App::new(self.config, seams);
        app.keys.current().await?;
        Ok(app)
    }

    /// An app for a command.
    ///
    /// # Errors
    /// When the store does not answer, or the key file cannot be used.
    pub async fn operating(&self, options: &Options, endpoint: Option<String>, needs: Needs) -> Result<App, Fault> {
        let store = self.store(endpoint).await?;
        let (clock, audit) = (Clock::System, Audit::default());
        let sealer = match needs {
            Needs::NoKeys => None,
            Needs::Keys | Needs::KeysOfItsOwn => Some(self.sealer(options)?),
        };
        if let (Some(sealer), Needs::KeysOfItsOwn) = (&sealer, needs) {
            let (store, config, clock) = (&store.signing_keys, &self.config, &clock);
            Rotator { store, sealer, config, clock, random: Random, audit: &audit }.make_first().await?;
        }
        let opens: &[Purpose] = if sealer.is_some() { &[Purpose::Seal] } else { &[] };
        let claims = CustomClaims::default();
        Ok(App::new(self.config.clone(), Seams { store, sealer, opens, clock, audit, claims }))
    }
}
