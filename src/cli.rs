//! The command line.

use crate::server;
use clap::Parser;
use doorward_http::telemetry::{self, Output};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Doorward on this machine: the whole API, on a DynamoDB of its own.
///
/// Configuration is by environment, or by a file `.env` in this folder; README.md lists the variables.
#[derive(Clone, Debug, Parser)]
#[command(name = "doorward", version)]
pub struct Options {
    /// Where the API listens; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,

    /// Where the embedded DynamoDB and the key file are kept
    #[arg(long, value_name = "DIR", default_value = ".doorward")]
    pub data: PathBuf,

    /// Keep everything in memory: nothing is left when the process ends
    #[arg(long, conflicts_with = "data")]
    pub ephemeral: bool,

    /// Where the embedded DynamoDB listens for other programs; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub dynamodb: SocketAddr,

    /// Use this DynamoDB instead of the embedded one; missing tables are made
    #[arg(long, value_name = "URL", conflicts_with = "dynamodb")]
    pub dynamodb_endpoint: Option<String>,
}

/// Reads the command line and does what it says: 0 when all was done, 1 when something was refused, 2 for a wrong command
/// line.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options::parse();
    telemetry::start(Output::Stderr);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    match runtime.block_on(server::run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("doorward: {error}");
    ExitCode::FAILURE
}
