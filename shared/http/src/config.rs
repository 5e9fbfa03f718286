//! Configuration, by environment: the only place that reads it. Each variable has a type, a unit and a default.

mod values;

use crate::kms;
use crate::seal::Sealer;
use doorward_core::access_token::Parties;
use doorward_core::password::HashCost;
use doorward_core::random::Random;
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::CodeRate;
use doorward_core::session::SessionRules;
use doorward_core::signing::Algorithm;
use doorward_store::{AwsCredentials, Patience, Settings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use values::{
    MAX_SECONDS, algorithm, browsers_origin, choice, code_rate, hash_cost, host, list, not_blank, number, origin, rate,
    sample_scopes, seconds, service_name, table_prefix,
};

/// The configuration of a start.
#[derive(Clone, Debug)]
pub struct Config {
    /// What authenticator apps call the service.
    pub name: String,
    /// `iss` and `aud`; the issuer is the base of all links.
    pub parties: Parties,
    /// How the next signing key signs.
    pub signing_alg: Algorithm,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long sessions last.
    pub sessions: SessionRules,
    /// Whether anybody may sign up.
    pub sign_up: bool,
    /// How often an address may sign up.
    pub sign_up_rate: Option<Rate>,
    /// What somebody who signs up may give to a token.
    pub default_scopes: ScopeSet,
    /// Whether `/token` takes passwords.
    pub password_grant: bool,
    /// How many characters a password has at least.
    pub password_min: usize,
    /// How much work a password's hash is.
    pub hash_cost: HashCost,
    /// How often an address may try a password on `/token`.
    pub login_rate: Option<Rate>,
    /// How many wrong codes an account may have.
    pub code_rate: CodeRate,
    /// Where browsers may call from.
    pub allowed_origins: Vec<String>,
    /// What the service may be called; empty is anything.
    pub allowed_hosts: Vec<String>,
    /// Whether the docs page is there.
    pub docs: bool,
    /// Names of the tables.
    pub table_prefix: String,
    /// The key of KMS that seals the private keys.
    pub kms_key: Option<String>,
    /// The file that seals them where no key of KMS does.
    pub key_file: Option<PathBuf>,
}

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests, at least one.
    pub requests: u32,
    /// Seconds, at least one.
    pub seconds: u32,
}

/// A variable that cannot be used, by its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct BadVariable {
    /// Which.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What the surroundings of a start decide.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The issuer where none is configured: the address that the server listens on.
    pub issuer: Option<String>,
    /// Whether nothing outlives the process, so that cheap hashes do no harm.
    pub ephemeral: bool,
}

