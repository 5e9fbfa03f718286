//! What the server and the commands have in common: configuration, the store with its tables and keys, the app.

use crate::cli::Options;
use crate::folder::{self, KEY_FILE};
use crate::stack::{Aws, Stack};
use crate::{OPENS, dotenv, tables};
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
use doorward_store::{Patience, Settings, Store};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What stops a start or a command, said to the person.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A configuration, and the variables that it came from.
pub struct Configured {
    /// The configuration.
    pub config: Config,
    variables: Variables,
    /// Whose it is, if not this machine's.
    pub stack: Option<Stack>,
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
    Ok(Configured { config: Config::read(&variables, &surroundings)?, variables, stack: None })
}

/// Reads the configuration of a stack: from its functions. What the environment here says of Doorward is not its own.
///
/// # Errors
/// When the stack cannot be found, or the environment does not say who asks.
pub async fn configure_stack(name: &str) -> Result<Configured, Fault> {
    let own = Variables::of_process()?.or(dotenv()?);
    let stack = Stack::find(&Aws::of(&own)?, name).await?;
    let variables = own.with_doorwards(stack.variables());
    Ok(Configured { config: Config::read(&variables, &Surroundings::default())?, variables, stack: Some(stack) })
}

/// The variables of `.env`, if there is one. A folder of that name is somebody else's.
fn dotenv() -> Result<BTreeMap<String, String>, Fault> {
    match fs::read(".env") {
        Ok(text) => Ok(dotenv::read(&text)?),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(BTreeMap::new()),
        Err(error) => Err(format!(".env: {error}").into()),
    }
}

impl Configured {
    /// The store at `endpoint`, or where the environment says, as it is.
    pub fn store(&self, endpoint: Option<String>) -> Store {
        Store::new(&self.reached(endpoint))
    }

    /// How the store at `endpoint`, or where the environment says, is reached.
    fn reached(&self, endpoint: Option<String>) -> Settings {
        let settings = self.config.aws(&self.variables);
        let patience = if self.stack.is_some() { Patience::Operator } else { Patience::Request };
        Settings { endpoint: endpoint.or(settings.endpoint), patience, ..settings }
    }

    /// The store, with every table that was missing. Those of a stack are CloudFormation's to make.
    async fn store_with_tables(&self, endpoint: Option<String>) -> Result<Store, Fault> {
        let (store, tables) = (self.store(endpoint), tables::of_template()?);
        let Some(stack) = &self.stack else {
            store.create_missing(&tables).await?;
            return Ok(store);
        };
        match store.missing(&tables).await?.first() {
            None => Ok(store),
            Some(missing) => {
                let (table, stack) = (store.table_name(missing), &stack.name);
                Err(format!("the stack {stack} has no table {table}: deploy it anew, or restore the table").into())
            }
        }
    }

    /// AWS, where the stack is.
    ///
    /// # Errors
    /// When the environment does not say who asks.
    pub fn aws(&self) -> Result<Aws, Fault> {
        Aws::of(&self.variables)
    }

    /// Where DynamoDB is: at `endpoint`, or where the environment says, or by AWS's rule.
    pub fn dynamodb_address(&self, endpoint: Option<String>) -> String {
        let Settings { endpoint, region, .. } = self.reached(endpoint);
        endpoint.unwrap_or_else(|| format!("https://dynamodb.{region}.amazonaws.com"))
    }

    /// The key file, where no key of KMS seals.
    pub fn key_file(&self, options: &Options) -> Option<PathBuf> {
        let by_file = || self.config.key_file.clone().unwrap_or_else(|| options.data.join(KEY_FILE));
        self.config.kms_key.is_none().then(by_file)
    }

    /// What seals the private keys of a store. Where a key file does, it is made for a store without keys alone: in place of one
    /// that is lost, a new one would only hide that.
    ///
    /// # Errors
    /// When the key file cannot be read or made, or is lost.
    pub async fn sealer(&self, options: &Options, store: &Store) -> Result<Sealer, Fault> {
        let is_named = self.config.key_file.is_some();
        let is_kept = self.stack.is_none() && (is_named || !options.ephemeral);
        let file = self.key_file(options).filter(|_| is_kept);
        if let Some(file) = file.as_ref().filter(|file| !file.exists()) {
            // Who makes the first keys makes the file before them.
            if has_keys(store).await? && !file.exists() {
                return Err(lost(file).into());
            }
            if !is_named {
                folder::make(&options.data)?;
            }
        }
        if let Some(configured) = self.config.sealer(&self.variables)? {
            return Ok(configured);
        }
        match (&self.stack, file) {
            (Some(stack), _) => {
                Err(format!("the functions of the stack {} have no DOORWARD_KMS_KEY", stack.name).into())
            }
            (None, Some(file)) => Ok(Sealer::from_file(&file, Random)?),
            (None, None) => Ok(Sealer::ephemeral(Random)?),
        }
    }

    /// An app that serves: the keys are opened, the first ones made.
    ///
    /// # Errors
    /// When the store does not answer, the keys belong to another sealing key, or a claim cannot be had.
    pub async fn serving(self, options: &Options, endpoint: Option<String>) -> Result<App, Fault> {
        let store = self.store_with_tables(endpoint).await?;
        let sealer = self.sealer(options, &store).await?;
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
        let store = self.store_with_tables(endpoint).await?;
        let (clock, audit) = (Clock::System, Audit::default());
        let sealer = match needs {
            Needs::NoKeys => None,
            Needs::Keys | Needs::KeysOfItsOwn => Some(self.sealer(options, &store).await?),
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

async fn has_keys(store: &Store) -> Result<bool, Fault> {
    for purpose in Purpose::ALL {
        if !store.signing_keys.list(purpose).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lost(file: &Path) -> String {
    format!(
        "the key file {} is missing, and the store has keys that do not open without what sealed them: put the file back from a \
         backup, or name another one by DOORWARD_KEY_FILE, or a key of KMS by DOORWARD_KMS_KEY",
        file.display()
    )
}
