//! The command line.

use crate::{commands, server};
use axum::http::Uri;
use clap::{Args, Parser, Subcommand};
use doorward_core::keyring::Purpose;
use doorward_core::user::Role;
use doorward_http::telemetry::{self, Output};
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Doorward on this machine: the whole API, on a DynamoDB of its own.
///
/// Without a command it serves until SIGTERM or SIGINT. The commands work on the same store, also while the server runs.
///
/// Configuration is by environment, or by a file `.env` in this folder; docs/configuration.md lists the variables.
#[derive(Clone, Debug, Parser)]
#[command(name = "doorward", version)]
struct CommandLine {
    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Where things are.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the API listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000", global = true)]
    pub listen: SocketAddr,

    /// Where the embedded DynamoDB and the key file are kept
    #[arg(long, value_name = "DIR", default_value = ".doorward", global = true)]
    pub data: PathBuf,

    /// Keep everything in memory: nothing is left when the process ends. Not with a command, nor with --dynamodb-endpoint
    #[arg(long, global = true)]
    pub ephemeral: bool,

    /// Where the embedded DynamoDB listens for other programs; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000", global = true)]
    pub dynamodb: SocketAddr,

    /// Use this DynamoDB instead of the embedded one; missing tables are made
    #[arg(long, value_name = "URL", value_parser = endpoint, global = true)]
    pub dynamodb_endpoint: Option<String>,

    /// Of a command: work on the stack of that name in AWS CloudFormation, with the region and the credentials of the
    /// environment (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`)
    #[arg(long, value_name = "NAME", global = true, conflicts_with_all = ["ephemeral", "dynamodb_endpoint"])]
    pub stack: Option<String>,
}

fn endpoint(url: &str) -> Result<String, String> {
    let parsed = url.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let authority = parsed.as_ref().and_then(Uri::authority).filter(|authority| {
        match authority.as_str().strip_prefix(authority.host()) {
            Some("") => true,
            Some(_) => !authority.host().is_empty() && authority.port_u16().is_some_and(|port| port > 0),
            None => false,
        }
    });
    authority.map(|_| url.to_owned()).ok_or_else(|| "must be http:// or https:// and a host".to_owned())
}

/// What an operator does.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Make, list, move and help users
    #[command(subcommand)]
    Users(Users),

    /// List and turn over the keys that sign, vouch and seal
    #[command(subcommand)]
    Keys(Keys),

    /// Check the tables, the keys, the API and its switches, and say what is wrong and how to mend it
    Doctor(Doctor),

    /// Measure Argon2 on this machine, and propose its cost and the memory of the functions that hash, with time and price
    TuneHash(TuneHash),
}

/// How long a hash may take.
#[derive(Clone, Copy, Debug, Args)]
pub struct TuneHash {
    /// Milliseconds that a hash may take on one processor
    #[arg(long, value_name = "MS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub within: u32,
}

/// Where a check-up asks.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Ask the API at this address instead of at its issuer: before a domain leads to it
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,
}

/// What is done with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// Show all keys as a table, with what they do now
    List,
    /// Make the next key; the present one goes on until everybody knows its successor
    ///
    /// A next key that signs access tokens is published at once and signs two hours later, when API Gateway's JWT
    /// authorizers have read the key set again. If one stands ready already, none is made.
    Rotate(Rotate),
}

/// How keys are turned over.
#[derive(Clone, Copy, Debug, Args)]
pub struct Rotate {
    /// sign: access tokens; refresh: refresh tokens; seal: second factors
    #[arg(long, value_name = "P", default_value = "sign", value_parser = purpose)]
    pub purpose: Purpose,

    /// Use the next key within 60 seconds, though gateways may not know it yet
    #[arg(long)]
    pub now: bool,

    /// In an emergency: use a new key within 60 seconds, and let everything that any older key made end with it
    #[arg(long)]
    pub revoke_old: bool,
}

fn purpose(name: &str) -> Result<Purpose, String> {
    Purpose::parse(name).ok_or_else(|| "must be 'sign', 'refresh' or 'seal'".to_owned())
}

/// What is done with users. A user is named by name, e-mail address or id.
#[derive(Clone, Debug, Subcommand)]
pub enum Users {
    /// Make a user; the password is asked for at a terminal, or one line on standard input
    Create(NewUser),
    /// Show all users as a table
    List,
    #[allow(clippy::doc_markdown)] // It is the help text, which has no Markdown.
    /// Take users from JSON lines; names that exist are kept as they are, bad lines are reported by number
    ///
    /// Members: username, and, all optional, id, email, email_verified, full_name, disabled, hashed_password (bcrypt or
    /// Argon2), role, permissions, scopes (absent: the default ones), totp_secret (base32), recovery_codes, created_at.
    /// Running it twice changes nothing.
    Import {
        /// The file, one JSON object a line; `-` is standard input
        file: PathBuf,
    },
    /// Write all users as JSON lines that `users import` takes back whole, with ids, password hashes and the secrets of
    /// second factors
    Export,
    /// Set another password, asked for at a terminal, or one line on standard input; all sessions of the user end
    Password {
        /// Whose
        user: String,
    },
    /// Forget the wrong passwords and codes that have closed an account
    Unlock {
        /// Whose
        user: String,
    },
    /// Turn a user's second factor off
    #[command(name = "reset-2fa")]
    ResetTwoFactor {
        /// Whose
        user: String,
    },
    /// End all sessions of a user
    Logout {
        /// Whose
        user: String,
    },
    /// Delete a user and everything that is theirs
    Delete {
        /// Whom
        user: String,
    },
}

/// A user to be made.
#[derive(Clone, Debug, Args)]
pub struct NewUser {
    /// The name to log in by: 1 to 64 letters, digits, '.', '_' or '-'
    #[arg(long, value_name = "U")]
    pub username: String,

    /// The e-mail address
    #[arg(long, value_name = "E")]
    pub email: String,

    /// What the user is called
    #[arg(long, value_name = "N")]
    pub full_name: Option<String>,

    /// user, moderator or admin
    #[arg(long, value_name = "R", default_value = "user", value_parser = Role::parse)]
    pub role: Role,

    /// A permission, such as read:users; may be repeated
    #[arg(long = "permission", value_name = "P")]
    pub permissions: Vec<String>,

    /// A scope; may be repeated. Without any, those of `DOORWARD_DEFAULT_SCOPES`
    #[arg(long = "scope", value_name = "S")]
    pub scopes: Vec<String>,

    /// Make the user shut out
    #[arg(long)]
    pub disabled: bool,
}

/// Reads the command line and does what it says: 0 when all was done, 1 when something was refused, 2 for a wrong command
/// line.
#[must_use]
pub fn run() -> ExitCode {
    let CommandLine { options, command } = CommandLine::parse();
    if options.ephemeral && (options.dynamodb_endpoint.is_some() || command.is_some()) {
        eprintln!("doorward: --ephemeral goes with neither --dynamodb-endpoint nor a command: it keeps nothing");
        return ExitCode::from(2);
    }
    if options.stack.is_some() && command.is_none() {
        eprintln!("doorward: --stack goes with a command: a stack is served by its functions");
        return ExitCode::from(2);
    }
    // The embedded DynamoDB warns of every condition that does not hold; here that is an everyday answer.
    let output = if std::io::stderr().is_terminal() { Output::Terminal } else { Output::Json };
    telemetry::start(output, &["dynoxide"]);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    let done = match command {
        None => runtime.block_on(server::run(options)),
        Some(command) => runtime.block_on(commands::run(options, command)),
    };
    // What still reads standard input or hashes is not waited for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("doorward: {error}");
    ExitCode::FAILURE
}