/// The variables of a process.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process.
    ///
    /// # Errors
    /// When one of Doorward's is not UTF-8.
    #[allow(clippy::disallowed_methods)] // The one place where the environment is read.
    pub fn of_process() -> Result<Self, BadVariable> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with("DOORWARD_") || name.starts_with("AWS_"))
            else {
                continue;
            };
            let value = value.into_string().map_err(|_| bad(name, "is not UTF-8"))?;
            variables.insert(name.to_owned(), value);
        }
        Ok(Self(variables))
    }

    /// These, where the process has none of its own.
    #[must_use]
    pub fn or(mut self, others: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in others {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// Doorward's from those, and AWS's from these: what an operator has of a stack, whose functions have the rest.
    #[must_use]
    pub fn with_doorwards(mut self, others: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.retain(|name, _| !name.starts_with("DOORWARD_"));
        self.0.extend(others.into_iter().filter(|(name, _)| name.starts_with("DOORWARD_")));
        self
    }

    /// The log group of a function, as Lambda names it.
    #[must_use]
    pub fn log_group(&self) -> Option<String> {
        self.get("AWS_LAMBDA_LOG_GROUP_NAME").map(str::to_owned)
    }

    /// An empty variable is an absent one.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where a service of AWS is, if not at AWS: `AWS_ENDPOINT_URL_…`, by its whole name, or `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<String> {
        self.get(name).or_else(|| self.get("AWS_ENDPOINT_URL")).map(str::to_owned)
    }

    fn region(&self) -> String {
        self.aws_region().unwrap_or_else(|_| "us-east-1".to_owned())
    }

    fn credentials(&self) -> AwsCredentials {
        self.aws_credentials().unwrap_or_else(|_| AwsCredentials::anything())
    }

    /// The AWS region, said.
    ///
    /// # Errors
    /// When it is not.
    pub fn aws_region(&self) -> Result<String, BadVariable> {
        let region = self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"));
        region.map(str::to_owned).ok_or_else(|| bad("AWS_REGION", "is missing"))
    }

    /// Who asks AWS, said.
    ///
    /// # Errors
    /// When it is not.
    pub fn aws_credentials(&self) -> Result<AwsCredentials, BadVariable> {
        let needed = |name| self.get(name).map(str::to_owned).ok_or_else(|| bad(name, "is missing"));
        Ok(AwsCredentials {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: self.get("AWS_SESSION_TOKEN").map(str::to_owned),
        })
    }

    fn parsed<T>(&self, name: &str, default: T, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, BadVariable> {
        self.get(name).map_or(Ok(default), |value| parse(value).map_err(|problem| bad(name, &problem)))
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

fn bad(name: &str, problem: &str) -> BadVariable {
    BadVariable { name: name.to_owned(), problem: problem.to_owned() }
}

impl Config {
    /// Reads the variables that are Doorward's.
    ///
    /// # Errors
    /// The first one that cannot be used.
    pub fn read(variables: &Variables, surroundings: &Surroundings) -> Result<Self, BadVariable> {
        let v = variables;
        let issuer = v.parsed("DOORWARD_ISSUER", surroundings.issuer.clone(), |text| origin(text).map(Some))?;
        let issuer = issuer.ok_or_else(|| bad("DOORWARD_ISSUER", "is missing"))?;
        let audience = v.parsed("DOORWARD_AUDIENCE", issuer.clone(), not_blank)?;
        let lifetime = v.parsed("DOORWARD_SESSION_TTL", 2_592_000, |text| number(text, 1, MAX_SECONDS))?;
        let idle = v.parsed("DOORWARD_REFRESH_TTL", 604_800, |text| number(text, 1, MAX_SECONDS))?;
        let grace = v.parsed("DOORWARD_REFRESH_GRACE", 10, |text| number(text, 0, 60))?;
        let floor = if surroundings.ephemeral { None } else { Some(HashCost::FLOOR) };
        let kms_key = v.parsed("DOORWARD_KMS_KEY", None, |text| not_blank(text).map(Some))?;
        let key_file = v.get("DOORWARD_KEY_FILE");
        if kms_key.is_some() && key_file.is_some() {
            return Err(bad(
                "DOORWARD_KEY_FILE",
                "does not go with DOORWARD_KMS_KEY: one of them seals the private keys",
            ));
        }
        Ok(Self {
            name: v.parsed("DOORWARD_NAME", "Doorward".to_owned(), service_name)?,
            parties: Parties { issuer, audience },
            signing_alg: v.parsed("DOORWARD_SIGNING_ALG", Algorithm::default(), algorithm)?,
            access_ttl: seconds(v.parsed("DOORWARD_ACCESS_TTL", 900, |text| number(text, 1, MAX_SECONDS))?),
            sessions: SessionRules {
                idle: seconds(idle.min(lifetime)),
                lifetime: seconds(lifetime),
                grace: seconds(grace),
            },
            sign_up: v.parsed("DOORWARD_SIGN_UP", true, |text| choice(text, "open", "closed"))?,
            sign_up_rate: v.parsed("DOORWARD_SIGN_UP_RATE", Some(Rate { requests: 10, seconds: 3600 }), rate)?,
            default_scopes: v.parsed("DOORWARD_DEFAULT_SCOPES", sample_scopes(), |text| {
                ScopeSet::parse(text).map_err(|error| error.to_string())
            })?,
            password_grant: v.parsed("DOORWARD_PASSWORD_GRANT", true, |text| choice(text, "on", "off"))?,
            password_min: v.parsed("DOORWARD_PASSWORD_MIN", 8, |text| number(text, 8, 256))? as usize,
            hash_cost: v.parsed("DOORWARD_ARGON2", HashCost::FLOOR, |text| hash_cost(text, floor))?,
            login_rate: v.parsed("DOORWARD_LOGIN_RATE", Some(Rate { requests: 5, seconds: 60 }), rate)?,
            code_rate: v.parsed("DOORWARD_OTP_RATE", CodeRate { most: 5, window: seconds(900) }, code_rate)?,
            allowed_origins: v.parsed("DOORWARD_ALLOWED_ORIGINS", Vec::new(), |text| list(text, browsers_origin))?,
            allowed_hosts: v.parsed("DOORWARD_ALLOWED_HOSTS", Vec::new(), |text| list(text, host))?,
            docs: v.parsed("DOORWARD_DOCS", true, |text| choice(text, "on", "off"))?,
            table_prefix: v.parsed("DOORWARD_TABLE_PREFIX", "doorward-".to_owned(), table_prefix)?,
            kms_key,
            key_file: key_file.map(PathBuf::from),
        })
    }

    /// What seals the private keys, if that is configured.
    ///
    /// # Errors
    /// When the key file cannot be used.
    pub fn sealer(&self, variables: &Variables) -> Result<Option<Sealer>, BadVariable> {
        let by_file = |path: &PathBuf| {
            Sealer::from_file(path, Random).map_err(|error| bad("DOORWARD_KEY_FILE", &error.to_string()))
        };
        match &self.kms_key {
            Some(key) => Ok(Some(Sealer::of_kms(kms::Settings {
                key: key.clone(),
                endpoint: variables.endpoint("AWS_ENDPOINT_URL_KMS"),
                region: variables.region(),
                credentials: variables.credentials(),
            }))),
            None => self.key_file.as_ref().map(by_file).transpose(),
        }
    }

    /// How DynamoDB is reached from a function: what the AWS SDKs read, by the names that they read.
    #[must_use]
    pub fn aws(&self, variables: &Variables) -> Settings {
        Settings {
            endpoint: variables.endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
            region: variables.region(),
            credentials: variables.credentials(),
            table_prefix: self.table_prefix.clone(),
            patience: Patience::Request,
            interceptor: None,
        }
    }
}

#[cfg(test)]
mod tests;
